"""Runs nodes in a child process that ends with its parent, isolated from all other ROS programs."""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

DOMAINS = range(1, 100)  # the ports of higher domains are in the range that Linux assigns to other programs
STOP_SIGNALS = ((signal.SIGINT, 5.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0))  # with s to wait after each
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
# A user's settings that would connect the nodes to other machines.
NETWORK_SETTINGS = ("ROS_STATIC_PEERS", "ROS_DISCOVERY_SERVER", "ROS_SUPER_CLIENT", "ROS_LOCALHOST_ONLY")
BRINGUP = ("-c", "import sys; from ankle_predictor.nodes.bringup import main; sys.exit(main())")

Parameter = str | int | float | bool | list[bool] | list[int] | list[float] | list[str]


def private_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which ROS programs use only this machine, and a domain that nobody else uses."""
    private = {name: value for name, value in environment.items() if name not in NETWORK_SETTINGS}
    private["ROS_DOMAIN_ID"] = str(free_domain(environment.get("ROS_DOMAIN_ID", "")))
    private["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    if environment.get("ROS_DISTRO") == "humble":  # its name before Iron; later versions warn about it
        private["ROS_LOCALHOST_ONLY"] = "1"
    return private


def free_domain(avoid: str = "") -> int:
    """Return a random ROS domain other than ``avoid`` that has no participant on this machine.

    A domain's first participant binds UDP port 7410 + 250 * domain (OMG DDSI-RTPS 2.5, 9.6.2.3).
    """
    candidates = [domain for domain in DOMAINS if str(domain) != avoid]
    random.shuffle(candidates)
    for domain in candidates:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("", 7410 + 250 * domain))
            except OSError:
                continue
        return domain
    return candidates[0]


class NodesProcess:
    """``bringup`` or one node in a process of its own. A context manager: it ends the process on exit."""

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        environment: Mapping[str, str],
        log: Path,
        program: Sequence[str] = BRINGUP,
    ) -> None:
        """Start the process.

        Args:
            parameters: ROS parameters by ``node:name``.
            environment: the environment variables of the process.
            log: the file that its output is written to.
            program: the arguments of ``python`` that select the program.
        """
        command = [sys.executable, *program, "--ros-args"]
        for name, value in parameters.items():
            command += [
                "-p",
                f"{name}:={json.dumps(value, ensure_ascii=False)}",
            ]  # JSON is valid YAML, also with quotes
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches only the parent, which then stops this process
                preexec_fn=_end_with_parent(),  # noqa: PLW1509 - one system call, made before any thread of ours
            )

    def __enter__(self) -> NodesProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Exit status, None while the process runs."""
        status: int | None = self._process.poll()
        return status

    def stop(self) -> None:
        """End the process: by SIGINT, and if that does not help by SIGTERM and SIGKILL."""
        for stop_signal, patience in STOP_SIGNALS:
            if self._process.poll() is not None:
                return
            self._process.send_signal(stop_signal)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                continue

    def last_words(self, lines: int = 5) -> str:
        """Return the last lines of the output."""
        return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-lines:])


def _end_with_parent() -> Callable[[], object]:
    """Return a function for the child that asks the kernel to end it with its parent (Linux)."""
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # the parent has already ended
            os._exit(1)

    return ask
