"""What ``bundle.json`` says of a model: everything that the node needs to know beside the network itself."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.model import strict_json
from ankle_predictor.model.features import FeatureSpec

Numbers = tuple[float, ...]

FORMAT = "ankle_predictor_bundle"
VERSION = 1
MAX_HORIZON = 200

KEY_FEATURES = ("shank_gyro_y", "foot_gyro_y", "shank_pitch", "foot_pitch", "ankle_angle", "ankle_rate")

Code = Literal["NOT_FOUND", "CORRUPT", "INCOMPATIBLE", "REJECTED"]
CODES: tuple[Code, ...] = get_args(Code)


class BundleError(Refusal):
    """A model that is not taken.

    Attributes:
        code: NOT_FOUND (no such bundle in the model directories), CORRUPT (damaged, or not a bundle), INCOMPATIBLE (a
            sound bundle that this software or this node cannot use), REJECTED (the network itself failed its trial).
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code: Code = code


@dataclass(frozen=True)
class Scaler:
    """What the network sees: (feature - offset) / scale, for each feature.

    Attributes:
        offset: (F,) in the features' units.
        scale: (F,) in the features' units, above zero.
    """

    offset: Numbers
    scale: Numbers

    def __post_init__(self) -> None:
        if len(self.offset) != len(self.scale) or min(self.scale, default=0.0) <= 0.0:
            raise Refusal("scaler needs as many scales as offsets, all above zero")


@dataclass(frozen=True)
class Output:
    """What the network's numbers mean.

    Attributes:
        kind: ``delta``: rad to be added to the window's newest ankle angle; ``absolute``: the angle itself in rad.
        quantiles: of which the network gives a value each, lowest, median and highest; empty when it gives one value.
        offset: whether the network's last column is by how much, in rad, the joint will lie above the IMUs' angle; it
            tells a memory what the encoder would say of that angle, and is no part of the forecast.
    """

    kind: Literal["delta", "absolute"]
    quantiles: Numbers
    offset: bool = False

    def __post_init__(self) -> None:
        q = self.quantiles
        if q and not (len(q) == 3 and 0.0 < q[0] < q[1] < q[2] < 1.0):
            raise Refusal(f"output.quantiles must be empty or three rising numbers between 0 and 1, not {list(q)}")

    @property
    def columns(self) -> int:
        """How many numbers the network gives for each step."""
        return (len(self.quantiles) or 1) + self.offset


@dataclass(frozen=True)
class Intervals:
    """How far to either side the truth may lie.

    Attributes:
        level: share of the truths that the interval is to hold.
        margin: (H,) rad, taken off the lower and added to the upper end (both are the forecast itself, or the outer
            quantiles where the network gives them).
        method: how the margins were found, for people.
        stretch: (H,) by which the outer quantiles' distances from the forecast are multiplied; empty for one.
    """

    level: float
    margin: Numbers
    method: str
    stretch: Numbers = ()

    def __post_init__(self) -> None:
        if not 0.0 < self.level < 1.0:
            raise Refusal(f"intervals.level must lie between 0 and 1, not {self.level}")
        if min(self.stretch, default=1.0) <= 0.0:
            raise Refusal("intervals.stretch must be above zero")


@dataclass(frozen=True)
class Canary:
    """One real window and what the network made of it when the bundle was written.

    Attributes:
        window: W rows of F unscaled features.
        angle: (H,) rad.
    """

    window: tuple[Numbers, ...]
    angle: Numbers


@dataclass(frozen=True)
class Metric:
    """How well the model did on one span of one log.

    Attributes:
        log: the log's stem.
        start: s from the log's first sample, of the first window.
        end: s from the log's first sample, of the last target.
        role: what the span was to this model, for people (held-out end, held-out subject, ...).
        windows: how many were scored.
        mae_h20_deg: mean absolute error over steps 1 to 20.
        mae_h50_deg: mean absolute error over steps 1 to 50; None where the horizon is shorter.
        coverage_90: share of the truths inside the interval.
    """

    log: str
    start: float
    end: float
    role: str
    windows: int
    mae_h20_deg: float
    mae_h50_deg: float | None
    coverage_90: float


@dataclass(frozen=True)
class Training:
    """Where the weights come from.

    Attributes:
        digest: SHA-256 over everything that the training depends on: logs, settings, feature spec.
        logs: SHA-256 of each log by its stem.
        settings: what ``train`` was told, by name.
        software: version of each library, by name.
    """

    digest: str
    logs: Mapping[str, str]
    settings: Mapping[str, float]
    software: Mapping[str, str]


@dataclass(frozen=True)
class MemorySettings:
    """The constants of a memory, part of ``bundle.json``.

    Attributes:
        span: s of walking that are remembered.
        every: every how many pairs a moment is kept.
        sharpness: how fast likeness falls with the mean squared distance of two keys, in the scaler's units.
        prior: how many moments exactly alike "no correction" counts for.
    """

    span: float = 60.0
    every: int = 2
    sharpness: float = 50.0
    prior: float = 0.3

    def __post_init__(self) -> None:
        """Refuse constants that mean nothing, or a memory too large to search at every sample.

        Raises:
            Refusal: one is out of bounds.
        """
        if not (0.0 < self.span <= 600.0 and 1 <= self.every <= 100):
            raise Refusal(f"memory.span must be up to 600 s and memory.every 1 to 100, not {self.span}, {self.every}")
        if not (0.0 < self.sharpness <= 1e6 and 0.0 < self.prior <= 1e6):
            raise Refusal(f"memory.sharpness and memory.prior must be above 0, not {self.sharpness}, {self.prior}")


@dataclass(frozen=True)
class Familiarity:
    """What ``bundle.json`` says of the walks that a model was trained on.

    Attributes:
        middle: (F,) mean of the training windows' summaries.
        whitening: F rows of F; turns a summary less the middle into one whose length is the distance.
        distance_limit: beyond it the features move in other proportions.
        vigour_limit: beyond this geometric mean of the summary everything moves more than in training.
        method: how the limits were found, for people.
    """

    middle: Numbers
    whitening: tuple[Numbers, ...]
    distance_limit: float
    vigour_limit: float
    method: str

    def __post_init__(self) -> None:
        """Refuse what measures nothing.

        Raises:
            Refusal: a size does not fit, or a limit is not above zero.
        """
        size = len(self.middle)
        if len(self.whitening) != size or any(len(row) != size for row in self.whitening):
            raise Refusal(f"familiarity.whitening must be {size} rows of {size} numbers")
        if self.distance_limit <= 0.0 or self.vigour_limit <= 0.0:
            raise Refusal("the limits of familiarity must be above zero")


@dataclass(frozen=True)
class Manifest:
    """All of ``bundle.json`` but its format, version and digest.

    Attributes:
        name: what the model was called when it was made.
        parent: the model that it was adapted from, None for base weights.
        side: the leg that it was trained on; the other one is mirrored before the features.
        features: rate, window and filter constants included.
        horizon: H, steps of one sample period each.
        scaler: of the features.
        output: meaning of the network's numbers.
        intervals: about the forecast.
        canary: for the trial before use.
        metrics: measured when it was made.
        training: where it comes from.
        files: SHA-256 of each other file by name.
        familiarity: what the training walks look like; None for a model that was made without.
        memory: how forecasts are corrected by what the wearer did before; None for the network's forecasts as they are.
    """

    name: str
    parent: str | None
    side: Literal["left", "right"]
    features: FeatureSpec
    horizon: int
    scaler: Scaler
    output: Output
    intervals: Intervals
    canary: Canary
    metrics: tuple[Metric, ...]
    training: Training
    files: Mapping[str, str]
    familiarity: Familiarity | None = None
    memory: MemorySettings | None = None

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together.

        Raises:
            Refusal: a length differs from what the feature spec and the horizon ask for.
        """
        if not 1 <= self.horizon <= MAX_HORIZON:
            raise Refusal(f"horizon must be 1 to {MAX_HORIZON} steps, not {self.horizon}")
        features = len(self.features.names)
        wanted = {
            "scaler.offset": (len(self.scaler.offset), features),
            "intervals.margin": (len(self.intervals.margin), self.horizon),
            "canary.angle": (len(self.canary.angle), self.horizon),
            "canary.window": (len(self.canary.window), self.features.window),
        }
        if self.familiarity is not None:
            wanted["familiarity.middle"] = (len(self.familiarity.middle), features)
        if self.intervals.stretch:
            wanted["intervals.stretch"] = (len(self.intervals.stretch), self.horizon)
        wanted |= {f"canary.window[{i}]": (len(row), features) for i, row in enumerate(self.canary.window)}
        for place, (length, right) in wanted.items():
            if length != right:
                raise Refusal(f"{place} has {length} entries instead of {right}")
        missing = [] if self.memory is None else [name for name in KEY_FEATURES if name not in self.features.names]
        if missing:
            raise Refusal(f"memory needs the features {', '.join(missing)}")

    def to_json(self) -> dict[str, Any]:
        """Return what ``from_json`` reads."""
        data = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        for key, value in data.items():
            if key == "features":
                data[key] = self.features.to_json()
            elif dataclasses.is_dataclass(value) and not isinstance(value, type):
                data[key] = dataclasses.asdict(value)
        for name in ("familiarity", "memory"):
            if data[name] is None:
                del data[name]
        data["metrics"] = [dataclasses.asdict(m) for m in self.metrics]
        return {"format": FORMAT, "version": VERSION, **data}

    @classmethod
    def from_json(cls, data: Any) -> Manifest:
        """Check a parsed ``bundle.json`` (without its digest) field by field.

        Raises:
            BundleError: CORRUPT or INCOMPATIBLE; the message names the field.
        """
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise BundleError("CORRUPT", f"bundle.json lacks 'format': '{FORMAT}'")
        if data.get("version") != VERSION:
            raise BundleError(
                "INCOMPATIBLE", f"bundle.json has version {data.get('version')!r}, this software reads {VERSION}"
            )
        fields = {key: value for key, value in data.items() if key not in ("format", "version")}
        if "features" in fields:
            fields["features"] = _feature_spec(fields["features"])
        try:
            return strict_json.build(cls, fields)
        except Refusal as error:
            raise BundleError("CORRUPT", f"bundle.json is not right: {error}") from error


def _feature_spec(data: Any) -> FeatureSpec:
    try:
        spec = FeatureSpec.from_json(data)
    except Refusal as error:
        raise BundleError("INCOMPATIBLE", f"bundle.json asks for features that are not made here: {error}") from error
    if json.dumps(spec.to_json(), sort_keys=True) != json.dumps(data, sort_keys=True):  # as JSON, true is not 1
        raise BundleError("CORRUPT", "bundle.json is not right: features has values of a wrong type, or unknown ones")
    return spec
