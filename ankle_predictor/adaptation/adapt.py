"""Adapts a bundle to a person: takes a walk, and returns the user's bundle and a report. It writes no files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ankle_predictor.adaptation.acceptance import judge
from ankle_predictor.adaptation.preparation import prepare
from ankle_predictor.adaptation.report import Report
from ankle_predictor.adaptation.user_bundle import build_bundle
from ankle_predictor.adaptation.user_walk import Labels, UserWalk
from ankle_predictor.model.bundle import Bundle


@dataclass(frozen=True, eq=False)
class Adaptation:
    """The result of an adaptation.

    Attributes:
        report: for people.
        bundle: the user's, checked and ready to be written; None if the base stays in use.
    """

    report: Report
    bundle: Bundle | None


def adapt(
    base: Bundle,
    walk: UserWalk,
    labels: Labels,
    user: str,
    on_progress: Callable[[str, float], None] = lambda _stage, _share: None,
) -> Adaptation:
    """Adapt a model to a person.

    Args:
        base: a checked bundle.
        walk: the person's seconds.
        labels: what the forecasts are compared with.
        user: the new model's name.
        on_progress: called with the current stage and the share that is done. An exception from it stops the work;
            nothing is left behind then.

    Raises:
        UserWalkError: the walk is not good enough to learn from.
        DatasetError: it is too short, or has too many gaps.
        AdaptationError, NetworkError: the model cannot be adapted.
        BundleError: the base or the new bundle does not run.
    """
    on_progress("looking at the walk", 0.1)
    prepared = prepare(base, walk, labels)
    on_progress("adapting", 0.3)
    judgement = judge(prepared, user)
    if not judgement.report.adapted:
        return Adaptation(judgement.report, None)
    bundle = build_bundle(prepared, judgement, on_progress)
    on_progress("done", 1.0)
    return Adaptation(judgement.report, bundle)
