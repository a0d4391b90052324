"""``benchmark``: latency, throughput and memory, each next to its baseline in the same run."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from ankle_predictor.command_line import check_folder_of, duration, progress_bar, run_command, write_json
from ankle_predictor.model.bundle import load_bundle, model_directories
from ankle_predictor.nodes.child_process import private_environment
from ankle_predictor.performance.arrangements import Arrangement, arrangements
from ankle_predictor.performance.chain_listener import ChainError
from ankle_predictor.performance.inference import measure_inference
from ankle_predictor.performance.latency import measure_chain
from ankle_predictor.performance.played_walk import simulated_walk, write_walk
from ankle_predictor.performance.report import CHAINS, markdown, rows_of, terminal_table
from ankle_predictor.performance.results_page import ResultsPage

SECONDS = 20.0
MARKS = "benchmark"
WIDE = 160  # columns of the table where the output is no terminal
MEASUREMENTS = 7  # of ``--seconds`` each


def main(arguments: list[str] | None = None) -> int:
    """Run ``benchmark``; returns the exit status."""
    options = _parser().parse_args(arguments)
    return run_command(lambda: _benchmark(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmark", description=__doc__.partition(": ")[2] if __doc__ else None)
    parser.add_argument(
        "--seconds", type=duration, default=SECONDS, metavar="S", help="of each of the 7 measurements (%(default)g)"
    )
    parser.add_argument("--model", default="base", metavar="NAME", help="name of the model (%(default)s)")
    parser.add_argument("--only", choices=CHAINS, help="measure only this arrangement of the nodes")
    parser.add_argument(
        "--no-keras", action="store_true", help="leave out keras.predict, and with it the reference's network"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into docs/performance.md")
    return parser


def _benchmark(options: argparse.Namespace) -> None:
    # Everything that can be refused is refused before minutes are spent on measurements.
    page = None if options.write is None else ResultsPage(options.write, MARKS)
    check_folder_of(options.json)
    figures = _measure(options, Console(highlight=False, stderr=True))
    rows = rows_of(figures)
    figures["rows"] = [row.to_json() for row in rows]
    output = Console(highlight=False)
    if not output.is_terminal:
        output.width = WIDE
    output.print(terminal_table(rows))
    if options.json is not None:
        write_json(options.json, figures)
    if page is not None:
        page.write(markdown(figures, rows))


def _measure(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Measure one thing after the other, so that nothing shares the cores with what is measured."""
    spec = load_bundle(options.model, model_directories()).manifest.features
    figures: dict[str, Any] = {
        "command": f"scripts/run benchmark --seconds {options.seconds:g}",
        "model": options.model,
        "seconds": options.seconds,
        "window_s": spec.window * spec.period,
        "machine": _machine() | {"load_before": os.getloadavg()[0]},
    }
    with tempfile.TemporaryDirectory() as scratch, progress_bar(console) as progress:
        task = progress.add_task("simulated walk", total=MEASUREMENTS * options.seconds)

        def advance(seconds: float) -> None:
            progress.advance(task, seconds)

        walk = simulated_walk()
        progress.update(task, description="inference")
        figures["inference"] = measure_inference(
            options.model, walk, options.seconds, advance, keras=not options.no_keras
        )
        environment = private_environment(os.environ)
        os.environ.clear()
        os.environ.update(environment)
        figures["chain"] = {}
        wanted = [options.only] if options.only else CHAINS
        for name, arrangement in arrangements(*write_walk(walk, Path(scratch)), options.model).items():
            if name.removesuffix("_bare") in wanted:
                progress.update(task, description=f"chain, {name.replace('_', ', ')}")
                figures["chain"][name] = _chain(arrangement, environment, Path(scratch), options.seconds, advance)
    figures["machine"]["load_after"] = os.getloadavg()[0]
    return figures


def _chain(
    arrangement: Arrangement,
    environment: Mapping[str, str],
    folder: Path,
    seconds: float,
    advance: Callable[[float], None],
) -> dict[str, Any]:
    """Measure a chain; if it does not run, the table gives the reason."""
    try:
        return measure_chain(arrangement, environment, folder, seconds, advance)
    except ChainError as error:
        return {"absent": str(error)}


def _machine() -> dict[str, Any]:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:  # the processor's name is only shown
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return {
        "cores": os.cpu_count(),
        "processor": names[0] if names else platform.machine(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    sys.exit(main())
