"""The soak: its ledger, its disturbances and its figures, and a short run of the whole."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from rigs.repository import REPOSITORY
from rigs.walks import swinging

from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.trust.status import Status
from benchmarks.soak import PERIOD
from benchmarks.soak_faults import FAULTS, counted, disturbances
from benchmarks.soak_ledger import Ledger
from benchmarks.soak_report import memory_growth
from benchmarks.soak_truth import Truth

SPEC = FeatureSpec(window=20)
SENT = 30  # pairs, of which the last 11 are due


def ledger(*, jump: int = 0, gap: int = 1) -> tuple[Ledger, list[int]]:
    """Thirty pairs, and a jump (ns) or a gap (periods) before another thirty."""
    made = Ledger(SPEC)
    stamps = [10**18 + k * PERIOD for k in range(SENT)]
    stamps += [stamps[-1] + jump + (gap + k) * PERIOD for k in range(SENT)]
    for stamp in stamps:
        made.send(stamp)
    return made, stamps


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [({}, 41), ({"gap": 10}, 41), ({"gap": 11}, 22), ({"jump": 10**9}, 22), ({"jump": -(10**12)}, 22)],
)
def test_a_forecast_is_due_once_the_window_holds_no_gap_and_no_jump(trouble: dict[str, int], expected: int) -> None:
    made, _ = ledger(**trouble)
    summary = made.summary()
    assert (summary["pairs"], summary["expected"]) == (2 * SENT, expected)
    assert summary["unanswered"] == expected


def test_each_expected_forecast_is_accounted_for_once() -> None:
    made, stamps = ledger()
    statuses = dict.fromkeys(range(18), Status.WARMING_UP) | dict.fromkeys(range(18, 60), Status.OK)
    statuses[40] = Status.STALE | Status.UNFAMILIAR
    for k in (30, 31, 50):
        del statuses[k]
    statuses[32] = Status.OVERRUN
    for k, status in statuses.items():
        made.answer(stamps[k], status, "first")
        made.answer(stamps[k], Status.STALE, "first")  # repeated while no pair comes
    made.answer(stamps[0] - 1, Status.OK, "first")  # not a pair that was sent
    made.forecast(stamps[20])
    summary = made.summary()
    assert summary["expected"] == 41
    assert (summary["made"], summary["withheld"], summary["skipped"], summary["unanswered"]) == (37, {"stale": 1}, 2, 1)
    assert summary["made_though_not_due"] == 1  # the 19th pair
    assert summary["trajectories_heard"] == 1
    assert summary["by_model"] == {"first": 38}


def test_a_lost_message_explains_one_pair_and_a_second_sender_explains_those_before_the_answer_that_says_it() -> None:
    _, stamps = ledger()
    made = Ledger(SPEC)
    for k, stamp in enumerate(stamps[:SENT]):
        after = "silence" if k < 24 else "clock step"
        made.send(stamp, 0.01 * k, disturbed=k >= 27, after=after, repeated=k in (25, 26))
        if k not in (21, 22, 24, 26, 27):
            made.answer(stamp, Status.TWO_SOURCES if k == 28 else Status.OK)
    made.lost("shank/imu/data: lost", 1, 0.9)
    made.lost("shank/imu/data: lost", 1, 1.9)  # the same one
    made.lost("joint_states: lost", 1, 9.0)  # too late to be one of these
    summary = made.summary()
    assert (summary["expected"], summary["made"], summary["lost"], summary["unanswered"]) == (11, 5, 1, 2)
    assert summary["repeated"] == 1
    assert summary["unanswered_at"] == pytest.approx([0.22, 0.24])
    assert summary["unanswered_after"] == {"silence": 1, "clock step": 1}
    assert summary["skipped"] == 1
    assert summary["losses"] == {"shank/imu/data: lost": 1, "joint_states: lost": 1}
    assert (summary["calm"], summary["withheld"], summary["withheld_in_calm"]) == (8, {"two sources": 1}, {})


def test_a_forecast_is_wrong_if_its_first_point_or_the_one_200_ms_ahead_is() -> None:
    walk = swinging(3.0)
    truth = Truth(walk)
    for near, far in ((0.0, 0.0), (9.0, 19.0), (11.0, 0.0), (0.0, 21.0), (math.nan, 0.0)):
        angle = [truth.at(101 + k) for k in range(50)]
        angle[0] += math.radians(near)
        angle[19] -= math.radians(far)
        truth.judge(100, angle, "clock step", 0.5)
    assert truth.judged == 5
    assert truth.wrong[:2] == [("clock step", 0.5, 11.0, 0.0), ("clock step", 0.5, 0.0, 21.0)]
    assert len(truth.wrong) == 3
    truth.judge(len(walk.shank) - 5, [0.0] * 50, "nothing", 0.0)  # its time lies behind the walk's end
    assert truth.judged == 5


def test_every_kind_of_fault_comes_and_is_counted() -> None:
    script = disturbances(600.0, 1, FAULTS)
    assert list(counted(script)) == list(FAULTS)
    assert sum(counted(script).values()) == len(script)


def test_the_disturbances_depend_on_the_seed_and_do_not_overlap() -> None:
    script = disturbances(600.0, 1)
    assert script == disturbances(600.0, 1) != disturbances(600.0, 2)
    assert {disturbance.kind for disturbance in script} == {"silence", "foot silent", "clock step"}
    assert all(b.time - a.time >= 4.0 > a.size or a.kind == "clock step" for a, b in pairwise(script))
    assert max(disturbance.time for disturbance in script) < 597.0


def test_a_slope_needs_time() -> None:
    short = memory_growth([(0.0, 80.0), (18.0, 81.0)])
    assert (short["first_mb"], short["last_mb"], short["slopes_mb_per_hour"]) == (80.0, 81.0, [None, None])
    growing = memory_growth([(t, 80.0 + 36.0 * t / 3600.0) for t in range(0, 600, 2)])
    assert growing["slopes_mb_per_hour"] == pytest.approx([36.0, 36.0])
    settling = memory_growth([(t, 80.0 + min(t, 300.0) / 100.0) for t in range(0, 1200, 2)])
    assert settling["slopes_mb_per_hour"][0] > 1.0
    assert settling["slopes_mb_per_hour"][1] == pytest.approx(0.0, abs=1e-6)


def test_a_short_soak_accounts_for_every_forecast(tmp_path: Path) -> None:
    code = (
        "import json, sys, pathlib; from benchmarks.soak import soak, table;"
        "figures = soak(9.0, 43, pathlib.Path(sys.argv[1])); print(table(figures)); print(json.dumps(figures))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    output = done.stdout
    assert figures["upsets"] == {"clock step": 1}, output
    assert set(figures["swaps"]) <= {"made", "still loading"}, output
    assert sum(figures["swaps"].values()) == 4, output
    assert figures["swaps"]["made"] >= 2, output
    assert 350 < figures["expected"] < 550, output  # the second before the jump whose window is full, and those after
    assert figures["made"] > 0, output
    # A busy computer makes fewer forecasts, but each missing one has a reason.
    reasons = sum(figures["withheld"].values()) + figures["skipped"] + figures["repeated"]
    assert figures["made"] + reasons + figures["unanswered"] == figures["expected"], output
    assert figures["made_though_not_due"] == 0, output
    assert figures["unanswered"] <= 0.02 * figures["expected"], output  # best effort may lose a message
    assert set(figures["by_model"]) <= {"first", "second"}, output
    assert all(20.0 < memory["last_mb"] < 400.0 for memory in figures["memory"].values()), output
