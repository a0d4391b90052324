"""``train``: trains base weights on recordings and writes them as a bundle."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.command_line import add_leg, progress_bar, run_command
from ankle_predictor.model.bundle import Bundle, check_writable, write_bundle
from ankle_predictor.model.engine import load_engine
from ankle_predictor.model.feature_family import FAMILIES
from ankle_predictor.model.manifest import Manifest, Training
from ankle_predictor.offline.catalogue import Entry, digest_of, entries_of, read_catalogue
from ankle_predictor.offline.catalogue_check import (
    Checked,
    Needs,
    check_catalogue,
    refuse_if_empty,
    show_check,
)
from ankle_predictor.offline.leg_options import add_leg_options, leg_settings
from ankle_predictor.training.augmentation import Augmentation
from ankle_predictor.training.cluster import add_worker_options, workers_for
from ankle_predictor.training.cross_validation import Site, train_and_measure
from ankle_predictor.training.devices import ANY_DEVICE, Devices, add_device_option, offer_gpus
from ankle_predictor.training.feature_cache import CacheError, StoredWalk, default_cache, stored_walk
from ankle_predictor.training.learning import Progress
from ankle_predictor.training.needs_tensorflow import NETWORK, imported
from ankle_predictor.training.settings import TrainSettings
from ankle_predictor.training.tasks import Task, ThisProcess, Workers
from ankle_predictor.training.walk_source import RecordedSource, WalkSource, simulated_sources


class TrainingError(Refusal):
    """Logs that cannot be trained on together; the message says why and what to do."""


@dataclass(frozen=True)
class Where:
    """Where ``train`` works and what it keeps.

    Attributes:
        folds: a folder for the models that were trained without a person, as ``not_`` and the recording's name.
        cache: a folder for features and networks; a second start finds them there.
        workers: run the tasks.
        devices: that train one network.
    """

    folds: Path | None = None
    cache: Path = field(default_factory=default_cache)
    workers: Workers = field(default_factory=ThisProcess)
    devices: Devices = ANY_DEVICE


def train(
    logs: Sequence[Path | Sequence[Path]],
    output: Path,
    settings: TrainSettings,
    on_progress: Progress = lambda _stage, _share: None,
    where: Where | None = None,
    *,
    catalogue: Path | None = None,
    on_check: Callable[[Checked], None] = lambda _checked: None,
    on_note: Callable[[str, str], None] = lambda _log, _note: None,
) -> Manifest:
    """Train on recordings and write the bundle, completely or not at all.

    A recording of the catalogue that cannot be learned from is left out; one that is named in ``logs`` is refused.

    Args:
        logs: one recording, or several, of each person.
        output: the bundle's directory; its last part is the model's name. An existing bundle is replaced.
        settings: of the training.
        on_progress: called with the current stage and the share of it that is done.
        where: it works and what it keeps.
        catalogue: a folder or a list of more recordings.
        on_check: called before the training begins with what of the catalogue is used and what is left out.
        on_note: called with the name of a log and what its reader found, repaired or left out.

    Raises:
        TrainingError: two logs have the same name.
        CatalogueError: the catalogue cannot be read, or nothing of it can be used.
        NetworkError: TensorFlow is not installed.
        Refusal: a log cannot be read or learned from, or the bundle cannot be written.
    """
    where = where or Where()
    if where.devices.gpu:
        offer_gpus()
    check_writable(output, replace=True)
    named = entries_of([entry] if isinstance(entry, Path) else list(entry) for entry in logs)
    listed = Checked((), (), {}) if catalogue is None else _checked(catalogue, settings, on_progress)
    _refuse_same_names([*named, *listed.usable])
    sources = [RecordedSource(entry, listed.digests.get(entry.name, "")) for entry in [*named, *listed.usable]]
    made = _walks([*sources, *simulated_sources(settings)], settings, where, on_progress)
    refused = {name: walk for name, walk in made.items() if isinstance(walk, Refusal)}
    for entry in named:
        if entry.name in refused:
            raise refused[entry.name]
    for walk in made.values():
        if isinstance(walk, StoredWalk) and not walk.simulated:
            for note in walk.about.notes:
                on_note(walk.name, note)
    if catalogue is not None:
        listed = listed.without((e, str(refused[e.name])) for e in listed.usable if e.name in refused)
        on_check(listed)
        refuse_if_empty(listed)
    training = _training([*named, *listed.usable], settings, listed)
    people: dict[str, list[StoredWalk]] = {}
    for walk in made.values():
        if isinstance(walk, StoredWalk):
            people.setdefault(walk.person, []).append(walk)

    def made_by(made: Bundle) -> Training:
        return dataclasses.replace(training, software=made.manifest.training.software)

    def keep(name: str, fold: Bundle) -> None:
        if where.folds is not None:
            manifest = dataclasses.replace(fold.manifest, name=f"not_{name}", training=made_by(fold))
            write_bundle(where.folds / manifest.name, manifest, fold.onnx, fold.keras, replace=True)

    site = Site(where.cache / "networks", where.workers, on_progress, where.devices)
    bundle = train_and_measure(list(people.values()), settings, site, keep)
    manifest = dataclasses.replace(bundle.manifest, name=output.name, training=made_by(bundle))
    load_engine(Bundle(output.name, output, manifest, bundle.onnx, bundle.keras))
    write_bundle(output, manifest, bundle.onnx, bundle.keras, replace=True)
    on_progress("written", 1.0)
    return manifest


def walk_or_refusal(source: WalkSource, settings: TrainSettings, cache: Path) -> StoredWalk | Refusal:
    """Return a walk from the cache, made first where it is not there, or why it cannot be learned from."""
    try:
        return stored_walk(source, settings, cache)
    except CacheError:
        raise
    except Refusal as refusal:
        return refusal


def _walks(
    sources: Sequence[WalkSource], settings: TrainSettings, where: Where, on_progress: Progress
) -> dict[str, StoredWalk | Refusal]:
    """Return the walks, or why they cannot be learned from, by name."""
    tasks = [Task(source.name, walk_or_refusal, (source, settings, where.cache)) for source in sources]
    found = where.workers.run(tasks, "reading", on_progress)
    for walk in found:
        if isinstance(walk, StoredWalk) and walk.note:
            print(walk.note, file=sys.stderr)
    return {source.name: walk for source, walk in zip(sources, found, strict=True)}


def _checked(catalogue: Path, settings: TrainSettings, on_progress: Progress) -> Checked:
    least = (settings.spec.window + settings.horizon) * settings.spec.period
    return check_catalogue(
        read_catalogue(catalogue), Needs(settings.labels, least, settings.worn.encoder, settings.leg), on_progress
    )


def _refuse_same_names(entries: Sequence[Entry]) -> None:
    names = [entry.name for entry in entries]
    if len(set(names)) != len(names):
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        raise TrainingError(f"two logs have the same name: {', '.join(twice[:5])}; rename one")


def _training(entries: Sequence[Entry], settings: TrainSettings, listed: Checked) -> Training:
    """Return the record of what the model was made from."""
    digests = {entry.name: listed.digests.get(entry.name) or digest_of(entry.path) for entry in entries}
    module = imported(NETWORK, "training")
    variation = {k: v for k, v in asdict(Augmentation()).items() if not isinstance(v, tuple)}
    values = asdict(module.FitSettings()) | variation | asdict(settings)
    worn = values.pop("worn")
    rows = [(e.name, e.person, e.side, e.labels, e.leg, e.licence) for e in listed.usable]
    everything = json.dumps([digests, values, settings.spec.to_json(), worn, *rows], sort_keys=True)
    numbers = {key: float(value) for key, value in values.items() if not isinstance(value, str)}
    digest = hashlib.sha256(everything.encode()).hexdigest()
    persons = {entry.name: entry.person for entry in entries}
    return Training(digest, digests, numbers, module.software(), persons, listed.licences)


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
        "--catalogue",
        type=Path,
        metavar="PATH",
        help="a folder of recordings, or a list of them as .csv or .yaml (docs/recordings.md)",
    )
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
    parser.add_argument(
        "--cache",
        type=Path,
        default=default_cache(),
        metavar="DIR",
        help="keeps features and networks for the next start (default: %(default)s)",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the bundle; its name is the model's")
    parser.add_argument("--epochs", type=_at_least_one, default=defaults.epochs)
    parser.add_argument("--stride", type=_at_least_one, default=defaults.stride, help="pairs between two windows")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--horizon", type=_at_least_one, default=defaults.horizon, metavar="STEPS", help="of 10 ms")
    parser.add_argument(
        "--features", choices=[f.label for f in FAMILIES], default=defaults.features, help="the network's inputs"
    )
    add_leg_options(parser)
    add_worker_options(parser)
    add_device_option(parser)
    arguments = parser.parse_args(argv)
    if not arguments.log and not arguments.person and arguments.catalogue is None:
        parser.error("give recordings with --log, --person or --catalogue")
    return arguments


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {value}")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``train``; returns the exit status."""
    return run_command(lambda: _train(_arguments(argv)), "interrupted; nothing was written")


def _train(arguments: argparse.Namespace) -> None:
    worn = leg_settings(arguments.side, arguments.params_file, arguments.namespace)
    settings = TrainSettings(
        epochs=arguments.epochs,
        stride=arguments.stride,
        seed=arguments.seed,
        side="left" if worn.side == "left" else "right",
        worn=worn,
        horizon=arguments.horizon,
        features=arguments.features,
        labels=arguments.labels,
        simulated=arguments.simulated,
        leg=arguments.leg,
    )
    output = arguments.output.absolute()
    cache = arguments.cache.absolute()
    with (
        workers_for(arguments.scheduler, arguments.workers, [cache]) as workers,
        progress_bar(Console(stderr=True)) as progress,
    ):
        task = progress.add_task("starting", total=1.0)
        manifest = train(
            [*arguments.log, *arguments.person],
            output,
            settings,
            lambda stage, share: progress.update(task, description=stage, completed=share),
            Where(arguments.folds, cache, workers, arguments.devices),
            catalogue=arguments.catalogue,
            on_check=lambda checked: show_check(checked, progress.console),
            on_note=lambda log, note: progress.console.print(f"{log}: {note}", markup=False, highlight=False),
        )
    for metric in manifest.metrics:
        h50 = "" if metric.mae_h50_deg is None else f", h50 {metric.mae_h50_deg:.2f} deg"
        print(f"{metric.log}: h20 {metric.mae_h20_deg:.2f} deg{h50}; {metric.role}")
    print(f"wrote {output}")


if __name__ == "__main__":
    sys.exit(main())
