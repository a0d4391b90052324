"""The kinds of input features that a model may use; ``offline.feature_tables`` computes each from a recording."""

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
    """One kind of input features.

    Attributes:
        label: its name on the command line.
        spec: its default spec; every spec with the same feature names belongs to this family.
        not_live: why the predictor node cannot compute these features; empty if it can.
    """

    label: str
    spec: FeatureSpec
    not_live: str = ""


def _reference(label: str, names: tuple[str, ...]) -> FeatureFamily:
    why = "its inputs are raw sensor values minus their gravity at standing, which imu/data does not have"
    return FeatureFamily(label, FeatureSpec(names=names, sampling="rows"), why)


FAMILIES = (
    FeatureFamily("segment", FeatureSpec(names=SEGMENT_FEATURES)),
    _reference("reference16", REFERENCE_FEATURES),
    _reference("reference12", REFERENCE_RAW_FEATURES),
)


def family_of(spec: FeatureSpec) -> FeatureFamily:
    """Return the family that a spec belongs to.

    Raises:
        FeatureError: it belongs to none.
    """
    for family in FAMILIES:
        if family.spec.names == spec.names:
            return family
    known = " or ".join(_summary(f.spec.names) for f in FAMILIES)
    raise FeatureError(f"other features ({_summary(spec.names)}) than this software computes ({known})")


def family_called(label: str) -> FeatureFamily:
    """Return the family with a label.

    Raises:
        FeatureError: no family has this label.
    """
    for family in FAMILIES:
        if family.label == label:
            return family
    raise FeatureError(f"there are no features {label!r}; choose one of {', '.join(f.label for f in FAMILIES)}")


def _summary(names: tuple[str, ...]) -> str:
    return f"{len(names)} from {names[0]} to {names[-1]}"
