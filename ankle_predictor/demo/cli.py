"""``demo``: plays a recorded or a simulated walk through the real nodes, shows it live, and scores it."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from ankle_imu_driver.calibration import save_calibration
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.rosbag_writer import BagWriter
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.command_line import duration
from ankle_predictor.demo.adapting import AFTER, LABELS, LONGEST, NEEDED, PERSON, SEED, USER, WALKING, Adapting
from ankle_predictor.demo.before_after import BeforeAfter, compare
from ankle_predictor.demo.live_run import LiveRun, RunError
from ankle_predictor.demo.monitor_node import listening, message_definitions
from ankle_predictor.demo.plot import draw
from ankle_predictor.demo.recorded_run import read_run
from ankle_predictor.demo.summary import summarise
from ankle_predictor.demo.view import LiveView
from ankle_predictor.model.bundle import load_bundle, model_directories
from ankle_predictor.model.engine import load_engine
from ankle_predictor.model.manifest import Training
from ankle_predictor.nodes.child_process import NodesProcess, Parameter, private_environment
from ankle_predictor.nodes.topics import TOPICS

SECONDS = 30.0  # of a log
BAG, PICTURE, CALIBRATION, NODES_LOG, MODELS = "recording", "forecast.png", "calibration.yaml", "nodes.log", "models"
INTERRUPTED = 130  # exit status after Ctrl-C, as shells have it
UNFINISHED = "the adaptation was not finished when the run ended"


@dataclass
class Watched:
    """What a run came to.

    Attributes:
        seconds: that were watched.
        adapts: whether the model was to be adapted.
        adapted: whether it was.
        message: why, or why not.
        began: when the demo did, in s on the monotonic clock.
    """

    seconds: float
    adapts: bool
    adapted: bool = False
    message: str = ""
    began: float = field(default_factory=time.monotonic)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status: 0, 1 (it went wrong), 2 (wrong arguments), 130 (Ctrl-C)."""
    options = _parser().parse_args(arguments)
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, lambda number, _: sys.exit(128 + number))
    try:
        return _demo(options)
    except (Refusal, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__.partition(": ")[2] if __doc__ else None)
    parser.add_argument(
        "--log",
        type=_path,
        metavar="FILE",
        help="a recorded walk; without it a simulated stranger walks, to whom the model is adapted",
    )
    parser.add_argument(
        "--seconds",
        type=duration,
        metavar="S",
        help=f"how long ({SECONDS:g}; without a log until the adaptation was shown, for which {NEEDED:g} are needed)",
    )
    parser.add_argument("--model", default="base", metavar="NAME", help="whose weights (%(default)s)")
    parser.add_argument(
        "--emulated", action="store_true", help="the walk moves two emulated MPU6050, which the real driver reads"
    )
    parser.add_argument("--headless", action="store_true", help="no live view")
    parser.add_argument("--json", type=_path, metavar="FILE", help="write the figures there")
    parser.add_argument("--output", type=_path, metavar="DIR", help="a new folder for the results (demo_output/...)")
    return parser


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _demo(options: argparse.Namespace) -> int:
    console = Console(highlight=False, markup=False)
    recording = None if options.log is None else read_recording(options.log)
    source = "simulator" if recording is None else recording.name
    if options.json is not None and not options.json.absolute().parent.is_dir():
        raise Refusal(f"there is no folder {options.json.parent} to write {options.json.name} to")
    folder = _new_folder(options.output or Path("demo_output", f"{source}-{time.strftime('%Y%m%d-%H%M%S')}"))
    through = "emulated sensors, " if options.emulated else ""
    seconds = options.seconds or (LONGEST if recording is None else SECONDS)
    watched = Watched(seconds, adapts=recording is None and seconds >= NEEDED)
    some = f"{seconds:g} s" if options.seconds or recording is not None else f"up to {seconds:g} s"
    console.print(f"{source}: {some} through {through}imu_driver, orientation_filter and predictor")
    if watched.adapts:
        console.print(
            f"a stranger walks, to whom {options.model} is adapted by {WALKING:g} s of it, without an encoder"
        )
    elif recording is None:
        watched.message = f"skipped: {seconds:g} s are too short for it, {NEEDED:g} s or more are needed"
        console.print(f"adapting to the stranger is {watched.message}")
    if recording is not None and recording.encoder is None:
        console.print(f"{source} has no encoder: there will be forecasts, but no errors")
    if recording is not None and recording.calibration is not None:
        save_calibration(folder / CALIBRATION, recording.calibration)
    try:
        with LiveView(console, source) if not options.headless else nullcontext() as view:
            _watch(options, folder, view, watched)
        status = 0
    except KeyboardInterrupt:
        console.print("interrupted; this is what came until then")
        status = INTERRUPTED
    _sum_up(options, source, folder, console, watched)
    return status


def _watch(options: argparse.Namespace, folder: Path, view: LiveView | None, watched: Watched) -> None:
    """Let the nodes run, and record what they say."""
    calibration = str((folder / CALIBRATION).absolute())
    parameters: dict[str, Parameter] = {
        "imu_driver:autostart": False,
        "imu_driver:source": "simulator" if options.log is None else "replay",
        "imu_driver:simulator.person": PERSON,
        "imu_driver:seed": SEED,
        # Where a recording without a calibration, and a simulated person, get theirs from standing.
        "orientation_filter:calibration_save": calibration,
        "predictor:model": options.model,
        "predictor:models_dir": str((folder / MODELS).absolute()),  # the stranger's goes there, not among the user's
    }
    if options.emulated:
        parameters |= {"imu_driver:source": "mpu6050", "imu_driver:bus": "emulated"}
    if options.log is not None:
        parameters |= {
            "imu_driver:log": str(options.log.absolute()),
            "imu_driver:exit_at_end": True,
            "imu_driver:emulator.noise": 0.0,  # a recording brings its own
            "orientation_filter:calibration_file": calibration,
        }
    environment = private_environment(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    with (
        BagWriter(folder / BAG, TOPICS, message_definitions()) as bag,
        NodesProcess(parameters, environment, folder / NODES_LOG) as nodes,
        listening(bag.write) as (monitor, listener),
    ):
        adapting = Adapting(monitor, options.seconds is not None, watched.began) if watched.adapts else None
        live = LiveRun(monitor, listener, nodes, view, watched.seconds, adapting)
        try:
            live.watch()
        finally:
            watched.seconds = live.seconds
            if adapting is not None:
                result = adapting.close()
                watched.adapted = result is not None and result.success
                watched.message = f"{UNFINISHED} ({adapting.words})" if result is None else result.message


def _sum_up(options: argparse.Namespace, source: str, folder: Path, console: Console, watched: Watched) -> None:
    """Score the recording, draw it, and tell."""
    run = read_run(folder / BAG, watched.seconds)
    if not len(run.forecast_stamp):
        raise RunError("no forecast was recorded")
    manifest = load_bundle(run.model, model_directories(folder / MODELS)).manifest
    summary = summarise(run, manifest.features)
    compared = None
    if watched.adapted:
        base = load_engine(load_bundle(options.model, model_directories(folder / MODELS)))
        compared = compare(run, folder / BAG, base, USER, AFTER)
    known = options.log is not None and _is_among(options.log, manifest.training)
    caption = f"{source}, model {run.model}{', which was trained on this walk' if known else ''}."
    caption += " Recorded live: every forecast was made from the past only."
    if compared is None:
        draw(run, summary, caption, folder / PICTURE)
    else:
        draw(
            compared.run,
            compared.after,
            f"After {WALKING:g} s of walking. {caption}",
            folder / PICTURE,
            compared.before,
        )
    console.print(summary.table())
    if compared is not None:
        console.print(compared.table())
    if watched.message:
        console.print(f"adapting to the stranger: {watched.message}", soft_wrap=True)
    if known:
        console.print(f"{run.model} was trained on {source}: it does better here than on a walk that is new to it")
    for what, name in (("picture", PICTURE), ("recording", BAG), ("the nodes' output", NODES_LOG)):
        console.print(f"{what}: {folder / name}", soft_wrap=True)
    if options.json is not None:
        figures = {
            **summary.to_json(),
            "source": source,
            "trained_on_source": known,
            "output": str(folder),
            "adaptation": _adaptation(watched, compared) if options.log is None else None,
        }
        options.json.write_text(json.dumps(figures, indent=2, allow_nan=False) + "\n")


def _adaptation(watched: Watched, compared: BeforeAfter | None) -> dict[str, Any]:
    what = {"success": watched.adapted, "message": watched.message}
    if not watched.adapts:
        return what
    figures = {} if compared is None else compared.to_json()
    return {**what, "user": USER, "labels": LABELS, "walking_s": WALKING, **figures}


def _is_among(log: Path, training: Training) -> bool:
    return log.is_file() and hashlib.sha256(log.read_bytes()).hexdigest() in training.logs.values()


def _new_folder(path: Path) -> Path:
    """Make the folder of the results; what an earlier run left is never overwritten."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise Refusal(f"{path} is already there and not empty; name another folder with --output")
    path.mkdir(parents=True, exist_ok=True)
    return path


if __name__ == "__main__":
    sys.exit(main())
