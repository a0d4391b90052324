"""Measures what a lying encoder costs: every fault at random times in the recorded walks, beside the IMUs alone.

Each fault begins at a random time, lasts 10 s, and then the encoder is good again. Compared are the present angle and
the forecast in these 10 s, with the encoder at fault as an input and without an encoder, against the encoder without
the fault. Everything is causal and runs the live code, with a forecast every 100 ms.

    scripts/run python benchmarks/encoder_faults.py --log ../shared/data/walks/*.TXT --model base
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
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
from ankle_predictor.model.forecast import Forecast, joined
from ankle_predictor.offline.log_forecasts import LogWearer
from ankle_predictor.offline.pipeline import FeatureTable, pairs_of, windows_of, with_encoder
from ankle_predictor.performance.results_page import ResultsPage
from ankle_predictor.trust.scoring import due_times, truth_at
from benchmarks.encoder_fault_kinds import FROM_START, KINDS, faulted

PAGE = Path(__file__).resolve().parent.parent / "docs" / "encoder.md"
ANGLE = SEGMENT_FEATURES.index("ankle_angle")
LASTS = 10.0  # s that a fault lasts and is scored
BEFORE = 20.0  # s of good encoder before a fault
AFTER = 12.0  # s in which an encoder that is good again may come back
EVERY = 10  # pairs between two forecasts
ALL = (*KINDS, *FROM_START)
STILL_OUT = "-"
Made = tuple[list[int], FloatArray, Forecast]
"""(N,) indices of the newest pairs, (N, W, F) windows, and the network's N forecasts."""


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
    """A recorded walk."""

    def __init__(self, log: Path, engine: InferenceEngine) -> None:
        recording = read_recording(log)
        assert recording.encoder is not None
        self.engine, self.encoder = engine, recording.encoder
        self.start, self.end = recording.start, recording.end
        self.pairs = list(pairs_of(recording, engine.manifest.features))
        self.stamp = np.array([pair.joint.stamp for pair in self.pairs])

    def moment(self, seed: int) -> Moment:
        """Return a random moment for a fault."""
        begin = float(np.random.default_rng(seed).uniform(self.start + BEFORE, self.end - LASTS - AFTER))
        some = slice(*np.searchsorted(self.stamp, (begin - BEFORE, begin + LASTS + AFTER)).tolist())
        return Moment(self.engine, self.encoder, self.pairs[some], begin, seed)


class Moment:
    """A random moment in a walk, with everything that does not depend on what goes wrong then."""

    def __init__(
        self, engine: InferenceEngine, encoder: EncoderSamples, pairs: Sequence[PairSample], begin: float, seed: int
    ) -> None:
        self._engine, self._begin, self._seed = engine, begin, seed
        self._pairs = pairs
        first = pairs[0].joint.stamp
        self._encoder = EncoderSamples(encoder.stamp[encoder.stamp >= first], encoder.angle[encoder.stamp >= first])
        self._imu = table_of(pairs)
        until = [pair for pair in pairs if pair.joint.stamp < begin]
        self._before = len(until)
        self._known = self._network(with_encoder(table_of(until), self._encoder), 0)
        self._imu_error = self._forecast_error(self._imu, None)

    def outcome(self, kind: str) -> Outcome:
        """Return what a fault costs."""
        begin, alone = self._begin, self._imu
        encoder = faulted(self._encoder, kind, begin, begin + LASTS, self._seed)
        fused = with_encoder(table_of(self._pairs), encoder)
        inside = (alone.stamp >= begin) & (alone.stamp < begin + LASTS)
        truth = truth_at(self._encoder.stamp, self._encoder.angle, alone.stamp)[inside]
        on_imus, again = fused.source == AngleSource.IMU, fused.source == AngleSource.ENCODER
        return Outcome(
            degrees(fused.angle[inside] - truth),
            degrees(alone.angle[inside] - truth),
            self._forecast_error(fused, None if kind in FROM_START else self._known),
            self._imu_error,
            float(np.degrees(np.abs(np.diff(fused.angle - alone.angle)).max())),
            first(alone.stamp[inside & on_imus]) - begin,
            first(alone.stamp[(alone.stamp >= begin + LASTS) & again]) - begin - LASTS,
        )

    def _network(self, table: FeatureTable, since: int) -> Made:
        """Return the network's forecasts from a pair on, until the fault ends; the grid also gets the pairs before."""
        spec, until = self._engine.manifest.features, self._begin + LASTS
        found = [(k, w) for k, w in windows_of(table, spec, EVERY) if k >= since and table.stamp[k] < until]
        index, windows = [k for k, _ in found], np.array([w for _, w in found])
        return index, windows, self._engine.forecast_batch(windows)

    def _forecast_error(self, table: FeatureTable, before: Made | None) -> float:
        """Return the mean absolute error during the fault; ``before`` are the forecasts before it, if known."""
        manifest = self._engine.manifest
        index, windows, made = self._network(table, 0 if before is None else self._before)
        if before is not None:
            index, windows = before[0] + index, np.concatenate([before[1], windows])
            made = joined([before[2], made])
        forecast = LogWearer(manifest, table).forecast(index, windows, made)
        stamp = table.stamp[index]
        due = due_times(stamp, manifest.horizon, manifest.features.period)
        truth = truth_at(self._encoder.stamp, self._encoder.angle, due)
        return degrees((forecast.angle - truth)[stamp >= self._begin])


def table_of(pairs: Sequence[PairSample] | Iterator[PairSample]) -> FeatureTable:
    """Return the predictor's inputs of some pairs."""
    found = [(pair.joint.stamp, pair.joint.source, pair_features(pair)) for pair in pairs]
    values = np.array([row for _, _, row in found])
    source = np.array([float(s) for _, s, _ in found])
    return FeatureTable(np.array([stamp for stamp, _, _ in found]), values, values[:, ANGLE].copy(), source=source)


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
    found: dict[str, list[Outcome]] = {kind: [] for kind in kinds}
    for phase in range(phases):
        moment = walk.moment(1000 * seed + phase)
        for kind in kinds:
            found[kind].append(moment.outcome(kind))
    return found


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
    parser.add_argument("--kinds", nargs="+", default=ALL, choices=ALL, metavar="KIND")
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
