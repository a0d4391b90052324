"""Reads the demo's recording, from which everything that is shown and scored afterwards is made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.conventions import ENCODER_TOPIC, RAW_TOPICS
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.nodes.stamps import serialized_stamp
from ankle_predictor.nodes.topics import DETAIL_TOPIC, FORECAST_TOPIC, JOINT_TOPIC


@dataclass(frozen=True, eq=False)
class RecordedRun:
    """One run, stamps in s from the first raw sample.

    Attributes:
        sensor_rate: raw samples per second of one sensor, mean of both.
        pair_stamp: (P,) of each calibrated pair. A pair causes several messages; one of them is enough to count it, as
            a busy computer may lose the others.
        angle_stamp: (N,) of each ``joint_states``.
        angle: (N,) present ankle angle in rad.
        encoder_stamp: (M,); empty without an encoder.
        encoder: (M,) angle of the encoder in rad.
        forecast_stamp: (K,) stamp of the newest pair of each forecast.
        forecast_model: (K,) name of the model; empty where ``forecast_detail`` was lost.
        forecast: (K, H) rad.
        lower: (K, H) lower end of the 90 % interval in rad; NaN where ``forecast_detail`` was lost.
        upper: (K, H) upper end of the 90 % interval in rad; NaN where ``forecast_detail`` was lost.
        latency: (K,) s from the pair's stamp to the reception of its forecast.
        period: s between two steps of a forecast; NaN without forecasts.
        model: name of the model of the last forecast; empty without forecasts.
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
        """H, the number of steps of a forecast."""
        return int(self.forecast.shape[1])

    @property
    def labels(self) -> str:
        """What forecasts are scored against: ``encoder``, or without one the ``IMUs``' own later angle."""
        return "encoder" if len(self.encoder) else "IMUs"

    @property
    def truth(self) -> tuple[FloatArray, FloatArray]:
        """The (M,) stamps in s and the (M,) angles in rad that forecasts are scored against."""
        return (self.encoder_stamp, self.encoder) if len(self.encoder) else (self.angle_stamp, self.angle)

    def made_between(self, start: float, end: float) -> RecordedRun:
        """Return the run with the pairs and forecasts of ``[start, end)`` s only, and all encoder samples."""
        pairs, angles, forecasts = (
            (stamp >= start) & (stamp < end) for stamp in (self.pair_stamp, self.angle_stamp, self.forecast_stamp)
        )
        models = tuple(model for model, inside in zip(self.forecast_model, forecasts, strict=True) if inside)
        return replace(
            self,
            pair_stamp=self.pair_stamp[pairs],
            angle_stamp=self.angle_stamp[angles],
            angle=self.angle[angles],
            forecast_stamp=self.forecast_stamp[forecasts],
            forecast_model=models,
            forecast=self.forecast[forecasts],
            lower=self.lower[forecasts],
            upper=self.upper[forecasts],
            latency=self.latency[forecasts],
            model=next((model for model in reversed(models) if model), ""),
        )


def read_run(bag: Path, seconds: float) -> RecordedRun:
    """Read a recording of the demo.

    Args:
        bag: the rosbag2's directory.
        seconds: pairs and forecasts with later stamps are left out; later encoder samples stay, to score the last
            forecasts.

    Raises:
        Refusal: the recording has no raw sample.
    """
    messages, samples = _read_messages(bag)
    if not samples:
        raise Refusal(f"{bag} has no raw sample, so there is nothing to score")
    first, end = min(samples), min(samples) + round(seconds * 1e9)
    for topic in (JOINT_TOPIC, FORECAST_TOPIC, DETAIL_TOPIC):
        messages[topic] = [message for message in messages[topic] if message.stamp <= end]

    def stamps(of: list[_Received]) -> FloatArray:
        return np.array([(message.stamp - first) / 1e9 for message in of])

    joints, encoder, forecasts, details = (
        messages[topic] for topic in (JOINT_TOPIC, ENCODER_TOPIC, FORECAST_TOPIC, DETAIL_TOPIC)
    )
    calibrated = [detail for detail in details if np.isfinite(detail.content.current_angle)]
    angle = np.array([[p.positions[0] for p in f.content.points] for f in forecasts]).reshape(len(forecasts), -1)
    with_forecast = {detail.stamp: detail.content for detail in details if len(detail.content.angle)}
    detail_of = [with_forecast.get(forecast.stamp) for forecast in forecasts]
    unknown = np.full(angle.shape[1:], np.nan)
    step = forecasts[0].content.points[0].time_from_start if forecasts else None
    return RecordedRun(
        sensor_rate=len(samples) / 2 / max((max(samples) - first) / 1e9, 1e-9),
        pair_stamp=np.unique(np.concatenate([stamps(joints), stamps(forecasts), stamps(calibrated)])),
        angle_stamp=stamps(joints),
        angle=np.array([joint.content.position[0] for joint in joints]),
        encoder_stamp=stamps(encoder),
        encoder=np.array([joint.content.position[0] for joint in encoder]),
        forecast_stamp=stamps(forecasts),
        forecast_model=tuple("" if d is None else d.model for d in detail_of),
        forecast=angle,
        lower=np.array([unknown if d is None else d.lower for d in detail_of]).reshape(angle.shape),
        upper=np.array([unknown if d is None else d.upper for d in detail_of]).reshape(angle.shape),
        latency=np.array([(forecast.time - forecast.stamp) / 1e9 for forecast in forecasts]),
        period=step.sec + step.nanosec / 1e9 if step else np.nan,
        model=next((d.model for d in reversed(detail_of) if d is not None), ""),
    )


class _Received(NamedTuple):
    stamp: int  # ns
    time: int  # ns, of reception
    content: Any


def _read_messages(bag: Path) -> tuple[dict[str, list[_Received]], list[int]]:
    """Return the messages of the topics that are scored, and the stamps of all raw samples in ns."""
    messages: dict[str, list[_Received]] = {
        topic: [] for topic in (JOINT_TOPIC, ENCODER_TOPIC, FORECAST_TOPIC, DETAIL_TOPIC)
    }
    samples: list[int] = []
    types = get_typestore(Stores.ROS2_HUMBLE)
    with Reader(bag) as reader:
        for connection in reader.connections:
            if connection.msgtype not in types.fielddefs:
                types.register(get_types_from_msg(connection.msgdef.data, connection.msgtype))
        for connection, time, data in reader.messages():
            topic = connection.topic.lstrip("/")
            if topic in messages:
                content: Any = types.deserialize_cdr(data, connection.msgtype)
                messages[topic].append(_Received(serialized_stamp(data), time, content))
            elif topic in RAW_TOPICS.values():
                samples.append(serialized_stamp(data))
    return messages, samples
