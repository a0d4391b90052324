"""The written ONNX computes what Keras computes, in few operators; unknown layers are refused by name."""

# ruff: noqa: E402 - imports that need TensorFlow come after the check that it is installed

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx is not installed (requirements-train.txt)")
pytest.importorskip("tensorflow", reason="TensorFlow is not installed (requirements-train.txt)")

from rigs.repository import REPOSITORY

from ankle_predictor.adaptation.user_correction import Correction
from ankle_predictor.adaptation.user_layer import corrected
from ankle_predictor.model.engine import make_session
from ankle_predictor.training.needs_tensorflow import NetworkError
from ankle_predictor.training.network import (
    NetworkShape,
    build_network,
    keras,
    keras_bytes,
    onnx_bytes,
    read_network,
    rescaled,
)
from ankle_predictor.training.onnx_writer import to_onnx
from ankle_predictor.training.reference_network import reference_network

layers = keras.layers
SHAPE = NetworkShape(window=40, features=16, horizon=10, units=8)
TOLERANCE = 1e-5  # relative, of single precision


def correction(inputs: int, horizon: int, seed: int) -> Correction:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(6, inputs)) / 4.0
    return Correction(centres, 3.0, rng.normal(size=(6, horizon)), rng.normal(size=horizon))


def ours() -> Any:
    return build_network(SHAPE, seed=1)


def of_a_user() -> Any:
    return corrected(ours(), correction(16, 10, 2), None, 3)


def of_a_user_twice_with_an_encoder() -> Any:
    once = corrected(ours(), correction(16, 10, 2), correction(16, 10, 3), 3)
    return corrected(once, correction(16, 10, 4), correction(16, 10, 5), 3)


def of_the_reference() -> Any:
    network = reference_network()
    return rescaled(keras.Model(network.inputs[0], network.outputs[0]), 0.3, -0.1)


def as_the_reference_published_it() -> Any:
    rows = keras.Input((30, 4))
    dense = layers.ReLU()(layers.TimeDistributed(layers.Dense(6))(rows))
    return keras.Model(rows, layers.Dense(2)(layers.LayerNormalization()(layers.Bidirectional(layers.LSTM(5))(dense))))


def forward_only() -> Any:
    return keras.Sequential([keras.Input((30, 4)), layers.LSTM(5, return_sequences=True), layers.LSTM(3)])


def pooled_with_rows_left() -> Any:
    return keras.Sequential(
        [keras.Input((30, 4)), layers.AveragePooling1D(8), layers.Reshape((-1,)), layers.Dense(2, use_bias=False)]
    )


def mixing_rows() -> Any:
    rows = keras.Input((30, 4))
    pooled = layers.AveragePooling1D(4)(rows)  # two rows are left over
    centred = pooled - keras.ops.mean(pooled, axis=1, keepdims=True)
    less = pooled - keras.ops.mean(rows, axis=1, keepdims=True)
    other = layers.Dense(4)(pooled) - keras.ops.mean(rows, axis=1, keepdims=True)
    both = layers.Concatenate(axis=1)([centred, less, other, layers.AveragePooling1D(7)(less)])
    sequence = layers.LSTM(3, return_sequences=True)(both)
    return keras.Model(
        rows, layers.Concatenate()([layers.Bidirectional(layers.LSTM(2, return_sequences=True))(sequence), sequence])
    )


NETWORKS = [
    ours,
    of_a_user,
    of_a_user_twice_with_an_encoder,
    of_the_reference,
    as_the_reference_published_it,
    forward_only,
    pooled_with_rows_left,
    mixing_rows,
]


def perturbed(network: Any) -> Any:
    """Change all weights, as a bias of zero or a scale of one would not be missed."""
    rng = np.random.default_rng(7)
    network.set_weights([w + rng.normal(size=w.shape).astype(np.float32) / 10.0 for w in network.get_weights()])
    return network


def output_of(data: bytes, windows: np.ndarray) -> np.ndarray:
    session = make_session(data)  # it refuses custom operators, too
    return np.asarray(session.run(None, {session.get_inputs()[0].name: windows})[0])


@pytest.mark.parametrize("make", NETWORKS)
@pytest.mark.parametrize("batch", [1, 3])
def test_onnx_computes_what_keras_computes(make: Callable[[], Any], batch: int) -> None:
    network = perturbed(make())
    windows = np.random.default_rng(batch).normal(size=(batch, *network.input_shape[1:])).astype(np.float32)
    network = keras.Model(network.inputs[0], network.outputs[0])
    wanted = network.predict(windows, verbose=0)
    found = output_of(to_onnx(network), windows)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, atol=TOLERANCE * np.abs(wanted).max())


def test_row_mixing_is_one_product_and_nothing_is_transposed_between_recurrent_layers() -> None:
    kinds = [node.op_type for node in onnx.load_from_string(to_onnx(ours())).graph.node]
    assert kinds[:2] == ["MatMul", "Transpose"]
    assert "ReduceMean" not in kinds
    assert kinds.index("LSTM") == 2
    assert kinds[3:6] == ["Transpose", "Reshape", "LSTM"]


def test_a_network_that_was_saved_and_read_gives_the_same_file() -> None:
    network = perturbed(of_a_user())
    assert to_onnx(read_network(keras_bytes(network))) == to_onnx(network)


def test_no_operator_computes_the_initial_state() -> None:
    kinds = {node.op_type for node in onnx.load_from_string(to_onnx(ours())).graph.node}
    assert not kinds & {"Shape", "Expand", "ConstantOfShape", "Gather", "Cast", "Squeeze"}


def test_the_shipped_base_is_what_its_keras_weights_give() -> None:
    folder = REPOSITORY / "models" / "base"
    network = read_network((folder / "model.keras").read_bytes())
    windows = np.random.default_rng(0).normal(size=(3, *network.input_shape[1:])).astype(np.float32)
    shipped, fresh = (folder / "model.onnx").read_bytes(), onnx_bytes(network)
    np.testing.assert_allclose(output_of(shipped, windows), output_of(fresh, windows), atol=1e-7)
    assert len(onnx.load_from_string(shipped).graph.node) == len(onnx.load_from_string(fresh).graph.node)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("gru", layers.GRU(3)),
        ("conv", layers.Conv1D(2, 3)),
        ("lstm", layers.LSTM(3, activation="relu")),
        ("lstm", layers.LSTM(3, go_backwards=True)),
        ("bidirectional", layers.Bidirectional(layers.LSTM(3), merge_mode="sum")),
        ("bidirectional", layers.Bidirectional(layers.GRU(3))),
        ("pooling", layers.AveragePooling1D(4, strides=2)),
        ("dense", layers.Dense(2, activation="gelu")),
        ("dense", layers.Dense(2, activation=layers.LeakyReLU())),
        ("activation", layers.Activation(layers.ReLU(max_value=1.0))),
        ("re_lu", layers.ReLU(max_value=1.0)),
        ("distributed", layers.TimeDistributed(layers.LayerNormalization())),
        ("normalization", layers.LayerNormalization(rms_scaling=True)),
        ("item", lambda x: x[0]),
        ("add", lambda x: layers.Add()([x, layers.LSTM(4)(x)])),
        ("normalization", layers.LayerNormalization(axis=1)),
        ("mean", lambda x: keras.ops.mean(x, axis=2, keepdims=True)),
        ("item", lambda x: x[:, -1]),
        ("item", lambda x: x[:, ::2]),
        ("add", lambda x: x + 1.0),
        ("twice", lambda x: layers.Add()([(dense := layers.Dense(4, name="twice"))(x), dense(dense(x))])),
    ],
)
def test_an_unknown_layer_is_refused_by_name(name: str, make: Callable[[Any], Any]) -> None:
    rows = keras.Input((30, 4))
    with pytest.raises(NetworkError, match=rf"its layer \w*{name}\w* cannot be exported: "):
        to_onnx(keras.Model(rows, make(rows)))


def with_a_given_state() -> Any:
    rows, state = keras.Input((30, 4)), None
    state = layers.Dense(3)(layers.Reshape((120,))(rows))
    return keras.Model(rows, layers.LSTM(3, name="lstm")(rows, initial_state=[state, state]))


def of_any_length() -> Any:
    rows = keras.Input((None, 4))
    return keras.Model(rows, layers.LSTM(3)(layers.AveragePooling1D(4, name="pooling")(rows)))


@pytest.mark.parametrize(
    ("make", "reason"), [(with_a_given_state, "lstm .*more than its input"), (of_any_length, "pooling .*any length")]
)
def test_a_call_with_more_than_its_input_is_refused(make: Callable[[], Any], reason: str) -> None:
    with pytest.raises(NetworkError, match=reason):
        to_onnx(make())
