"""Every kind of fault that has been reported of such systems: tried, survived, wrongly forecast, said, recovered.

Run: scripts/run python benchmarks/faults.py [--phases 3] [--seed 1] [--only WORD] [--jobs 1] [--json F] [--write PAGE]

Streams run through the classes of filter and predictor in virtual time, against a simulated person's true angle. Files
and bundles are read in a process of its own, as by ``fuzz.py``, which has many more of them. Requests are sent to live
nodes. Exit status 1 means that something is not as it must be, and is not known.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from rich.progress import track

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.command_line import run_command, write_json
from ankle_predictor.model.bundle import load_bundle, model_directories
from ankle_predictor.performance.results_page import ResultsPage
from ankle_predictor.trust.model_score import ModelScore, WalkError
from ankle_predictor.trust.model_trial import ModelTrial
from ankle_predictor.trust.status import names
from benchmarks.fault_chain import SAID, STANDING, TOLD, Answer, Chain, TrueWalk, true_walk
from benchmarks.fault_files import CASES, FILE_FAULTS, FileFault, Tally, run_file_fault
from benchmarks.fault_requests import REQUEST_FAULTS, RequestFault, run_requests
from benchmarks.fault_sensors import STREAM_KINDS
from benchmarks.fault_streams import Fault, Kind

MARKS = "faults"
BEGIN = (6.5, 7.8)  # s of the walk, between which a fault begins
AFTER = 6.0  # s after its end in which forecasts must come back
WHOLE = 18.0  # s of a walk with a fault that is there all the time
TRIED_BEFORE = ModelScore(WalkError(1.0, 2.0, 1.5, 0.9, 30.0), None)  # the shipped model's trial has its own tests


@dataclass
class Outcome:
    """What one kind of fault did, over all its moments.

    Attributes:
        tried: how often it was tried.
        survived: how often forecasts came back, or, with a fault that stays, nothing ended.
        forecasts: how many were published from its begin on, in the moments that could be counted.
        wrong: how many of these were wrong.
        said: s from the begin to the first word of it, of each moment; inf where there was none.
        recovered: s from the end to the next right forecast, of each moment that has an end; inf where there was none.
        words: what was said.
    """

    tried: int = 0
    survived: int = 0
    forecasts: int = 0
    wrong: int = 0
    said: list[float] = field(default_factory=list)
    recovered: list[float] = field(default_factory=list)
    words: set[str] = field(default_factory=set)

    def figures(self, kind: Kind) -> dict[str, object]:
        """Return everything for a JSON file; what never came is null there."""
        times = {name: finite(getattr(self, name)) for name in ("said", "recovered")}
        return {"kind": kind.name, **asdict(self), **times, "words": sorted(self.words)}

    def problem(self, kind: Kind) -> str:
        """Return what is not as it must be; empty if all is well, or known."""
        if self.survived < self.tried:
            return "does not come back"
        if self.wrong and not kind.missed:
            return "wrong forecasts"
        return ""


@lru_cache
def walk_of(seed: int) -> TrueWalk:
    """Return a person's walk, simulated once."""
    return true_walk(seed)


def run_kind(number: int, phases: int, seed: int) -> Outcome:
    """Try one kind of fault in several walks of several people, each with another middleware."""
    kind, outcome, bundle = STREAM_KINDS[number], Outcome(), load_bundle("base", model_directories())
    for phase in range(phases):
        random = np.random.default_rng([seed, phase])
        begin = float(random.uniform(*BEGIN))
        end = begin + (kind.lasts or WHOLE - begin)
        until = end + AFTER if kind.lasts else WHOLE
        walk = walk_of(seed + phase)
        case = kind.make(Fault(walk, walk_of(seed + phase + 100), begin, end, random))
        with patch.object(ModelTrial, "run", lambda *_: TRIED_BEFORE):
            chain = Chain(bundle, case.calibration, TOLD[(phase + number) % len(TOLD)], case.clock)
        messages = [m for m in case.messages if m.came < until]
        since = begin if kind.lasts else min(STANDING, messages[0].came)
        judge(outcome, kind, chain.run(messages, walk.truth), since, end)
    return outcome


def judge(outcome: Outcome, kind: Kind, answers: Sequence[Answer], begin: float, end: float) -> None:
    """Add what the nodes answered in one moment of a fault."""
    since = [a for a in answers if a.time >= begin]
    outcome.tried += 1
    made = [a for a in since if a.published]
    outcome.forecasts += len(made)
    outcome.wrong += sum(a.is_wrong for a in made)
    told = [a for a in since if a.time < end + 1.0 and a.names_a_fault]
    outcome.said.append(max(0.0, told[0].time - begin) if told else math.inf)
    for answer in told:
        outcome.words.add(answer.sentence or names(answer.status & SAID))
    if not kind.lasts:
        outcome.survived += 1
        return
    back = [a.time for a in made if a.time >= end and not a.is_wrong]
    outcome.recovered.append(back[0] - end if back else math.inf)
    outcome.survived += bool(back)


def finite(times: Iterable[float]) -> list[float | None]:
    """Return times in s for a JSON file, which has no infinity: null is what never came."""
    return [t if math.isfinite(t) else None for t in times]


def shown(times: Iterable[float]) -> str:
    """Return median and longest of times in s, and how often there was none."""
    found = list(times)
    known = sorted(t for t in found if math.isfinite(t))
    if not known:
        return "–"
    never = f", {len(found) - len(known)} never" if len(known) < len(found) else ""
    return f"{float(np.median(known)):.1f} / {known[-1]:.1f}{never}"


def missed(kind: Kind, outcome: Outcome) -> str:
    """Return in words what is not as it should be; empty if all is well."""
    found = []
    if outcome.wrong:
        found.append("until it is told" if _is_told(kind, outcome) else "not told")
    if outcome.survived < outcome.tried:
        found.append(f"not back within {AFTER:.0f} s")
    return ", ".join(found)


def _is_told(kind: Kind, outcome: Outcome) -> bool:
    """Return whether it was told each time; a start always says that the window fills, so there a sentence counts."""
    if kind.lasts:
        return math.inf not in outcome.said
    return any("calibrat" in word and " " in word for word in outcome.words - {"warming up, not calibrated"})


def table(outcomes: Sequence[tuple[Kind, Outcome]]) -> str:
    """Return one row for each kind of fault."""
    lines = [
        "| kind | fault | tried | survived | wrong forecasts | said after, s | back after, s | missed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, o in outcomes:
        said = shown(o.said) if kind.lasts else ("told" if _is_told(kind, o) else "not told")
        lines.append(
            f"| {kind.group} | {kind.name} | {o.tried} | {o.survived} | {o.wrong} of {o.forecasts} "
            f"| {'harmless' if kind.is_harmless else said} | {shown(o.recovered)} | {missed(kind, o)} |"
        )
    return "\n".join(lines)


def other_rows(outcomes: Sequence[tuple[FileFault | RequestFault, Tally]]) -> str:
    """Return one row for each kind of file or request; what was said is the answer."""
    return "".join(
        f"\n| {fault.group} | {fault.name} | {o.tried} | {o.survived} | – | {shown(o.seconds)} | {shown(o.recovered)} "
        f"| {'; '.join(o.faults)[:100]} |"
        for fault, o in outcomes
    )


def _measure(options: argparse.Namespace) -> None:
    page = None if options.write is None else ResultsPage(options.write, MARKS)
    chosen = [n for n, kind in enumerate(STREAM_KINDS) if options.only in f"{kind.group}: {kind.name}"]
    files = [fault for fault in FILE_FAULTS if options.only in f"{fault.group}: {fault.name}"]
    work = partial(run_kind, phases=options.phases, seed=options.seed)
    measured: list[tuple[Kind, Outcome]] = []
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        for number, outcome in zip(chosen, track(pool.map(work, chosen), "streams", total=len(chosen)), strict=True):
            measured.append((STREAM_KINDS[number], outcome))
            print(f"{STREAM_KINDS[number].name}: {outcome}", flush=True)
    others: list[tuple[FileFault | RequestFault, Tally]] = []
    for fault in track(files, "files", disable=not files):
        others.append((fault, run_file_fault(fault, options.phases, options.seed)))
    asked = [fault for fault in REQUEST_FAULTS if options.only in f"{fault.group}: {fault.name}"]
    tried = run_requests(asked, CASES * options.phases, options.seed)
    others += zip(asked, track(tried, "requests", total=len(asked), disable=not asked), strict=True)
    text = table(measured) + other_rows(others)
    print(text)
    if options.json is not None:
        streams = [outcome.figures(kind) for kind, outcome in measured]
        rows = [
            {"kind": fault.name, **asdict(o), "seconds": finite(o.seconds), "recovered": finite(o.recovered)}
            for fault, o in others
        ]
        write_json(options.json, {"streams": streams, "others": rows})
    if page is not None:
        page.write(f"Seed {options.seed}, {options.phases} people and moments each.\n\n{text}")
    bad = [f"{kind.name}: {problem}" for kind, outcome in measured if (problem := outcome.problem(kind))]
    bad += [f"{fault.name}: {found}" for fault, outcome in others for found in outcome.faults]
    if bad:
        raise Refusal("; ".join(bad))


def main(argv: Sequence[str] | None = None) -> int:
    """Try all kinds of faults and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--phases", type=int, default=3, help="people and moments for each fault of a stream")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", metavar="WORD", help="faults with this word in kind or name")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into docs/trust.md")
    options = parser.parse_args(argv)
    return run_command(lambda: _measure(options))


if __name__ == "__main__":
    sys.exit(main())
