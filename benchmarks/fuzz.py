"""Reads thousands of damaged and hostile files, and counts those that are neither read nor refused in a sentence.

Run: scripts/run python benchmarks/fuzz.py [--kind NAME ...] [--cases N] [--case K] [--json FILE]

A fault is a traceback, a process that ends, more than 5 s of CPU time, more than 500 MB of resident memory, or a
sentence of several lines. The cases are the same in every run: ``--kind bags --case 17`` repeats one and shows its
answer. Exit status 1 means a fault.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rich.console import Console

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.command_line import check_folder_of, progress_bar, run_command, write_json
from benchmarks.fuzz_bags import BAGS
from benchmarks.fuzz_bundles import BUNDLES
from benchmarks.fuzz_files import CALIBRATIONS, LOGS, PARAMETER_FILES
from benchmarks.fuzz_kind import Kind
from benchmarks.fuzz_runner import FAULTS, READ, REFUSED, Outcome, run

KINDS: dict[str, Kind] = {kind.name: kind for kind in (CALIBRATIONS, PARAMETER_FILES, LOGS, BAGS, BUNDLES)}
"""All fuzzers; a new one is added here."""
MOST_SHOWN = 10  # faults of one kind


def figures(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Return the counts of one kind, and its faults with their numbers."""
    found = list(outcomes)
    verdicts = Counter(outcome.verdict for outcome in found)
    return {
        "tried": len(found),
        READ: verdicts[READ],
        REFUSED: verdicts[REFUSED],
        **{fault: verdicts[fault] for fault in FAULTS},
        "worst_seconds": max((outcome.seconds for outcome in found), default=0.0),
        "worst_megabytes": max((outcome.megabytes for outcome in found), default=0.0),
        "faults": [outcome._asdict() for outcome in found if outcome.verdict in FAULTS],
    }


def _show(results: dict[str, dict[str, Any]]) -> None:
    columns = ("tried", READ, REFUSED, *FAULTS)
    print(" ".join(f"{title:>12}" for title in ("kind", *columns, "worst s", "worst MB")))
    for name, found in results.items():
        worst = (f"{found['worst_seconds']:.2f}", f"{found['worst_megabytes']:.0f}")
        print(" ".join(f"{cell:>12}" for cell in (name, *(str(found[column]) for column in columns), *worst)))
    for found in results.values():
        for fault in found["faults"][:MOST_SHOWN]:
            print(f"{fault['kind']} {fault['case']}: {fault['verdict']}: {fault['text']}")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz", description="Read damaged and hostile files.")
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=list(KINDS), help="only these fuzzers")
    parser.add_argument("--cases", type=int, metavar="N", help="the first N cases of each, not all")
    parser.add_argument("--case", type=int, metavar="K", help="only this case, and show its answer")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args(argv)


def _fuzz(options: argparse.Namespace) -> None:
    check_folder_of(options.json)
    results: dict[str, dict[str, Any]] = {}
    with progress_bar(Console(stderr=True)) as progress:
        for name in options.kind:
            kind, outcomes = KINDS[name], []
            cases = range(kind.cases if options.cases is None else options.cases)
            cases = cases if options.case is None else range(options.case, options.case + 1)
            task = progress.add_task(name, total=len(cases))
            for outcome in run(kind, cases):
                outcomes.append(outcome)
                progress.advance(task)
                if options.case is not None:
                    print(f"{outcome.verdict}: {outcome.text}")
            results[name] = figures(outcomes)
    _show(results)
    if options.json:
        write_json(options.json, {"kinds": results})
    faults = sum(len(found["faults"]) for found in results.values())
    if faults:
        raise Refusal(f"{faults} faults")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the fuzzers; returns the exit status."""
    options = _arguments(argv)
    return run_command(lambda: _fuzz(options))


if __name__ == "__main__":
    sys.exit(main())
