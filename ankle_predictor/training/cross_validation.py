"""Measures how well a trained model does on people whom it never saw, by leaving walks out of training."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from functools import partial

from ankle_predictor.model.bundle import Bundle
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.features import SEGMENT_FEATURES
from ankle_predictor.model.manifest import Familiarity, Manifest
from ankle_predictor.training.dataset import Examples, split_in_time
from ankle_predictor.training.learning import INTERVAL_LEVEL, Progress, TrainSettings, Walk, learn
from ankle_predictor.training.measurement import ScoredForecasts, forecast_unseen, with_measurements
from ankle_predictor.trust.familiarity import fit_familiarity, moving

HELD_OUT = 0.15  # of the time of a single log, at its end
MOST_GROUPS = 5  # networks that are trained for cross-validation
METHOD_PEOPLE = (
    "split conformal per step: each log forecast by a network of the others, at the level that covers a left-out log "
    "as asked, on average"
)
METHOD_END = f"split conformal per step on the last {HELD_OUT:.0%} of the one log"
ROLE_PEOPLE = "forecast by a network of the other logs; the intervals were made on it"
ROLE_END = "end of the one training log, kept aside in time order; the intervals were made on it"


def measure(
    bundle: Bundle, walks: Sequence[Walk], settings: TrainSettings, on_progress: Progress = lambda _stage, _share: None
) -> Bundle:
    """Return a bundle that ``learn`` made from the walks, with intervals and errors filled in.

    A single walk is measured on its end, which ``learn`` must leave out then.
    """
    if len(walks) > 1:
        return with_intervals(bundle, walks, unseen_forecasts(walks, settings, on_progress))
    walk = walks[0]
    since = float(split_in_time(walk.examples, settings.spec, HELD_OUT)[1].stamp[0]) - walk.recording.start
    end = forecast_unseen(InferenceEngine(bundle), walk.recording, walk.table, (since, math.inf))
    return with_intervals(bundle, walks, [end])


def unseen_forecasts(
    walks: Sequence[Walk], settings: TrainSettings, on_progress: Progress = lambda _stage, _share: None
) -> list[ScoredForecasts]:
    """Forecast every walk by a network that was trained on other walks only, as a new wearer's walk will be.

    More than ``MOST_GROUPS`` walks are left out in groups, which limits the number of networks to train.
    """
    groups = [walks[k::MOST_GROUPS] for k in range(min(MOST_GROUPS, len(walks)))]
    parts: dict[str, ScoredForecasts] = {}
    for k, unseen in enumerate(groups):
        learned = [walk for walk in walks if not any(walk is other for other in unseen)]
        report = partial(_report_group, on_progress, k, len(groups))
        engine = InferenceEngine(learn(learned, settings, report))
        parts |= {walk.recording.name: forecast_unseen(engine, walk.recording, walk.table) for walk in unseen}
    return [parts[walk.recording.name] for walk in walks]


def with_intervals(bundle: Bundle, walks: Sequence[Walk], parts: Sequence[ScoredForecasts]) -> Bundle:
    """Return the bundle with intervals, errors and familiarity filled in.

    Args:
        bundle: from ``learn``.
        walks: that it learned from.
        parts: forecasts of these walks by networks that were not trained on them.
    """
    method, role = (METHOD_PEOPLE, ROLE_PEOPLE) if len(walks) > 1 else (METHOD_END, ROLE_END)
    manifest = with_measurements(bundle.manifest, parts, INTERVAL_LEVEL, method, role)
    manifest = dataclasses.replace(manifest, familiarity=_familiarity(manifest, walks))
    return dataclasses.replace(bundle, manifest=manifest)


def _familiarity(manifest: Manifest, walks: Sequence[Walk]) -> Familiarity | None:
    """Return what familiar walking is; None for features other than ours."""
    if manifest.features.names != SEGMENT_FEATURES:
        return None
    learned, held_out = [walk.examples for walk in walks], list[Examples]()
    if len(learned) == 1:
        learned, held_out = ([part] for part in split_in_time(learned[0], manifest.features, HELD_OUT))
    return fit_familiarity(
        [moving(part.window) for part in learned], [moving(part.window) for part in held_out], manifest.scaler.scale
    )


def _report_group(on_progress: Progress, group: int, groups: int, _stage: str, share: float) -> None:
    on_progress(f"cross-validation, {group + 1} of {groups}", share)
