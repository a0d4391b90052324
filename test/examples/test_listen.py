"""The shortest subscriber, as a process over DDS."""

from __future__ import annotations

import math
import os
import select
import signal
import subprocess
import sys
import time

from rigs.node_bench import LOCAL, bench
from rigs.repository import REPOSITORY
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint


def test_it_prints_the_angles_in_200_and_500_ms() -> None:
    message = JointTrajectory(joint_names=["right_ankle"])
    message.points = [JointTrajectoryPoint(positions=[math.radians((k + 1) / 2)]) for k in range(50)]
    command = [sys.executable, "-u", str(REPOSITORY / "examples" / "listen.py")]
    with (
        bench() as table,
        subprocess.Popen(command, env={**os.environ, **LOCAL}, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            output = table.listener.create_publisher(JointTrajectory, "forecast", 1)
            assert process.stderr is not None
            said, end = "", time.monotonic() + 60.0
            while "in 500 ms" not in said and time.monotonic() < end:
                output.publish(message)
                if select.select([process.stderr], [], [], 0.05)[0]:
                    said += os.read(process.stderr.fileno(), 4096).decode()
            process.send_signal(signal.SIGINT)
            said += process.communicate(timeout=20.0)[1]
        finally:
            process.kill()
    assert "in 200 ms +10.0 deg, in 500 ms +25.0 deg" in said
    assert process.returncode == 0
    assert "Traceback" not in said
