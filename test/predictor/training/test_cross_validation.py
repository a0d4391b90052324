"""What ``train`` makes of people: who is left out together, what is kept, and what a second start does. The network is
the base model, not trained here: how it is trained is tested elsewhere.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from rigs.repository import REPOSITORY
from rigs.walks import swinging

from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_predictor.model.bundle import load_bundle
from ankle_predictor.training import networks
from ankle_predictor.training import train as train_module
from ankle_predictor.training.settings import TrainSettings
from ankle_predictor.training.train import Where, train
from ankle_predictor.trust.familiarity import METHOD_END, METHOD_LOGS

pytest.importorskip("pyarrow", reason="pyarrow (requirements-train.txt) is not installed")


class Software:
    """Stands in for the module that imports TensorFlow."""

    @staticmethod
    def software() -> dict[str, str]:
        return {"none": "0"}


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Instead of training: the base model; collects the people of each network."""
    base, found = load_bundle("base", [REPOSITORY / "models"]), list[list[str]]()

    def learn(walks: Any, *_: Any) -> Any:
        found.append(sorted({walk.person for walk in walks}))
        return base

    monkeypatch.setattr(networks, "learn", learn)
    monkeypatch.setattr(networks, "imported", lambda *_: Software)
    monkeypatch.setattr(train_module, "_training", lambda *_: base.manifest.training)
    return found


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four short recordings."""
    folder = tmp_path_factory.mktemp("study")
    for seed in range(4):
        write_bag(folder / f"walk{seed}", swinging(16.5 + 0.1 * seed))
    return folder


def test_people_are_left_out_with_all_their_walks_and_a_second_start_learns_nothing(
    learned: list[list[str]], study: Path, tmp_path: Path
) -> None:
    logs = [[study / "walk0", study / "walk1"], study / "walk2", study / "walk3"]
    where = Where(tmp_path / "folds", tmp_path / "cache")
    manifest = train(logs, tmp_path / "mine", TrainSettings(stride=20), where=where)
    everybody = ["walk0", "walk2", "walk3"]
    assert learned == [everybody, ["walk2", "walk3"], ["walk0", "walk3"], ["walk0", "walk2"]]
    assert [metric.log for metric in manifest.metrics] == ["walk0", "walk1", "walk2", "walk3"]
    assert sorted(path.name for path in (tmp_path / "folds").iterdir()) == [f"not_walk{k}" for k in range(4)]
    assert manifest.familiarity is not None
    assert manifest.familiarity.method == METHOD_LOGS
    assert len(manifest.intervals.stretch) == 50
    again = train(logs, tmp_path / "again", TrainSettings(stride=20), where=where)
    assert len(learned) == 4
    assert (again.metrics, again.intervals, again.familiarity) == (
        manifest.metrics,
        manifest.intervals,
        manifest.familiarity,
    )


@pytest.mark.parametrize("count", [1, 2])
def test_a_single_person_is_measured_on_the_ends_of_the_walks(
    learned: list[list[str]], study: Path, tmp_path: Path, count: int
) -> None:
    walks = [study / f"walk{k}" for k in range(count)]
    manifest = train([walks], tmp_path / "mine", TrainSettings(stride=20), where=Where(cache=tmp_path / "cache"))
    assert learned == [["walk0"]]
    assert [metric.log for metric in manifest.metrics] == [walk.name for walk in walks]
    assert all(metric.start > 13.0 and math.isfinite(metric.mae_h20_deg) for metric in manifest.metrics)
    assert manifest.familiarity is not None
    assert manifest.familiarity.method == METHOD_END
