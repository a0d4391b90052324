"""Measures what a lying encoder costs: every fault at random times in the recorded walks, beside the IMUs alone.

Each fault begins at a random time, lasts 10 s, and then the encoder is good again. Compared are the present angle and
the forecast in these 10 s, with the encoder at fault as an input and without an encoder, against the encoder without
the fault. Everything is causal and runs the live code, with a forecast every 50 ms.

    scripts/run python benchmarks/encoder_faults.py --log ../shared/data/walks/*.TXT --model base
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from rich.progress import track

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import EncoderSamples
from ankle_predictor.estimation.samples import AngleSource, PairSample
from ankle_predictor.model.bundle import find_model, load_bundle
from ankle_predictor.model.engine import InferenceEngine, load_engine
from ankle_predictor.model.features import SEGMENT_FEATURES, pair_features
from ankle_predictor.offline.log_forecasts import LogMemory, adjusted
from ankle_predictor.offline.pipeline import FeatureTable, fused_pairs, pairs_of, windows_of
from ankle_predictor.performance.results_page import ResultsPage
from ankle_predictor.trust.scoring import due_times, truth_at
from benchmarks.encoder_fault_kinds import KINDS, faulted

PAGE = Path(__file__).resolve().parent.parent / "docs" / "encoder.md"
ANGLE = SEGMENT_FEATURES.index("ankle_angle")
LASTS = 10.0  # s that a fault lasts and is scored
BEFORE = 20.0  # s of good encoder before a fault
AFTER = 12.0  # s in which an encoder that is good again may come back
EVERY = 5  # pairs between two forecasts
STILL_OUT = "-"


@dataclass(frozen=True)
class Outcome:
    """What one fault cost; errors in deg over the time of the fault.

    Attributes:
        angle, angle_imu: mean absolute error of the present angle, with the encoder and without.
        forecast, forecast_imu: mean absolute error over all steps of the forecasts.
        worst_step: deg, largest move of the fused angle against the IMUs' from one pair to the next.
        left: s from the fault's begin until the angle rested on the IMUs; NaN if it never did.
        back: s from the fault's end until the angle rested on the encoder again; NaN if it did not.
    """

    angle: float
    angle_imu: float
    forecast: float
    forecast_imu: float
    worst_step: float
    left: float
    back: float


class Walk:
    """One recorded walk with everything that does not depend on the fault."""

    def __init__(self, log: Path, engine: InferenceEngine) -> None:
        recording = read_recording(log)
        assert recording.encoder is not None
        self.engine, self.encoder = engine, recording.encoder
        self.start, self.end = recording.start, recording.end
        self.pairs = list(pairs_of(recording, engine.manifest.features))
        self.imu = table_of(self.pairs)

    def outcome(self, kind: str, seed: int) -> Outcome:
        """Return what a fault costs at a random time."""
        random = np.random.default_rng(seed)
        begin = float(random.uniform(self.start + BEFORE, self.end - LASTS - AFTER))
        encoder = faulted(self.encoder, kind, begin, begin + LASTS, seed)
        stamp = self.imu.stamp
        some = slice(*np.searchsorted(stamp, (begin - BEFORE, begin + LASTS + AFTER)).tolist())
        known = encoder.stamp >= stamp[some.start]
        fused = table_of(fused_pairs(self.pairs[some], EncoderSamples(encoder.stamp[known], encoder.angle[known])))
        alone = part(self.imu, some)
        inside = (alone.stamp >= begin) & (alone.stamp < begin + LASTS)
        truth = truth_at(self.encoder.stamp, self.encoder.angle, alone.stamp)[inside]
        source, over = fused.source, alone.stamp >= begin + LASTS
        return Outcome(
            degrees(fused.angle[inside] - truth),
            degrees(alone.angle[inside] - truth),
            self._forecast_error(fused, begin),
            self._forecast_error(alone, begin),
            float(np.degrees(np.abs(np.diff(fused.angle - alone.angle)).max())),
            first(alone.stamp[inside & (source == AngleSource.IMU)]) - begin,
            first(alone.stamp[over & (source == AngleSource.ENCODER)]) - begin - LASTS,
        )

    def _forecast_error(self, table: FeatureTable, begin: float) -> float:
        spec, horizon = self.engine.manifest.features, self.engine.manifest.horizon
        until = begin + LASTS
        found = [(k, w) for k, w in windows_of(table, spec, EVERY) if table.stamp[k] < until]
        index, windows = [k for k, _ in found], np.array([w for _, w in found])
        forecast = LogMemory(self.engine.manifest, table, every=1).correct(
            index, windows, adjusted(self.engine.forecast_batch(windows), index, table)
        )
        stamp = table.stamp[index]
        truth = truth_at(self.encoder.stamp, self.encoder.angle, due_times(stamp, horizon, spec.period))
        return degrees((forecast.angle - truth)[stamp >= begin])


def table_of(pairs: Sequence[PairSample] | Iterator[PairSample]) -> FeatureTable:
    """Return the predictor's inputs of some pairs."""
    found = [(pair.joint.stamp, pair.joint.source, pair_features(pair)) for pair in pairs]
    values = np.array([row for _, _, row in found])
    source = np.array([float(s) for _, s, _ in found])
    return FeatureTable(np.array([stamp for stamp, _, _ in found]), values, values[:, ANGLE].copy(), source=source)


def part(table: FeatureTable, some: slice) -> FeatureTable:
    """Return some pairs of a table."""
    return replace(
        table, stamp=table.stamp[some], values=table.values[some], angle=table.angle[some], source=table.source[some]
    )


def degrees(error: FloatArray) -> float:
    """Return the mean absolute error in deg where it is known."""
    return float(np.degrees(np.nanmean(np.abs(error))))


def first(stamps: FloatArray) -> float:
    """Return the first stamp, NaN without any."""
    return float(stamps[0]) if len(stamps) else np.nan


def outcomes_in(log: Path, model: str, phases: int, kinds: Sequence[str]) -> dict[str, list[Outcome]]:
    """Return the outcomes of every kind of fault in one walk."""
    walk = Walk(log, load_engine(load_bundle(*find_model(model, None))))
    seed = int(log.stem.removeprefix("LOG")) if log.stem.removeprefix("LOG").isdigit() else 0
    return {kind: [walk.outcome(kind, 1000 * seed + phase) for phase in range(phases)] for kind in kinds}


def row_of(kind: str, outcomes: Sequence[Outcome]) -> str:
    """Return one line of the table."""
    angle, angle_imu, forecast, forecast_imu, step = (
        np.array([getattr(o, name) for o in outcomes])
        for name in ("angle", "angle_imu", "forecast", "forecast_imu", "worst_step")
    )
    more = forecast - forecast_imu
    cells = [
        kind,
        f"{angle.mean():.2f} ({angle_imu.mean():.2f})",
        f"{forecast.mean():.2f} ({forecast_imu.mean():.2f})",
        f"{more.mean():+.2f}",
        f"{more.max():+.2f}",
        f"{step.max():.2f}",
        shown([o.left for o in outcomes]),
        shown([o.back for o in outcomes]),
    ]
    return f"| {' | '.join(cells)} |"


def shown(times: Sequence[float]) -> str:
    """Return median and longest of times in s, and how often there was none."""
    known = [t for t in times if np.isfinite(t)]
    if not known:
        return STILL_OUT
    never = f", {len(times) - len(known)} never" if len(known) < len(times) else ""
    return f"{np.median(known):.1f}, {max(known):.1f}{never}"


def main() -> int:
    """Measure all faults and write the table into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--log", type=Path, nargs="+", required=True, metavar="FILE")
    parser.add_argument("--model", default="base")
    parser.add_argument("--phases", type=int, default=4, help="random times in each walk")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS), metavar="KIND")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--print-only", action="store_true", help="leave the page as it is")
    options = parser.parse_args()
    page = ResultsPage(PAGE, "encoder faults")
    measured: dict[str, list[Outcome]] = {kind: [] for kind in options.kinds}
    work = partial(outcomes_in, model=options.model, phases=options.phases, kinds=options.kinds)
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        for some in track(pool.map(work, options.log), "walks", total=len(options.log)):
            for kind, outcomes in some.items():
                measured[kind] += outcomes
    head = (
        "| fault | angle, deg (IMUs alone) | h50, deg (IMUs alone) | h50, mean cost | h50, worst cost "
        "| largest step, deg | on the IMUs after, s | back after, s |\n|---|---|---|---|---|---|---|---|"
    )
    table = "\n".join([head, *(row_of(kind, outcomes) for kind, outcomes in measured.items())])
    print(table)
    if not options.print_only:
        page.write(f"{len(options.log) * options.phases} times each, model `{options.model}`:\n\n{table}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
