"""The content of ``bundle.json``: everything that a node needs to know about a model except the network itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ankle_imu_driver.document import DocumentError, build, shown
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.model.features import FeatureSpec

Numbers = tuple[float, ...]

FORMAT = "ankle_predictor_bundle"
VERSION = 1
MAX_HORIZON = 200
OPTIONAL = (
    "output.offset",
    "intervals.stretch",
    "familiarity",
    "memory",
    "training.persons",
    "training.licences",
)  # may be left out of bundle.json

KEY_FEATURES = ("shank_gyro_y", "foot_gyro_y", "shank_pitch", "foot_pitch", "ankle_angle", "ankle_rate")
"""The features that a key of the stride memory is made of."""

LONGEST_REASON = 300  # characters of a refusal

Code = Literal["NOT_FOUND", "CORRUPT", "INCOMPATIBLE", "REJECTED"]
CODES: tuple[Code, ...] = get_args(Code)


class BundleError(Refusal):
    """A model that cannot be used.

    Attributes:
        code: NOT_FOUND (the model directories do not have it), CORRUPT (damaged, or not a bundle), INCOMPATIBLE (an
            intact bundle that this software or this node cannot use), REJECTED (the network failed its test run, or
            the bundle cannot be written).
    """

    def __init__(self, code: Code, message: str) -> None:
        if len(message) > LONGEST_REASON:  # names and values in it come from the bundle; both ends say what matters
            message = f"{message[: LONGEST_REASON - 105]} ... {message[-100:]}"
        super().__init__(message)
        self.code: Code = code


@dataclass(frozen=True)
class Scaler:
    """Scales each feature for the network: (feature - offset) / scale.

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
    """The meaning of the network's output.

    Attributes:
        kind: ``delta``: rad to be added to the window's newest ankle angle; ``absolute``: the angle itself in rad.
        quantiles: the low, median and high quantile that the network outputs at each step; empty if it outputs one
            value.
        offset: whether the last output column is the difference, in rad, between the encoder's angle and the IMUs'
            angle at that step. The stride memory uses it to correct the IMUs' angle; it is not part of the forecast.
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
        """Number of output values for each step."""
        return (len(self.quantiles) or 1) + self.offset


@dataclass(frozen=True)
class Intervals:
    """Prediction intervals around the forecast.

    Attributes:
        level: share of the true angles that the interval should contain, such as 0.9.
        margin: (H,) rad, subtracted from the lower and added to the upper end. Both ends start at the outer quantiles,
            or at the forecast itself if the network has no quantiles.
        method: how the margins were computed, as text for people.
        stretch: (H,) factors on the distances of the outer quantiles from the forecast; empty for 1.
    """

    level: float
    margin: Numbers
    method: str
    stretch: Numbers = ()

    def __post_init__(self) -> None:
        if not 0.0 < self.level < 1.0:
            raise Refusal(f"intervals.level must be between 0 and 1, not {self.level}")
        if min(self.stretch, default=1.0) <= 0.0:
            raise Refusal("intervals.stretch must be above zero")


@dataclass(frozen=True)
class Canary:
    """One real input window, and the forecast that the network made from it when the bundle was written.

    Attributes:
        window: W rows of F unscaled features.
        angle: (H,) rad, the forecast.
    """

    window: tuple[Numbers, ...]
    angle: Numbers


@dataclass(frozen=True)
class Metric:
    """Accuracy of the model on one section of one log.

    Attributes:
        log: file name of the log without its suffix.
        start: time of the first window, in s from the log's first sample.
        end: time of the last target, in s from the log's first sample.
        role: relation of the section to the training, as text for people (held-out end, held-out subject, ...).
        windows: number of windows that were scored.
        mae_h20_deg: mean absolute error over steps 1 to 20.
        mae_h50_deg: mean absolute error over steps 1 to 50; None if the horizon is shorter.
        coverage_90: share of the true angles inside the interval.
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
    """Provenance of the weights.

    Attributes:
        digest: SHA-256 over everything that the training depends on: logs, settings, feature spec.
        logs: SHA-256 of each log, by its file name without suffix.
        settings: settings of the training, by name.
        software: version of each library, by name.
        persons: who walks in each log, by the log's name; empty in bundles from before there were catalogues.
        licences: under which each log may be used, where it is known, by the log's name.
    """

    digest: str
    logs: Mapping[str, str]
    settings: Mapping[str, float]
    software: Mapping[str, str]
    persons: Mapping[str, str] = field(default_factory=dict)
    licences: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MemorySettings:
    """Constants of the stride memory.

    Attributes:
        span: length of walking in s that is remembered.
        every: number of pairs from one stored moment to the next.
        sharpness: how fast similarity falls with the mean squared distance of two keys, in scaled units.
        prior: weight of "no correction", as a number of stored moments that match exactly.
    """

    span: float = 60.0
    every: int = 2
    sharpness: float = 50.0
    prior: float = 0.3

    def __post_init__(self) -> None:
        """Check the constants; the upper bounds keep the memory small enough to search at every sample.

        Raises:
            Refusal: a constant is out of bounds.
        """
        if not (0.0 < self.span <= 600.0 and 1 <= self.every <= 100):
            raise Refusal(f"memory.span must be up to 600 s and memory.every 1 to 100, not {self.span}, {self.every}")
        if not (0.0 < self.sharpness <= 1e6 and 0.0 < self.prior <= 1e6):
            raise Refusal(f"memory.sharpness and memory.prior must be above 0, not {self.sharpness}, {self.prior}")


@dataclass(frozen=True)
class Familiarity:
    """Statistics of the walks that a model was trained on; ``trust/familiarity.py`` explains the method.

    Attributes:
        middle: (F,) mean of the training windows' summaries.
        whitening: F rows of F numbers; (summary - middle) times this matrix has the Mahalanobis distance as its norm.
        distance_limit: largest Mahalanobis distance of a familiar window.
        vigour_limit: largest movement intensity of a familiar window: the geometric mean over its features.
        method: how the limits were computed, as text for people.
    """

    middle: Numbers
    whitening: tuple[Numbers, ...]
    distance_limit: float
    vigour_limit: float
    method: str

    def __post_init__(self) -> None:
        """Check sizes and limits.

        Raises:
            Refusal: a size does not fit, or a limit is not above zero.
        """
        size = len(self.middle)
        if len(self.whitening) != size or any(len(row) != size for row in self.whitening):
            raise Refusal(f"familiarity.whitening must be {size} rows of {size} numbers")
        if self.distance_limit <= 0.0 or self.vigour_limit <= 0.0:
            raise Refusal("familiarity.distance_limit and familiarity.vigour_limit must be above zero")


@dataclass(frozen=True)
class Manifest:
    """All of ``bundle.json`` except its format, version and digest.

    Attributes:
        name: name of the model when it was made.
        parent: name of the model that it was adapted from; None for base weights.
        side: the leg that it was trained on; data of the other leg are mirrored.
        features: columns, rate and length of the input window, and the filter constants behind them.
        horizon: H, number of forecast steps of one sample period each.
        scaler: scales the features.
        output: meaning of the network's output.
        intervals: prediction intervals around the forecast.
        canary: a window with a known forecast, for a test run before use.
        metrics: accuracy, measured when the model was made.
        training: provenance of the weights.
        files: SHA-256 of each other file of the bundle, by file name.
        familiarity: statistics of the training walks; None if the model was made without.
        memory: constants of the stride memory; None if forecasts are not corrected by one.
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
        """Check that the parts fit together.

        Raises:
            Refusal: a length does not match the features or the horizon, or the memory lacks a feature.
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
        """Return the document that ``from_json`` reads; optional parts that are None are left out."""
        data = dataclasses.asdict(self)
        for name in ("familiarity", "memory"):
            if data[name] is None:
                del data[name]
        for name in ("persons", "licences"):  # left out where empty, so that older software reads the bundle
            if not data["training"][name]:
                del data["training"][name]
        return {"format": FORMAT, "version": VERSION, **data}

    @classmethod
    def from_json(cls, data: Any) -> Manifest:
        """Check a parsed ``bundle.json`` without its digest.

        Raises:
            BundleError: CORRUPT, or INCOMPATIBLE where the version or the features differ; the message names the field.
        """
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise BundleError("CORRUPT", f"bundle.json lacks 'format': '{FORMAT}'")
        version = data.get("version")
        if type(version) is not int or version != VERSION:
            raise BundleError(
                "INCOMPATIBLE", f"bundle.json has version {shown(version)}, this software reads {VERSION}"
            )
        fields = {key: value for key, value in data.items() if key not in ("format", "version")}
        try:
            if "features" in fields:
                build(FeatureSpec, fields["features"], place="features")
        except DocumentError as error:
            message = f"bundle.json asks for features that this software does not compute: {error}"
            raise BundleError("INCOMPATIBLE", message) from error
        try:
            return build(cls, fields, OPTIONAL)
        except DocumentError as error:
            raise BundleError("CORRUPT", f"bundle.json is not right: {error}") from error
