"""The command line of the page: what is refused before anything starts."""

from __future__ import annotations

import signal
import socket
import sys

import pytest

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.dashboard.cli import listen, main


@pytest.fixture(autouse=True)
def signals_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--host", "0.0.0.0"], "needs a --token"),
        (["--token", "short"], "12 characters or more"),
        (["--host", "192.0.2.1", "--token", "a-token-of-some-length"], "cannot listen on 192.0.2.1"),
        (["--host", "no.such.name.invalid", "--token", "a-token-of-some-length"], "cannot listen on no.such"),
        (["--port", "700000"], "cannot listen on 127.0.0.1, port 700000"),
    ],
)
def test_wrong_arguments_are_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ankle_predictor.dashboard.cli.check_library", lambda: None)
    assert main([*arguments, "--ros-args", "-r", "__node:=page"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("dashboard: ")
    assert sentence in error
    assert error.count("\n") == 1


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Refusal, match=f"port {port}: .*in use.*--port"):
            listen("127.0.0.1", port)


def test_without_nicegui_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nicegui", None)
    assert main([]) == 1
    assert "pip install -r requirements-web.txt" in capsys.readouterr().err
