"""Trains networks and measures how well they do on people whom they never saw, by leaving people out of training."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.model.bundle import Bundle
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.features import SEGMENT_FEATURES
from ankle_predictor.model.manifest import Manifest, Metric
from ankle_predictor.offline.log_forecasts import WHOLE, Span
from ankle_predictor.training.dataset import split_in_time
from ankle_predictor.training.devices import ANY_DEVICE, Devices
from ankle_predictor.training.feature_cache import StoredWalk
from ankle_predictor.training.learning import INTERVAL_LEVEL, AnyWalk, Job, Parts, Progress
from ankle_predictor.training.measurement import in_half_widths, live_metric, network_forecasts, with_intervals
from ankle_predictor.training.networks import keep_by_content, learned, network
from ankle_predictor.training.settings import TrainSettings
from ankle_predictor.training.tasks import Task, ThisProcess, Workers
from ankle_predictor.training.walk import moving_spreads
from ankle_predictor.trust.familiarity import familiarity_of

HELD_OUT = 0.15  # of the time of the logs of a single person, at their ends
MOST_GROUPS = 5  # networks that are trained for cross-validation
MOST_MOMENTS = 300_000  # forecasts that intervals are made from; of more, every k-th of each log is taken
METHOD_PEOPLE = (
    "split conformal per step: each log forecast by a network of the others, at the level that covers a left-out log "
    "as asked, on average; live, the interval then follows what it held"
)
METHOD_END = f"split conformal per step on the last {HELD_OUT:.0%} of the one log"
ROLE_PEOPLE = "forecast live by a model of other people"
ROLE_END = "end of the one training log, kept aside in time order; the intervals were made on it"

Person = Sequence[StoredWalk]
"""The walks of one person, or of one simulated one."""
Keep = Callable[[str, Bundle], None]
"""Called with a recording's name and a complete model that learned from other people only."""


@dataclass(frozen=True, eq=False)
class _Fold:
    """People who are left out together, and all others.

    Attributes:
        learned: walks to learn from.
        unseen: walks of the people who are left out.
    """

    learned: list[StoredWalk]
    unseen: list[StoredWalk]


@dataclass(frozen=True)
class Site:
    """Where the tasks of a training run, and where they find each other's networks.

    Attributes:
        networks: a folder that all workers reach under the same path.
        workers: run the tasks.
        on_progress: called with the current stage and the share of it that is done.
        devices: that train one network.
    """

    networks: Path
    workers: Workers = field(default_factory=ThisProcess)
    on_progress: Progress = lambda _stage, _share: None
    devices: Devices = ANY_DEVICE

    def run(self, tasks: Sequence[Task], stage: str) -> list[Any]:
        """Run tasks and return their results in their order."""
        return self.workers.run(tasks, stage, self.on_progress)


def train_and_measure(
    people: Sequence[Person], settings: TrainSettings, site: Site, keep: Keep = lambda _name, _bundle: None
) -> Bundle:
    """Return a complete model of all people, with the errors of models that were trained without each of them.

    More than ``MOST_GROUPS`` people are left out in groups, which limits the number of networks to train. A single
    person is measured on the end of the walks, which is not learned from. Simulated people are learned from, never
    scored.

    Args:
        people: the walks of each.
        settings: of the training.
        site: where it runs.
        keep: takes the models that were made without a person.
    """
    walks = [walk for person in people for walk in person]
    if len(people) == 1:
        return _measured_on_end(walks, settings, site)
    folds = _folds(people)
    tasks = [Task("all people", learned, (Job(walks, settings, 1.0, site.networks), site.devices), reports=True)]
    tasks += [
        Task(
            f"without group {k + 1}",
            learned,
            (Job(fold.learned, settings, 1.0, site.networks), site.devices),
            reports=True,
        )
        for k, fold in enumerate(folds)
    ]
    name, *others = site.run(tasks, "training")
    distances = _distances(folds, others, site)
    wholes = []
    for k, (fold, other) in enumerate(zip(folds, others, strict=True)):
        parts = [part for j, group in enumerate(distances) for part in group if j != k] or distances[k]
        wholes.append(_whole(network(other, site.networks), parts, Parts(fold.learned), METHOD_PEOPLE))
    names = [keep_by_content(whole, site.networks) for whole in wholes]
    scoring = [
        Task(walk.name, score_live, (site.networks, whole, walk, ROLE_PEOPLE))
        for fold, whole in zip(folds, names, strict=True)
        for walk in fold.unseen
    ]
    metrics = site.run(scoring, "scoring")
    for fold, whole in zip(folds, wholes, strict=True):
        for walk in fold.unseen:
            keep(walk.name, whole)
    everybody = [part for group in distances for part in group]
    bundle = _whole(network(name, site.networks), everybody, Parts(walks), METHOD_PEOPLE)
    return _with(bundle, metrics=tuple(metrics))


def distances_of(networks: Path, name: str, walk: StoredWalk, span: Span = WHOLE, every: int = 1) -> FloatArray:
    """Return the (N, H) distances of the truth from a network's forecasts of a walk, in half widths of the interval.

    Args:
        networks: the folder of the networks.
        name: of one that was not trained on the span.
        walk: to be forecast.
        span: s from the recording's first sample.
        every: number of moments of which one is returned.
    """
    engine, loaded = InferenceEngine(network(name, networks)), walk.load()
    made = network_forecasts(engine, loaded.truth, loaded.table, loaded.recording, span)
    return in_half_widths(made.forecast, made.truth)[::every]


def score_live(networks: Path, name: str, walk: StoredWalk, role: str, span: Span = WHOLE) -> Metric:
    """Score what the node forecasts of a walk, as ``live_metric``."""
    engine, loaded = InferenceEngine(network(name, networks)), walk.load()
    return live_metric(engine, loaded.truth, loaded.table, loaded.recording, role, span)


def _folds(people: Sequence[Person]) -> list[_Fold]:
    real = [k for k, person in enumerate(people) if not person[0].simulated]
    folds = []
    for start in range(min(MOST_GROUPS, len(real))):
        group = real[start::MOST_GROUPS]
        others = [walk for k, person in enumerate(people) if k not in set(group) for walk in person]
        folds.append(_Fold(others, [walk for k in group for walk in people[k]]))
    return folds


def _distances(folds: Sequence[_Fold], names: Sequence[str], site: Site) -> list[list[tuple[str, FloatArray]]]:
    """Return for each fold the person and the distances of each unseen walk."""
    unseen = [(name, walk) for fold, name in zip(folds, names, strict=True) for walk in fold.unseen]
    every = max(1, math.ceil(sum(walk.pairs for _, walk in unseen) / MOST_MOMENTS))
    tasks = [Task(walk.name, distances_of, (site.networks, name, walk, WHOLE, every)) for name, walk in unseen]
    found = iter(site.run(tasks, "forecasting"))
    return [[(walk.person, next(found)) for walk in fold.unseen] for fold in folds]


def _measured_on_end(walks: Sequence[StoredWalk], settings: TrainSettings, site: Site) -> Bundle:
    """Return a model of one person, measured on the ends of the walks."""
    until = 1.0 - HELD_OUT
    spans = [(_held_out_from(walk), math.inf) for walk in walks]
    task = Task("one person", learned, (Job(walks, settings, until, site.networks), site.devices), reports=True)
    [name] = site.run([task], "training")
    ends = [Task(w.name, distances_of, (site.networks, name, w, span)) for w, span in zip(walks, spans, strict=True)]
    persons = [walk.person for walk in walks]
    distances = list(zip(persons, site.run(ends, "forecasting"), strict=True))
    bundle = _whole(network(name, site.networks), distances, Parts(walks, until), METHOD_END)
    whole = keep_by_content(bundle, site.networks)
    scoring = [
        Task(w.name, score_live, (site.networks, whole, w, ROLE_END, span))
        for w, span in zip(walks, spans, strict=True)
    ]
    return _with(bundle, metrics=tuple(site.run(scoring, "scoring")))


def _held_out_from(walk: StoredWalk) -> float:
    """Return the time of the first example that is not learned from, in s from the recording's first sample."""
    kept = split_in_time(walk.load().examples, walk.settings.spec, HELD_OUT)[1]
    return float(kept.stamp[0]) - walk.recording.start


def _whole(bundle: Bundle, distances: Sequence[tuple[str, FloatArray]], parts: Parts, method: str) -> Bundle:
    """Return the bundle with intervals and familiarity filled in.

    Args:
        bundle: from ``learn``.
        distances: person and distances of walks that the network was not trained on.
        parts: that the bundle learned from.
        method: how the intervals are computed, for people.
    """
    manifest = with_intervals(bundle.manifest, distances, INTERVAL_LEVEL, method)
    return dataclasses.replace(bundle, manifest=_familiar(manifest, parts))


def _with(bundle: Bundle, metrics: tuple[Metric, ...]) -> Bundle:
    return dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, metrics=metrics))


class _Spreads:
    """Person and ``spreads`` of each walk, read as often as they are asked for."""

    def __init__(self, walks: Sequence[AnyWalk]) -> None:
        self._walks = walks

    def __iter__(self) -> Iterator[tuple[str, FloatArray]]:
        return ((walk.person, walk.spread()) for walk in self._walks)


def _familiar(manifest: Manifest, parts: Parts) -> Manifest:
    """Return the manifest with what familiar walking is; unchanged for features other than ours."""
    if manifest.features.names != SEGMENT_FEATURES:
        return manifest
    scale, walks = manifest.scaler.scale, parts.walks
    if len({walk.person for walk in walks}) > 1:
        return dataclasses.replace(manifest, familiarity=familiarity_of(_Spreads(walks), [], scale))
    sides = [split_in_time(walk.load().examples, manifest.features, HELD_OUT) for walk in walks]
    learned = [(walk.person, moving_spreads(before.window)) for walk, (before, _) in zip(walks, sides, strict=True)]
    ends = [moving_spreads(after.window) for _, after in sides]
    return dataclasses.replace(manifest, familiarity=familiarity_of(learned, ends, scale))
