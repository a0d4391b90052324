"""Measures what the sensors' rate costs: the walks, resampled to other rates, phases and packets, with the base model.

Run: scripts/run python benchmarks/rates.py --walks FOLDER [--seconds 60] [--output docs/rates_results.md]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.progress import track
from scipy import signal
from scipy.interpolate import PchipInterpolator

from ankle_imu_driver.arrays import FloatArray, Vector
from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording
from ankle_predictor.estimation.leg_estimator import LegEstimator
from ankle_predictor.estimation.samples import PairSample
from ankle_predictor.model.bundle import load_bundle, model_directories
from ankle_predictor.model.engine import InferenceEngine, load_engine
from ankle_predictor.model.features import pair_features
from ankle_predictor.model.forecast import joined
from ankle_predictor.offline.pipeline import FeatureTable, windows_of
from ankle_predictor.trust.scoring import Score, due_times, score, truth_at

FINE = 1000.0  # Hz, of the signal that all sensors sample
SETTLED = 5.0  # s from the start that do not count
TRIED = 5.0  # forecasts a second that are scored
BATCH = 256
Delivered = tuple[float, int, float, Vector, Vector]
"""Time of arrival (s), stream, stamp (s), specific force and angular rate in the sensor's frame."""


@dataclass(frozen=True)
class Sensor:
    """How one sensor samples and sends.

    Attributes:
        rate: Hz; 0 for the recorded samples.
        phase: periods by which it samples later.
        packet: samples that are sent together.
        own_stamps: whether each sample of a packet has its own stamp; otherwise all have that of the newest one.
        jitter: s, largest delay of a stamp after the measurement.
    """

    rate: float = 0.0
    phase: float = 0.0
    packet: int = 1
    own_stamps: bool = True
    jitter: float = 0.0


CASES: dict[str, tuple[Sensor, Sensor]] = {
    "as recorded": (Sensor(), Sensor()),
    "100 Hz": (Sensor(100.0), Sensor(100.0)),
    **{f"{rate:g} Hz": (Sensor(rate), Sensor(rate)) for rate in (20.0, 50.0, 58.8, 200.0, 400.0, 1000.0)},
    "50 Hz, half a period apart": (Sensor(50.0), Sensor(50.0, phase=0.5)),
    "20 Hz, half a period apart": (Sensor(20.0), Sensor(20.0, phase=0.5)),
    "shank 50 Hz, foot 200 Hz": (Sensor(50.0), Sensor(200.0)),
    "shank 200 Hz, foot 50 Hz": (Sensor(200.0), Sensor(50.0)),
    "shank 100 Hz, foot 62.5 Hz": (Sensor(100.0), Sensor(62.5)),
    "100 Hz, stamps up to 4 ms late": (Sensor(100.0, jitter=0.004), Sensor(100.0, jitter=0.004)),
    "100 Hz, 5 samples every 50 ms, own stamps": (Sensor(100.0, packet=5), Sensor(100.0, packet=5)),
    "100 Hz, 5 samples every 50 ms, one stamp": (
        Sensor(100.0, packet=5, own_stamps=False),
        Sensor(100.0, packet=5, own_stamps=False),
    ),
    "the same, stamps up to 15 ms late": (
        Sensor(100.0, packet=5, own_stamps=False, jitter=0.015),
        Sensor(100.0, packet=5, own_stamps=False, jitter=0.015),
    ),
}


def fine(samples: ImuSamples) -> ImuSamples:
    """Return the signal between the recorded samples, at ``FINE``, by monotone cubic interpolation."""
    stamp = np.arange(samples.stamp[0], samples.stamp[-1], 1.0 / FINE)
    values = PchipInterpolator(samples.stamp, np.hstack((samples.accel, samples.gyro)))(stamp)
    return ImuSamples(stamp, values[:, :3], values[:, 3:])


def sampled(signal_: ImuSamples, sensor: Sensor) -> ImuSamples:
    """Return what a sensor of another rate measures: band-limited, as a good one does itself."""
    values = np.hstack((signal_.accel, signal_.gyro))
    if sensor.rate < 90.0:
        taps = signal.firwin(2 * int(FINE / sensor.rate) + 1, 0.45 * sensor.rate, fs=FINE)
        values = signal.oaconvolve(values, taps[:, np.newaxis], mode="same", axes=0)
    stamp = signal_.stamp
    wanted = np.arange(stamp[0] + (0.5 + sensor.phase) / sensor.rate, stamp[-1] - 0.1, 1.0 / sensor.rate)
    values = np.stack([np.interp(wanted, stamp, column) for column in values.T], axis=1)
    return ImuSamples(wanted, values[:, :3], values[:, 3:])


def deliveries(stream: int, samples: ImuSamples, sensor: Sensor, seed: int) -> list[Delivered]:
    """Return the samples as they arrive: in packets, stamped on arrival or not."""
    last = np.minimum(np.arange(len(samples)) // sensor.packet * sensor.packet + sensor.packet - 1, len(samples) - 1)
    late = sensor.jitter * np.random.default_rng(seed).random(len(samples))
    arrival = samples.stamp[last] + late[last]
    stamp = samples.stamp + late if sensor.own_stamps else arrival
    accels, gyros = samples.accel.tolist(), samples.gyro.tolist()
    return [
        (float(arrival[k]), stream, float(stamp[k]), tuple(accels[k]), tuple(gyros[k])) for k in range(len(samples))
    ]


def pairs_of(recording: Recording, sensors: tuple[Sensor, Sensor], seed: int) -> Iterator[tuple[float, PairSample]]:
    """Yield each pair with the time in s at which its last sample arrives."""
    events: list[Delivered] = []
    for stream, samples, sensor in zip((SHANK, FOOT), (recording.shank, recording.foot), sensors, strict=True):
        own = sampled(fine(samples), sensor) if sensor.rate else samples
        events += deliveries(stream, own, sensor, seed + stream)
    leg = LegEstimator(calibration=recording.calibration)
    for arrival, *sample in sorted(events, key=lambda event: event[0]):
        for found in leg.push(*sample):
            if found.shank is not None and found.foot is not None and found.joint is not None:
                yield arrival, PairSample(found.shank, found.foot, found.joint)


def measure(recording: Recording, sensors: tuple[Sensor, Sensor], engine: InferenceEngine) -> FloatArray:
    """Return pairs a second, age of a pair in ms (mean, 95 %), error of the angle, h20 and h50 in deg."""
    found = list(pairs_of(recording, sensors, seed=1))
    table = FeatureTable(
        np.array([pair.joint.stamp for _, pair in found]),
        np.array([pair_features(pair) for _, pair in found]),
        np.array([pair.joint.angle for _, pair in found]),
    )
    age = np.array([arrival for arrival, _ in found]) - table.stamp
    assert recording.encoder is not None
    truth = np.interp(table.stamp, recording.encoder.stamp, recording.encoder.angle)
    error = np.abs(table.angle - truth)[table.stamp >= recording.start + SETTLED]
    rate = len(table.stamp) / (table.stamp[-1] - table.stamp[0])
    scored = network_score(table, recording.encoder, engine, every=max(1, round(rate / TRIED)))
    return np.array(
        [
            rate,
            1e3 * float(age.mean()),
            1e3 * float(np.quantile(age, 0.95)),
            math.degrees(float(error.mean())),
            scored.mae_deg(20),
            scored.mae_deg(50),
        ]
    )


def network_score(table: FeatureTable, encoder: EncoderSamples, engine: InferenceEngine, every: int) -> Score:
    """Score the forecasts of the network alone from every so manieth pair."""
    manifest = engine.manifest
    found = [
        (k, w) for k, w in windows_of(table, manifest.features, every) if table.stamp[k] > table.stamp[0] + SETTLED
    ]
    stamps, windows = table.stamp[[k for k, _ in found]], np.array([window for _, window in found])
    forecast = joined([engine.forecast_batch(windows[k : k + BATCH]) for k in range(0, len(windows), BATCH)])
    truth = truth_at(encoder.stamp, encoder.angle, due_times(stamps, manifest.horizon, manifest.features.period))
    return score(forecast.angle, forecast.lower, forecast.upper, truth)


def cut(recording: Recording, seconds: float) -> Recording:
    """Return the first seconds of a recording."""

    def first(samples: ImuSamples) -> ImuSamples:
        n = int(np.searchsorted(samples.stamp, recording.start + seconds))
        return ImuSamples(samples.stamp[:n], samples.accel[:n], samples.gyro[:n])

    return replace(recording, shank=first(recording.shank), foot=first(recording.foot))


def main() -> None:
    """Measure all cases and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--walks", type=Path, required=True, help="folder with the logger's TXT files")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each walk")
    parser.add_argument("--model", default="base")
    parser.add_argument("--output", type=Path, default=Path("docs/rates_results.md"))
    arguments = parser.parse_args()
    engine = load_engine(load_bundle(arguments.model, model_directories()))
    walks = [cut(read_recording(path), arguments.seconds) for path in sorted(arguments.walks.glob("*.TXT"))]
    names = f"{len(walks)} walks ({', '.join(walk.name for walk in walks)})"
    lines = [
        "# Sensors of other rates",
        "",
        f"Made by `scripts/run python benchmarks/rates.py --walks FOLDER --seconds {arguments.seconds:g}`: "
        f"mean over {names}, against the encoder, causal. Forecasts are those of the network of "
        f"`{arguments.model}` alone, without the memory of the wearer; it has seen these walks, so compare the rows "
        "with each other only.",
        "",
        "| sensors | pairs a second | age of a pair when complete, mean (95 %), ms | angle now, deg | h20 | h50 |",
        "|---|---|---|---|---|---|",
    ]
    for name, sensors in track(list(CASES.items()), "cases"):
        rate, age, oldest, angle, h20, h50 = np.mean([measure(walk, sensors, engine) for walk in walks], axis=0)
        lines.append(f"| {name} | {rate:.1f} | {age:.0f} ({oldest:.0f}) | {angle:.2f} | {h20:.2f} | {h50:.2f} |")
        arguments.output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"written: {arguments.output}")


if __name__ == "__main__":
    main()
