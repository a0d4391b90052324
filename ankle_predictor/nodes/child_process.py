"""Runs nodes as a child process that never outlives its parent, where no other ROS program can hear them."""

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

DOMAINS = range(1, 100)  # above, the ports lie among those that Linux hands out itself
STOPPING = ((signal.SIGINT, 5.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0))  # and s that each is given
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
# Where a user's own settings would lead the demo off this machine.
REDIRECTIONS = ("ROS_STATIC_PEERS", "ROS_DISCOVERY_SERVER", "ROS_SUPER_CLIENT", "ROS_LOCALHOST_ONLY")
BRINGUP = ("-c", "import sys; from ankle_predictor.nodes.bringup import main; sys.exit(main())")

Parameter = str | int | float | bool


def private_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment whose ROS programs keep to this machine and to a domain that nobody uses."""
    private = {name: value for name, value in environment.items() if name not in REDIRECTIONS}
    private["ROS_DOMAIN_ID"] = str(free_domain(environment.get("ROS_DOMAIN_ID", "")))
    private["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    if environment.get("ROS_DISTRO") == "humble":  # the name before Iron; later ones warn of it
        private["ROS_LOCALHOST_ONLY"] = "1"
    return private


def free_domain(avoid: str = "") -> int:
    """Return a ROS domain in which no participant lives here; a random one, so that two demos hardly meet.

    A domain's first participant holds UDP port 7410 + 250 * domain (OMG DDSI-RTPS 2.5, 9.6.2.3).
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
    """``bringup`` or one node in a process of its own; a context manager that has ended it when it is left."""

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        environment: Mapping[str, str],
        log: Path,
        program: Sequence[str] = BRINGUP,
    ) -> None:
        """Start it.

        Args:
            parameters: ROS parameters by ``node:name``.
            environment: of the process.
            log: takes what it prints.
            program: what it runs, after ``python``.
        """
        command = [sys.executable, *program, "--ros-args"]
        for name, value in parameters.items():
            command += ["-p", f"{name}:={json.dumps(value, ensure_ascii=False)}"]  # JSON is YAML, quotes and all
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is the demo's, which then ends the nodes in order
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
        """Its process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status, None while it runs."""
        status: int | None = self._process.poll()
        return status

    def stop(self) -> None:
        """End it, politely first."""
        for sign, patience in STOPPING:
            if self._process.poll() is not None:
                return
            self._process.send_signal(sign)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                continue

    def last_words(self, lines: int = 5) -> str:
        """Return the end of what it printed."""
        return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-lines:])


def _end_with_parent() -> Callable[[], object]:
    """Return a call that lets the kernel end the child when the demo is killed (Linux)."""
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died meanwhile
            os._exit(1)

    return ask
