"""Runs the page's server until a signal ends it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from nicegui import ui

from ankle_predictor.dashboard.access import Access
from ankle_predictor.dashboard.gate import Gate
from ankle_predictor.dashboard.page import Dashboard
from ankle_predictor.dashboard.recorder import Recorder
from ankle_predictor.dashboard.ros_link import ros_link

GOODBYE = 1  # s that browsers have to end their connections
RECONNECTING = 30.0  # s that a browser may be away before its page is built anew


def serve(
    listening: socket.socket, access: Access, namespaces: Sequence[str], recordings: Path, ros_arguments: Sequence[str]
) -> None:
    """Serve the page.

    Args:
        listening: the socket; it is closed at the end.
        access: who may use the page.
        namespaces: of the legs; empty to find them.
        recordings: the folder for recordings.
        ros_arguments: the command line.
    """

    def failed() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with ros_link(namespaces, Recorder(recordings), ros_arguments, failed) as link:
        app = FastAPI(openapi_url=None)
        dashboard = Dashboard(link)
        ui.page("/")(dashboard.show)
        ui.run_with(
            app, title="Ankle forecast", favicon="🦶", reconnect_timeout=RECONNECTING, show_welcome_message=False
        )
        server = uvicorn.Server(
            uvicorn.Config(Gate(app, access), log_level="warning", lifespan="on", timeout_graceful_shutdown=GOODBYE)
        )
        host, port = listening.getsockname()[:2]
        print(f"dashboard: http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
        server.run(sockets=[listening])
