"""One adaptation from the goal to the swap: what was collected, how far it is, and how it is stopped."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from ankle_predictor.adaptation.process import AdaptationEnded, AdaptationProcess
from ankle_predictor.adaptation.walk_collector import WalkCollector
from ankle_predictor.estimation.samples import PairSample
from ankle_predictor.model.bundle import check_room
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.features import pair_features

COLLECTING, TRAINING, SWAPPING = "collecting", "training", "swapping"
ENCODER_PATIENCE = 3.0  # s in which an encoder has to be heard
WALKING_PATIENCE = 120.0  # s without any walking, after which nobody waits for more
NEEDED = ("tensorflow", "onnx")  # by the adapting process; a node imports neither


class Promise(Protocol):
    """Something that another part waits for."""

    def done(self) -> bool:
        """Return whether it is waited for no more."""

    def set_result(self, result: Any) -> None:
        """End the waiting."""


class AdaptationRun:
    """One goal that was accepted.

    Attributes:
        goal: its handle.
        base: the engine whose model is adapted.
        path: where the user's model goes.
        collected: done once there is walking enough, or when it was stopped.
        process: adapts.
        stage, progress: how far it has come; the share is of the stage.
        committing: whether it is too late to cancel.
    """

    def __init__(self, goal: Any, base: InferenceEngine, path: Path, mirrored: bool, collected: Promise) -> None:
        self.goal, self.base, self.path, self.mirrored = goal, base, path, mirrored
        self.labels = str(goal.request.labels)
        self.collector = WalkCollector(base.manifest.features, base.manifest.horizon)
        self.collected: Any = collected
        self.process = AdaptationProcess(self._progress)
        self.stage, self.progress = COLLECTING, 0.0
        self.stopped = ""
        self.started = self.walked = time.monotonic()
        self.committing = False

    def stop(self, reason: str) -> None:
        """End it at whatever stage it is."""
        self.stopped = self.stopped or reason
        self.process.stop(self.stopped)
        self.end_collecting()

    def end_collecting(self) -> None:
        """Want no more pairs."""
        if not self.collected.done():
            self.collected.set_result(None)

    def push(self, pair: PairSample) -> None:
        """Take a pair while pairs are wanted."""
        if self.collected.done():
            return
        before, duration = self.collector.seconds, self.goal.request.duration
        self.collector.push(pair.joint.stamp, pair_features(pair, self.mirrored))
        if self.collector.seconds > before:
            self.walked = time.monotonic()
        self.progress = min(self.collector.seconds / duration, 1.0)
        if self.collector.seconds >= duration:
            self.end_collecting()

    def push_encoder(self, stamp: float, angle: float) -> None:
        """Take the encoder's angle in rad while pairs are wanted."""
        if not self.collected.done():
            self.collector.push_encoder(stamp, angle)

    def look(self) -> None:
        """Give up what nothing will come of."""
        if self.collected.done():
            return
        now, collector = time.monotonic(), self.collector
        heard_nothing = collector.pairs and not collector.encoder_samples
        if self.labels == "encoder" and heard_nothing and now - self.started > ENCODER_PATIENCE:
            self.stop("no encoder is heard on encoder/joint_states; connect it, or use labels imu")
        elif self.process.has_died:
            self.end_collecting()  # what was said of it, or not, is told when it is waited for
        elif now - self.walked > WALKING_PATIENCE:
            self.stop(f"no walking was seen for {WALKING_PATIENCE:.0f} s; call the action again to walk")

    def _progress(self, _what: str, share: float) -> None:
        self.progress = share  # told only once the walking was given


def check_means(path: Path) -> None:
    """Refuse at once what would fail after minutes of walking.

    Raises:
        AdaptationEnded: training software is missing.
        BundleError: the model cannot be written.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise AdaptationEnded(
            f"adapting needs {missing[0]}, which is not installed: pip install -r requirements-train.txt"
        )
    check_room(path)
