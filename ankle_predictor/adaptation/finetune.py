"""``finetune``: adapts a model to a user from some seconds of the user's own recorded walking."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_predictor.adaptation.adapt import Adaptation, adapt
from ankle_predictor.adaptation.report import Report, as_json, as_text
from ankle_predictor.adaptation.report_page import ReportError, write_page, write_text
from ankle_predictor.adaptation.user_bundle import AdaptationError
from ankle_predictor.adaptation.user_walk import Labels, walk_of
from ankle_predictor.command_line import (
    add_leg,
    check_folder_of,
    duration,
    progress_bar,
    run_command,
    seconds_since,
    write_json,
)
from ankle_predictor.estimation.encoder_fusion import EncoderRole
from ankle_predictor.model.bundle import (
    bundle_path,
    check_writable,
    find_model,
    load_bundle,
    model_directories,
    write_bundle,
)
from ankle_predictor.model.features import FeatureError
from ankle_predictor.offline.leg_options import add_leg_options, is_mirrored, leg_settings
from ankle_predictor.offline.live_run import LiveSettings


def finetune(  # noqa: PLR0917 - each is another thing
    model: str,
    log: Path,
    span: tuple[float, float],
    labels: Labels,
    user: str,
    models_dir: Path | None = None,
    on_progress: Callable[[str, float], None] = lambda _stage, _share: None,
    encoder_role: EncoderRole = "score",
    leg: str = "",
    worn: LiveSettings | None = None,
) -> Report:
    """Adapt a model to a user; write the report, and the user's bundle if the adaptation is better than the base.

    Args:
        model: a name in a model directory, or a bundle's path.
        log: a recording of the user.
        span: s from the log's first sample, and how many seconds.
        labels: "encoder", or "imu" for the later angle of the IMUs themselves.
        user: name of the new model; an existing model of that name is replaced.
        models_dir: where the bundle is written and where models are looked for first; None for the user's own
            directory.
        on_progress: called with the current stage and the share that is done.
        encoder_role: "input" if the user's forecasts will have the encoder as an input.
        leg: the leg in a rosbag2 with several legs, by its namespace.
        worn: what the nodes' parameters say about the leg; None for their defaults.

    Raises:
        Refusal: nothing was written.
    """
    directory = models_dir.absolute() if models_dir else model_directories()[0]
    path, base = bundle_path(directory, user), load_bundle(*find_model(model, models_dir))
    if path == base.path:
        raise AdaptationError(f"{user} is the model to start from; give the user another name")
    check_writable(path, replace=True)
    worn = worn or LiveSettings().worn_on(base.manifest.side)
    mirrored = is_mirrored(worn, base.manifest)
    on_progress(f"reading {log.name}", 0.0)
    try:
        recording = read_recording(log, worn.encoder, leg)
        walk = walk_of(recording, base.manifest.features, *span, encoder_role, mirrored, worn.leg)
    except FeatureError as error:
        raise AdaptationError(f"model {base.name} was trained on {error}") from error
    adaptation = adapt(base, walk, labels, user, on_progress)
    _write(adaptation, path)
    return adaptation.report


def _write(adaptation: Adaptation, path: Path) -> None:
    report, bundle = adaptation.report, adaptation.bundle
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(f"{path.parent} cannot be made: {error.strerror}") from error
    if bundle is not None:
        write_bundle(path, bundle.manifest, bundle.onnx, bundle.keras, replace=True)
    write_page(report, path.with_name(f"{path.name}_report.png"))
    write_text(as_text(report), path.with_name(f"{path.name}_report.txt"))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="finetune", description="Adapt a model to a user by seconds of walking.")
    parser.add_argument("--model", required=True, metavar="NAME", help="model to adapt: a name, or a bundle's path")
    parser.add_argument("--log", type=Path, required=True, metavar="FILE", help="logger TXT or rosbag2 of the user")
    add_leg(parser)
    add_leg_options(parser)
    parser.add_argument("--start", type=seconds_since, required=True, metavar="S", help="from the log's first sample")
    parser.add_argument("--seconds", type=duration, required=True, metavar="N", help="how many to learn from")
    parser.add_argument("--labels", choices=("imu", "encoder"), required=True, help="source of the true angle")
    parser.add_argument(
        "--encoder",
        choices=("input", "score"),
        default="score",
        help="input: the user will walk with the encoder as an input of the forecast (%(default)s)",
    )
    parser.add_argument("--user", required=True, metavar="NAME", help="name of the new model")
    parser.add_argument(
        "--models-dir", type=Path, metavar="DIR", help="where models are looked for first, and the new one is written"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``finetune``; returns the exit status."""
    args = _arguments(argv)

    def work() -> None:
        check_folder_of(args.json)
        worn = leg_settings(args.side, args.params_file, args.namespace)
        with progress_bar(Console(stderr=True)) as progress:
            task = progress.add_task("starting", total=1.0)
            report = finetune(
                args.model,
                args.log,
                (args.start, args.seconds),
                args.labels,
                args.user,
                args.models_dir,
                lambda stage, share: progress.update(task, description=stage, completed=share),
                args.encoder,
                args.leg,
                worn,
            )
        if args.json:
            write_json(args.json, as_json(report))
        print(as_text(report), end="")

    return run_command(work, "interrupted; nothing was written")


if __name__ == "__main__":
    sys.exit(main())
