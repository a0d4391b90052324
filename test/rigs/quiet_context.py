"""A ROS context for nodes that are looked at, and not started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import rclpy
from rclpy.context import Context


@contextmanager
def quiet_context(monkeypatch: pytest.MonkeyPatch, domain: int) -> Iterator[Context]:
    """Make a context on this machine only, whose nodes do not start by themselves."""
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    made = Context()
    rclpy.init(args=["--ros-args", "-p", "autostart:=false"], context=made, domain_id=domain)
    try:
        yield made
    finally:
        rclpy.shutdown(context=made)
