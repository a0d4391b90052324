"""``dashboard``: a web page that shows a leg or two, and calibrates, adapts, changes the model and records."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import socket
import sys
from pathlib import Path

from rclpy.utilities import remove_ros_args

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.command_line import run_command
from ankle_predictor.dashboard.access import access_for

PORT = 8642
NICENESS = 10  # the nodes come first
RECORDINGS = Path("~/ankle_recordings")


def main(arguments: list[str] | None = None) -> int:
    """Run ``dashboard``; returns the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(remove_ros_args(["dashboard", *given])[1:])

    # By default SIGTERM would end the process at once, and a recording without its index.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))

    def work() -> None:
        try:
            access = access_for(options.host, options.token)
            check_library()
            listening = listen(options.host, options.port)
        except Refusal as refusal:
            raise Refusal(f"dashboard: {refusal}") from refusal
        from ankle_predictor.dashboard.server import serve  # noqa: PLC0415 - needs NiceGUI, which was just looked for

        os.nice(NICENESS)
        serve(listening, access, options.namespace, options.recordings.expanduser(), given)

    return run_command(work)


def check_library() -> None:
    """Refuse to start without the page's library.

    Raises:
        Refusal: it is not installed.
    """
    try:
        importlib.import_module("nicegui")
    except ImportError as error:
        raise Refusal("the page needs NiceGUI, which is not installed: pip install -r requirements-web.txt") from error


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        Refusal: the address is not this machine's, or the port is in use.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Refusal(f"cannot listen on {host}, port {port}: {reason}; choose another --host or --port") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dashboard", description=__doc__.partition(": ")[2] if __doc__ else None)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s: this machine only)")
    parser.add_argument("--port", type=int, default=PORT, help="(%(default)s)")
    parser.add_argument("--token", default="", help="what a browser must give; needed with another --host")
    parser.add_argument(
        "--namespace",
        action="append",
        default=[],
        metavar="NS",
        help="of a leg's nodes, such as left_ankle; may be given twice (default: all that are found)",
    )
    parser.add_argument(
        "--recordings", type=Path, default=RECORDINGS, metavar="DIR", help="where recordings go (%(default)s)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
