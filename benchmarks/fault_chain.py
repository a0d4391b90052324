"""Filter and predictor in virtual time: messages with faults go in, and every answer is held against the truth.

The classes and the order of their calls are those of the nodes. What the middleware tells of a sender differs by ROS
distribution, so each run takes one of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.calibration import Calibration
from ankle_imu_driver.conventions import ENCODER, FOOT, SHANK
from ankle_imu_driver.simulator.gait_scenario import Stand, Walk
from ankle_imu_driver.simulator.sensor_model import SensorModel
from ankle_imu_driver.simulator.simulate import simulate
from ankle_imu_driver.simulator.user_profile import draw_user
from ankle_predictor.estimation.leg_estimator import LegConfig, LegEstimator
from ankle_predictor.forecasting.live_predictor import LivePredictor
from ankle_predictor.forecasting.predictor_config import PredictorConfig
from ankle_predictor.model.bundle import Bundle
from ankle_predictor.nodes.predictor_node import WATCH_PERIOD
from ankle_predictor.trust.sender_watch import Origin, SenderWatch
from ankle_predictor.trust.status import Status

STANDING, WALKING = 3.0, 40.0  # s of each walk
ON_THE_WAY = 0.001  # s from a sample to its message
FORECAST_EVERY = 4  # pairs; the others are skipped, as on a slow computer, which only costs resolution
TOLD = ("id", "number", "nothing")  # of a message's sender: Kilted, Jazzy and Iron, Humble
WRONG_ANGLE = math.radians(10.0)  # rad, of the first point of a forecast against the true angle of its time
WRONG_AHEAD = math.radians(20.0)  # rad, of the point 200 ms ahead
AHEAD = 19  # the point 200 ms ahead
SAID = ~(Status.OVERRUN | Status.UNFAMILIAR)  # the bits that name a fault


@dataclass(frozen=True)
class Message:
    """A message on its way.

    Attributes:
        came: s, when it is received, on a clock that nobody sets.
        stream: ``SHANK``, ``FOOT`` or ``ENCODER``.
        stamp: s.
        accel: (3,) m/s^2; of an encoder (1,) rad.
        gyro: (3,) rad/s; of an encoder nothing.
        sender: number of the publisher.
    """

    came: float
    stream: int
    stamp: float
    accel: FloatArray
    gyro: FloatArray
    sender: int = 0


@dataclass(frozen=True)
class TrueWalk:
    """A simulated walk as messages, and its true ankle angle.

    Attributes:
        messages: of both sensors, in time order.
        calibration: made by standing.
        stamp: (N,) s.
        angle: (N,) rad, true.
    """

    messages: list[Message]
    calibration: Calibration
    stamp: FloatArray
    angle: FloatArray

    def encoder(self) -> list[Message]:
        """Return the messages of a good encoder."""
        nothing = np.zeros(0)
        return [
            Message(t + ON_THE_WAY, ENCODER, t, np.array([angle]), nothing)
            for t, angle in zip(self.stamp.tolist(), self.angle.tolist(), strict=True)
        ]

    def truth(self, time: float) -> float:
        """Return the true angle in rad at a time in s; NaN after the walk."""
        return float(np.interp(time, self.stamp, self.angle, right=math.nan))


def true_walk(seed: int) -> TrueWalk:
    """Simulate a person who stands and then walks."""
    made = simulate([Stand(STANDING), Walk(WALKING)], draw_user(seed), SensorModel(), seed)
    recording = made.recording
    assert recording.calibration is not None
    messages = [
        Message(t + ON_THE_WAY, stream, t, accel, gyro)
        for stream, samples in ((SHANK, recording.shank), (FOOT, recording.foot))
        for t, accel, gyro in zip(samples.stamp.tolist(), samples.accel, samples.gyro, strict=True)
    ]
    messages.sort(key=lambda m: (m.came, m.stream))
    return TrueWalk(messages, recording.calibration, recording.shank.stamp, made.truth.angle)


@dataclass(frozen=True)
class Answer:
    """What the predictor said.

    Attributes:
        time: s, when.
        status: its bits.
        sentence: what the filter's diagnostics say is wrong.
        published: whether a forecast was.
        error: rad, largest of the errors of the published forecast's first point and, halved, of the one 200 ms ahead;
            NaN without a forecast. Beyond ``WRONG_ANGLE`` it is wrong.
    """

    time: float
    status: Status
    sentence: str
    published: bool
    error: float

    @property
    def names_a_fault(self) -> bool:
        """Whether a status bit or a sentence says that something is wrong."""
        return bool(self.status & SAID or self.sentence)

    @property
    def is_wrong(self) -> bool:
        """Whether a wrong forecast went out."""
        return self.published and not self.error <= WRONG_ANGLE


class Chain:
    """One filter and one predictor."""

    def __init__(self, bundle: Bundle, calibration: Calibration | None, told: str, clock: Callable[[float], float]):
        """Make both.

        Args:
            bundle: the model; tried before.
            calibration: given to the filter.
            told: what the middleware tells of a sender, one of ``TOLD``.
            clock: the predictor's ROS clock in s at a time that nobody sets.
        """
        self._told, self._clock = told, clock
        self._now = 0.0
        self._leg = LegEstimator(LegConfig(), calibration)
        self._predictor = LivePredictor(clock=lambda: self._now)
        self._predictor.configure(PredictorConfig())
        self._predictor.use(self._predictor.prepare(bundle))
        self._watches = {stream: SenderWatch() for stream in (SHANK, FOOT, ENCODER)}
        self._counts: dict[tuple[int, int], int] = {}
        self._mixed = False
        self._pairs = 0
        self.answers: list[Answer] = []

    def run(self, messages: Sequence[Message], truth: Callable[[float], float]) -> list[Answer]:
        """Receive all messages in the order in which they come, and return all answers."""
        self._truth, self._senders, said = truth, {(m.stream, m.sender) for m in messages}, -math.inf
        for message in sorted(messages, key=lambda m: m.came):
            while message.came > (due := max(said, self._said()) + WATCH_PERIOD):
                self._now = said = due if math.isfinite(due) else message.came
                self._between()
            self._now = message.came
            self._receive(message)
        return self.answers

    def _said(self) -> float:
        return self.answers[-1].time if self.answers else -math.inf

    def _receive(self, message: Message) -> None:
        key = message.stream, message.sender
        number = self._counts[key] = self._counts.get(key, 0) + 1
        origin = {
            "id": Origin(sender=bytes([message.sender])),
            "number": Origin(sequence=number + 5000 * message.sender),
            "nothing": Origin(),
        }[self._told]
        known = sum(stream == message.stream for stream, _ in self._senders)
        use = self._watches[message.stream].hear(origin, message.stamp, self._now, known)
        was_mixed = self._mixed
        self._mixed = any(watch.several(self._now) for watch in self._watches.values())
        if not use:
            return
        if message.stream == ENCODER:
            self._predictor.push_encoder(message.stamp, float(message.accel[0]))
            return
        accel, gyro = message.accel.tolist(), message.gyro.tolist()
        samples = self._leg.push(message.stream, message.stamp, tuple(accel), tuple(gyro))
        if was_mixed and not self._mixed:
            self._leg.reset()
        for sample in samples:
            for joined in self._predictor.push_leg(sample, self._now):
                self._predictor.note_senders("two" if self._mixed else "")
                self._pairs += 1
                tick = self._predictor.push(joined, self._now, self._pairs % FORECAST_EVERY > 0, self._clock(self._now))
                tick = self._predictor.approve(tick, self._now, self._clock(self._now))
                status = self._predictor.settle(tick, self._now)
                error = math.nan
                if tick.publish and tick.forecast is not None:
                    error = self._error(tick.stamp, tick.forecast.angle)
                self._answer(status, tick.publish, error)

    def _between(self) -> None:
        self._predictor.note_senders("two" if self._mixed else "")
        self._answer(self._predictor.watch(self._now, self._clock(self._now)), False, math.nan)

    def _answer(self, status: Status, published: bool, error: float) -> None:
        sentence = (
            self._leg.sensor_problem or self._leg.unconfirmed or "; ".join(self._leg.notes) or self._leg.rates.problem
        )
        self.answers.append(Answer(self._now, Status(status), sentence, published, error))

    def _error(self, stamp: float, angle: FloatArray) -> float:
        """Return the error by the true time at which a controller would follow the points, see ``Answer``."""
        shift = self._now - self._clock(self._now)
        near = abs(angle[0] - self._truth(stamp + 0.01 + shift))
        far = abs(angle[AHEAD] - self._truth(stamp + 0.01 * (AHEAD + 1) + shift))
        return float(max(near, far * WRONG_ANGLE / WRONG_AHEAD))
