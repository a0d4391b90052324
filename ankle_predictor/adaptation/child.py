"""The process that adapts a model while the node goes on forecasting; ``adaptation_process`` starts and watches it.

It reads all that it needs from one folder and writes nowhere else. Every line of its standard output is a JSON object:
``{"stage": ..., "share": ...}`` while it works, and at last ``{"refusal": ...}`` or ``{"outcome": ...}``.
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ankle_imu_driver.recordings.recording import EncoderSamples
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.adaptation.adapt import USER_LAYER, Report, adapt
from ankle_predictor.adaptation.process import MADE, START, TASK, WALK
from ankle_predictor.adaptation.report import verdict
from ankle_predictor.adaptation.user_walk import UserWalk
from ankle_predictor.adaptation.walk_collector import WalkedSeconds
from ankle_predictor.model.bundle import load_bundle, write_bundle
from ankle_predictor.model.features import ANGLE_FEATURE, FeatureSpec
from ankle_predictor.offline.pipeline import FeatureTable
from ankle_predictor.training.needs_tensorflow import NetworkError, imported

FIRST_TO_GO = "1000"  # of /proc/self/oom_score_adj: where memory runs out, this process is ended and not the node


def main(folder: str) -> int:
    """Work on what lies in a folder; returns the exit status, 0 also for a refusal."""
    # Libraries print what they like: their standard output goes where errors go, and this process's own stays clean.
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1, encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    given = threading.Event()
    threading.Thread(target=_end_with_parent, args=(given,), daemon=True).start()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO, "ascii")

    def say(**line: Any) -> None:
        channel.write(json.dumps(line, allow_nan=False) + "\n")

    with suppress(NetworkError):  # ``adapt`` says it again
        imported(USER_LAYER, "adapting")
    given.wait()
    try:
        say(outcome=_adapt(Path(folder), lambda stage, share: say(stage=stage, share=share)))
    except Refusal as refusal:
        say(refusal=str(refusal))
    return 0


def user_walk(walked: WalkedSeconds, spec: FeatureSpec, name: str) -> UserWalk:
    """Return collected walking as what ``adapt`` learns from."""
    leg = FeatureTable(walked.stamp, walked.values, walked.values[:, spec.names.index(ANGLE_FEATURE)])
    encoder = EncoderSamples(walked.encoder_stamp, walked.encoder_angle) if len(walked.encoder_stamp) else None
    first, last = float(walked.stamp[0]), float(walked.stamp[-1])
    return UserWalk(name, first, round(last - first, 1), leg, leg, encoder)


def _adapt(folder: Path, on_progress: Callable[[str, float], None]) -> dict[str, Any]:
    task = json.loads((folder / TASK).read_text("utf-8"))
    base = load_bundle(task["base"], [folder / START])
    walk = user_walk(WalkedSeconds.load(folder / WALK), base.manifest.features, task["name"])
    adaptation = adapt(base, walk, task["labels"], task["user"], on_progress)
    report, bundle = adaptation.report, adaptation.bundle
    if bundle is not None:
        write_bundle(folder / MADE / task["user"], bundle.manifest, bundle.onnx, bundle.keras)
    before, after = _errors(report)
    sentences = (verdict(report), *report.warnings)
    return {"adapted": report.adapted, "message": "; ".join(sentences), "before": before, "after": after}


def _errors(report: Report) -> tuple[float, float]:
    """Return the mean absolute errors in rad of base and adaptation, over all steps of the seconds that were kept."""
    before, after = (math.radians(score.mae_deg(report.truth.shape[1])) for score in report.scores(report.truth))
    return before, after


def _end_with_parent(given: threading.Event) -> None:
    """Tell when the walk is there, and end this process when the one that started it ends.

    Nobody else holds the other end of its standard input.
    """
    while os.read(sys.stdin.fileno(), 1):  # not the buffered reader: its lock would abort Python's own exit
        given.set()
    os._exit(1)
