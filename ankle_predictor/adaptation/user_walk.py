"""A user's seconds of walking: what is learned from them, and whether they are worth learning from."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.recordings.recording import EncoderSamples, Recording
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION, FilterConfig
from ankle_predictor.estimation.gait import LONGEST_STRIDE, RESTING_RATE, Swing, SwingDetector
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureSpec
from ankle_predictor.offline.feature_tables import feature_table
from ankle_predictor.offline.pipeline import FeatureTable, run_chain
from ankle_predictor.training.dataset import Examples, cut_examples
from ankle_predictor.trust.scoring import truth_at

Labels = Literal["imu", "encoder"]

SHANK_RATE = SEGMENT_FEATURES.index("shank_gyro_y")
FEWEST_STRIDES = 5
FEW_STRIDES = 10
WALKED_SHARE = 0.6  # of the seconds, below which the report says that much of them was no walking
KNOWN_SHARE = 0.9  # of the labels
SLIP_SPAN = 30.0  # s over which the encoder's distance from the IMU's angle is averaged
SLIP_STEP = 5.0  # s between two such spans
SLIP_OFFSET = math.radians(1.8)  # sound recorded encoders lie up to 1.5 off, the one that slips 2.4
SLIP_SECONDS = 20.0  # with fewer seconds the IMU's own error counts for more:
SLIP_OFFSET_SHORT = math.radians(3.0)  # up to 2.3 in 10 s
NARROW_GYRO = 250.0  # deg/s, the MPU6050's smallest range, below what models know; its accelerometer has none such
FEWEST_CLIPPED = 10  # samples at the end of a range that are no coincidence
BEYOND_SHARE = 0.001  # of the samples beyond what the model knows, worth a word


class UserWalkError(Refusal):
    """Seconds that nothing can be learned from; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class UserWalk:
    """Some seconds of a person's walk, and nothing from before or after them.

    Attributes:
        name: of the recording.
        start: s on the recording's clock from which ``Examples`` count.
        seconds: how many were asked for.
        inputs: what the model sees.
        leg: our own features of the same seconds; ``inputs`` itself for a model that sees them.
        encoder: None where there is none.
        warnings: a sentence each on what is odd about the sensors.
    """

    name: str
    start: float
    seconds: float
    inputs: FeatureTable
    leg: FeatureTable
    encoder: EncoderSamples | None
    warnings: tuple[str, ...] = ()


def walk_of(recording: Recording, spec: FeatureSpec, start: float, seconds: float) -> UserWalk:
    """Take seconds out of a recording that went through the live code from its first sample.

    Args:
        recording: with calibration.
        spec: of the model's features.
        start: s from the recording's first sample.
        seconds: how many.

    Raises:
        UserWalkError: the recording ends before.
        ChainError, FeatureError, MountingError, ReferenceFeatureError: the features cannot be made of the recording.
    """
    first, last = recording.start + start - TIME_RESOLUTION, recording.start + start + seconds + TIME_RESOLUTION
    if last > recording.end + 0.1:
        raise UserWalkError(
            f"{recording.name} has {recording.end - recording.start:.1f} s, so no {seconds:g} s from {start:g} s on"
        )
    inputs = _between(feature_table(recording, spec), first, last)
    leg = inputs if spec.names == SEGMENT_FEATURES else _between(run_chain(recording), first, last)
    encoder = recording.encoder
    if encoder is not None:
        inside = (encoder.stamp >= first) & (encoder.stamp <= last)
        encoder = EncoderSamples(encoder.stamp[inside], encoder.angle[inside])
    return UserWalk(
        recording.name, recording.start, seconds, inputs, leg, encoder, sensor_warnings(recording, spec.filter)
    )


def stride_stamps(leg: FeatureTable) -> FloatArray:
    """Return when the shank swung forward fastest, once a stride, in s."""
    detector = SwingDetector()
    samples = zip(leg.stamp.tolist(), leg.values[:, SHANK_RATE].tolist(), strict=True)
    return np.array([detector.fastest for stamp, rate in samples if detector.push(stamp, rate) is Swing.ENDS])


def examples_in(walk: UserWalk, spec: FeatureSpec, horizon: int, labels: Labels, stride: int) -> Examples:
    """Cut the walk into windows with what followed each, by the encoder or by the IMU's own later angle.

    Raises:
        UserWalkError: there is no such label.
        DatasetError: not one example.
    """
    return cut_examples(walk.inputs, (walk.name, walk.start), _truth(walk, labels), spec, horizon, stride)


def check_walk(walk: UserWalk, labels: Labels) -> tuple[str, ...]:
    """Say what is odd about the seconds, a sentence each.

    Raises:
        UserWalkError: they are no walking, too little of it, or lack their labels.
    """
    truth = _truth(walk, labels)
    strides = stride_stamps(walk.leg)
    rate = walk.leg.values[:, SHANK_RATE]
    if not len(strides) and (not len(rate) or float(np.sqrt(np.mean(rate**2))) < RESTING_RATE):
        raise UserWalkError(f"{walk.name} is standing still in the {walk.seconds:g} s given; give seconds of walking")
    if len(strides) < FEWEST_STRIDES:
        raise UserWalkError(
            f"only {len(strides)} strides in the {walk.seconds:g} s given, at least {FEWEST_STRIDES} are needed; "
            "give more seconds of walking"
        )
    found = list(walk.warnings)
    if len(strides) < FEW_STRIDES:
        found.append(f"only {len(strides)} strides were seen; {FEW_STRIDES} or more adapt better")
    between = np.diff(strides)
    walked = float(between[between < LONGEST_STRIDE].sum())
    if walked < WALKED_SHARE * walk.seconds:
        found.append(f"only {walked:.0f} of the {walk.seconds:g} s were steady walking")
    known = float(np.mean(np.isfinite(truth_at(truth.stamp, truth.angle, walk.leg.stamp))))
    if known == 0.0:
        raise UserWalkError(
            f"the encoder of {walk.name} says nothing in the {walk.seconds:g} s given; use --labels imu"
        )
    if known < KNOWN_SHARE:
        found.append(f"the encoder is missing in {1 - known:.0%} of the seconds; those were left out")
    if labels == "encoder":
        found += _slip(walk)
    return tuple(found)


def encoder_offset(walk: UserWalk) -> float:
    """Return how far the encoder lies above the IMU's angle, in the half minute in which it is furthest off.

    Both angles are zero at the stance of the calibration: a lasting difference is the encoder's brace that moved, or
    the IMU's error. rad, NaN without an encoder.
    """
    if walk.encoder is None:
        return math.nan
    stamp = walk.leg.stamp
    above = truth_at(walk.encoder.stamp, walk.encoder.angle, stamp) - walk.leg.angle
    starts = np.arange(stamp[0], max(stamp[-1] - SLIP_SPAN, stamp[0]) + SLIP_STEP / 2.0, SLIP_STEP)
    parts = [above[(stamp >= start) & (stamp <= start + SLIP_SPAN) & np.isfinite(above)] for start in starts]
    return max((float(part.mean()) for part in parts if len(part)), key=abs, default=math.nan)


def sensor_warnings(recording: Recording, known: FilterConfig) -> tuple[str, ...]:
    """Say where the sensors' ranges are not those that the model was trained on."""
    found = []
    for name, sensor in (("shank", recording.shank), ("foot", recording.foot)):
        for what, samples, limit, unit in (
            ("accelerometer", sensor.accel, known.accel_limit, "m/s^2"),
            ("gyro", np.degrees(sensor.gyro), math.degrees(known.gyro_limit), "deg/s"),
        ):
            beyond = float(np.mean(np.any(np.abs(samples) > 1.02 * limit, axis=1)))
            if beyond > BEYOND_SHARE:
                found.append(f"{beyond:.1%} of the {name} {what}'s samples are cut at the model's {limit:.0f} {unit}")
        fastest = np.degrees(np.abs(sensor.gyro))
        if fastest.max(initial=0.0) < 1.01 * NARROW_GYRO and np.sum(fastest > 0.99 * NARROW_GYRO) >= FEWEST_CLIPPED:
            found.append(f"the {name}'s gyro ends at {NARROW_GYRO:.0f} deg/s; set it to the next range")
    return tuple(found)


def _slip(walk: UserWalk) -> list[str]:
    offset = encoder_offset(walk)
    if not abs(offset) > (SLIP_OFFSET if walk.seconds >= SLIP_SECONDS else SLIP_OFFSET_SHORT):
        return []
    return [
        f"the encoder lies {math.degrees(offset):+.1f} deg off the IMU's angle since standing: its brace may slip, "
        "which is learned as if it were the ankle; fasten it, or use --labels imu"
    ]


def _truth(walk: UserWalk, labels: Labels) -> EncoderSamples:
    if labels == "imu":
        return EncoderSamples(walk.leg.stamp, walk.leg.angle)
    if walk.encoder is None:
        raise UserWalkError(f"{walk.name} has no encoder; use --labels imu")
    return walk.encoder


def _between(table: FeatureTable, first: float, last: float) -> FeatureTable:
    inside = (table.stamp >= first) & (table.stamp <= last)
    return dataclasses.replace(table, stamp=table.stamp[inside], values=table.values[inside], angle=table.angle[inside])
