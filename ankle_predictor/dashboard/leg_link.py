"""One leg's nodes as the page sees them: what they publish, and what they can be asked for, with time limits."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from ankle_predictor_interfaces.action import AdaptToUser
from ankle_predictor_interfaces.msg import AnkleForecast
from ankle_predictor_interfaces.srv import LoadWeights
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import GetParameters
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Imu
from std_msgs.msg import String
from std_srvs.srv import Trigger

from ankle_imu_driver.calibration import Calibration, CalibrationError, parse_calibration
from ankle_imu_driver.conventions import CALIBRATION_TOPIC, ERROR, FOOT, SHANK, STREAM_NAMES, JointConvention
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.dashboard.leg_tasks import Adapted, LinkError, Progress
from ankle_predictor.dashboard.leg_view import LegHistory, LegView, detail_of
from ankle_predictor.estimation.samples import pitch_of
from ankle_predictor.nodes.messages import segment_imu
from ankle_predictor.nodes.qos import LATCHED_QOS
from ankle_predictor.nodes.stamps import SECOND, stamp_of
from ankle_predictor.nodes.topics import DETAIL_TOPIC, SEGMENT_TOPICS

# Best effort: a page that lags never makes a node wait or send again.
LATEST = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
ANSWER_PATIENCE = 15.0  # s; a small computer that learns is slow to answer
LOAD_PATIENCE = 60.0  # s; a model is tried before it is used
FORGETTING = 3.0  # s without a message, after which the predictor is asked for its parameters again
FEEDBACK_PATIENCE = 20.0  # s; the predictor sends feedback five times a second
PARAMETERS = ("side", "joint_name", "joint_sign", "joint_offset", "models_dir")


class LegLink:
    """A leg. Its methods ``decode`` and ``ask_parameters`` run in the ROS thread, the coroutines in the page's thread.

    Attributes:
        namespace: of the leg's nodes.
        side: "left" or "right"; empty while the predictor has not answered.
        models_dir: of the predictor; None if it has none or has not answered.
        calibration: that the filter uses; None while it has none.
    """

    def __init__(self, node: Node, executor: SingleThreadedExecutor, namespace: str) -> None:
        self.namespace, self.side = namespace, ""
        self.models_dir: Path | None = None
        self.calibration: Calibration | None = None
        self._executor = executor
        self._history = LegHistory()
        self._lock = threading.Lock()  # of the history, which the page reads in its own thread
        self._joint: JointConvention | None = None
        self._asked: Any = None
        self._asked_at = -math.inf
        self._goal: Any = None
        self._arrived = -math.inf
        self._heard: dict[str, bytes] = {}
        prefix = namespace.rstrip("/")
        self._calibrate = node.create_client(Trigger, f"{prefix}/orientation_filter/calibrate")
        self._load = node.create_client(LoadWeights, f"{prefix}/predictor/load_weights")
        self._parameters = node.create_client(GetParameters, f"{prefix}/predictor/get_parameters")
        self._adapt = ActionClient(node, AdaptToUser, f"{prefix}/predictor/adapt")
        for topic, kind in (
            (DETAIL_TOPIC, AnkleForecast),
            *((SEGMENT_TOPICS[stream], Imu) for stream in (SHANK, FOOT)),
        ):
            node.create_subscription(
                kind, f"{prefix}/{topic}", partial(self._heard.__setitem__, topic), LATEST, raw=True
            )
        node.create_subscription(String, f"{prefix}/{CALIBRATION_TOPIC}", self._on_calibration, LATCHED_QOS)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    def view(self) -> LegView:
        """Return what to show now."""
        with self._lock:
            return self._history.view(time.monotonic())

    def decode(self, now: float) -> None:
        """Decode the newest message of each topic, if there is a new one."""
        if self._joint is None:
            return
        for stream, topic in SEGMENT_TOPICS.items():
            data = self._heard.pop(topic, None)
            if data is not None:
                orientation = segment_imu(deserialize_message(data, Imu))[3]
                pitch = math.nan if orientation is None else math.degrees(pitch_of(orientation))
                with self._lock:
                    self._history.push_pitch(STREAM_NAMES[stream], pitch)
        data = self._heard.pop(DETAIL_TOPIC, None)
        if data is not None:
            m = deserialize_message(data, AnkleForecast)
            detail = detail_of(
                stamp_of(m) / SECOND,
                m.status,
                m.model,
                m.current_angle,
                m.sample_period,
                (m.angle, m.lower, m.upper),
                m.recent_error,
                m.stride_period,
                m.angle_source == AnkleForecast.FROM_ENCODER,
                self._joint,
            )
            with self._lock:
                self._history.push(detail, now)
            self._arrived = now

    def ask_parameters(self) -> None:
        """Ask the predictor for what cannot be seen in its messages, until it has answered."""
        if self._joint is not None and time.monotonic() - self._arrived > FORGETTING:
            self._joint = None  # a predictor that was started anew may have other parameters
        if self._joint is not None or not self._parameters.service_is_ready():
            return
        if self._asked is not None and not self._asked.done():
            if time.monotonic() - self._asked_at < ANSWER_PATIENCE:
                return
            self._asked.cancel()
        self._asked_at = time.monotonic()
        self._asked = self._parameters.call_async(GetParameters.Request(names=list(PARAMETERS)))
        self._asked.add_done_callback(self._on_parameters)

    async def calibrate(self) -> str:
        """Calibrate from the last two seconds of standing; returns what the filter says.

        Raises:
            LinkError: it is refused, or there is no answer.
        """
        answer = await self._call(self._calibrate, Trigger.Request(), ANSWER_PATIENCE, "orientation_filter")
        if not answer.success:
            raise LinkError(answer.message)
        return str(answer.message)

    async def load(self, model: str) -> str:
        """Change the model; returns what the predictor says.

        Raises:
            LinkError: it is refused, or there is no answer.
        """
        answer = await self._call(self._load, LoadWeights.Request(model=model), LOAD_PATIENCE, "predictor")
        if answer.result != LoadWeights.Response.SUCCESS:
            raise LinkError(answer.message)
        return str(answer.message)

    async def adapt(self, user: str, duration: float, labels: str, progress: Progress) -> Adapted:
        """Adapt the model to the walking wearer.

        Raises:
            LinkError: the goal is rejected, or the predictor does not answer any more.
        """
        if not self._adapt.server_is_ready():
            raise LinkError(self._absent("predictor"))
        heard = time.monotonic()

        def on_feedback(message: Any) -> None:
            nonlocal heard
            heard = time.monotonic()
            progress(message.feedback.stage, message.feedback.progress)

        goal = AdaptToUser.Goal(user=user, duration=float(duration), labels=labels)
        accepted = self._in_ros_thread(lambda: self._adapt.send_goal_async(goal, on_feedback))
        handle = await self._answer(accepted, ANSWER_PATIENCE, "predictor")
        if not handle.accepted:
            raise LinkError("the predictor rejects it; its output gives the reason")
        self._goal = handle
        try:
            result = asyncio.ensure_future(asyncio.wrap_future(self._in_ros_thread(handle.get_result_async)))
            while not (await asyncio.wait([result], timeout=1.0))[0]:
                if time.monotonic() - heard > FEEDBACK_PATIENCE:
                    result.cancel()
                    raise LinkError("the predictor says nothing more of the adaptation; it has probably ended")
        finally:
            self._goal = None
        r = result.result().result
        return Adapted(r.success, r.message, r.model, math.degrees(r.error_before), math.degrees(r.error_after))

    async def cancel_adapting(self) -> None:
        """Stop the adaptation that this page started.

        Raises:
            LinkError: it is too late, or there is no answer.
        """
        if self._goal is None:
            return
        answer = await self._answer(self._in_ros_thread(self._goal.cancel_goal_async), ANSWER_PATIENCE, "predictor")
        if not answer.goals_canceling:
            raise LinkError("it is too late to stop the adaptation: the new model is being written")

    async def _call(self, client: Any, request: Any, patience: float, node: str) -> Any:
        if not client.service_is_ready():
            raise LinkError(self._absent(node))
        return await self._answer(self._in_ros_thread(lambda: client.call_async(request)), patience, node)

    async def _answer(self, future: Future[Any], patience: float, node: str) -> Any:
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), patience)
        except asyncio.TimeoutError:
            raise LinkError(f"{node} has not answered for {patience:.0f} s") from None

    def _absent(self, node: str) -> str:
        return f"{node} is not there (namespace {self.namespace}); is it running?"

    def _in_ros_thread(self, call: Callable[[], Any]) -> Future[Any]:
        """Run a call that returns an rclpy future in the ROS thread, and return what that one will have as its result.

        A request that another thread sends could be answered before rclpy has noted that it waits.
        """
        outcome: Future[Any] = Future()

        def finish(done: Any) -> None:
            if outcome.cancelled():
                return
            if done.exception() is not None:
                outcome.set_exception(done.exception())
            else:
                outcome.set_result(done.result())

        def work() -> None:
            try:
                call().add_done_callback(finish)
            except Exception as bug:  # noqa: BLE001 - goes to whoever waits for the result
                outcome.set_exception(bug)

        self._executor.create_task(work)
        return outcome

    def _on_parameters(self, answer: Any) -> None:
        if answer.cancelled() or answer.result() is None:
            return
        side, name, sign, offset, models = answer.result().values
        self.side = side.string_value
        self.models_dir = Path(models.string_value).expanduser() if models.string_value else None
        try:
            self._joint = JointConvention(name.string_value, _number(sign), _number(offset))
        except Refusal as refusal:
            self._heard_of("predictor", ERROR, str(refusal))
        self._arrived = time.monotonic()

    def _on_calibration(self, message: String) -> None:
        text = message.data.encode()
        try:
            self.calibration = parse_calibration(text, CALIBRATION_TOPIC) if text else None
        except CalibrationError as error:
            self._heard_of("orientation_filter", ERROR, str(error))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        prefix = self.namespace.strip("/")
        for status in message.status:
            namespace, _, node = status.name.rpartition("/")
            if namespace == prefix:
                level = status.level[0] if isinstance(status.level, bytes) else int(status.level)
                self._heard_of(node, level, status.message)

    def _heard_of(self, node: str, level: int, sentence: str) -> None:
        with self._lock:
            self._history.push_diagnostics(node, level, sentence, time.monotonic())


def _number(value: Any) -> float:
    """Read a parameter that may have been given as an integer."""
    return float(value.double_value or value.integer_value)
