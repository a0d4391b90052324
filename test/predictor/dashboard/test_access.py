"""Who may use the page: by name, by origin, by token."""

from __future__ import annotations

import socket

import pytest

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.dashboard.access import COOKIE, Access, access_for

TOKEN = "a-token-of-some-length"


def cookie(access: Access) -> str:
    """What a browser sends after it gave the token."""
    header = access.cookie_for(TOKEN)
    assert header is not None
    assert "HttpOnly" in header
    assert "SameSite=Strict" in header
    return header.partition(";")[0]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "robot.local"])
def test_other_computers_need_a_token(host: str) -> None:
    with pytest.raises(Refusal, match="needs a --token"):
        access_for(host, "")
    assert not access_for(host, TOKEN).knows({})


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.2"])
def test_this_machine_needs_none(host: str) -> None:
    assert access_for(host, "").knows({})
    assert not access_for(host, TOKEN).knows({}), "but one that is set is asked for"


def test_a_short_token_is_refused() -> None:
    with pytest.raises(Refusal, match="12 characters"):
        access_for("0.0.0.0", "secret")


@pytest.mark.parametrize("host", ["127.0.0.1:8642", "localhost:8642", "LOCALHOST", "[::1]:8642", "127.0.0.1:9000"])
def test_the_servers_own_names_are_good(host: str) -> None:
    assert access_for("127.0.0.1", "").refusal({"host": host}) == ""


@pytest.mark.parametrize(
    "host", ["", "evil.example:8642", "127.0.0.1.evil.example", "[::1", "localhost.evil.example", "a b"]
)
def test_another_sites_name_is_refused(host: str) -> None:
    for listens in ("127.0.0.1", "0.0.0.0"):
        assert access_for(listens, TOKEN).refusal({"host": host})


def test_a_server_for_others_has_its_computers_name() -> None:
    access = access_for("0.0.0.0", TOKEN)
    for name in (socket.gethostname(), f"{socket.gethostname()}.local", "192.168.1.5"):
        assert access.refusal({"host": f"{name}:8642"}) == ""
    assert access_for("127.0.0.1", "").refusal({"host": f"{socket.gethostname()}x:8642"})
    assert access_for("robot.lan", TOKEN).refusal({"host": "Robot.lan:8642"}) == ""


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9000", "http://localhost:8642", "file://", ""]
)
def test_another_origin_is_refused(origin: str) -> None:
    assert access_for("127.0.0.1", "").refusal({"host": "127.0.0.1:8642", "origin": origin})


def test_the_own_origin_is_good() -> None:
    assert access_for("127.0.0.1", "").refusal({"host": "127.0.0.1:8642", "origin": "http://127.0.0.1:8642"}) == ""


def test_only_the_token_gives_the_cookie_and_only_the_cookie_lets_in() -> None:
    access = access_for("0.0.0.0", TOKEN)
    assert access.cookie_for(TOKEN[:-1]) is None
    assert access.cookie_for("") is None
    assert access_for("127.0.0.1", "").cookie_for("") is None
    assert access.knows({"cookie": f"other=1; {cookie(access)}"})
    for wrong in ("", f"{COOKIE}=", f"{COOKIE}={TOKEN}", "=;;\x00", cookie(access_for("0.0.0.0", TOKEN))):
        assert not access.knows({"cookie": wrong})
    assert TOKEN not in cookie(access)
