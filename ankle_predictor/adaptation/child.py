"""The child process that adapts a model while the predictor node keeps forecasting; ``process.py`` starts it.

It reads its input from one folder and writes nowhere else. Every line of its standard output is a JSON object:
``{"stage": ..., "share": ...}`` during the work, and at the end ``{"refusal": ...}`` or ``{"outcome": ...}``.
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
from ankle_predictor.adaptation.adapt import adapt
from ankle_predictor.adaptation.preparation import PURPOSE, USER_LAYER
from ankle_predictor.adaptation.process import MADE, START, TASK, WALK
from ankle_predictor.adaptation.report import Report, verdict
from ankle_predictor.adaptation.user_walk import UserWalk
from ankle_predictor.adaptation.walk_collector import WalkedSeconds
from ankle_predictor.model.bundle import load_bundle, write_bundle
from ankle_predictor.model.features import ANGLE_FEATURE, FeatureSpec
from ankle_predictor.offline.pipeline import FeatureTable
from ankle_predictor.training.needs_tensorflow import NetworkError, imported

KILLED_FIRST = "1000"  # of /proc/self/oom_score_adj: if memory runs out, the kernel ends this process, not the node


def main(folder: str) -> int:
    """Do the task in a folder; returns the exit status, which is 0 for a refusal, too."""
    # Libraries print to standard output. Send that to stderr, so that only JSON lines reach the parent process.
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1, encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    walk_is_there = threading.Event()
    threading.Thread(target=_end_with_parent, args=(walk_is_there,), daemon=True).start()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(KILLED_FIRST, "ascii")

    def send(**line: Any) -> None:
        channel.write(json.dumps(line, allow_nan=False) + "\n")

    with suppress(NetworkError):  # ``adapt`` raises it again
        imported(USER_LAYER, PURPOSE)  # takes seconds, so it is done while the walk is collected
    walk_is_there.wait()
    try:
        send(outcome=_adapt(Path(folder), lambda stage, share: send(stage=stage, share=share)))
    except Refusal as refusal:
        send(refusal=str(refusal))
    return 0


def user_walk(walked: WalkedSeconds, spec: FeatureSpec, name: str) -> UserWalk:
    """Return collected walking as the input of ``adapt``."""
    leg = FeatureTable(walked.stamp, walked.values, walked.values[:, spec.names.index(ANGLE_FEATURE)])
    encoder = EncoderSamples(walked.encoder_stamp, walked.encoder_angle) if len(walked.encoder_stamp) else None
    first, last = float(walked.stamp[0]), float(walked.stamp[-1])
    return UserWalk(name, first, round(last - first, 1), leg, leg, encoder)


def _adapt(folder: Path, on_progress: Callable[[str, float], None]) -> dict[str, Any]:
    """Adapt, write the user's bundle into the folder, and return the outcome as JSON."""
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
    """Return the mean absolute errors in rad of base and adaptation, over all steps of the scored forecasts."""
    before, after = (math.radians(score.mae_deg(report.horizon)) for score in report.scores(report.truth))
    return before, after


def _end_with_parent(walk_is_there: threading.Event) -> None:
    """Set the event when the parent says that the walk is there; end this process when the parent ends.

    Only the parent holds the other end of standard input, so its end closes it.
    """
    while os.read(sys.stdin.fileno(), 1):  # not the buffered reader: its lock would abort Python's own exit
        walk_is_there.set()
    os._exit(1)
