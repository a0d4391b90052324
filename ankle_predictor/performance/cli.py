"""``benchmark``: latency, throughput and memory, each next to its baseline in the same run."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ankle_imu_driver.calibration import save_calibration
from ankle_imu_driver.recordings.recording import Recording
from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_imu_driver.refusal import Refusal
from ankle_imu_driver.simulator.gait_scenario import Stand, Walk
from ankle_imu_driver.simulator.sensor_model import SensorModel
from ankle_imu_driver.simulator.simulate import simulate
from ankle_imu_driver.simulator.user_profile import draw_user
from ankle_predictor.command_line import duration
from ankle_predictor.model.bundle import load_bundle, model_directories
from ankle_predictor.model.manifest import BundleError
from ankle_predictor.nodes.child_process import private_environment
from ankle_predictor.performance.inference import measure_inference
from ankle_predictor.performance.latency import ChainError, arrangements, measure_chain
from ankle_predictor.performance.report import BEGIN, CHAINS, END, markdown, rows_of, terminal_table, with_section

SECONDS = 20.0
WALK = 60.0  # s that are played, over and over
WIDE = 160  # columns, where no terminal says how many
MEASUREMENTS = 7  # that take so many seconds each


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status: 0, 1 (it went wrong), 2 (wrong arguments), 130 (Ctrl-C)."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False, stderr=True)
    try:
        figures = _measure(options, console)
        rows = rows_of(figures)
        figures["rows"] = [row.to_json() for row in rows]
        out = Console(highlight=False)
        if not out.is_terminal:
            out.width = WIDE
        out.print(terminal_table(rows))
        if options.json is not None:
            options.json.write_text(json.dumps(figures, indent=2, allow_nan=False) + "\n", "utf-8")
        if options.write is not None:
            page = with_section(options.write.read_text("utf-8"), BEGIN, END, markdown(figures, rows))
            options.write.write_text(page, "utf-8")
    except (Refusal, OSError) as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmark", description=__doc__.partition(": ")[2] if __doc__ else None)
    parser.add_argument(
        "--seconds", type=duration, default=SECONDS, metavar="S", help="that each of 7 measurements takes (%(default)g)"
    )
    parser.add_argument("--model", default="base", metavar="NAME", help="whose weights (%(default)s)")
    parser.add_argument("--only", choices=CHAINS, help="measure this arrangement of the nodes only")
    parser.add_argument(
        "--no-keras", action="store_true", help="leave keras.predict out, and so the reference's network"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into docs/performance.md")
    return parser


def _measure(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Measure one thing after the other: nothing is to share the cores with what is measured."""
    for path in (options.json, options.write):
        if path is not None and not path.absolute().parent.is_dir():
            raise Refusal(f"there is no folder {path.parent} to write {path.name} to")
    if options.write is not None:  # before minutes are spent
        if not options.write.is_file():
            raise Refusal(f"there is no page {options.write} to put the table into")
        with_section(options.write.read_text("utf-8"), BEGIN, END, "")
    try:
        spec = load_bundle(options.model, model_directories()).manifest.features
    except BundleError as error:
        raise Refusal(str(error)) from error
    figures: dict[str, Any] = {
        "command": f"scripts/run benchmark --seconds {options.seconds:g}",
        "model": options.model,
        "seconds": options.seconds,
        "window_s": spec.window * spec.period,
        "machine": _machine() | {"load_before": os.getloadavg()[0]},
    }
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with tempfile.TemporaryDirectory() as scratch, Progress(*columns, console=console) as progress:
        folder = Path(scratch)
        task = progress.add_task("a simulated walk", total=MEASUREMENTS * options.seconds)
        walk = simulated_walk()
        progress.update(task, description="inference")
        figures["inference"] = measure_inference(
            options.model, walk, options.seconds, lambda s: progress.advance(task, s), keras=not options.no_keras
        )
        environment = private_environment(os.environ)
        os.environ.clear()
        os.environ.update(environment)
        figures["chain"] = {}
        wanted = [options.only] if options.only else CHAINS
        for name, arrangement in arrangements(*played(walk, folder), options.model).items():
            if name.removesuffix("_bare") not in wanted:
                continue
            progress.update(task, description=f"chain, {name.replace('_', ', ')}")
            figures["chain"][name] = _chain(
                arrangement, environment, folder, options.seconds, lambda s: progress.advance(task, s)
            )
    figures["machine"]["load_after"] = os.getloadavg()[0]
    return figures


def _chain(arrangement: Any, environment: Mapping[str, str], folder: Path, seconds: float, advance: Any) -> Any:
    try:
        return measure_chain(arrangement, environment, folder, seconds, advance)
    except ChainError as error:
        return {"absent": str(error)}


def simulated_walk() -> Recording:
    """Return a minute of a simulated person's walking, calibrated by standing before it."""
    return simulate([Stand(3.0), Walk(WALK)], draw_user(1), SensorModel(), seed=1).recording


def played(walk: Recording, folder: Path) -> tuple[Path, Path]:
    """Write a walk for the driver to play, and its calibration for the filter; returns both paths."""
    assert walk.calibration is not None
    write_bag(folder / "walk", walk)
    save_calibration(folder / "calibration.yaml", walk.calibration)
    return folder / "walk", folder / "calibration.yaml"


def _machine() -> dict[str, Any]:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        if line.startswith(("model name", "Model"))
    ]
    return {
        "cores": os.cpu_count(),
        "processor": names[0] if names else platform.machine(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    sys.exit(main())
