"""The base of the three lifecycle nodes: start-up, diagnostics, refusals and bugs, and the end of the process."""

from __future__ import annotations

import functools
import gc
import inspect
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from lifecycle_msgs.srv import ChangeState
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from ankle_imu_driver.bug_report import BugReport
from ankle_imu_driver.conventions import ERROR, OK, WARN
from ankle_imu_driver.declared_parameters import DeclaredParameters
from ankle_imu_driver.lifecycle_node import RCLError, TolerantLifecycleNode
from ankle_imu_driver.parameter_spec import ParameterSpec
from ankle_imu_driver.refusal import Refusal

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

# s. Another thread than the executor's reads sensors, plays a recording or loads a model. With the default of
# 5 ms one thread could delay the other by half a sample period.
SWITCH_INTERVAL = 0.0005
DIAGNOSTIC_PERIOD = 1.0  # s, REP-107
AUTOSTART = ParameterSpec(
    "autostart", True, "configure and activate at the start; false: leave it to a lifecycle manager", is_fixed=True
)


@dataclass(frozen=True)
class Health:
    """One status of diagnostics: a level (OK, WARN, ERROR), a sentence, and the values behind it."""

    level: int
    message: str
    values: Mapping[str, object] = field(default_factory=dict)


class ManagedNode(TolerantLifecycleNode):
    """A lifecycle node that configures and activates itself when its parameter ``autostart`` is true.

    A subclass overrides ``setup``, ``start``, ``stop``, ``teardown`` and ``health``. ``stop`` and ``teardown`` may be
    called more than once, and after a ``start`` or ``setup`` that failed halfway.

    A ``Refusal`` in a transition is logged and shown by diagnostics; the node stays in the state that it was in and can
    be tried again. Any other exception in a transition is a bug: its traceback is logged and the node is unconfigured.

    The callbacks of timers, subscriptions and services are guarded. A refusal is logged as its sentence. A bug is
    logged with its traceback and shown by diagnostics as an ERROR. A service is answered in both cases, and the node
    lives on.

    Timers made by ``create_steady_timer`` also run while simulated time stands still.

    Attributes:
        parameters: the node's parameters; a subclass declares its own with it.
        refusal: why the last transition failed; empty if it did not.
        is_active: whether the node works.
        failed: a node that has nothing left to do may set this and shut the context down; the process then ends with
            status 1.
    """

    def __init__(self, name: str, **node_arguments: Any) -> None:
        self._bugs = BugReport()  # before the base class makes its own services
        super().__init__(name, **node_arguments)
        for service in self.services:  # those that rclpy makes itself: the lifecycle's and the parameters'
            service.callback = self._answering(service.srv_type, service.srv_name, service.callback)
        self.refusal = ""
        self.is_active = False
        self.failed = False
        self._steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.diagnostic_timer = self.create_steady_timer(DIAGNOSTIC_PERIOD, self.publish_diagnostics)
        self._autostart_timer = None
        self.parameters = DeclaredParameters(self)
        self.parameters.declare([AUTOSTART])
        if self.parameters.value(AUTOSTART.name):
            self._autostart_timer = self.create_steady_timer(0.0, self.autostart)

    def setup(self) -> None:
        """Read the parameters and create what they ask for."""

    def start(self) -> None:
        """Begin to work."""

    def stop(self) -> None:
        """Stop working, keep what was set up."""

    def teardown(self) -> None:
        """Undo ``setup``."""

    def health(self) -> Health:
        """Return what diagnostics report while the node is active."""
        return Health(OK, "active")

    def hardware_id(self) -> str:
        """Return what diagnostics name as the hardware: the computer, unless a subclass has hardware of its own."""
        return socket.gethostname()

    def guarded(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        """Return a callback that reports what it raises instead of ending the process."""
        if inspect.iscoroutinefunction(callback):
            raise TypeError(f"{callback} is a coroutine function; only services may be")
        name = getattr(callback, "__name__", type(callback).__name__).lstrip("_")

        @functools.wraps(callback)
        def call(*arguments: Any) -> Any:
            try:
                return callback(*arguments)
            except Exception as error:  # noqa: BLE001 - reported, and the node lives on
                self.report(name, error)
                return None

        return call

    def report(self, where: str, error: Exception) -> str:
        """Log what a callback raised, keep a bug for diagnostics, and return one sentence for a caller.

        A refusal is logged as its sentence, a bug with its traceback the first time that it occurs. When a signal has
        shut the context down, whatever fails because of that is neither.
        """
        if isinstance(error, Refusal):
            self.get_logger().error(str(error))
            return str(error)
        if self.context.ok() and (report := self._bugs.add(where, error, time.monotonic())):
            self.get_logger().error(report)
        return f"{where} failed: {type(error).__name__}: {error}"

    def create_steady_timer(self, period: float, callback: Callable[[], None]) -> Any:
        """Make a timer on the steady clock; ``period`` in s."""
        return self.create_timer(period, callback, clock=self._steady_clock)

    def create_timer(self, period: float, callback: Callable[[], None], *arguments: Any, **options: Any) -> Any:
        """Make a timer with a guarded callback."""
        return super().create_timer(period, self.guarded(callback), *arguments, **options)

    def create_service(self, kind: Any, name: str, callback: Callable[..., Any], **options: Any) -> Any:
        """Make a service that is always answered: after a bug or a refusal with ``message``, where its type has that.

        A coroutine function is left as it is and has to do the same by itself.
        """
        if inspect.iscoroutinefunction(callback):
            return super().create_service(kind, name, callback, **options)

        return super().create_service(kind, name, self._answering(kind, name, callback), **options)

    def _answering(self, kind: Any, name: str, callback: Callable[..., Any]) -> Callable[..., Any]:
        """Return a service's callback that always answers; ``kind`` is the service's type."""

        @functools.wraps(callback)
        def answer(request: Any, response: Any) -> Any:
            try:
                return callback(request, response)
            except Exception as error:  # noqa: BLE001 - reported, and a caller who hears nothing would wait for ever
                failure = kind.Response()
                if kind is ChangeState and isinstance(error, RCLError):
                    self.say_unavailable(error)
                    return failure
                sentence = self.report(name, error)
                if hasattr(failure, "message"):
                    failure.message = sentence
                return failure

        return answer

    def create_publisher(self, *arguments: Any, **options: Any) -> Any:
        """Make a publisher without QoS events: with them every wait of the executor takes twice as long.

        A subscriber with an incompatible QoS is reported by the subscriber's own events.
        """
        options.setdefault("event_callbacks", PublisherEventCallbacks(use_default_callbacks=False))
        return super().create_publisher(*arguments, **options)

    def create_subscription(
        self, kind: Any, topic: str, callback: Callable[[Any], None], *arguments: Any, **options: Any
    ) -> Any:
        """Make a subscription with a guarded callback, without QoS events, too; best effort fits every publisher."""
        options.setdefault("event_callbacks", SubscriptionEventCallbacks(use_default_callbacks=False))
        return super().create_subscription(kind, topic, self.guarded(callback), *arguments, **options)

    def autostart(self) -> None:
        """Configure and activate, if the parameter asks for it; called when the executor spins, or before by hand."""
        if self._autostart_timer is None:
            return
        self.destroy_timer(self._autostart_timer)
        self._autostart_timer = None
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def publish_diagnostics(self) -> None:
        """Publish one ``DiagnosticArray`` with this node's health."""
        if self.refusal:
            health = Health(ERROR, self.refusal)
        elif self.is_active:
            health = self._guarded_health()
        else:
            health = Health(WARN, "not active")
        if bug := self._bugs.sentence(time.monotonic()):
            health = Health(ERROR, bug, {**health.values, **self._bugs.counts})
        message = DiagnosticArray()
        message.header.stamp = self.get_clock().now().to_msg()
        message.status = [
            DiagnosticStatus(
                level=bytes([health.level]),
                name=f"{self.get_fully_qualified_name().lstrip('/')}",
                message=health.message,
                hardware_id=self.hardware_id(),
                values=[KeyValue(key=str(k), value=str(v)) for k, v in health.values.items()],
            )
        ]
        self._diagnostics.publish(message)

    def _guarded_health(self) -> Health:
        try:
            return self.health()
        except Exception as error:  # noqa: BLE001 - diagnostics must go out, above all then
            return Health(ERROR, self.report("health", error))

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle transition; see ``setup``."""
        return self._attempt(self.setup, undo=self.teardown, first=self.parameters.check_start)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle transition; see ``start``."""
        self.is_active = True
        result = self._attempt(self.start, undo=self._end_work)
        return super().on_activate(state) if result == TransitionCallbackReturn.SUCCESS else result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle transition; see ``stop``."""
        result = self._attempt(self._end_work)
        return super().on_deactivate(state) if result == TransitionCallbackReturn.SUCCESS else result

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle transition; see ``teardown``."""
        return self._attempt(self.teardown)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle transition; ends the work in whatever state the node is."""
        return self._attempt(self.close)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Clean up after a transition with a bug; the node is then unconfigured and can be tried again."""
        reason = self.refusal
        result = self._attempt(self.close)
        self.refusal = reason or self.refusal
        return result

    def close(self) -> None:
        """End the work and undo the setup, in whatever state the node is."""
        self._end_work()
        self.teardown()

    def _end_work(self) -> None:
        if self.is_active:
            self.is_active = False
            self.stop()

    def _attempt(
        self,
        action: Callable[[], None],
        undo: Callable[[], None] | None = None,
        first: Callable[[], None] = lambda: None,
    ) -> TransitionCallbackReturn:
        try:
            first()
            action()
        except Refusal as refusal:
            if undo is not None:
                undo()
            self.refusal = str(refusal)
            self.get_logger().error(self.refusal)
            return TransitionCallbackReturn.FAILURE
        except Exception as bug:  # noqa: BLE001 - rclpy would drop it without a word
            if not self.context.ok():  # the process is ending; what fails because of that is no bug
                return TransitionCallbackReturn.FAILURE
            self.refusal = f"{action.__name__} failed: {type(bug).__name__}: {bug}"
            self.get_logger().error(traceback.format_exc())
            return TransitionCallbackReturn.ERROR
        self.refusal = ""
        return TransitionCallbackReturn.SUCCESS


def spin_nodes(
    make_nodes: Callable[[Any], list[ManagedNode]],
    args: list[str] | None = None,
    make_executor: Callable[[], SingleThreadedExecutor] = SingleThreadedExecutor,
) -> int:
    """Run nodes in this process until Ctrl-C, SIGTERM or a shutdown, and return the exit status.

    Every executable's ``main`` is one call of this.

    Args:
        make_nodes: makes them; it is given the executor that they will run on.
        args: for ROS, those of the command line if None.
        make_executor: called once ROS is up.
    """
    try:
        rclpy.init(args=args)
    except RuntimeError as error:  # arguments that ROS does not understand
        print(error, file=sys.stderr)
        return 2
    nodes: list[ManagedNode] = []
    status = 0
    try:
        executor = make_executor()
        nodes = make_nodes(executor)
        for node in nodes:
            executor.add_node(node)
        sys.setswitchinterval(SWITCH_INTERVAL)
        gc.freeze()  # what the imports made stays; looking through it for garbage would take 50 ms now and then
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except (Refusal, ParameterException) as refusal:
        print(refusal, file=sys.stderr)
        status = 1
    except Exception:
        # A signal takes the context away under whatever callback runs; what that callback then raises is no fault.
        if rclpy.ok():
            raise
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would only break the tidying up
        for node in nodes:
            node.close()  # all of them, before one is gone that another's thread still hands samples to
        for node in nodes:
            node.destroy_node()
        rclpy.try_shutdown()
        # What is frozen is not collected at the interpreter's end either, and the context would never be destroyed: its
        # nodes would stay in the graph for 20 s, and its shared memory until the computer is restarted.
        gc.unfreeze()
    return status or int(any(node.failed for node in nodes))
