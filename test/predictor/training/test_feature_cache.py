"""Features are made once, come back as they were, and are made again when something changed or broke."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from rigs.walks import swinging

from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_imu_driver.simulator.varied_scenario import KINDS
from ankle_predictor.offline.catalogue import Entry
from ankle_predictor.training import feature_cache
from ankle_predictor.training.feature_cache import ABOUT, FEATURES, SPREAD, TRUTH, cache_key, stored_walk
from ankle_predictor.training.settings import TrainSettings
from ankle_predictor.training.walk import walk_of
from ankle_predictor.training.walk_source import RecordedSource, SimulatedSource, WalkSource

pytest.importorskip("pyarrow", reason="pyarrow (requirements-train.txt) is not installed")
SETTINGS = TrainSettings(stride=20)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> RecordedSource:
    path = tmp_path_factory.mktemp("bags") / "walk"
    write_bag(path, swinging(8.0))
    return RecordedSource(Entry(path, "anna", "walk"))


def count_making(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []
    write = feature_cache._write

    def counted(walk: object, folder: Path) -> object:
        made.append(folder.name)
        return write(walk, folder)

    monkeypatch.setattr(feature_cache, "_write", counted)
    return made


@pytest.mark.parametrize("kind", ["recorded", "simulated", "reference"])
def test_a_walk_comes_back_as_it_was(source: RecordedSource, tmp_path: Path, kind: str) -> None:
    settings = dataclasses.replace(SETTINGS, features="reference16") if kind == "reference" else SETTINGS
    chosen: WalkSource = SimulatedSource("sim", KINDS[0], 3, 12.0) if kind == "simulated" else source
    fresh, stored = chosen.walk(settings), stored_walk(chosen, settings, tmp_path)
    back = stored_walk(chosen, settings, tmp_path).load()
    for one, other in (
        (fresh.table.stamp, back.table.stamp),
        (fresh.table.values, back.table.values),
        (fresh.table.angle, back.table.angle),
        (fresh.truth.angle, back.truth.angle),
        (fresh.examples.window, back.examples.window),
        (fresh.examples.target, back.examples.target),
    ):
        np.testing.assert_array_equal(one, other)
    assert (fresh.fused is None) == (back.fused is None)
    assert stored.last == fresh.last
    assert stored.pairs == fresh.pairs
    if settings.is_varied:
        np.testing.assert_array_equal(fresh.spread(), stored.spread())
        assert fresh.fused is not None
        np.testing.assert_array_equal(fresh.fused, back.fused)
        np.testing.assert_equal(fresh.source(fresh.last).stride_time, stored.source(stored.last).stride_time)


def test_it_is_made_once_and_again_when_something_changed(
    source: RecordedSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = count_making(monkeypatch)
    for _ in range(2):
        stored_walk(source, SETTINGS, tmp_path)
    assert len(made) == 1
    stored_walk(source, dataclasses.replace(SETTINGS, epochs=9, seed=4), tmp_path)  # changes no feature
    assert len(made) == 1
    keys = {cache_key(source, SETTINGS)}
    for changed in ({"horizon": 20}, {"stride": 10}, {"side": "left"}, {"features": "reference16"}, {"augment": False}):
        keys.add(cache_key(source, dataclasses.replace(SETTINGS, **changed)))
    keys.add(cache_key(RecordedSource(dataclasses.replace(source.entry, side="left")), SETTINGS))
    (source.entry.path.parent / "calibration.yaml").write_text("beside: it")
    keys.add(cache_key(source, SETTINGS))
    (source.entry.path.parent / "calibration.yaml").unlink()
    monkeypatch.setattr(feature_cache, "_code", lambda: "other code")
    keys.add(cache_key(source, SETTINGS))
    assert len(keys) == 9


@pytest.mark.parametrize("name", [FEATURES, TRUTH, SPREAD, ABOUT])
@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_a_broken_entry_is_made_again_and_says_so(
    source: RecordedSource, tmp_path: Path, name: str, damage: str
) -> None:
    stored = stored_walk(source, SETTINGS, tmp_path)
    file = stored.folder / name
    data = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        middle = len(data) // 3
        broken = data[:middle] if damage == "cut" else data[:middle] + bytes([data[middle] ^ 0x55]) + data[middle + 1 :]
        file.write_bytes(broken)
    again = stored_walk(source, SETTINGS, tmp_path)
    assert again.note.startswith("the cached features of walk are made again") or (name, damage) == (ABOUT, "gone")
    np.testing.assert_array_equal(again.load().table.values, source.walk(SETTINGS).table.values)
    assert stored_walk(source, SETTINGS, tmp_path).note == ""
    assert [p.name for p in (tmp_path / "features").iterdir()] == [stored.folder.name]  # no scratch is left


def test_two_legs_of_the_settings_give_two_walks(source: RecordedSource, tmp_path: Path) -> None:
    right = stored_walk(source, SETTINGS, tmp_path)
    left = stored_walk(RecordedSource(dataclasses.replace(source.entry, side="left")), SETTINGS, tmp_path)
    lateral = SETTINGS.spec.names.index("shank_accel_y")
    np.testing.assert_allclose(left.load().table.values[:, lateral], -right.load().table.values[:, lateral])
    assert walk_of(swinging(8.0), SETTINGS).last == pytest.approx(right.last)
