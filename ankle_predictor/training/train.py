"""``train``: trains base weights on recordings and writes them as a bundle."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.command_line import add_leg, progress_bar, run_command
from ankle_predictor.model.bundle import Bundle, check_writable, write_bundle
from ankle_predictor.model.engine import load_engine
from ankle_predictor.model.feature_family import FAMILIES
from ankle_predictor.model.manifest import Manifest, Training
from ankle_predictor.training.augmentation import Augmentation
from ankle_predictor.training.cross_validation import HELD_OUT, measure
from ankle_predictor.training.learning import Progress, TrainSettings, Walk, learn, simulated_walks, walk_of
from ankle_predictor.training.needs_tensorflow import NETWORK, imported


class TrainingError(Refusal):
    """Logs that cannot be trained on together; the message says why and what to do."""


def train(
    logs: Sequence[Path | Sequence[Path]],
    output: Path,
    settings: TrainSettings,
    on_progress: Progress = lambda _stage, _share: None,
    folds: Path | None = None,
) -> Manifest:
    """Train on recordings and write the bundle, completely or not at all.

    Args:
        logs: one recording, or several, of each person.
        output: the bundle's directory; its last part is the model's name. An existing bundle is replaced.
        settings: of the training.
        on_progress: called with the current stage and the share of it that is done.
        folds: a folder for the models that were trained without a person, as ``not_`` and the recording's name.

    Raises:
        TrainingError: two logs have the same name.
        NetworkError: TensorFlow is not installed.
        Refusal: a log cannot be read or learned from, or the bundle cannot be written.
    """
    check_writable(output, replace=True)
    grouped = [[entry] if isinstance(entry, Path) else list(entry) for entry in logs]
    people = _read(grouped, settings, on_progress)
    names = [walk.recording.name for person in people for walk in person]
    origins = dict(zip(names, [log for group in grouped for log in group], strict=True))
    training = _training(origins, settings)
    people += [[walk] for walk in simulated_walks(settings, on_progress)]
    walks = [walk for person in people for walk in person]
    bundle = learn(walks, settings, on_progress, until=1.0 if len(walks) > 1 else 1.0 - HELD_OUT)

    def keep(name: str, fold: Bundle) -> None:
        if folds is not None:
            manifest = dataclasses.replace(fold.manifest, name=f"not_{name}", training=training)
            write_bundle(folds / manifest.name, manifest, fold.onnx, fold.keras, replace=True)

    bundle = measure(bundle, people, settings, on_progress, keep)
    manifest = dataclasses.replace(bundle.manifest, name=output.name, training=training)
    load_engine(Bundle(output.name, output, manifest, bundle.onnx, bundle.keras))
    write_bundle(output, manifest, bundle.onnx, bundle.keras, replace=True)
    on_progress("written", 1.0)
    return manifest


def _read(logs: Sequence[Sequence[Path]], settings: TrainSettings, on_progress: Progress) -> list[list[Walk]]:
    people: list[list[Walk]] = []
    for k, group in enumerate(logs):
        on_progress(f"reading {group[0].name}", k / len(logs))
        people.append([walk_of(read_recording(log, leg=settings.leg), settings) for log in group])
    names = [walk.recording.name for person in people for walk in person]
    if len(set(names)) != len(names):
        raise TrainingError(f"two logs have the same name among {', '.join(names)}; rename one")
    return people


def _training(logs: Mapping[str, Path], settings: TrainSettings) -> Training:
    """Return the record of what the model was made from."""
    digests = {name: _log_digest(log) for name, log in logs.items()}
    module = imported(NETWORK, "training")
    variation = {k: v for k, v in asdict(Augmentation()).items() if not isinstance(v, tuple)}
    values = asdict(module.FitSettings()) | variation | asdict(settings)
    everything = json.dumps([digests, values, settings.spec.to_json()], sort_keys=True)
    numbers = {key: float(value) for key, value in values.items() if not isinstance(value, str)}
    return Training(hashlib.sha256(everything.encode()).hexdigest(), digests, numbers, module.software())


def _log_digest(log: Path) -> str:
    """Return the SHA-256 of a log: of the file, or of a bag's files in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(p for p in log.rglob("*") if p.is_file()) if log.is_dir() else [log]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    defaults = TrainSettings()
    parser = argparse.ArgumentParser(prog="train", description="Train base weights on recordings.")
    parser.add_argument(
        "--log", type=Path, nargs="+", default=[], metavar="FILE", help="logger TXT or rosbag2, each of another person"
    )
    parser.add_argument(
        "--person",
        type=Path,
        nargs="+",
        action="append",
        default=[],
        metavar="FILE",
        help="several recordings of one person; may be given again for another person",
    )
    add_leg(parser)
    parser.add_argument(
        "--labels",
        choices=("encoder", "imu"),
        default=defaults.labels,
        help="imu: a recording without an encoder is learned from by the IMUs' own later angle",
    )
    parser.add_argument(
        "--simulated",
        type=int,
        default=defaults.simulated,
        metavar="N",
        help="simulated people of each kind of movement to learn from as well",
    )
    parser.add_argument(
        "--folds", type=Path, metavar="DIR", help="keep the models that were trained without a person, to score them"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the bundle; its name is the model's")
    parser.add_argument("--epochs", type=_at_least_one, default=defaults.epochs)
    parser.add_argument("--stride", type=_at_least_one, default=defaults.stride, help="pairs between two windows")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--horizon", type=_at_least_one, default=defaults.horizon, metavar="STEPS", help="of 10 ms")
    parser.add_argument(
        "--features", choices=[f.label for f in FAMILIES], default=defaults.features, help="the network's inputs"
    )
    parser.add_argument("--side", choices=("left", "right"), default=defaults.side, help="the leg that was recorded")
    arguments = parser.parse_args(argv)
    if not arguments.log and not arguments.person:
        parser.error("give recordings with --log or --person")
    return arguments


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {value}")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``train``; returns the exit status."""
    arguments = _arguments(argv)
    settings = TrainSettings(
        epochs=arguments.epochs,
        stride=arguments.stride,
        seed=arguments.seed,
        side=arguments.side,
        horizon=arguments.horizon,
        features=arguments.features,
        labels=arguments.labels,
        simulated=arguments.simulated,
        leg=arguments.leg,
    )
    output = arguments.output.absolute()

    def work() -> None:
        with progress_bar(Console(stderr=True)) as progress:
            task = progress.add_task("starting", total=1.0)
            manifest = train(
                [*arguments.log, *arguments.person],
                output,
                settings,
                lambda stage, share: progress.update(task, description=stage, completed=share),
                arguments.folds,
            )
        for metric in manifest.metrics:
            h50 = "" if metric.mae_h50_deg is None else f", h50 {metric.mae_h50_deg:.2f} deg"
            print(f"{metric.log}: h20 {metric.mae_h20_deg:.2f} deg{h50}; {metric.role}")
        print(f"wrote {output}")

    return run_command(work, "interrupted; nothing was written")


if __name__ == "__main__":
    sys.exit(main())
