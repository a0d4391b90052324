"""Requests that nodes must outlive, kind by kind, for the table of faults: sent to a live ``bringup`` in a process.

Each request is drawn at random. It is survived if everything was answered, the process lives, its log has no
traceback, and forecasts come again once the states and parameters from before are restored.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import rclpy
from ankle_predictor_interfaces.action import AdaptToUser
from ankle_predictor_interfaces.srv import LoadWeights
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters, ListParameters, SetParameters, SetParametersAtomically
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from ankle_predictor.nodes.child_process import NodesProcess, private_environment
from ankle_predictor.nodes.topics import FORECAST_TOPIC
from ankle_predictor.performance.played_walk import simulated_walk, write_walk
from benchmarks.fault_files import Tally

NODES = ("imu_driver", "orientation_filter", "predictor")
START = 30.0  # s until the first forecast
ANSWER = 5.0  # s in which a request must be answered
AT_ONCE = 10  # calls: a service's queue, in ROS by default, holds no more, and drops older ones without an answer
BACK = 12.0  # s in which forecasts must come back: some strides confirm the calibration, then the window fills
NAMES = (
    "",
    " ",
    ".",
    "..",
    "../../etc/passwd",
    "/dev/zero",
    "/proc/self/mem",
    "a\nb",
    "\0",
    "x" * 100_000,
    "\u202e模型",
)
NUMBERS = (math.nan, math.inf, -math.inf, -1.0, 0.0, 5e-324, 1e308)
VALUES = (True, -1, 2**63 - 1, *NUMBERS, *NAMES, [True], [0, -(2**63)], [math.nan], ["", "\n"], [], None)
Ask = Callable[["Leg", Random], list[Any]]


@dataclass(frozen=True)
class RequestFault:
    """A kind of request.

    Attributes:
        group: of the table.
        name: in the table.
        ask: sends it and returns the futures of its answers.
    """

    group: str
    name: str
    ask: Ask


class Leg:
    """A live ``bringup`` that plays a simulated walk, and a stranger's node that asks it for things."""

    def __init__(self, process: NodesProcess, log: Path) -> None:
        """Wait until it forecasts, and remember its parameters.

        Args:
            process: the ``bringup``.
            log: the file of its output.
        """
        self._process, self._log, self._read = process, log, 0
        self._node = rclpy.create_node("stranger", enable_rosout=False, start_parameter_services=False)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._heard = 0
        self._node.create_subscription(JointTrajectory, FORECAST_TOPIC, self._on_forecast, 10)
        self._clients: dict[str, Any] = {}
        self.adapt = ActionClient(self._node, AdaptToUser, "predictor/adapt")
        if not self._hears_forecasts(START):
            raise RuntimeError(f"bringup makes no forecast: {process.last_words()}")
        self.parameters = {node: self._parameters_of(node) for node in NODES}

    def _on_forecast(self, _: JointTrajectory) -> None:
        self._heard += 1

    @property
    def pid(self) -> int:
        """Process id of the ``bringup``."""
        return self._process.pid

    def call(self, kind: Any, service: str, **fields: Any) -> Any:
        """Call a service; returns the future of its answer."""
        if service not in self._clients:
            self._clients[service] = self._node.create_client(kind, service)
            assert self._clients[service].wait_for_service(ANSWER)
        return self._clients[service].call_async(kind.Request(**fields))

    def answered(self, futures: Sequence[Any]) -> bool:
        """Wait for answers."""
        end = time.monotonic() + ANSWER
        while not all(future.done() for future in futures) and time.monotonic() < end:
            self._executor.spin_once(0.05)
        return all(future.done() for future in futures)

    def _asked(self, kind: Any, service: str, **fields: Any) -> Any:
        future = self.call(kind, service, **fields)
        if not self.answered([future]):
            raise TimeoutError(f"{service} did not answer within {ANSWER:.0f} s")
        return future.result()

    def _parameters_of(self, node: str) -> dict[str, ParameterValue]:
        names = self._asked(ListParameters, f"{node}/list_parameters").result.names
        values = self._asked(GetParameters, f"{node}/get_parameters", names=names).values
        return dict(zip(names, values, strict=True))

    def _hears_forecasts(self, patience: float) -> bool:
        heard, end = self._heard, time.monotonic() + patience
        while self._heard < heard + 3 and time.monotonic() < end:
            self._executor.spin_once(0.05)
        return self._heard >= heard + 3

    def restore(self) -> float:
        """Bring the nodes back to work as before; returns s until forecasts come again, inf if they do not."""
        begin = time.monotonic()
        for node in NODES:
            changed = [
                Parameter(name=name, value=self.parameters[node][name])
                for name, value in self._parameters_of(node).items()
                if value != self.parameters[node][name]
            ]
            if changed:
                self.change(node, Transition.TRANSITION_DEACTIVATE)
                self.change(node, Transition.TRANSITION_CLEANUP)
                self._asked(SetParameters, f"{node}/set_parameters", parameters=changed)
            self.change(node, Transition.TRANSITION_CONFIGURE)
            self.change(node, Transition.TRANSITION_ACTIVATE)
        return time.monotonic() - begin if self._hears_forecasts(BACK) else math.inf

    def change(self, node: str, transition: int) -> None:
        """Ask for a transition if the node is in the state from which it starts."""
        needs = {
            Transition.TRANSITION_CONFIGURE: State.PRIMARY_STATE_UNCONFIGURED,
            Transition.TRANSITION_ACTIVATE: State.PRIMARY_STATE_INACTIVE,
            Transition.TRANSITION_DEACTIVATE: State.PRIMARY_STATE_ACTIVE,
            Transition.TRANSITION_CLEANUP: State.PRIMARY_STATE_INACTIVE,
        }
        if self._asked(GetState, f"{node}/get_state").current_state.id == needs[transition]:
            self._asked(ChangeState, f"{node}/change_state", transition=Transition(id=transition))

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.status is not None

    def trouble(self) -> str:
        """Return what must not be: that the process has ended, or a traceback in what it logged since the last call."""
        if self.has_ended:
            return f"the process ended with {self._process.status}: {self._process.last_words()}"
        text = self._log.read_text("utf-8", "replace")
        new, self._read = text[self._read :], len(text)
        return f"a traceback: {new[new.index('Traceback') :][-300:]}" if "Traceback" in new else ""


def transitions(leg: Leg, random: Random) -> list[Any]:
    """Ask a node for transitions at any time, also for such as do not exist."""
    node = random.choice(NODES)
    numbers = [random.choice((0, 1, 2, 3, 4, 9, 60, 61, 90, 255)) for _ in range(6)]
    return [leg.call(ChangeState, f"{node}/change_state", transition=Transition(id=n)) for n in numbers]


def parameters(leg: Leg, random: Random) -> list[Any]:
    """Set parameters, one by one and all at once, to values of any type, and start the node with what it accepted."""
    node = random.choice(NODES)
    leg.change(node, Transition.TRANSITION_DEACTIVATE)
    if random.random() < 0.7:
        leg.change(node, Transition.TRANSITION_CLEANUP)  # an unconfigured node accepts more
    names = [*random.sample(sorted(leg.parameters[node]), 10), "no such parameter", ""]
    odd = [Parameter(name=name, value=value_of(random.choice(VALUES))) for name in names]
    asked = [
        leg.call(SetParameters, f"{node}/set_parameters", parameters=odd[:6]),
        leg.call(SetParametersAtomically, f"{node}/set_parameters_atomically", parameters=odd[6:]),
        leg.call(GetParameters, f"{node}/get_parameters", names=["no such parameter", "", "\n", "\0"]),
    ]
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        asked.append(leg.call(ChangeState, f"{node}/change_state", transition=Transition(id=transition)))
    return asked


def value_of(value: Any) -> ParameterValue:
    """Return a value as a parameter's; an empty list is one of strings."""
    kinds = {bool: "bool", int: "integer", float: "double", str: "string"}
    if value is None:
        return ParameterValue(type=ParameterType.PARAMETER_NOT_SET)
    several = isinstance(value, list)
    kind = kinds[type((value or [""])[0] if several else value)]
    number = getattr(ParameterType, f"PARAMETER_{kind.upper()}{'_ARRAY' * several}")
    return ParameterValue(type=number, **{f"{kind}{'_array' * several}_value": value})


def models(leg: Leg, random: Random) -> list[Any]:
    """Ask for models that are none."""
    return [leg.call(LoadWeights, "predictor/load_weights", model=name) for name in random.sample(NAMES, 3)]


def goals(leg: Leg, random: Random) -> list[Any]:
    """Ask for adaptations that cannot be, several at once; those that are accepted are canceled."""
    asked = []
    for _ in range(3):
        user, labels = random.choice((*NAMES, "anna")), random.choice(("imu", "encoder", "", "x" * 1000))
        goal = AdaptToUser.Goal(user=user, labels=labels, duration=random.choice((*NUMBERS, 20.0)))
        asked.append(leg.adapt.send_goal_async(goal))
    leg.answered(asked)
    return asked + [f.result().cancel_goal_async() for f in asked if f.done() and f.result().accepted]


def triggers(leg: Leg, random: Random) -> list[Any]:
    """Ask to calibrate or to reset, again and again."""
    service = random.choice(("calibrate", "reset"))
    return [leg.call(Trigger, f"orientation_filter/{service}") for _ in range(AT_ONCE)]


REQUEST_FAULTS = (
    RequestFault("requests", "transitions at any time, also such as do not exist", transitions),
    RequestFault("requests", "parameters of any type and value, and a start with what was accepted", parameters),
    RequestFault("requests", "models that are none", models),
    RequestFault("requests", "adaptations that cannot be, several at once, canceled", goals),
    RequestFault("requests", f"{AT_ONCE} calls of calibrate or reset at once", triggers),
)


def run_requests(faults: Sequence[RequestFault], cases: int, seed: int) -> Iterator[Tally]:
    """Try each kind of request several times at one live ``bringup``; once that has ended, nothing more is tried."""
    if not faults:
        return
    with _live_leg() as leg:
        for number, fault in enumerate(faults):
            outcome = Tally(0, 0, [], ["the process had ended before"] if leg.has_ended else [], [])
            for case in range(cases):
                if not leg.has_ended:
                    _try(leg, fault, Random(f"{seed} {number} {case}"), outcome)
            yield outcome


def _try(leg: Leg, fault: RequestFault, random: Random, outcome: Tally) -> None:
    outcome.tried += 1
    begin = time.monotonic()
    is_answered = leg.answered(fault.ask(leg, random))
    outcome.seconds.append(time.monotonic() - begin if is_answered else math.inf)
    outcome.recovered.append(math.inf if leg.has_ended else leg.restore())
    problem = leg.trouble()
    if not problem and not is_answered:
        problem = "unanswered"
    if not problem and math.isinf(outcome.recovered[-1]):
        problem = "no forecast afterwards"
    if problem:
        outcome.faults.append(problem)
    else:
        outcome.survived += 1


@contextmanager
def _live_leg() -> Iterator[Leg]:
    environment = private_environment(os.environ)
    os.environ.update(environment)
    with TemporaryDirectory(prefix="ankle_requests_") as folder:
        walk, calibration = write_walk(simulated_walk(), Path(folder))
        log = Path(folder) / "log.txt"
        given: dict[str, Any] = {
            "imu_driver:log": str(walk),
            "imu_driver:loop": True,
            "orientation_filter:calibration_file": str(calibration),
            "orientation_filter:calibration_save": "",
            "predictor:models_dir": folder,
        }
        with NodesProcess(given, environment, log) as process:
            rclpy.init(args=[])
            try:
                yield Leg(process, log)
            finally:
                rclpy.try_shutdown()
