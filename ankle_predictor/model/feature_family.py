"""The kinds of inputs that a model may have; ``offline.feature_tables`` makes each of a recording."""

from __future__ import annotations

from dataclasses import dataclass

from ankle_predictor.model.features import (
    REFERENCE_FEATURES,
    REFERENCE_RAW_FEATURES,
    SEGMENT_FEATURES,
    FeatureError,
    FeatureSpec,
)


@dataclass(frozen=True)
class FeatureFamily:
    """One kind of inputs.

    Attributes:
        label: what commands call it.
        spec: its usual spec; every spec with the same names is of this family.
        not_live: why the predictor node cannot make these inputs; empty if it can.
    """

    label: str
    spec: FeatureSpec
    not_live: str = ""


def _reference(label: str, names: tuple[str, ...]) -> FeatureFamily:
    why = "its inputs are the sensors' raw values less their standing gravity, which imu/data does not carry"
    return FeatureFamily(label, FeatureSpec(names=names, sampling="rows"), why)


FAMILIES = (
    FeatureFamily("segment", FeatureSpec(names=SEGMENT_FEATURES)),
    _reference("reference16", REFERENCE_FEATURES),
    _reference("reference12", REFERENCE_RAW_FEATURES),
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


def _shown(names: tuple[str, ...]) -> str:
    return f"{len(names)} from {names[0]} to {names[-1]}"
