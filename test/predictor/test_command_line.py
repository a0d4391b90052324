"""What all commands share: exit status, progress bar, JSON output and arguments in seconds."""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.command_line import check_folder_of, duration, progress_bar, run_command, seconds_since, write_json


class SomeRefusal(Refusal):
    """Any of the errors that derive from it."""


def raising(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("work", "status", "message"),
    [
        (lambda: None, 0, ""),
        (raising(Refusal("there is no log")), 1, "there is no log\n"),
        (raising(SomeRefusal("there is no model")), 1, "there is no model\n"),
        (raising(KeyboardInterrupt()), 130, "interrupted; nothing was written\n"),
    ],
)
def test_a_command_ends_with_a_status_and_one_sentence(
    work: Callable[[], None], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(work, "interrupted; nothing was written") == status
    assert capsys.readouterr() == ("", message)


def test_ctrl_c_is_confirmed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize(
    ("bug", "kind"),
    [
        (lambda: print(np.zeros(3) + np.zeros(2)), ValueError),  # arrays whose shapes do not fit
        (raising(OSError(5, "Input/output error")), OSError),
        (raising(KeyError("horizon")), KeyError),
    ],
    ids=["shapes", "disk", "key"],
)
def test_a_bug_is_no_refusal(
    bug: Callable[[], None], kind: type[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(kind) as raised:
        run_command(bug)
    assert not isinstance(raised.value, Refusal)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown_on_terminals_only(terminal: bool) -> None:
    shown = io.StringIO()
    with progress_bar(Console(file=shown, force_terminal=terminal, width=100)) as progress:
        task = progress.add_task("reading", total=1.0)
        progress.update(task, completed=0.5)
        progress.refresh()
    assert ("reading" in shown.getvalue()) == terminal
    assert ("50 %" in shown.getvalue()) == terminal


def test_a_file_without_a_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    for path in (None, tmp_path / "figures.json", Path("figures.json")):
        check_folder_of(path)
    with pytest.raises(Refusal, match=r"there is no folder .*/no to write figures.json to"):
        check_folder_of(tmp_path / "no" / "figures.json")


def test_a_place_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="is a directory; name a file to write to"):
        check_folder_of(tmp_path)
    with pytest.raises(Refusal, match=r"cannot be (written|read): File name too long"):
        check_folder_of(tmp_path / ("x" * 300))
    with pytest.raises(Refusal, match="there is no folder"):
        check_folder_of(tmp_path / ("x" * 10) / "figures.json")
    check_folder_of(Path("/dev/null"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without permission")
def test_a_place_without_permission_is_refused_before_the_work() -> None:
    script = (
        "import os, sys; from pathlib import Path; from ankle_predictor.command_line import check_folder_of\n"
        "os.setuid(65534)\n"
        "for name in ('new.json', 'old.json'):\n"
        "    try: check_folder_of(Path(sys.argv[1], name))\n"
        "    except ValueError as error: print(error)\n"
    )
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        Path(folder).chmod(0o755)
        Path(folder, "old.json").write_text("{}")
        done = subprocess.run([sys.executable, "-c", script, folder], capture_output=True, text=True, check=True)
    assert done.stdout.count("cannot be written: there is no permission to") == 2


def test_a_fifo_that_nobody_reads_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "figures.json")
    with pytest.raises(Refusal, match="cannot be written: No such device or address"):
        write_json(tmp_path / "figures.json", {})


def test_a_full_disk_is_said() -> None:
    with pytest.raises(Refusal, match="/dev/full cannot be written: No space left on device"):
        write_json(Path("/dev/full"), {"a": 1})


def test_json_is_written_or_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "figures.json", {"mae_deg": 1.5, "log": None})
    assert json.loads((tmp_path / "figures.json").read_text()) == {"mae_deg": 1.5, "log": None}
    with pytest.raises(Refusal, match=r"no/figures.json cannot be written: No such file or directory"):
        write_json(tmp_path / "no" / "figures.json", {})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "figures.json", {"mae_deg": math.nan})
    assert json.loads((tmp_path / "figures.json").read_text())["mae_deg"] == 1.5


@pytest.mark.parametrize(("kind", "text"), [(duration, "0.5"), (seconds_since, "0"), (seconds_since, "12.5")])
def test_seconds_are_parsed(kind: Callable[[str], float], text: str) -> None:
    assert kind(text) == float(text)


@pytest.mark.parametrize("kind", [duration, seconds_since])
@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "inf"])
def test_other_text_is_refused(kind: Callable[[str], float], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"seconds .*not '{text}'"):
        kind(text)


def test_a_duration_of_zero_is_refused() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="above 0"):
        duration("0")
