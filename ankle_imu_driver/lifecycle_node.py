"""A lifecycle node whose transitions behave alike on Humble, Jazzy and Kilted where they are not available."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn

RCLError = rclpy_implementation.RCLError
"""What rclpy of Humble and Jazzy raises there, in services, too. In a callback it would end the whole process."""


class TolerantLifecycleNode(LifecycleNode):  # type: ignore[misc,unused-ignore]
    """Says that a transition is not available now and returns ERROR, as rclpy of Kilted mostly does."""

    def trigger_configure(self) -> TransitionCallbackReturn:
        """Make the transition, if it is available."""
        return self._if_available(super().trigger_configure)

    def trigger_activate(self) -> TransitionCallbackReturn:
        """Make the transition, if it is available."""
        return self._if_available(super().trigger_activate)

    def trigger_deactivate(self) -> TransitionCallbackReturn:
        """Make the transition, if it is available."""
        return self._if_available(super().trigger_deactivate)

    def trigger_cleanup(self) -> TransitionCallbackReturn:
        """Make the transition, if it is available."""
        return self._if_available(super().trigger_cleanup)

    def trigger_shutdown(self) -> TransitionCallbackReturn:
        """Make the transition, if it is available."""
        return self._if_available(super().trigger_shutdown)

    def destroy_node(self) -> None:
        """End the node, with the services of its states.

        rclpy leaves them, and with them the whole participant, until Python next collects garbage. Others would go on
        finding a service that nobody answers.
        """
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()

    def say_unavailable(self, error: Exception) -> None:
        """Log an ``RCLError`` as one sentence."""
        self.get_logger().error(f"this transition is not available now: {' '.join(str(error).split())}")

    def _if_available(self, trigger: Callable[[], TransitionCallbackReturn]) -> TransitionCallbackReturn:
        try:
            return trigger()
        except RCLError as error:
            self.say_unavailable(error)
            return TransitionCallbackReturn.ERROR
