"""``benchmark``: its timing, its table and its refusals, and one short run of the whole."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rigs.repository import REPOSITORY

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.performance.cli import main
from ankle_predictor.performance.latency import within
from ankle_predictor.performance.report import Row, rows_of
from ankle_predictor.performance.timing import figures_of, timed

ALL = ("separate", "separate_bare", "bringup", "bringup_bare")


def test_times_are_summarised_in_ms() -> None:
    figures = figures_of([0.002] * 99 + [0.1], [0.001] * 100)
    assert figures["runs"] == 100
    assert figures["median_ms"] == pytest.approx(2.0)
    assert 2.0 < figures["p99_ms"] < 100.0
    assert figures["cpu_p99_ms"] == pytest.approx(1.0)
    assert figures["real_time_factor"] == pytest.approx(5.0)


def test_a_run_is_timed_once_a_sample_period() -> None:
    gone: list[float] = []
    figures = timed(lambda: time.sleep(0.002), 0.5, gone.append)
    assert 5 <= figures["runs"] <= 50
    assert figures["median_ms"] >= 2.0
    assert figures["cpu_median_ms"] < figures["median_ms"]
    assert 0.2 < sum(gone) < 2.0
    assert figures["afterwards_mean_ms"] == 0.0


def test_time_before_a_run_is_not_counted() -> None:
    order: list[str] = []

    def before() -> None:
        time.sleep(0.004)
        order.append("before")

    figures = timed(lambda: order.append("run"), 0.2, lambda _: None, beforehand=before)
    assert order == ["before", "run"] * (len(order) // 2)
    assert figures["median_ms"] < 4.0
    assert figures["runs"] <= 25


def test_time_after_a_run_is_counted_separately() -> None:
    figures = timed(lambda: None, 0.2, lambda _: None, afterwards=lambda: time.sleep(0.004))
    assert figures["median_ms"] < 4.0 <= figures["afterwards_mean_ms"]
    assert figures["real_time_factor"] <= 10.0 / 4.0


@pytest.mark.parametrize(
    ("row", "ratio", "met", "text"),
    [
        (Row("tick", 0.5, "ms", 1.0, 50.0, "keras"), 0.01, True, "≤ 1 ms, met"),
        (Row("tick", 2.0, "ms", 1.0, None, "none"), None, False, "≤ 1 ms, missed"),
        (Row("factor", 10.0, "", 6.25, 6.25, "claim"), 1.6, True, "≥ 6.25, met"),
        (Row("tick", None, "ms", 1.0, 50.0, "it failed"), None, None, "≤ 1 ms"),
    ],
)
def test_a_row_knows_its_ratio_and_its_target(row: Row, ratio: float | None, met: bool | None, text: str) -> None:
    assert (row.ratio, row.met, row.cells()[2]) == (ratio, met, text)


def test_only_forecasts_in_spans_without_cpu_steal_count_as_undisturbed() -> None:
    spans = [(1_000_000_000, 2_000_000_000), (3_000_000_000, 4_000_000_000)]
    assert within(np.array([0.5, 1.0, 1.9, 2.0, 3.5, 4.5]), spans).tolist() == [False, True, True, False, True, False]
    assert within(np.array([]), spans).tolist() == []
    assert not within(np.array([1.0]), []).any()


def figures(absent: bool) -> dict[str, Any]:
    timing = figures_of([0.001], [0.001])
    chain = {"published_p99_ms": 4.0, "tick_median_ms": 0.9, "processes": {"a": {"resident_mb": 1.0, "cpu_share": 0.1}}}
    other = {"absent": "TensorFlow is not installed"} if absent else timing
    inference = {
        "ours": timing,
        "ours_back_to_back": timing,
        "reference_keras_predict": other,
        "reference_engine": other,
    }
    inference["reference_claimed"] = {"real_time_factor": 6.25}
    return {"inference": inference, "chain": dict.fromkeys(ALL, chain), "window_s": 2.0}


def test_the_live_tick_is_compared_with_a_tick_by_itself() -> None:
    for title in ("three processes", "bringup"):
        what = f"{title}: one tick in the live predictor, median"
        row = next(row for row in rows_of(figures(absent=False)) if row.what == what)
        assert (row.value, row.target, row.baseline, row.met) == (0.9, 1.0, 1.0, True)


def test_a_row_without_a_baseline_gives_the_reason() -> None:
    assert all("TensorFlow" not in row.against for row in rows_of(figures(absent=False)))
    rows = [row for row in rows_of(figures(absent=True)) if "TensorFlow is not installed" in row.against]
    assert len(rows) == 6
    assert all(row.baseline is None and row.ratio is None for row in rows)


@pytest.mark.parametrize("arguments", [["--seconds", "0"], ["--seconds", "soon"], ["--only", "robot"]])
def test_wrong_arguments_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "nobody"], "there is no model 'nobody'"),
        (["--json", "/nowhere/at/all.json"], "there is no folder /nowhere/at to write all.json to"),
        (["--write", "/nowhere.md"], "page /nowhere.md cannot be read: No such file or directory"),
        (["--write", str(REPOSITORY / "LICENSE")], "LICENSE has no section <!-- benchmark: begin -->"),
    ],
)
def test_a_refusal_is_one_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    message = capsys.readouterr().err
    assert sentence in message
    assert message.count("\n") == 1


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numpy raises a plain ``ValueError`` for arrays whose shapes do not fit: it must not look like a refusal."""
    monkeypatch.setattr("ankle_predictor.performance.cli.simulated_walk", lambda: np.zeros(3) + np.zeros(2))
    with pytest.raises(ValueError, match="could not be broadcast") as raised:
        main(["--seconds", "0.1", "--no-keras"])
    assert not isinstance(raised.value, Refusal)


def test_a_short_run_measures_everything(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("<!-- benchmark: begin -->\n<!-- benchmark: end -->\n")
    command = [sys.executable, "-m", "ankle_predictor.performance.cli", "--seconds", "1.5", "--no-keras"]
    command += ["--only", "bringup", "--json", str(tmp_path / "b.json"), "--write", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    measured = json.loads((tmp_path / "b.json").read_text())
    ours = measured["inference"]["ours"]
    assert 0.0 < ours["median_ms"] <= ours["p99_ms"] < 1000.0
    assert measured["inference"]["reference_keras_predict"] == {"absent": "left out by --no-keras"}
    for name in ("bringup", "bringup_bare"):
        chain = measured["chain"][name]
        assert "absent" not in chain, chain
        assert 0.0 < chain["published_p50_ms"] <= chain["published_p99_ms"] < 1000.0
        assert 10.0 < chain["proportional_mb"] < chain["resident_mb"] < 1000.0
        assert 0.0 < chain["cpu_share"] < 4.0
        assert 0.0 <= chain["stolen_percent"] <= 100.0
        assert len(chain["processes"]) == 1
    ours = measured["chain"]["bringup"]
    assert 0.0 < ours["tick_median_ms"] <= ours["tick_longest_ms"] < 1000.0
    # Ours computes, the bare one does not.
    assert measured["chain"]["bringup"]["resident_mb"] > measured["chain"]["bringup_bare"]["resident_mb"]
    assert len(measured["rows"]) == len(rows_of(measured))
    assert "| one tick, median |" in page.read_text()
