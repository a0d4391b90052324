"""Reads back what the demo recorded: everything that is shown and scored afterwards comes from that one file."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.nodes.topics import ANGLE, DETAIL, ENCODER, FOOT_RAW, FORECAST, SHANK_RAW


@dataclass(frozen=True, eq=False)
class RecordedRun:
    """One run, times in s from the first raw sample.

    Attributes:
        sensor_rate: raw samples of one sensor a second, the mean of both.
        pair_stamp: (P,) of each calibrated pair. Each makes several messages, and any one of them proves it, should a
            busy computer lose the others.
        angle_stamp: (N,) of each ``joint_states``.
        angle: (N,) the ankle angle now in rad.
        encoder_stamp: (M,); empty without an encoder.
        encoder: (M,) rad.
        forecast_stamp: (K,) stamp of the pair that each forecast was made from.
        forecast_model: (K,) by which model, empty where its message did not arrive.
        forecast: (K, H) rad.
        lower: (K, H) lower end of the 90 % interval in rad, NaN where its message did not arrive.
        upper: (K, H) likewise.
        latency: (K,) s from the pair's stamp to the reception of its forecast.
        period: s between two steps of a forecast, NaN without forecasts.
        model: that made the last forecast, empty without forecasts.
    """

    sensor_rate: float
    pair_stamp: FloatArray
    angle_stamp: FloatArray
    angle: FloatArray
    encoder_stamp: FloatArray
    encoder: FloatArray
    forecast_stamp: FloatArray
    forecast_model: tuple[str, ...]
    forecast: FloatArray
    lower: FloatArray
    upper: FloatArray
    latency: FloatArray
    period: float
    model: str

    @property
    def horizon(self) -> int:
        """H, the steps of a forecast."""
        return int(self.forecast.shape[1])

    def made_between(self, start: float, end: float) -> RecordedRun:
        """Return the run with pairs and forecasts of ``[start, end)`` s only; the encoder stays whole."""
        pair, now, made = (
            (stamp >= start) & (stamp < end) for stamp in (self.pair_stamp, self.angle_stamp, self.forecast_stamp)
        )
        models = tuple(model for model, inside in zip(self.forecast_model, made, strict=True) if inside)
        return replace(
            self,
            pair_stamp=self.pair_stamp[pair],
            angle_stamp=self.angle_stamp[now],
            angle=self.angle[now],
            forecast_stamp=self.forecast_stamp[made],
            forecast_model=models,
            forecast=self.forecast[made],
            lower=self.lower[made],
            upper=self.upper[made],
            latency=self.latency[made],
            model=next((model for model in reversed(models) if model), ""),
        )


def read_run(bag: Path, seconds: float) -> RecordedRun:
    """Read a recording of the demo.

    Args:
        bag: the rosbag2's directory.
        seconds: pairs and forecasts of later stamps are left out; the encoder is kept, for it scores the last ones.

    Raises:
        Refusal: it holds no raw sample.
    """
    received: dict[str, list[tuple[int, int, Any]]] = {t: [] for t in (ANGLE, ENCODER, FORECAST, DETAIL)}
    samples: list[int] = []
    types = get_typestore(Stores.ROS2_HUMBLE)
    with Reader(bag) as reader:
        for connection in reader.connections:
            if connection.msgtype not in types.fielddefs:
                types.register(get_types_from_msg(connection.msgdef.data, connection.msgtype))
        for connection, time, data in reader.messages():
            topic = connection.topic.lstrip("/")
            if topic in received:
                message: Any = types.deserialize_cdr(data, connection.msgtype)
                received[topic].append((stamp_of(data), time, message))
            elif topic in (SHANK_RAW, FOOT_RAW):
                samples.append(stamp_of(data))
    if not samples:
        raise Refusal(f"{bag} holds no raw sample, so there is nothing to score")
    first, end = min(samples), min(samples) + round(seconds * 1e9)

    def stamps(topic: str) -> FloatArray:
        return np.array([(stamp - first) / 1e9 for stamp, _, _ in received[topic]])

    for topic in (ANGLE, FORECAST):
        received[topic] = [entry for entry in received[topic] if entry[0] <= end]
    forecasts = received[FORECAST]
    told = [(stamp - first) / 1e9 for stamp, _, m in received[DETAIL] if stamp <= end and np.isfinite(m.current_angle)]
    angle = np.array([[p.positions[0] for p in m.points] for _, _, m in forecasts]).reshape(len(forecasts), -1)
    details = {stamp: m for stamp, _, m in received[DETAIL] if len(m.angle)}
    unknown = np.full(angle.shape[1:], np.nan)
    known = [details.get(stamp) for stamp, _, _ in forecasts]
    step = forecasts[0][2].points[0].time_from_start if forecasts else None
    return RecordedRun(
        sensor_rate=len(samples) / 2 / max((max(samples) - first) / 1e9, 1e-9),
        pair_stamp=np.unique(np.concatenate([stamps(ANGLE), stamps(FORECAST), told])),
        angle_stamp=stamps(ANGLE),
        angle=np.array([m.position[0] for _, _, m in received[ANGLE]]),
        encoder_stamp=stamps(ENCODER),
        encoder=np.array([m.position[0] for _, _, m in received[ENCODER]]),
        forecast_stamp=stamps(FORECAST),
        forecast_model=tuple("" if m is None else m.model for m in known),
        forecast=angle,
        lower=np.array([unknown if m is None else m.lower for m in known]).reshape(angle.shape),
        upper=np.array([unknown if m is None else m.upper for m in known]).reshape(angle.shape),
        latency=np.array([(time - stamp) / 1e9 for stamp, time, _ in forecasts]),
        period=step.sec + step.nanosec / 1e9 if step else np.nan,
        model=next((m.model for m in reversed(known) if m is not None), ""),
    )


def stamp_of(message: bytes | memoryview) -> int:
    """Return the stamp in ns of a serialized message that begins with a ``std_msgs/Header``."""
    sec, nanosec = struct.unpack_from("<iI" if message[1] else ">iI", message, 4)
    return int(sec) * 1_000_000_000 + int(nanosec)
