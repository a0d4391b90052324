"""Measures how well a trained model does on people whom it never saw, by leaving people out of training."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from functools import partial

from ankle_predictor.model.bundle import Bundle
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.features import SEGMENT_FEATURES
from ankle_predictor.model.manifest import Familiarity, Manifest, Metric
from ankle_predictor.training.dataset import split_in_time
from ankle_predictor.training.learning import INTERVAL_LEVEL, Progress, TrainSettings, Walk, learn
from ankle_predictor.training.measurement import ScoredForecasts, live_metric, network_forecasts, with_intervals
from ankle_predictor.trust.familiarity import fit_familiarity, moving

HELD_OUT = 0.15  # of the time of a single log, at its end
MOST_GROUPS = 5  # networks that are trained for cross-validation
METHOD_PEOPLE = (
    "split conformal per step: each log forecast by a network of the others, at the level that covers a left-out log "
    "as asked, on average; live, the interval then follows what it held"
)
METHOD_END = f"split conformal per step on the last {HELD_OUT:.0%} of the one log"
ROLE_PEOPLE = "forecast live by a model of other people"
ROLE_END = "end of the one training log, kept aside in time order; the intervals were made on it"

Person = Sequence[Walk]
"""The walks of one person, or of one simulated one."""
Keep = Callable[[str, Bundle], None]
"""Called with a recording's name and a complete model that learned from other people only."""


def measure(
    bundle: Bundle,
    people: Sequence[Person],
    settings: TrainSettings,
    on_progress: Progress = lambda _stage, _share: None,
    keep: Keep = lambda _name, _bundle: None,
) -> Bundle:
    """Return a bundle that ``learn`` made from people's walks, with intervals, familiarity and errors filled in.

    More than ``MOST_GROUPS`` people are left out in groups, which limits the number of networks to train. A single walk
    is measured on its end, which ``learn`` must leave out then. Simulated people are learned from, never scored.

    Args:
        bundle: from ``learn``.
        people: that it learned from.
        settings: of the training.
        on_progress: called with the current stage and the share of it that is done.
        keep: takes the models that were made without a person.
    """
    real = [person for person in people if not person[0].simulated]
    walks = [walk for person in people for walk in person]
    if len(walks) == 1:
        return _measured_on_end(bundle, walks[0], settings)
    groups = [real[k::MOST_GROUPS] for k in range(min(MOST_GROUPS, len(real)))]
    folds, parts = [], []
    for k, group in enumerate(groups):
        unseen = [walk for person in group for walk in person]
        learned = [walk for walk in walks if not any(walk is other for other in unseen)]
        fold = learn(learned, settings, partial(_report_group, on_progress, k, len(groups)))
        engine = InferenceEngine(fold)
        folds.append((fold, learned, unseen))
        parts.append([network_forecasts(engine, walk.truth, walk.table, walk.recording) for walk in unseen])
    metrics: list[Metric] = []
    for k, (fold, learned, unseen) in enumerate(folds):
        on_progress("scoring", k / len(folds))
        others = [part for j, group in enumerate(parts) for part in group if j != k] or parts[k]
        whole = _whole(fold, others, learned, METHOD_PEOPLE)
        for walk in unseen:
            metrics.append(live_metric(InferenceEngine(whole), walk.truth, walk.table, walk.recording, ROLE_PEOPLE))
            keep(walk.recording.name, whole)
    bundle = _whole(bundle, [part for group in parts for part in group], walks, METHOD_PEOPLE)
    return _with(bundle, metrics=tuple(metrics))


def _measured_on_end(bundle: Bundle, walk: Walk, settings: TrainSettings) -> Bundle:
    since = float(split_in_time(walk.examples, settings.spec, HELD_OUT)[1].stamp[0]) - walk.recording.start
    span = (since, math.inf)
    end = network_forecasts(InferenceEngine(bundle), walk.truth, walk.table, walk.recording, span)
    bundle = _whole(bundle, [end], [walk], METHOD_END)
    metric = live_metric(InferenceEngine(bundle), walk.truth, walk.table, walk.recording, ROLE_END, span)
    return _with(bundle, metrics=(metric,))


def _whole(bundle: Bundle, parts: Sequence[ScoredForecasts], walks: Sequence[Walk], method: str) -> Bundle:
    """Return the bundle with intervals and familiarity filled in.

    Args:
        bundle: from ``learn``.
        parts: forecasts by networks that were not trained on these walks.
        walks: that the bundle learned from.
        method: how the intervals are computed, for people.
    """
    manifest = with_intervals(bundle.manifest, parts, INTERVAL_LEVEL, method)
    return dataclasses.replace(
        bundle, manifest=dataclasses.replace(manifest, familiarity=_familiarity(manifest, walks))
    )


def _with(bundle: Bundle, metrics: tuple[Metric, ...]) -> Bundle:
    return dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, metrics=metrics))


def _familiarity(manifest: Manifest, walks: Sequence[Walk]) -> Familiarity | None:
    """Return what familiar walking is; None for features other than ours."""
    if manifest.features.names != SEGMENT_FEATURES:
        return None
    examples = [walk.examples for walk in walks]
    if len(examples) == 1:
        start, end = ([part] for part in split_in_time(examples[0], manifest.features, HELD_OUT))
    else:
        start, end = examples, []
    windows = [[w for w in (moving(part.window) for part in group) if len(w)] for group in (start, end)]
    return fit_familiarity(windows[0], windows[1], manifest.scaler.scale)


def _report_group(on_progress: Progress, group: int, groups: int, _stage: str, share: float) -> None:
    on_progress(f"cross-validation, {group + 1} of {groups}", share)
