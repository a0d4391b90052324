"""Measures what a second leg and the web page cost the 100 Hz path: each beside one leg alone, in turns.

Run: scripts/run python benchmarks/companions.py [--seconds 12] [--turns 3] [--json FILE]

All legs of a run are in one process (``bringup``). Latencies are those of the right leg. The browser looks at the page
from this computer, behind everything else (nice 19); on a robot it is a tablet's. Without Chromium that row is absent.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from ankle_imu_driver.recordings.rosbag_writer import write_legs
from ankle_predictor.command_line import duration, progress_bar, run_command, write_json
from ankle_predictor.nodes.child_process import Parameter, private_environment
from ankle_predictor.nodes.two_legs import BOTH, LEADER, leg_namespace
from ankle_predictor.performance.arrangements import Arrangement, main_of
from ankle_predictor.performance.latency import measure_chain
from ankle_predictor.performance.played_walk import simulated_walk, write_walk

BRINGUP = main_of("ankle_predictor.nodes.bringup")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Waits for the page; what follows is given to every process of a chain, and is not for a browser.
BROWSE = """
import os, socket, sys, time
browser, profile, port = sys.argv[1:4]
while socket.socket().connect_ex(("127.0.0.1", int(port))):
    time.sleep(0.1)
os.nice(19)
options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
os.execv(browser, [browser, *options, f"http://127.0.0.1:{port}"])
"""
FIGURES = {
    "start_to_first_forecast_s": "start, s",
    "published_p50_ms": "median, ms",
    "published_p99_ms": "99 %, ms",
    "tick_median_ms": "tick, ms",
    "forecasts": "forecasts",
    "stolen_percent": "stolen, %",
}
PROCESSES = {"cpu_share": "cores", "proportional_mb": "MB"}


def kinds(folder: Path) -> dict[str, Arrangement]:
    """Return what is measured, by name; the first is what the others are compared with."""
    walk = simulated_walk()
    _, calibration = write_walk(walk, folder)
    bag = folder / "legs"
    write_legs(bag, {leg_namespace(side).strip("/"): walk for side in ("left", "right")})
    parameters: dict[str, Parameter] = {
        "log": str(bag),
        "loop": True,
        "calibration_file": str(calibration),
        "calibration_save": "",
        "model": "base",
    }
    one = Arrangement({"bringup": [*BRINGUP, "--sides", LEADER]}, parameters, leg_namespace(LEADER))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    page = ["-m", "ankle_predictor.dashboard.cli", "--port", port, "--recordings", str(folder / "recordings")]
    found = {
        "one leg": one,
        "both legs": dataclasses.replace(one, commands={"bringup": [*BRINGUP, "--sides", BOTH]}),
        "one leg, page": dataclasses.replace(one, commands={**one.commands, "page": page}),
    }
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is not None:
        browsing = ["-c", BROWSE, browser, str(folder / "profile"), port]
        commands = {**one.commands, "page": page, "browser": browsing}
        found["one leg, page, browser"] = dataclasses.replace(one, commands=commands)
    return found


def show(found: Mapping[str, list[dict[str, Any]]]) -> Table:
    """Return a table of the medians over all turns."""
    used = [f"{of}, {unit}" for of in ("bringup", "page") for unit in PROCESSES.values()]
    table = Table("", *FIGURES.values(), *used)
    for kind, turns in found.items():
        cells = [_text([turn[key] for turn in turns]) for key in FIGURES]
        for of in ("bringup", "page"):
            cells += [_text([turn["processes"].get(of, {}).get(key) for turn in turns]) for key in PROCESSES]
        table.add_row(kind, *cells)
    return table


def _text(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{np.median(known):.3g}" if known else "-"


def measure(options: argparse.Namespace) -> None:
    """Measure every kind in turns, and print the table."""
    environment = private_environment(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    console = Console(width=200)
    with tempfile.TemporaryDirectory() as scratch, progress_bar(console) as progress:
        folder = Path(scratch)
        arrangements = kinds(folder)
        found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in arrangements}
        task = progress.add_task("", total=options.turns * len(arrangements) * options.seconds)
        for _ in range(options.turns):
            for kind, arrangement in arrangements.items():
                progress.update(task, description=kind)
                measured = measure_chain(
                    arrangement, environment, folder, options.seconds, lambda s: progress.advance(task, s)
                )
                found[kind].append(measured)
    console.print(show(found))
    if options.json:
        write_json(options.json, found)


def main() -> int:
    """Run; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=duration, default=12.0, metavar="S", help="of each measurement (%(default)g)")
    parser.add_argument("--turns", type=int, default=3, metavar="N", help="(%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args()
    return run_command(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
