"""The service ``~/load_weights``: loads and tests a model, and only then switches to it."""

from __future__ import annotations

import time

from ankle_predictor_interfaces.srv import LoadWeights
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup

from ankle_imu_driver.managed_node import ManagedNode
from ankle_predictor.forecasting.live_predictor import LivePredictor
from ankle_predictor.model.manifest import CODES, BundleError
from ankle_predictor.nodes.worker import Worker

RESULTS = {code: getattr(LoadWeights.Response, code) for code in CODES}


class WeightsService:
    """Answers one caller at a time, while the processing of samples continues.

    Loading and test run in a worker thread. The switch runs in the executor's thread, between two samples.
    """

    def __init__(self, node: ManagedNode, predictor: LivePredictor) -> None:
        """Create the service of a node for its predictor."""
        self._node, self._predictor = node, predictor
        self._worker = Worker(node, "load_weights")
        group = MutuallyExclusiveCallbackGroup()
        node.create_service(LoadWeights, "~/load_weights", self._load_weights, callback_group=group)

    async def _load_weights(self, request: LoadWeights.Request, response: LoadWeights.Response) -> LoadWeights.Response:
        started, model, predictor = time.monotonic(), request.model, self._predictor
        try:
            prepared = await self._worker.run(lambda: predictor.load(model))
            predictor.use(prepared)
        except BundleError as refusal:
            response.result, response.message = RESULTS[refusal.code], str(refusal)
        except Exception as bug:  # noqa: BLE001 - reported; without an answer the caller would wait for ever
            response.result, response.message = RESULTS["REJECTED"], self._node.report("load_weights", bug)
        else:
            response.result = LoadWeights.Response.SUCCESS
            response.message = f"model {predictor.model} runs; {prepared.figures}"
        response.active_model = predictor.model
        response.load_time = time.monotonic() - started
        self._node.get_logger().info(f"load_weights {model!r}: {response.message}")
        return response
