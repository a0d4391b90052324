"""Which model is in use: new ones are tried before, and one that fails gives way to the one that it replaced."""

from __future__ import annotations

import dataclasses
import math

from ankle_predictor.forecasting.forecaster import Forecaster, PreparedModel
from ankle_predictor.forecasting.predictor_config import PredictorConfig
from ankle_predictor.model.bundle import Bundle
from ankle_predictor.model.engine import InferenceEngine, ModelFailure, load_engine
from ankle_predictor.model.manifest import BundleError
from ankle_predictor.model.model_hold import ModelHold
from ankle_predictor.trust.model_trial import ModelTrial
from ankle_predictor.trust.reference_walk import Walk
from ankle_predictor.trust.status import Status

TOLD = 10.0  # s for which the status says that a model failed, if another one runs


class ModelChoice:
    """The models of one predictor.

    Attributes:
        failure: what the last model that failed did, and what runs since, as text for people; empty after the next
            model was chosen.
    """

    def __init__(self) -> None:
        self._trial, self._hold = ModelTrial(), ModelHold()
        self._before: InferenceEngine | None = None
        self._failed_at = -math.inf
        self.failure = ""

    def prepare(self, forecaster: Forecaster, bundle: Bundle, config: PredictorConfig) -> PreparedModel:
        """Try a model in a process of its own, and then prepare it here; may be called in any thread.

        Raises:
            BundleError: it is incompatible or rejected.
        """
        forecaster.check(bundle.name, bundle.manifest)
        in_use = None if forecaster.engine is None else forecaster.engine.bundle
        stamp, angle, features = forecaster.last_minute()
        score = self._trial.run(bundle, in_use, Walk(stamp, angle, features, config.side) if len(stamp) else None)
        try:
            prepared = forecaster.prepare(load_engine(bundle, config.threads, config.spinning))
        except ModelFailure as failure:
            raise BundleError("REJECTED", f"model {bundle.name} is not used: {failure}") from failure
        return dataclasses.replace(prepared, figures=score.sentence())

    def forget(self) -> None:
        """Forget what was in use, before and now, and what failed."""
        self._before, self.failure = None, ""
        self._hold.release()

    def use(self, forecaster: Forecaster, prepared: PreparedModel) -> None:
        """Switch to a prepared model between two pairs, and keep the one before."""
        self._before, self.failure = forecaster.engine, ""
        forecaster.use(prepared)
        self._hold.take(prepared.engine.bundle.path)

    def replace_failed(self, forecaster: Forecaster, failure: ModelFailure, now: float) -> InferenceEngine | None:
        """Take a model that failed out of use; return what runs from now on: the engine of the one before, or None."""
        engine, self._before = self._before, None
        if engine is None:
            forecaster.drop()
            self._hold.release()
        else:
            forecaster.use(forecaster.afresh(engine))
            self._hold.take(engine.bundle.path)
        self._failed_at = now
        after = f"{engine.bundle.name} runs again" if engine is not None else "load another one with load_weights"
        self.failure = f"{failure}; it was taken out of use, {after}"
        return engine

    def status(self, forecaster: Forecaster, now: float) -> Status:
        """Return MODEL_FAILED for some seconds after a failure, and as long as no model is left."""
        is_told = self.failure and (forecaster.engine is None or now - self._failed_at < TOLD)
        return Status.MODEL_FAILED if is_told else Status.OK

    def close(self) -> None:
        """End a trial in progress, and let go of the model in use."""
        self._trial.stop()
        self._hold.release()
