"""The yardstick for other people: which moments count, what nonsense does, and the means over people."""

from __future__ import annotations

import dataclasses
import json
import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs.models import write_linear_bundle
from rigs.walks import part, swinging

from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.offline.live_run import LiveRun
from ankle_predictor.training.tasks import ThisProcess
from ankle_predictor.trust.status import Status
from benchmarks import people, people_page
from benchmarks.people_cells import FEWEST, better_for, cells_of, mean_over, people_of, worst_minute
from benchmarks.people_nonsense import KINDS, LASTS, noticed, with_nonsense
from benchmarks.people_rows import (
    HORIZON,
    ROWS,
    after_walking,
    between_swings,
    in_activity,
    minutes,
    parts_of,
    person_of,
    side_of,
    since_gap,
)

STAMP = 0.01 * np.arange(2000)


def run_of(stamp: np.ndarray = STAMP, status: np.ndarray | None = None, error: float = 0.0) -> LiveRun:
    """A run that forecasts 0 rad from 2 s on, of a leg whose ankle is at ``error`` rad."""
    made = stamp - stamp[0] >= 2.0
    none = np.zeros((int(made.sum()), 50))
    return LiveRun(
        stamp=stamp,
        angle=np.full(len(stamp), error),
        pitch=0.5 * np.sin(2 * math.pi * stamp)[:, None] * np.ones(2),
        status=np.zeros(len(stamp), dtype=np.int64) if status is None else status,
        made=made,
        published=made,
        walking=made,
        forecast=Forecast(none, none - 0.1, none + 0.1),
    )


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=60, max_size=400))
def test_a_moment_is_in_an_activity_until_its_last_step_is_due(active: list[bool]) -> None:
    stamp = 0.017 * np.arange(len(active))
    inside = in_activity(stamp, stamp, np.array(active))
    for k in range(len(active)):
        reach = stamp[k] + HORIZON + 1e-9
        assert inside[k] == (stamp[-1] + 1e-9 >= stamp[k] + HORIZON and all(np.array(active)[k:][stamp[k:] <= reach]))


def test_time_counts_from_the_last_gap() -> None:
    stamp = np.array([5.0, 5.1, 5.2, 6.0, 6.05])
    np.testing.assert_allclose(since_gap(stamp), [0.0, 0.1, 0.2, 0.0, 0.05])


def test_walking_is_what_lies_between_swings() -> None:
    moves = (STAMP >= 5.0) & (STAMP < 12.0)
    pitch = np.where(moves, 0.5 * np.sin(2 * math.pi * (STAMP - 5.0)), 0.0)
    walking = between_swings(STAMP, np.where(STAMP < 1.0, np.nan, pitch))
    assert walking[(STAMP > 6.0) & (STAMP < 11.0)].all()
    assert not walking[(STAMP < 5.0) | (STAMP > 12.0)].any()
    assert not between_swings(STAMP, np.full(len(STAMP), np.nan)).any()


def test_seconds_of_walking_are_counted_through_pauses() -> None:
    walking = (STAMP < 2.0) | (STAMP >= 10.0)
    after = after_walking(STAMP, walking, 3.0)
    assert STAMP[np.argmax(after)] == pytest.approx(11.0, abs=0.03)


@given(st.integers(2, 300), st.floats(0.0, 1.0))
def test_minutes_of_constant_coverage_are_constant(seconds: int, share: float) -> None:
    stamp = 0.5 * np.arange(2 * seconds)
    found = minutes(stamp, np.full(len(stamp), share), length=60.0)
    clock = min(0.1, 0.5) * (len(stamp) - 1)  # moments further apart than a gap are pieces that are put together
    assert bool(found) == (clock >= 20.0)
    np.testing.assert_allclose(found, share, atol=1e-9)


def test_a_bad_minute_is_found() -> None:
    stamp = 0.1 * np.arange(3000)
    inside = np.where((stamp >= 100.0) & (stamp < 160.0), 0.5, 0.95)
    assert min(minutes(stamp, inside)) == pytest.approx(0.5, abs=0.01)
    assert max(minutes(stamp, inside)) == pytest.approx(0.95)


def test_rows_and_sides_by_name(tmp_path: Path) -> None:
    log = tmp_path / "hug_03_01_l"
    log.mkdir()
    np.savez(log / "labels.npz", t=STAMP, label=np.where(STAMP < 10.0, 1, 4))
    found = {p.row: p for p in parts_of(log, run_of(), learned=False)}
    assert {p.person for p in found.values()} == {"HuGaDB 03"}
    for row, begin, end in (("HuGaDB, walking", 0.0, 9.5), ("HuGaDB, stairs down", 10.0, 19.5)):
        np.testing.assert_array_equal(found[row].chosen, (begin <= STAMP) & (end - 1e-9 > STAMP))
    names = ("marp_elderly07_r", "camargo_slow_a", "qmt_left", "qmt_right_raw_axes", "LOG2.TXT")
    rows = [p.row for name in names for p in parts_of(Path(name), run_of(), learned=False)]
    assert rows == ["Marpino, elderly", "Camargo, slow (optical)", "qmt, left", "qmt, right, axes as strapped",
                    "five walks"]  # fmt: skip
    assert set(rows) | set(found) <= set(ROWS)
    (known,) = parts_of(Path("LOG2.TXT"), run_of(), learned=True)
    assert known.row == "five walks, learned from"
    assert known.row in ROWS
    assert (
        len({person_of(Path(name).stem) for name in names}) == 4
    )  # both legs, and both ways of strapping, are one person
    assert [side_of(Path(name)) for name in ("hug_03_01_l", *names)] == [
        "left",
        "right",
        "right",
        "left",
        "right",
        "right",
    ]


def test_a_cell_by_hand_and_its_mean_over_people() -> None:
    status = np.where(STAMP < 11.0, int(Status.UNFAMILIAR), 0)
    recording = dataclasses.replace(swinging(20.0), encoder=None, name="LOG2")
    (cell,) = cells_of(Path("LOG2.TXT"), recording, run_of(status=status, error=math.radians(2.0)), learned=False)
    assert (cell["row"], cell["person"]) == ("five walks", "LOG2")
    assert cell["mae_h50_deg"] == pytest.approx(2.0)
    assert (cell["persistence_h50_deg"], cell["coverage_90"], cell["withheld_share"]) == (pytest.approx(0.0), 1.0, 0.0)
    assert cell["unfamiliar_share"] == pytest.approx(6.0 / 14.5, abs=0.01)  # 5 to 11 s of 5 to 19.5 s
    twice = [cell, cell | {"mae_h50_deg": 5.0, "windows": 2 * cell["windows"]}, cell | {"person": "B"}]
    rows = people_of(twice)["five walks"]
    assert rows["LOG2"]["mae_h50_deg"] == pytest.approx(4.0)  # a person's recordings are weighted by their moments
    assert mean_over(rows, "mae_h50_deg") == pytest.approx(3.0)  # people are not
    assert better_for(rows, "persistence_h50_deg") == 0
    assert better_for(rows, "", {"LOG2": 4.5, "B": 1.0}) == 1
    assert math.isnan(mean_over(rows, "nothing"))
    assert math.isnan(worst_minute(rows))  # the walk is too short for one


def test_too_few_moments_make_no_cell() -> None:
    short = run_of(STAMP[: 500 + 50 + FEWEST - 1])
    assert cells_of(Path("LOG2.TXT"), dataclasses.replace(swinging(20.0), encoder=None), short, learned=False) == []


@pytest.mark.parametrize("kind", KINDS)
def test_nonsense_changes_its_seconds_and_nothing_before(kind: str) -> None:
    recording = swinging(30.0)
    changed = with_nonsense(recording, kind, begin=12.0, seed=1)
    assert changed.encoder is None
    for before, after in ((recording.shank, changed.shank), (recording.foot, changed.foot)):
        old = after.stamp < 12.0
        assert after.stamp[-1] == pytest.approx(12.0 + LASTS, abs=0.02)
        np.testing.assert_array_equal(after.accel[old], before.accel[: old.sum()])
        assert np.isfinite(after.accel).all()
        assert np.isfinite(after.gyro).all()
    new = changed.foot.stamp >= 12.0
    same = recording.foot.accel[: len(new)][new], recording.foot.gyro[: len(new)][new]
    assert not (np.allclose(changed.foot.accel[new], same[0]) and np.allclose(changed.foot.gyro[new], same[1]))


@given(st.integers(0, 2**31))
@settings(max_examples=10, deadline=None)
def test_noise_keeps_the_spectrum_and_a_shaken_sensor_feels_gravity(seed: int) -> None:
    recording = swinging(20.0)
    noise = with_nonsense(recording, "noise with the walk's spectrum", 5.0, seed)
    new = (recording.shank.stamp >= 5.0) & (recording.shank.stamp < 15.0)
    spectra = [
        np.abs(np.fft.rfft(values[new[: len(values)]], axis=0)) for values in (recording.shank.gyro, noise.shank.gyro)
    ]
    np.testing.assert_allclose(*spectra, atol=1e-6 * spectra[0].max())
    shaken = with_nonsense(recording, "foot sensor shaken by hand", 5.0, seed).foot.accel[500:]
    assert 6.0 < np.median(np.linalg.norm(shaken, axis=1)) < 20.0


def test_what_was_noticed_by_hand() -> None:
    status = np.where((STAMP >= 13.0) & (STAMP < 16.0), int(Status.UNFAMILIAR), 0)
    run = dataclasses.replace(run_of(status=status), published=(STAMP >= 5.0) & (STAMP < 18.0))
    found = noticed(run, start=0.0, begin=10.0)
    assert found.before == pytest.approx(0.5)
    assert found.unfamiliar == pytest.approx(3.0 / 8.0)
    assert found.flagged == pytest.approx(5.0 / 8.0)
    assert noticed(run, start=0.0, begin=19.0).flagged == 1.0  # nothing came any more, so nothing went out


def test_one_command_makes_the_page_and_continues_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = dataclasses.replace(swinging(8.0), encoder=None)
    data = tmp_path / "data" / "public" / "set"
    for name in ("camargo_slow_a", "camargo_slow_b"):
        write_bag(data / name, recording)
    write_bag(data / "qmt_left", dataclasses.replace(part(recording, 3.0), calibration=None))
    write_linear_bundle(tmp_path, "linear", FeatureSpec(), seed=1)
    page = tmp_path / "docs" / "people.md"
    (page.parent / "images").mkdir(parents=True)
    page.write_text("Before.\n<!-- people: begin -->\n<!-- people: end -->\nAfter.\n")
    monkeypatch.setattr(people_page, "DOCS", page.parent)
    monkeypatch.setattr(people, "workers_for", lambda *_: nullcontext(ThisProcess()))
    arguments = [
        "--data",
        str(tmp_path / "data"),
        "--model",
        str(tmp_path / "linear"),
        "--work",
        str(tmp_path / "work"),
    ]
    monkeypatch.setattr("sys.argv", ["people.py", *arguments])
    assert people.main() == 0
    text = page.read_text()
    assert "| Camargo, slow (optical) | 1 |" in text
    assert "- qmt_left was not scored: qmt_left has no calibration" in text
    assert text.startswith("Before.")
    assert text.endswith("After.\n")
    results = sorted((tmp_path / "work").iterdir())
    assert len(results) == 2
    cell: dict[str, Any] = json.loads(results[0].read_text())["cells"][0]
    assert cell["row"] == "Camargo, slow (optical)"
    times = [path.stat().st_mtime_ns for path in results]
    monkeypatch.setattr("sys.argv", ["people.py", *arguments, "--jobs", "0"])
    assert people.main() == 0
    assert [path.stat().st_mtime_ns for path in results] == times
    assert "**Not measured yet with the present code: 1 parts.**" in page.read_text()


def test_everybody_is_scored_by_a_model_that_has_not_learned_from_them_if_there_is_one(tmp_path: Path) -> None:
    for name in ("linear", "not_LOG2", "not_qmt_right"):
        write_linear_bundle(tmp_path / "models", name, FeatureSpec(), seed=1)
    logs = [tmp_path / name for name in ("LOG2.TXT", "LOG7.TXT", "qmt_left", "hug_01_05_r")]
    for log in logs:
        log.write_text("") if log.suffix else log.mkdir()
    found = people.tasks(logs, str(tmp_path / "models" / "linear"), tmp_path / "models")
    used = {name: (Path(arguments[1]).name, arguments[3]) for name, (_, arguments) in found.items() if "," not in name}
    assert used == {"LOG2": ("not_LOG2", False), "LOG7": ("linear", False), "qmt_left": ("not_qmt_right", False),
                    "hug_01_05_r": ("linear", False)}  # fmt: skip
    without = people.tasks(logs, str(tmp_path / "models" / "linear"), None)
    assert without["LOG2"][1][3]  # the model's record of its training names it
    assert not without["LOG7"][1][3]
