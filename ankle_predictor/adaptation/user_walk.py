"""A user's seconds of walking, and the checks that they are good enough to learn from."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.recordings.recording import EncoderSamples, Recording
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.encoder_fusion import EncoderRole
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION, FilterConfig
from ankle_predictor.estimation.gait import LONGEST_STRIDE, RESTING_RATE, Swing, SwingDetector
from ankle_predictor.estimation.leg_estimator import LegConfig
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureSpec
from ankle_predictor.offline.feature_tables import feature_table
from ankle_predictor.offline.pipeline import FeatureTable, run_chain
from ankle_predictor.training.dataset import Examples, cut_examples
from ankle_predictor.trust.scoring import truth_at

Labels = Literal["imu", "encoder"]

SHANK_RATE = SEGMENT_FEATURES.index("shank_gyro_y")
FEWEST_STRIDES = 5  # fewer are refused
FEW_STRIDES = 10  # fewer give a warning
WALKED_SHARE = 0.6  # of the seconds; less steady walking gives a warning
KNOWN_SHARE = 0.9  # of the labels; fewer give a warning
SLIP_SPAN = 30.0  # s over which the difference of encoder and IMU angle is averaged
SLIP_STEP = 5.0  # s between the starts of two such spans
SLIP_OFFSET = math.radians(1.8)  # recorded encoders that sit well are up to 1.5 deg off, the one that slips 2.4 deg
SLIP_SECONDS = 20.0  # in a shorter walk the IMU's own error has more weight:
SLIP_OFFSET_SHORT = math.radians(3.0)  # it is up to 2.3 deg in 10 s
NARROW_GYRO = 250.0  # deg/s, the MPU6050's smallest range, below that of the models' training data
FEWEST_CLIPPED = 10  # samples at the end of a range; fewer may be a coincidence
BEYOND_SHARE = 0.001  # of the samples beyond the range of the training data; more give a warning


class UserWalkError(Refusal):
    """Seconds of walking that cannot be learned from; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class UserWalk:
    """Some seconds of a person's walk, without anything from before or after them.

    Attributes:
        name: of the recording.
        start: s, the recording's first sample, from which the stamps of reports count.
        seconds: length as asked for.
        inputs: the features that the model is given.
        leg: features of the segment family for the same seconds; the same table as ``inputs`` for a model of it.
        encoder: None if the recording has no encoder.
        warnings: about the sensors, one sentence each.
    """

    name: str
    start: float
    seconds: float
    inputs: FeatureTable
    leg: FeatureTable
    encoder: EncoderSamples | None
    warnings: tuple[str, ...] = ()


def walk_of(  # noqa: PLR0917 - each is another thing
    recording: Recording,
    spec: FeatureSpec,
    start: float,
    seconds: float,
    encoder_role: EncoderRole = "score",
    mirrored: bool = False,
    worn: LegConfig | None = None,
) -> UserWalk:
    """Run a whole recording through the live code, and keep some seconds of the result.

    Args:
        recording: with calibration.
        spec: the model's features.
        start: s from the recording's first sample.
        seconds: how many to keep.
        encoder_role: "input" if the model will have the encoder as an input.
        mirrored: whether the recording is of the other leg than the model's.
        worn: how the sensors are mounted; None for the nodes' defaults.

    Raises:
        UserWalkError: the recording is too short.
        ChainError, FeatureError, MountingError, ReferenceFeatureError: the features cannot be made from the recording.
    """
    first, last = recording.start + start - TIME_RESOLUTION, recording.start + start + seconds + TIME_RESOLUTION
    if last > recording.end + 0.1:
        raise UserWalkError(
            f"{recording.name} is {recording.end - recording.start:.1f} s long, so it has no {seconds:g} s from "
            f"{start:g} s on; give other seconds"
        )
    inputs = _between(feature_table(recording, spec, encoder_role, mirrored, worn), first, last)
    leg = inputs if spec.names == SEGMENT_FEATURES else _between(run_chain(recording, leg=worn), first, last)
    encoder = recording.encoder
    if encoder is not None:
        inside = (encoder.stamp >= first) & (encoder.stamp <= last)
        encoder = EncoderSamples(encoder.stamp[inside], encoder.angle[inside])
    return UserWalk(
        recording.name, recording.start, seconds, inputs, leg, encoder, sensor_warnings(recording, spec.filter)
    )


def stride_stamps(leg: FeatureTable) -> FloatArray:
    """Return (S,) stamps in s at which the shank swings forward fastest, one for each stride."""
    detector = SwingDetector()
    samples = zip(leg.stamp.tolist(), leg.values[:, SHANK_RATE].tolist(), strict=True)
    return np.array([detector.fastest for stamp, rate in samples if detector.push(stamp, rate) is Swing.ENDS])


def examples_in(walk: UserWalk, spec: FeatureSpec, horizon: int, labels: Labels, stride: int) -> Examples:
    """Cut the walk into windows, each with the angle that followed.

    Args:
        walk: the person's seconds.
        spec: the model's features.
        horizon: steps to forecast.
        labels: "encoder" for the encoder's angle, "imu" for the later angle of the IMUs themselves.
        stride: pairs between two windows.

    Raises:
        UserWalkError: the walk has no encoder.
        DatasetError: the walk gives no example.
    """
    return cut_examples(walk.inputs, (walk.name, walk.start), _truth(walk, labels), spec, horizon, stride)


def check_walk(walk: UserWalk, labels: Labels) -> tuple[str, ...]:
    """Return warnings about the walk, one sentence each.

    Raises:
        UserWalkError: the person stands, takes too few strides, or the labels are missing.
    """
    truth = _truth(walk, labels)
    warnings = [*walk.warnings, *_stride_warnings(walk), *_label_warnings(walk, truth)]
    if labels == "encoder":
        warnings += _slip_warnings(walk)
    return tuple(warnings)


def encoder_offset(walk: UserWalk) -> float:
    """Return the encoder's angle less the IMU's, averaged over the half minute in which they differ most.

    Both angles are zero in the standing pose of the calibration. A lasting difference means that the encoder's brace
    has moved, or it is the IMU's error.

    Returns:
        rad; NaN without an encoder.
    """
    if walk.encoder is None:
        return math.nan
    stamp = walk.leg.stamp
    above = truth_at(walk.encoder.stamp, walk.encoder.angle, stamp) - walk.leg.angle
    starts = np.arange(stamp[0], max(stamp[-1] - SLIP_SPAN, stamp[0]) + SLIP_STEP / 2.0, SLIP_STEP)
    parts = [above[(stamp >= start) & (stamp <= start + SLIP_SPAN) & np.isfinite(above)] for start in starts]
    return max((float(part.mean()) for part in parts if len(part)), key=abs, default=math.nan)


def sensor_warnings(recording: Recording, known: FilterConfig) -> tuple[str, ...]:
    """Return a warning for each sensor whose range is not that of the model's training data."""
    warnings = []
    for name, sensor in (("shank", recording.shank), ("foot", recording.foot)):
        for kind, samples, limit, unit in (
            ("accelerometer", sensor.accel, known.accel_limit, "m/s^2"),
            ("gyro", np.degrees(sensor.gyro), math.degrees(known.gyro_limit), "deg/s"),
        ):
            beyond = float(np.mean(np.any(np.abs(samples) > 1.02 * limit, axis=1)))
            if beyond > BEYOND_SHARE:
                warnings.append(
                    f"{beyond:.1%} of the {name} {kind}'s samples are cut at the model's {limit:.0f} {unit}"
                )
        fastest = np.degrees(np.abs(sensor.gyro))
        if fastest.max(initial=0.0) < 1.01 * NARROW_GYRO and np.sum(fastest > 0.99 * NARROW_GYRO) >= FEWEST_CLIPPED:
            warnings.append(f"the {name}'s gyro ends at {NARROW_GYRO:.0f} deg/s; set it to the next range")
    return tuple(warnings)


def _stride_warnings(walk: UserWalk) -> list[str]:
    """Return warnings about the strides.

    Raises:
        UserWalkError: the person stands, or takes too few strides.
    """
    strides, rate = stride_stamps(walk.leg), walk.leg.values[:, SHANK_RATE]
    if not len(strides) and (not len(rate) or float(np.sqrt(np.mean(rate**2))) < RESTING_RATE):
        raise UserWalkError(f"{walk.name} is standing still in the {walk.seconds:g} s given; give seconds of walking")
    if len(strides) < FEWEST_STRIDES:
        raise UserWalkError(
            f"only {len(strides)} strides in the {walk.seconds:g} s given, at least {FEWEST_STRIDES} are needed; "
            "give more seconds of walking"
        )
    warnings = []
    if len(strides) < FEW_STRIDES:
        warnings.append(f"only {len(strides)} strides were seen; {FEW_STRIDES} or more adapt better")
    between = np.diff(strides)
    walked = float(between[between < LONGEST_STRIDE].sum())
    if walked < WALKED_SHARE * walk.seconds:
        warnings.append(f"only {walked:.0f} of the {walk.seconds:g} s were steady walking")
    return warnings


def _label_warnings(walk: UserWalk, truth: EncoderSamples) -> list[str]:
    """Return a warning if many labels are missing.

    Raises:
        UserWalkError: all of them are missing.
    """
    known = float(np.mean(np.isfinite(truth_at(truth.stamp, truth.angle, walk.leg.stamp))))
    if known == 0.0:
        raise UserWalkError(
            f"the encoder of {walk.name} gives no angle in the {walk.seconds:g} s given; use --labels imu"
        )
    if known < KNOWN_SHARE:
        return [f"the encoder is missing in {1 - known:.0%} of the seconds; those were left out"]
    return []


def _slip_warnings(walk: UserWalk) -> list[str]:
    offset = encoder_offset(walk)
    if not abs(offset) > (SLIP_OFFSET if walk.seconds >= SLIP_SECONDS else SLIP_OFFSET_SHORT):
        return []
    return [
        f"the encoder is {math.degrees(offset):+.1f} deg off the IMU's angle since standing: its brace may slip, and "
        "the model learns that as ankle motion; fasten it, or use --labels imu"
    ]


def _truth(walk: UserWalk, labels: Labels) -> EncoderSamples:
    """Return the angle that the labels are taken from."""
    if labels == "imu":
        return EncoderSamples(walk.leg.stamp, walk.leg.angle)
    if walk.encoder is None:
        raise UserWalkError(f"{walk.name} has no encoder; use --labels imu")
    return walk.encoder


def _between(table: FeatureTable, first: float, last: float) -> FeatureTable:
    inside = (table.stamp >= first) & (table.stamp <= last)
    source = table.source[inside] if len(table.source) else table.source
    return dataclasses.replace(
        table, stamp=table.stamp[inside], values=table.values[inside], angle=table.angle[inside], source=source
    )
