"""The node predictor with models that are bad: refused by a real trial, or taken out of use while they run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from ankle_predictor_interfaces.msg import AnkleForecast
from ankle_predictor_interfaces.srv import LoadWeights
from rigs import hostile_models as hostile
from rigs.models import SHORT, pairs, write_linear_bundle
from rigs.node_bench import Bench, bench
from rigs.predictor_rig import Filter, load, start
from rigs.tiny_bundle import KERAS, tiny_manifest
from rigs.trials import leave_out_trials

from ankle_predictor.model import engine as engine_module
from ankle_predictor.model.bundle import write_bundle


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.mark.parametrize("kind", ["hanging", "failing"])
def test_a_model_that_fails_while_it_runs_gives_way_to_the_one_before(
    table: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Guard and trial, which would refuse such a model, are left out."""
    leave_out_trials(monkeypatch)
    monkeypatch.setattr(engine_module, "checked_onnx", lambda data: data)
    write_linear_bundle(tmp_path, "linear", SHORT, seed=1)
    network = {"hanging": hostile.hanging, "failing": hostile.failing}[kind]
    write_bundle(tmp_path / kind, tiny_manifest(kind, SHORT), network(SHORT), KERAS)
    node, source = start(table, tmp_path), Filter(table)
    source.feed(pairs(0.3))
    assert load(table, kind).active_model == kind
    published = len(table.got["forecast"])
    source.feed(pairs(0.5)[30:])
    details = table.got["forecast_detail"][-20:]
    assert len(table.got["forecast"]) == published + 19  # all but the one that it failed on
    assert {m.model for m in details} == {"linear"}
    assert [m.status & AnkleForecast.MODEL_FAILED > 0 for m in details] == [True] * 20
    level, sentence, values = table.health(node)
    assert (level, values["model"], values["failed models"]) == (1, "linear", "1")
    assert sentence.startswith(f"model {kind} ")
    assert sentence.endswith("it was taken out of use, linear runs again")


def test_a_hostile_model_is_refused_by_a_real_trial_while_forecasts_go_on(table: Bench, tmp_path: Path) -> None:
    write_linear_bundle(tmp_path, "linear", SHORT, seed=1)
    hostile.write(tmp_path, dataclasses.replace(hostile.mirrored(), name="mirrored"))
    start(table, tmp_path)
    source = Filter(table)
    source.feed(pairs(0.3))
    client = table.listener.create_client(LoadWeights, "predictor/load_weights")
    table.until(client.service_is_ready)
    asked, fed = client.call_async(LoadWeights.Request(model="mirrored")), 0
    for pair in pairs(60.0)[30:]:
        source.feed([pair])
        fed += 1
        if asked.done():
            break
    answer = asked.result()
    assert (answer.result, answer.active_model) == (LoadWeights.Response.REJECTED, "linear")
    assert "clearly worse than the model in use: on the reference walk it is" in answer.message
    assert len(answer.message) <= 300
    assert len(table.got["forecast"]) == 11 + fed
