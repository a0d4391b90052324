"""Adds a user's correction to a Keras network as further layers (imports TensorFlow)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ankle_imu_driver.arrays import Float32Array, FloatArray
from ankle_predictor.adaptation.user_correction import Correction
from ankle_predictor.training.needs_tensorflow import NetworkError
from ankle_predictor.training.network import keras  # type: ignore[attr-defined]  # it configures TensorFlow first

ADDED = "user_"  # prefix of the names of a user's layers


def last_inputs(network: Any, window: Float32Array) -> FloatArray:
    """Return the (N, D) inputs of the network's last dense layer for (N, W, F) scaled windows."""
    inner = keras.Model(network.input, _last_dense(network).input)
    return np.asarray(inner.predict(window, verbose=0, batch_size=256), dtype=np.float64)


def corrected(network: Any, correction: Correction, offset: Correction | None, columns: int) -> Any:
    """Return a new network that adds the correction to every angle of a step; ``network`` is not changed.

    Args:
        network: its output is (batch, H) or (batch, H, columns) rad, or has one more column, the offset.
        correction: of the angle.
        offset: of the offset, with the same centres. If the network has no offset yet, it becomes the last column.
        columns: how many columns of a step are angles.
    """
    layers, named = keras.layers, partial(_named, len(network.layers))
    inputs, horizon = _last_dense(network).input, correction.weights.shape[1]
    kernel = _kernel(named, inputs, correction)

    def column(name: str, of: Correction) -> Any:
        add = named(layers.Dense, name, horizon)
        values = named(layers.Reshape, f"{name}_column", (horizon, 1))(add(kernel))
        add.set_weights(_float32(of.weights, of.bias))
        return values

    shape = network.output.shape[1:]
    output = named(layers.Reshape, "columns", (horizon, math.prod(shape) // horizon))(network.output)
    added = column("add", correction)
    none = named(layers.Rescaling, "none", 0.0)(added)
    parts = [added] * columns
    has_offset = output.shape[2] > columns
    if offset is not None and not has_offset:
        output = named(layers.Concatenate, "with_offset", axis=2)([output, none])
    if offset is not None or has_offset:
        parts.append(none if offset is None else column("offset", offset))
    everything = named(layers.Concatenate, "added", axis=2)(parts) if len(parts) > 1 else added
    total = named(layers.Add, "sum")([output, everything])
    if total.shape[2] == 1:
        total = named(layers.Reshape, "shape", shape)(total)
    return keras.Model(network.input, total)


def _kernel(named: Callable[..., Any], inputs: Any, correction: Correction) -> Any:
    """Add the layers that compute the (batch, M) kernel of the inputs and the correction's centres.

    exp(-|x - c|^2 / s) is exp(2 x.c / s - |c|^2 / s - |x|^2 / s), and the first two terms are a dense layer.
    """
    layers, centres, scale = keras.layers, correction.centres, correction.scale
    near = named(layers.Dense, "near", len(centres))
    square = named(layers.Dot, "square", axes=1)([inputs, inputs])
    far = named(layers.Rescaling, "far", 1.0 / scale)(square)
    distance = named(layers.Subtract, "distance")([near(inputs), far])
    kernel = named(layers.Activation, "likeness", "exponential")(distance)
    near.set_weights(_float32(2.0 / scale * centres.T, -np.sum(centres**2, axis=1) / scale))
    return kernel


def _named(number: int, kind: Any, name: str, *arguments: Any, **keywords: Any) -> Any:
    """Make a layer with a name that is unique: automatic names may be taken in a network that was read from a file."""
    return kind(*arguments, name=f"{ADDED}{name}_{number}", **keywords)


def _float32(*arrays: FloatArray) -> list[Float32Array]:
    return [array.astype(np.float32) for array in arrays]


def _last_dense(network: Any) -> Any:
    for layer in reversed(network.layers):
        is_dense = isinstance(layer, keras.layers.Dense) and len(layer.input.shape) == 2
        if is_dense and not layer.name.startswith(ADDED):
            return layer
    raise NetworkError("its network has no dense layer at the end, so it cannot be adapted")
