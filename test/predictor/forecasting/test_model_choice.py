"""A model that fails while it runs gives way to the one before it, or to none; what is loaded is tried before."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from rigs import hostile_models as hostile
from rigs.models import SHORT, pairs, write_linear_bundle
from rigs.tiny_bundle import KERAS, tiny_manifest
from rigs.trials import leave_out_trials

from ankle_imu_driver.conventions import ERROR, FOOT, OK, SHANK, WARN
from ankle_predictor.estimation.samples import PairSample
from ankle_predictor.forecasting.live_predictor import LivePredictor
from ankle_predictor.forecasting.predictor_config import PredictorConfig
from ankle_predictor.forecasting.tick import Tick
from ankle_predictor.model import engine as engine_module
from ankle_predictor.model.bundle import Bundle, write_bundle
from ankle_predictor.model.manifest import BundleError, MemorySettings
from ankle_predictor.trust.status import Status

KINDS = {"hanging": hostile.hanging, "failing": hostile.failing}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with good models, and with two that are used although the guard and the trial would refuse them."""
    for seed, name in enumerate(("linear", "second")):
        write_linear_bundle(tmp_path, name, SHORT, seed=seed)
    for name, network in KINDS.items():
        write_bundle(tmp_path / name, tiny_manifest(name, SHORT), network(SHORT), KERAS)
    monkeypatch.setattr(engine_module, "checked_onnx", lambda data: data)
    leave_out_trials(monkeypatch)
    return tmp_path


class Live:
    def __init__(self, models: Path, *names: str) -> None:
        self.in_use = list[str]()
        self.predictor = LivePredictor(lambda engine: self.in_use.append(engine.bundle.name))
        self.predictor.configure(PredictorConfig(model_directories=(models,)))
        self.use(*names)

    def use(self, *names: str) -> None:
        for name in names:
            self.predictor.use(self.predictor.load(name))

    def feed(self, some: list[PairSample]) -> list[tuple[Tick, Status]]:
        results = list[tuple[Tick, Status]]()
        for pair in some:
            now = pair.joint.stamp
            joined = self.predictor.push_segment(SHANK, pair.shank, now)
            joined += self.predictor.push_segment(FOOT, pair.foot, now) + self.predictor.push_joint(pair.joint)
            for one in joined:
                tick = self.predictor.push(one, now)
                results.append((tick, self.predictor.settle(tick, now)))
        return results


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_before_takes_over_at_once_and_the_status_says_so(models: Path, kind: str) -> None:
    live, walk = Live(models, "second", "linear"), pairs(12.0)
    live.feed(walk[:100])
    live.use(kind)
    (failed, status), *rest = live.feed(walk[100:150])
    assert status & Status.MODEL_FAILED
    assert not failed.publish
    assert live.in_use == ["second", "linear", kind, "linear"]
    assert live.predictor.model == "linear"
    assert kind in live.predictor.model_failure
    assert live.predictor.model_failure.endswith("it was taken out of use, linear runs again")
    assert all(tick.publish and status == Status.MODEL_FAILED for tick, status in rest)
    assert live.predictor.report()[3]["failed models"] == 1
    assert live.predictor.take_problem() == (WARN, live.predictor.model_failure)
    expected = Live(models, "linear").feed(walk[:150])
    np.testing.assert_allclose(rest[-1][0].forecast.angle, expected[-1][0].forecast.angle, atol=1e-6)  # type: ignore[union-attr]
    assert live.feed(walk[150:])[-1][1] == Status.OK  # told for ten seconds
    assert live.predictor.take_problem() == (OK, "")


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_model_before_none_runs_until_another_one_is_loaded(models: Path, kind: str) -> None:
    live, walk = Live(models, kind), pairs(14.0)
    results = live.feed(walk[:1250])
    assert live.predictor.model == ""
    assert not any(tick.publish for tick, _ in results)
    assert results[-1][1] == Status.MODEL_FAILED | Status.WARMING_UP  # as long as there is none
    assert live.predictor.model_failure.endswith("load another one with load_weights")
    assert live.predictor.take_problem() == (ERROR, live.predictor.model_failure)
    assert live.predictor.watch(12.6) & Status.MODEL_FAILED
    live.use("linear")
    assert all(tick.publish and status == Status.OK for tick, status in live.feed(walk[1250:]))
    assert live.predictor.model_failure == ""


def test_two_models_that_fail_one_after_the_other_leave_none(models: Path) -> None:
    live, walk = Live(models, "failing", "hanging"), pairs(1.0)
    live.feed(walk)
    assert live.predictor.model == ""
    assert live.predictor.report()[3]["failed models"] == 2


def test_a_model_that_fails_on_the_wearers_history_is_refused(models: Path) -> None:
    live = Live(models, "linear")
    live.feed(pairs(3.0))
    remembering = dataclasses.replace(tiny_manifest("failing", SHORT), memory=MemorySettings())
    with pytest.raises(BundleError, match=r"failing is not used: .* failed on a window") as caught:
        live.predictor.prepare(Bundle("failing", Path(), remembering, hostile.failing(SHORT), KERAS))
    assert caught.value.code == "REJECTED"
    assert live.predictor.model == "linear"


def test_a_new_configuration_forgets_the_models(models: Path) -> None:
    live = Live(models, "failing")
    live.feed(pairs(0.5))
    assert live.predictor.model_failure
    live.predictor.unconfigure()
    assert live.predictor.model_failure == ""
