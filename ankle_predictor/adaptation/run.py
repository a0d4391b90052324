"""One adaptation to a user, from the accepted goal to the swap of the models: data, progress, and how to stop it."""

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
ENCODER_PATIENCE = 3.0  # s within which the first encoder sample must arrive
WALKING_PATIENCE = 120.0  # s without walking, after which the adaptation ends
NEEDED = ("tensorflow", "onnx")  # imported by the child process only, never by a node


class Promise(Protocol):
    """The methods of a future, such as rclpy's, that are used here."""

    def done(self) -> bool:
        """Return whether the result is set."""

    def set_result(self, result: Any) -> None:
        """Set the result, so that nobody waits any longer."""


class AdaptationRun:
    """One accepted goal.

    Attributes:
        goal: the goal's handle.
        base: the engine whose model is adapted.
        path: where the user's bundle is written.
        mirrored: whether the sensors are on the other leg than the model's.
        labels: "imu" or "encoder".
        collector: collects the walk.
        collected: done once enough walking is collected, or after ``stop``.
        process: adapts the model in a child process.
        stage: current stage, as in the action's feedback.
        progress: share of the stage that is done.
        stopped: why the adaptation was stopped; empty if it was not.
        started: monotonic s, when the goal was accepted.
        walked: monotonic s, when walking was last seen.
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
        """End the adaptation, whatever its stage."""
        self.stopped = self.stopped or reason
        self.process.stop(self.stopped)
        self.end_collecting()

    def end_collecting(self) -> None:
        """Stop collecting; later pairs are ignored."""
        if not self.collected.done():
            self.collected.set_result(None)

    def push(self, pair: PairSample) -> None:
        """Add a pair to the walk, unless collecting has ended."""
        if self.collected.done():
            return
        before, duration = self.collector.seconds, self.goal.request.duration
        self.collector.push(pair.joint.stamp, pair_features(pair, self.mirrored))
        if self.collector.seconds > before:
            self.walked = time.monotonic()
        self.progress = min(self.collector.seconds / duration, 1.0)
        if self.collector.seconds >= duration:
            self.end_collecting()

    def interrupt(self) -> None:
        """End the present piece of the walk, unless collecting has ended."""
        if not self.collected.done():
            self.collector.interrupt()

    def push_encoder(self, stamp: float, angle: float) -> None:
        """Add the encoder's angle in rad at ``stamp`` in s, unless collecting has ended."""
        if not self.collected.done():
            self.collector.push_encoder(stamp, angle)

    def look(self) -> None:
        """End an adaptation that cannot succeed: without an encoder, a child process or walking."""
        if self.collected.done():
            return
        now, collector = time.monotonic(), self.collector
        has_no_encoder = collector.pairs and not collector.encoder_samples
        if self.labels == "encoder" and has_no_encoder and now - self.started > ENCODER_PATIENCE:
            self.stop("no encoder is heard on encoder/joint_states; connect it, or use labels imu")
        elif self.process.has_died:
            self.end_collecting()  # the caller waits for ``process.run`` next, which raises the reason
        elif now - self.walked > WALKING_PATIENCE:
            self.stop(f"no walking was seen for {WALKING_PATIENCE:.0f} s; call the action again to walk")

    def _progress(self, _stage: str, share: float) -> None:
        self.progress = share  # called only after collecting has ended


def check_means(path: Path) -> None:
    """Refuse at once what would otherwise fail after minutes of walking.

    Args:
        path: where the user's bundle will be written.

    Raises:
        AdaptationEnded: TensorFlow or ONNX is missing.
        BundleError: the bundle cannot be written.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise AdaptationEnded(
            f"adapting needs {missing[0]}, which is not installed: pip install -r requirements-train.txt"
        )
    check_room(path)
