"""Recordings of a user: somebody who walks faster than the base's training data, and the same person standing."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording
from rigs.walks import swinging

SECONDS = 40.0
FASTER = 1.3


def walking(seconds: float = SECONDS, seed: int = 5) -> Recording:
    """Walk faster than ``swinging``, with an encoder that is 1 deg off."""
    slow = swinging(FASTER * seconds, seed=seed, jitter=0.002)

    def faster(samples: ImuSamples) -> ImuSamples:
        return ImuSamples(samples.stamp / FASTER, samples.accel, samples.gyro * FASTER)

    assert slow.encoder is not None
    encoder = EncoderSamples(slow.encoder.stamp / FASTER, slow.encoder.angle + math.radians(1.0))
    return dataclasses.replace(slow, shank=faster(slow.shank), foot=faster(slow.foot), encoder=encoder)


def standing(seconds: float = SECONDS) -> Recording:
    """Stand still for the whole recording."""
    recording = walking(seconds)
    still = [
        ImuSamples(s.stamp, np.tile(s.accel[:1], (len(s), 1)), 0.0 * s.gyro) for s in (recording.shank, recording.foot)
    ]
    return dataclasses.replace(recording, shank=still[0], foot=still[1])
