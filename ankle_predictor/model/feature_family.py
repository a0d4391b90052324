"""The kinds of inputs that a model may have, each with how it is made from a recording.

Everything that turns a recording into what a network sees asks here; nothing else knows one family from another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.recordings.recording import Recording
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureError, FeatureSpec
from ankle_predictor.offline import reference_features
from ankle_predictor.offline.pipeline import FeatureTable, run_chain


@dataclass(frozen=True)
class FeatureFamily:
    """One kind of inputs.

    Attributes:
        label: what commands call it.
        spec: its usual spec; every spec with the same names is of this family.
        table: a whole recording row by row, each row from what came before it.
        not_live: why the predictor node cannot make these inputs; empty if it can.
    """

    label: str
    spec: FeatureSpec
    table: Callable[[Recording, FeatureSpec], FeatureTable]
    not_live: str = ""


def _reference_table(recording: Recording, spec: FeatureSpec) -> FeatureTable:
    values = reference_features.recording_features(recording)
    columns = [reference_features.NAMES.index(name) for name in spec.names]
    # No ankle angle is among these inputs, so there is none to start a forecast from.
    unknown = np.full(len(values), np.nan)
    return FeatureTable(recording.foot.stamp, values[:, columns], unknown, reference_features.low_pass)


def _reference(label: str, names: tuple[str, ...]) -> FeatureFamily:
    why = "its inputs are the sensors' raw values less their standing gravity, which imu/data does not carry"
    return FeatureFamily(label, FeatureSpec(names=names, sampling="rows"), _reference_table, why)


FAMILIES = (
    FeatureFamily("segment", FeatureSpec(names=SEGMENT_FEATURES), run_chain),
    _reference("reference16", reference_features.NAMES),
    _reference("reference12", reference_features.RAW_NAMES),
)


def family_of(spec: FeatureSpec) -> FeatureFamily:
    """Return the family that makes a spec's inputs.

    Raises:
        FeatureError: none does.
    """
    for family in FAMILIES:
        if family.spec.names == spec.names:
            return family
    known = " or ".join(_shown(f.spec.names) for f in FAMILIES)
    raise FeatureError(f"other features ({_shown(spec.names)}) than are made here ({known})")


def family_called(label: str) -> FeatureFamily:
    """Return a family by its label.

    Raises:
        FeatureError: there is none.
    """
    for family in FAMILIES:
        if family.label == label:
            return family
    raise FeatureError(f"there are no features {label!r}; choose one of {', '.join(f.label for f in FAMILIES)}")


def feature_table(recording: Recording, spec: FeatureSpec) -> FeatureTable:
    """Run a recording through what makes a spec's inputs; ``chain.windows_of`` cuts the windows from the result.

    Raises:
        ChainError, FeatureError, MountingError, ReferenceFeatureError: the inputs cannot be made of this recording.
    """
    return family_of(spec).table(recording, spec)


def _shown(names: tuple[str, ...]) -> str:
    return f"{len(names)} from {names[0]} to {names[-1]}"
