"""``demo``: plays a recorded or a simulated walk through the real nodes, shows it live, and scores it."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import get_args

from rich.console import Console

from ankle_imu_driver.calibration import save_calibration
from ankle_imu_driver.document import shown
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import Recording
from ankle_imu_driver.refusal import Refusal
from ankle_imu_driver.regular_file import expanded
from ankle_predictor.command_line import add_leg, check_folder_of, duration, run_command, write_json
from ankle_predictor.demo.adapting import NEEDED, WALKING
from ankle_predictor.demo.leg_parameters import leg_parameters
from ankle_predictor.demo.live_run import Outcome, run_nodes
from ankle_predictor.demo.output_folder import new_output_folder
from ankle_predictor.demo.plan import SECONDS, WEB_SECONDS, Plan
from ankle_predictor.demo.results import report_results
from ankle_predictor.demo.view import LiveView
from ankle_predictor.demo.web_page import ADDRESS
from ankle_predictor.estimation.encoder_fusion import EncoderRole
from ankle_predictor.model.bundle import Bundle, find_model, load_bundle, model_directories, write_bundle
from ankle_predictor.offline.leg_options import add_leg_options, leg_settings


def main(arguments: list[str] | None = None) -> int:
    """Run ``demo``; returns the exit status."""
    options = _parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))

    def work() -> None:
        try:
            _demo(options)
        except Refusal as refusal:
            raise Refusal(f"demo: {refusal}") from refusal

    return run_command(work, "demo: interrupted")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__.partition(": ")[2] if __doc__ else None)
    parser.add_argument(
        "--log",
        type=_path,
        metavar="FILE",
        help="a recorded walk; without it the walk is simulated, and the model is adapted to the simulated person",
    )
    parser.add_argument(
        "--seconds",
        type=duration,
        metavar="S",
        help=f"how long (default: {SECONDS:g}; without --log until the adaptation is shown, which needs {NEEDED:g})",
    )
    parser.add_argument(
        "--model", metavar="NAME", help="name of the model, or a bundle's path (the file's model, otherwise base)"
    )
    parser.add_argument(
        "--emulated", action="store_true", help="the walk moves two emulated MPU6050, which the real driver reads"
    )
    parser.add_argument(
        "--encoder",
        choices=get_args(EncoderRole),
        help="what the predictor uses the encoder for (default: input with --log, otherwise score)",
    )
    add_leg(parser)
    parser.add_argument(
        "--web",
        action="store_true",
        help=f"show the web page and leave adapting to it; {WEB_SECONDS:g} s long if --seconds does not say otherwise",
    )
    add_leg_options(parser)
    parser.add_argument("--headless", action="store_true", help="no live view")
    parser.add_argument("--json", type=_path, metavar="FILE", help="write the figures there")
    parser.add_argument("--output", type=_path, metavar="DIR", help="a new folder for the results (demo_output/...)")
    return parser


def _path(text: str) -> Path:
    try:
        return expanded(Path(text))
    except Refusal as refusal:
        raise argparse.ArgumentTypeError(str(refusal)) from refusal


def _demo(options: argparse.Namespace) -> None:
    console = Console(highlight=False, markup=False)
    worn = leg_settings(options.side, options.params_file, options.namespace)
    recording = None if options.log is None else read_recording(options.log, worn.encoder, options.leg)
    bundle, plan = _plan(options)
    source = "simulator" if recording is None else recording.name
    check_folder_of(options.json)
    default = Path("demo_output", f"{source}-{time.strftime('%Y%m%d-%H%M%S')}")
    folder = new_output_folder(options.output or default)
    keep_model(bundle, folder.models)
    outcome = Outcome(plan.longest)
    if plan.web:
        outcome.message = "left to the web page"
    elif recording is None and not plan.adapts:
        outcome.message = f"skipped: {plan.longest:g} s are too short, it needs {NEEDED:g} s or more"
    _announce(plan, source, recording, outcome, console)
    if recording is not None and recording.calibration is not None:
        save_calibration(folder.calibration, recording.calibration)

    def report() -> None:
        figures = report_results(plan, source, folder, outcome, console)
        if options.json is not None:
            write_json(options.json, figures)

    try:
        with LiveView(console, source) if not options.headless else nullcontext() as view:
            run_nodes(plan, folder, view, outcome)
    except KeyboardInterrupt:
        console.print("interrupted; the results until then:")
        report()
        raise
    report()


def _plan(options: argparse.Namespace) -> tuple[Bundle, Plan]:
    given = leg_parameters(options.side, options.params_file, options.namespace)
    folder = str(given.pop("predictor:models_dir", ""))
    model = options.model or str(given.get("predictor:model", "base"))
    bundle = load_bundle(*find_model(model, expanded(Path(folder)) if folder else None))
    asked = options.encoder or given.get("predictor:encoder.role")
    role: EncoderRole | None = next((known for known in get_args(EncoderRole) if known == asked), None)
    if role is None and asked is not None:
        raise Refusal(f"encoder.role must be one of {', '.join(get_args(EncoderRole))}, not {shown(asked)}")
    return bundle, Plan(
        options.log, bundle.name, options.emulated, options.seconds, role, options.leg, options.web, given
    )


def keep_model(bundle: Bundle, folder: Path) -> None:
    """Copy a model into a demo's own folder if the nodes would not find it, which look into model directories only.

    Raises:
        BundleError: it cannot be written.
    """
    if not any(bundle.path.is_relative_to(directory.absolute()) for directory in model_directories()):
        folder.mkdir(exist_ok=True)
        write_bundle(folder / bundle.name, bundle.manifest, bundle.onnx, bundle.keras)


def _announce(plan: Plan, source: str, recording: Recording | None, outcome: Outcome, console: Console) -> None:
    say = partial(console.print, soft_wrap=True)
    through = "emulated sensors, " if plan.emulated else ""
    length = f"{'' if plan.seconds or plan.log is not None else 'up to '}{plan.longest:g} s"
    say(f"{source}: {length} through {through}imu_driver, orientation_filter and predictor")
    if recording is not None and (whole := recording.end - recording.start) > plan.longest:
        say(f"the recording has {whole:.0f} s; --seconds plays more of it")
    if plan.web:
        say(f"open {ADDRESS} in a browser; Ctrl-C ends the demo")
    elif plan.adapts:
        say(
            f"a new user walks; {plan.model} is adapted to them with {WALKING:g} s of their walking, without an encoder"
        )
    elif recording is None:
        say(f"adapting to the new user is {outcome.message}")
    elif recording.encoder is None:
        say(f"{source} has no encoder: forecasts are scored against the IMUs' own later angle")
    elif plan.encoder_role == "input":
        say("the encoder is an input of the forecasts and scores them; --encoder score: it only scores them")


if __name__ == "__main__":
    sys.exit(main())
