"""The command benchmark: what it computes, and one short run of the whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rigs.repository import REPOSITORY

from ankle_predictor.performance.cli import main
from ankle_predictor.performance.latency import within
from ankle_predictor.performance.process_stats import parse_cpu, parse_memory, parse_stolen, read_stats
from ankle_predictor.performance.report import BEGIN, END, Row, rows_of, with_section
from ankle_predictor.performance.timing import figures_of, timed

SMAPS = "00400000-7fff0000 ---p 00000000 00:00 0   [rollup]\nRss:  1000 kB\nPss:   500 kB\nPss_Anon:  1 kB\n"
ALL = ("separate", "separate_bare", "bringup", "bringup_bare")


def test_times_are_summed_up_in_ms() -> None:
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


def test_what_is_done_beforehand_is_not_counted() -> None:
    order: list[str] = []

    def before() -> None:
        time.sleep(0.004)
        order.append("before")

    figures = timed(lambda: order.append("run"), 0.2, lambda _: None, beforehand=before)
    assert order == ["before", "run"] * (len(order) // 2)
    assert figures["median_ms"] < 4.0
    assert figures["runs"] <= 25


def test_what_is_done_afterwards_is_told_apart() -> None:
    figures = timed(lambda: None, 0.2, lambda _: None, afterwards=lambda: time.sleep(0.004))
    assert figures["median_ms"] < 4.0 <= figures["afterwards_mean_ms"]
    assert figures["real_time_factor"] <= 10.0 / 4.0


def test_linux_is_read() -> None:
    assert parse_memory(SMAPS) == (1.024, 0.512)
    assert parse_stolen("cpu  100 2 30 400 5 6 7 50 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n") == (50, 600)
    assert parse_cpu("7 (a) b) (c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0", 100) == 3.0
    here = read_stats(os.getpid())
    assert 10.0 < here.proportional <= here.resident < 100_000.0
    with pytest.raises(ValueError, match="process 0 cannot be measured"):
        read_stats(0)


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


def test_only_what_was_published_in_calm_spans_counts_as_undisturbed() -> None:
    spans = [(1_000_000_000, 2_000_000_000), (3_000_000_000, 4_000_000_000)]
    assert within(np.array([0.5, 1.0, 1.9, 2.0, 3.5, 4.5]), spans).tolist() == [False, True, True, False, True, False]
    assert within(np.array([]), spans).tolist() == []
    assert not within(np.array([1.0]), []).any()


def test_a_page_keeps_what_is_not_between_its_marks() -> None:
    page = f"a\n{BEGIN}\nold\n{END}\nb\n"
    assert with_section(page, BEGIN, END, "new") == f"a\n{BEGIN}\nnew\n{END}\nb\n"
    assert BEGIN in (REPOSITORY / "docs" / "performance.md").read_text()
    with pytest.raises(ValueError, match="no section"):
        with_section("a", BEGIN, END, "new")


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


def test_the_live_tick_stands_beside_the_one_by_itself() -> None:
    for title in ("three processes", "bringup"):
        what = f"{title}: one tick in the live predictor, median"
        row = next(row for row in rows_of(figures(absent=False)) if row.what == what)
        assert (row.value, row.target, row.baseline, row.met) == (0.9, 1.0, 1.0, True)


def test_what_could_not_be_measured_says_why() -> None:
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
        (["--write", "/nowhere.md"], "there is no page /nowhere.md to put the table into"),
        (["--write", __file__], "the page has no section <!-- benchmark: begin -->"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_a_short_run_measures_everything(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"{BEGIN}\n{END}\n")
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
