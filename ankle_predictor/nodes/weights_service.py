"""The service ``~/load_weights``: a model is loaded beside the running one, tried, and only then switched to."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable

from ankle_predictor_interfaces.srv import LoadWeights
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup

from ankle_imu_driver.managed_node import ManagedNode
from ankle_predictor.forecasting.forecaster import PreparedModel
from ankle_predictor.model.manifest import CODES, BundleError
from ankle_predictor.nodes.worker import Worker

RESULTS = {code: getattr(LoadWeights.Response, code) for code in CODES}


class WeightsService:
    """Answers one caller after the other, while the samples go on: its callback group is its own.

    Loading and trial run in a worker thread, the switch in the executor's, between two samples.
    """

    def __init__(
        self,
        node: ManagedNode,
        load: Callable[[str], PreparedModel],
        switch: Callable[[PreparedModel], None],
        active: Callable[[], str],
    ) -> None:
        """Offer the service.

        Args:
            node: that offers it.
            load: makes a model ready to run; runs in the worker and touches nothing in use.
            switch: puts it to use; runs in the executor. Both raise BundleError to refuse.
            active: tells the model in use.
        """
        self._node = node
        self._load, self._switch, self._active = load, switch, active
        self._background = Worker(node, "load_weights")
        group = MutuallyExclusiveCallbackGroup()
        node.create_service(LoadWeights, "~/load_weights", self._answer, callback_group=group)

    async def _answer(self, request: LoadWeights.Request, response: LoadWeights.Response) -> LoadWeights.Response:
        started, model = time.monotonic(), request.model
        try:
            self._switch(await self._background.run(lambda: self._load(model)))
        except BundleError as refusal:
            response.result, response.message = RESULTS[refusal.code], str(refusal)
        except Exception as bug:  # noqa: BLE001 - a caller who hears nothing would wait for ever
            self._node.get_logger().error(traceback.format_exc())
            response.result, response.message = RESULTS["REJECTED"], f"loading failed: {type(bug).__name__}: {bug}"
        else:
            response.result, response.message = LoadWeights.Response.SUCCESS, f"model {self._active()} runs"
        response.active_model = self._active()
        response.load_time = time.monotonic() - started
        self._node.get_logger().info(f"load_weights {model!r}: {response.message}")
        return response
