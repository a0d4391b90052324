"""Examples that are made one batch at a time are those that were made all at once."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rigs.varied import varied_windows
from rigs.walks import swinging

from ankle_predictor.training.augmentation import Augmentation
from ankle_predictor.training.dataset import fit_scaler, scaled
from ankle_predictor.training.examples_on_disk import RecordFile
from ankle_predictor.training.learning import ExampleSource, Parts
from ankle_predictor.training.settings import TrainSettings
from ankle_predictor.training.walk import Walk, walk_of

SETTINGS = TrainSettings(stride=15, labels="imu")


@pytest.fixture(scope="module")
def walks() -> list[Walk]:
    """With and without an encoder, and one that nobody walked."""
    recordings = [swinging(8.0 + seed, seed=seed, jitter=0.002) for seed in range(3)]
    recordings[1] = dataclasses.replace(recordings[1], encoder=None)
    return [walk_of(recording, SETTINGS, simulated=k == 2) for k, recording in enumerate(recordings)]


@pytest.mark.parametrize("epoch", range(4))
def test_any_batch_has_the_windows_of_whole_walks(walks: list[Walk], epoch: int) -> None:
    parts = Parts(walks)
    scaler = fit_scaler(parts.real())
    examples = ExampleSource(parts, SETTINGS, scaler).of(epoch)
    random = np.random.default_rng([SETTINGS.seed, epoch])
    whole = [
        varied_windows(walk.source(walk.last), SETTINGS.spec, SETTINGS.horizon, walk.stride, Augmentation(), random)
        for walk in walks
    ]
    windows, changes = (np.concatenate(both) for both in zip(*whole, strict=True))
    assert len(examples) == len(windows)
    order = np.random.default_rng(0).permutation(len(windows))
    for index in np.array_split(order, 9):
        window, change = examples.batch(index)
        np.testing.assert_array_equal(window, scaled(windows[index], scaler))
        np.testing.assert_array_equal(change, changes[index])


def test_examples_that_never_change_are_the_cut_ones(walks: list[Walk]) -> None:
    settings = dataclasses.replace(SETTINGS, augment=False)
    parts = Parts(walks)
    scaler = fit_scaler(parts)
    source = ExampleSource(parts, settings, scaler)
    assert source.of(0) is source.of(1)
    windows = np.concatenate([walk.examples.window for walk in walks])
    window, change = source.of(0).batch(np.arange(len(windows))[::-1])
    np.testing.assert_array_equal(window, scaled(windows, scaler)[::-1])
    target = np.concatenate([walk.examples.target - walk.examples.angle[:, np.newaxis] for walk in walks])
    np.testing.assert_array_equal(change, target.astype(np.float32)[::-1])


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.data())
def test_records_come_back(sizes: list[int], data: st.DataObject) -> None:
    file = RecordFile([("a", "i4"), ("b", "f8", (3,))])
    total = sum(sizes)
    records = np.zeros(total, file.dtype)
    records["a"] = np.arange(total)
    records["b"] = np.random.default_rng(total).normal(size=(total, 3))
    for part in np.split(records, np.cumsum(sizes)[:-1]):
        file.append(part)
        assert len(file) <= total
    assert len(file) == total
    if total:
        first = data.draw(st.integers(0, total - 1))
        count = data.draw(st.integers(1, total - first))
        np.testing.assert_array_equal(file.read(first, count), records[first : first + count])
