"""A predictor node on a bench, and pairs that are published as the filter node does."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from ankle_predictor_interfaces.srv import LoadWeights
from sensor_msgs.msg import Imu, JointState

from ankle_imu_driver.conventions import JointConvention
from ankle_imu_driver.recordings.recording import Recording
from ankle_predictor.estimation.samples import PairSample
from ankle_predictor.estimation.stamp_guard import CONFIRMATIONS, LARGEST_ADVANCE
from ankle_predictor.model.bundle import load_bundle
from ankle_predictor.model.engine import load_engine
from ankle_predictor.nodes.messages import JointMessage, SegmentMessage
from ankle_predictor.nodes.predictor_node import PredictorNode
from ankle_predictor.nodes.qos import SAMPLE_QOS
from ankle_predictor.offline.pipeline import pairs_of, run_chain, windows_of
from ankle_predictor.trust.input_monitor import TrustLimits
from ankle_predictor.trust.status import Status
from rigs.filter_rig import START
from rigs.node_bench import Bench, stamp_of

JOINT = JointConvention("ankle")


def ns(stamp: float) -> int:
    return START + round(stamp * 1e9)


class Filter:
    """Publishes pairs as the filter node does."""

    def __init__(self, table: Bench, joint: JointConvention = JOINT) -> None:
        self._table = table
        self._shank, self._foot = SegmentMessage("shank_link"), SegmentMessage("foot_link")
        self._joint = JointMessage(joint)
        self._newest, self._unconfirmed = math.nan, 0  # stamp in s of the newest pair; pairs until the next answer
        table.advertise((Imu, "shank/imu/data"), (Imu, "foot/imu/data"), (JointState, "joint_states"))

    def publish(self, pair: PairSample, *, shank: bool = True, foot: bool = True, joint: bool = True) -> None:
        passed, self._newest = pair.joint.stamp - self._newest, pair.joint.stamp
        jumped = not math.isnan(passed) and not 0.0 < passed <= LARGEST_ADVANCE
        self._unconfirmed = CONFIRMATIONS - 1 if jumped else max(0, self._unconfirmed - 1)
        if shank:
            self._table.publish("shank/imu/data", self._shank.fill(ns(pair.shank.stamp), pair.shank))
        if foot:
            self._table.publish("foot/imu/data", self._foot.fill(ns(pair.foot.stamp), pair.foot))
        if joint:
            j = pair.joint
            self._table.publish("joint_states", self._joint.fill(ns(j.stamp), j.angle, j.rate))

    def feed(self, some: Iterable[PairSample]) -> None:
        """Publish pairs, each after the node's answer to the one before.

        After a jump of the stamps the node answers only when enough pairs agree on the new time.
        """
        for pair in some:
            self.publish(pair)
            if not self._unconfirmed:
                self.answered(pair)

    def play(self, some: Iterable[PairSample], until: Status, **parts: bool) -> None:
        """Publish pairs, or parts of them, every 10 ms until the node reports a status."""
        for pair in some:
            self.publish(pair, **parts)
            self._table.spin(0.01)
            if statuses(self._table)[-1] == until:
                return
        raise AssertionError(f"{statuses(self._table)[-1]!r} instead of {until!r}")

    def answered(self, pair: PairSample) -> None:
        """Wait for the node's answer to a pair."""
        stamp, heard = ns(pair.joint.stamp), self._table.got["forecast_detail"]
        self._table.until(lambda: heard and stamp_of(heard[-1]) == stamp)


ALWAYS_FRESH = 1.0  # s; these tests do not run in real time, and a pause of the computer must not change their result
IN_TIME = TrustLimits().max_input_age


def start(table: Bench, models: Path, model: str = "linear", **parameters: Any) -> PredictorNode:
    own = {name.replace("__", "."): value for name, value in parameters.items()}
    own = {"use_sim_time": True, "max_input_age": ALWAYS_FRESH, **own}
    with patch(
        "ankle_predictor.nodes.predictor_node.FORECAST_QOS", SAMPLE_QOS
    ):  # no forecast is lost if the listener is slow
        return table.start(PredictorNode, {"models_dir": str(models), "model": model, **own})


def load(table: Bench, model: str) -> Any:
    return table.call(LoadWeights, "predictor/load_weights", model=model)


def positions(message: Any) -> list[float]:
    return [point.positions[0] for point in message.points]


def statuses(table: Bench) -> list[int]:
    """All published statuses, without OVERRUN, which depends on the speed of this computer."""
    return [m.status & ~Status.OVERRUN for m in table.got["forecast_detail"]]


def answers(table: Bench) -> list[int]:
    """The status of each pair, without those that were published between pairs."""
    stamps = [0, *(stamp_of(m) for m in table.got["forecast_detail"])]
    return [status for status, (a, b) in zip(statuses(table), pairwise(stamps), strict=True) if a != b]


def forecasts_of(walk: Recording, models: Path, model: str, mirrored: bool = False) -> dict[int, np.ndarray]:
    """The forecasts of a model for a recording of which all is confirmed, by the stamp in ns on its clock."""
    engine = load_engine(load_bundle(model, [models]))
    spec = engine.manifest.features
    chain = run_chain(walk, spec, mirrored)
    windows = windows_of(chain, spec)
    return {round(chain.stamp[k] * 1e9): engine.forecast(window).angle for k, window in windows}


def published_of(walk: Recording, models: Path, model: str) -> dict[int, np.ndarray]:
    """The same, from the moment on at which the recording's calibration is confirmed."""
    first = next(pair.joint.stamp for pair in pairs_of(walk) if pair.is_confirmed)
    return {stamp: angle for stamp, angle in forecasts_of(walk, models, model).items() if stamp >= round(first * 1e9)}
