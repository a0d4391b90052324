"""The action ``~/adapt``: adapts the model in use to the walking wearer, and switches to the adapted model."""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path
from typing import Any

from ankle_predictor_interfaces.action import AdaptToUser
from rclpy.action import ActionServer, CancelResponse
from rclpy.task import Future

from ankle_imu_driver.managed_node import ManagedNode
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.adaptation.process import AdaptationEnded, Outcome, Task, sweep_scratch
from ankle_predictor.adaptation.rolling_origin import shortest_walk
from ankle_predictor.adaptation.run import SWAPPING, TRAINING, AdaptationRun, check_means
from ankle_predictor.estimation.samples import PairSample
from ankle_predictor.forecasting.live_predictor import LivePredictor
from ankle_predictor.model.bundle import Bundle, bundle_path, check_writable, free_version, write_bundle
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.nodes.worker import Worker
from ankle_predictor.trust.status import Status

LABELS = ("imu", "encoder")
LONGEST = 600.0  # s of walking; more improves nothing
FEEDBACK_PERIOD = 0.2  # s
OTHER_MODEL = "the model to adapt is not in use any more"
UNUSABLE = Status.NOT_CALIBRATED | Status.SENSOR_SUSPECT | Status.IMPLAUSIBLE | Status.TWO_SOURCES


class AdaptAction:
    """Serves one goal at a time. Long work runs in a worker thread, so that the executor is never blocked.

    Attributes:
        run: the adaptation in progress, None if there is none.
    """

    def __init__(self, node: ManagedNode, predictor: LivePredictor) -> None:
        """Create the action server of a node for its predictor."""
        self._node, self._predictor = node, predictor
        sweep_scratch()
        self._worker = Worker(node, "adapt")
        self.run: AdaptationRun | None = None
        self._timer: Any = None
        self._server: Any = ActionServer(
            node,
            AdaptToUser,
            "~/adapt",
            self._execute,
            # A goal that is rejected has no way to say why: each one is accepted, and a wrong one is aborted at once.
            handle_accepted_callback=self._accept_or_abort,
            cancel_callback=node.guarded(self._cancel),
        )

    def push(self, pair: PairSample, status: Status) -> None:
        """Add a pair with its status. Pairs with an unusable status are ignored."""
        if self.run is not None and not status & UNUSABLE:
            self.run.push(pair)

    def interrupt(self) -> None:
        """Let no window span what came so far and what comes: the estimate of the leg has begun anew."""
        if self.run is not None:
            self.run.interrupt()

    def push_encoder(self, stamp: float, angle: float) -> None:
        """Add an angle of the encoder in rad, dorsiflexion positive; ``stamp`` in s."""
        if self.run is not None:
            self.run.push_encoder(stamp, angle)

    def end(self, reason: str) -> None:
        """End the adaptation in progress, if there is one; ``reason`` becomes its message."""
        if self.run is not None:
            self.run.stop(reason)

    def close(self) -> None:
        """End everything before the node is destroyed, and wait until the adapting process has ended."""
        self.end("predictor ended")
        self._worker.close()
        self._finish()
        if self._server is not None:
            self._server.destroy()
            self._server = None

    def check(self, goal: AdaptToUser.Goal) -> None:
        """Refuse a goal that cannot be served.

        Raises:
            Refusal: the message says why.
        """
        base = self._predictor.engine
        if base is None or not self._node.is_active:
            raise Refusal("predictor is not active; activate it first")
        if self.run is not None:
            raise Refusal(
                f"the model is already being adapted to {self.run.path.name}; wait, or cancel that adaptation"
            )
        if goal.labels not in LABELS:
            raise Refusal(f"labels must be 'imu' or 'encoder', not {goal.labels!r}")
        spec = base.manifest.features
        shortest = shortest_walk(spec.window, base.manifest.horizon, spec.period)
        if not shortest <= goal.duration <= LONGEST:
            raise Refusal(f"duration must be {shortest:g} to {LONGEST:g} s of walking, not {goal.duration:g}")
        path = self._path_of(goal.user)
        if goal.user == base.bundle.name or path == base.bundle.path:
            raise Refusal(f"{goal.user} is the model in use; give the user another name, or load another model first")
        check_writable(path, replace=True)

    def _accept_or_abort(self, goal: Any) -> None:
        try:
            self.check(goal.request)
        except Refusal as refusal:
            self._node.get_logger().error(f"adapt is refused: {refusal}")
            self._abort(goal, str(refusal))
            return
        except Exception as bug:  # noqa: BLE001 - reported; without a result the caller would wait for ever
            self._abort(goal, self._node.report("adapt", bug))
            return
        try:
            self._accept(goal)
        except Exception as bug:  # noqa: BLE001 - the same
            self._finish()
            self._abort(goal, self._node.report("adapt", bug))

    def _abort(self, goal: Any, message: str) -> None:
        def abort(accepted: Any) -> AdaptToUser.Result:
            accepted.abort()
            model = self._predictor.model
            return AdaptToUser.Result(error_before=math.nan, error_after=math.nan, message=message, model=model)

        goal.execute(abort)

    def _accept(self, goal: Any) -> None:
        base = self._predictor.engine
        assert base is not None  # checked by ``check``
        mirrored = base.manifest.side != self._predictor.config.side
        collected = Future(executor=self._node.executor)
        self.run = AdaptationRun(goal, base, self._path_of(goal.request.user), mirrored, collected)
        self._timer = self._node.create_steady_timer(FEEDBACK_PERIOD, self._publish_feedback)
        goal.execute()

    def _cancel(self, _goal: Any) -> CancelResponse:
        if self.run is None or self.run.committing:
            return CancelResponse.REJECT  # too late to cancel
        self.run.stop("cancelled")
        return CancelResponse.ACCEPT

    def _path_of(self, user: str) -> Path:
        return bundle_path(self._predictor.config.model_directories[0], user)

    def _publish_feedback(self) -> None:
        run = self.run
        if run is not None:
            run.look()
            error = float(self._predictor.recent_error)
            run.goal.publish_feedback(AdaptToUser.Feedback(stage=run.stage, progress=float(run.progress), error=error))

    async def _execute(self, goal: Any) -> AdaptToUser.Result:
        run = self.run
        assert run is not None
        result = AdaptToUser.Result(error_before=math.nan, error_after=math.nan)
        try:
            await self._adapt(run, result)
        except Refusal as reason:
            result.message = str(reason)
        except Exception as bug:  # noqa: BLE001 - reported; without an answer the caller would wait for ever
            result.message = self._node.report("adapt", bug)
        finally:
            self._finish()
        if result.success:
            goal.succeed()
        elif goal.is_cancel_requested:
            goal.canceled()
        else:
            goal.abort()
        result.model = self._predictor.model
        self._node.get_logger().info(f"adapt to {run.path.name}: {result.message}; model {result.model} runs")
        return result

    async def _adapt(self, run: AdaptationRun, result: AdaptToUser.Result) -> None:
        """Go through all stages and fill in the result.

        Raises:
            AdaptationEnded, BundleError: the model in use stays. No new model was written, unless the message says so.
        """
        outcome = await self._collect_and_train(run)
        result.error_before, result.error_after = outcome.before, outcome.after
        if outcome.bundle is None:
            raise AdaptationEnded(outcome.message)
        await self._swap(run, outcome.bundle)
        result.success, result.message = True, outcome.message
        if (wanted := outcome.bundle.name) != run.path.name:
            result.message += f"; {wanted} is in use by another predictor, so it was written as {run.path.name}"

    async def _collect_and_train(self, run: AdaptationRun) -> Outcome:
        """Collect the walk while the adapting process starts, then let it train."""
        await self._worker.run(lambda: check_means(run.path))
        name = f"walk of {run.path.name}, {time.strftime('%Y-%m-%d %H:%M')}"
        task = Task(run.base.bundle, run.path.name, run.labels, name)
        adapting = self._worker.run(lambda: run.process.run(task))
        adapting.add_done_callback(lambda _: run.end_collecting())
        await run.collected
        if not self._is_in_use(run.base):
            run.stop(OTHER_MODEL)
        run.process.give(run.collector.walked)
        run.stage, run.progress = TRAINING, 0.0
        outcome: Outcome = await adapting  # also raises the errors of the collecting stage
        return outcome

    async def _swap(self, run: AdaptationRun, adapted: Bundle) -> None:
        """Prepare the adapted model, write it, and switch to it."""
        run.stage, run.progress = SWAPPING, 0.0
        run.path = await self._worker.run(lambda: free_version(run.path))
        manifest = dataclasses.replace(adapted.manifest, name=run.path.name)
        bundle = dataclasses.replace(adapted, name=run.path.name, path=run.path, manifest=manifest)
        prepared = await self._worker.run(lambda: self._predictor.prepare(bundle))
        self._check_not_stopped(run)
        run.committing = True
        await self._worker.run(lambda: write_bundle(run.path, bundle.manifest, bundle.onnx, bundle.keras, replace=True))
        try:
            self._check_not_stopped(run)
        except AdaptationEnded as late:
            raise AdaptationEnded(
                f"{late}; {run.path.name} was written nevertheless, load_weights can load it"
            ) from late
        self._predictor.use(prepared)

    def _is_in_use(self, base: InferenceEngine) -> bool:
        in_use = self._predictor.engine
        return in_use is not None and in_use.manifest == base.manifest

    def _check_not_stopped(self, run: AdaptationRun) -> None:
        """End an adaptation that was stopped, or whose base model is not in use any more.

        Raises:
            AdaptationEnded: the reason.
        """
        if not self._is_in_use(run.base):
            run.stop(OTHER_MODEL)
        if run.stopped:
            raise AdaptationEnded(run.stopped)

    def _finish(self) -> None:
        self.run = None
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None
