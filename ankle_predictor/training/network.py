"""The network and its training. Importing this module imports TensorFlow."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from ankle_imu_driver.arrays import Float32Array
from ankle_predictor.training.devices import hidden_gpus
from ankle_predictor.training.needs_tensorflow import NetworkError

# TensorFlow reads these when it is imported. No start-up messages; the same sums on every processor.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
# One operation at a time: parallel operations add up in any order, which changes the last digits of weights.
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.update(hidden_gpus(os.environ))

import keras
import numpy as np
import tensorflow as tf

from ankle_predictor.training.examples_on_disk import EpochExamples
from ankle_predictor.training.keras_format import check_format
from ankle_predictor.training.onnx_writer import to_onnx
from ankle_predictor.training.seeded_layers import SeededLayers

CHANGE_SCALE = 0.2  # rad, a typical change within 500 ms, so that the last layer's outputs are near one
QUANTILES = (0.05, 0.5, 0.95)
LOSS_WEIGHTS = (0.25, 1.0, 0.25)
LARGEST_GRADIENT = 1.0  # norm to which a step's gradient is clipped
PREFETCHED = 4  # batches that are made while the network learns from the one before


@dataclass(frozen=True)
class NetworkShape:
    """The sizes of a network.

    Attributes:
        window: input rows.
        features: input columns.
        horizon: output steps.
        units: of each direction of each recurrent layer.
        pool: rows that are averaged into one before the recurrent layers, which divides their cost.
        dropout: share of a recurrent layer's outputs that is hidden in training.
    """

    window: int
    features: int
    horizon: int
    units: int = 64
    pool: int = 8
    dropout: float = 0.2


@dataclass(frozen=True)
class FitSettings:
    """The hyperparameters of training.

    Attributes:
        epochs: passes over the examples.
        batch: examples in one step.
        rate: learning rate at the start; it falls to zero along a cosine.
        decay: weight decay.
        seed: of the initial weights and the order of the examples.
    """

    epochs: int = 6
    batch: int = 128
    rate: float = 2e-3
    decay: float = 1e-2
    seed: int = 0


def build_network(shape: NetworkShape, seed: int) -> Any:
    """Build an untrained network: scaled (batch, window, features) in, (batch, horizon, 3) rad out.

    The outputs are the ``QUANTILES`` of each step, which never cross by construction. The network first subtracts the
    mean of each feature over the window. A person's posture and the sensors' placement shift inclinations and
    accelerations more between people than the gait does (``docs/model_card.md``).
    """
    keras.utils.clear_session()  # or layers would be numbered, and so named, by what this process has built before
    layers, seeded = keras.layers, SeededLayers(seed)
    rows = keras.Input((shape.window, shape.features))
    x = rows - keras.ops.mean(rows, axis=1, keepdims=True)
    x = layers.AveragePooling1D(shape.pool)(x)
    x = seeded.bidirectional(shape.units, sequences=True)(x)
    x = seeded.dropout(shape.dropout)(x)
    x = seeded.bidirectional(shape.units, sequences=False)(x)
    x = seeded.dropout(shape.dropout)(x)
    median = layers.Reshape((shape.horizon, 1))(seeded.dense(shape.horizon)(x))
    widths = layers.Reshape((shape.horizon, 2))(seeded.dense(2 * shape.horizon, "softplus")(x))
    steps = layers.Concatenate()([median - widths[:, :, :1], median, median + widths[:, :, 1:]])
    return keras.Model(rows, layers.Rescaling(CHANGE_SCALE)(steps))


def pinball(truth: Any, quantiles: Any) -> Any:
    """Return the mean quantile loss (Koenker and Bassett 1978), in which the median weighs as much as it would alone.

    Args:
        truth: (batch, H) rad.
        quantiles: (batch, H, 3) rad.
    """
    off = keras.ops.expand_dims(truth, -1) - quantiles
    levels = keras.ops.convert_to_tensor(QUANTILES, "float32")
    loss = keras.ops.maximum(levels * off, (levels - 1.0) * off)
    return 2.0 * keras.ops.mean(keras.ops.sum(loss * keras.ops.convert_to_tensor(LOSS_WEIGHTS, "float32"), -1))


def fit(
    network: Any,
    examples: Callable[[int], EpochExamples],
    settings: FitSettings,
    on_step: Callable[[float], None] = lambda _share: None,
) -> None:
    """Train a network; the same seed and data give the same weights.

    Args:
        network: from ``build_network``.
        examples: returns the examples of an epoch; their number may vary a little.
        settings: hyperparameters.
        on_step: called after every step with the share that is done.
    """
    keras.utils.set_random_seed(settings.seed)
    tf.config.experimental.enable_op_determinism()
    epoch_examples = examples(0)
    steps = steps_of(len(epoch_examples), settings)
    network.compile(optimizer_for(steps, settings), loss=pinball, jit_compile=False)
    done = count(1)

    class StepCounter(keras.callbacks.Callback):  # type: ignore[misc,unused-ignore]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            on_step(min(1.0, next(done) / steps))

    for epoch in range(settings.epochs):
        if epoch:
            epoch_examples = examples(epoch)
        batches = shuffled_batches(epoch_examples, settings.batch)
        network.fit(batches, epochs=1, shuffle=False, verbose=0, callbacks=[StepCounter()])


def steps_of(examples: int, settings: FitSettings) -> int:
    """Return the steps of a training whose epochs have so many examples."""
    return settings.epochs * -(-examples // settings.batch)


def optimizer_for(steps: int, settings: FitSettings) -> Any:
    """Return the optimizer of a training of so many steps."""
    schedule = keras.optimizers.schedules.CosineDecay(settings.rate, steps)
    return keras.optimizers.AdamW(schedule, weight_decay=settings.decay, global_clipnorm=LARGEST_GRADIENT)


def shuffled_batches(examples: EpochExamples, size: int, part: Callable[[Any], Any] = lambda index: index) -> Any:
    """Return a ``tf.data.Dataset`` of batches in a random order of all examples; each batch is made when it is needed.

    The order is drawn as Keras draws it for arrays in memory: one permutation of all numbers, not a buffer of
    neighbours.

    Args:
        examples: of an epoch.
        size: examples in a batch.
        part: picks from the numbers of a batch's examples, a tensor, those that are made; all by default.
    """
    total = len(examples)

    def permutation(_: Any) -> Any:
        return tf.random.shuffle(tf.range(total, dtype=tf.int64))

    def made(index: Any) -> Any:
        window, change = tf.numpy_function(examples.batch, [index], (tf.float32, tf.float32))
        window.set_shape((None, *first[0].shape[1:]))
        change.set_shape((None, *first[1].shape[1:]))
        return window, change

    first = examples.batch(np.zeros(1, dtype=np.int64))
    order = tf.data.Dataset.range(1).map(permutation).flat_map(tf.data.Dataset.from_tensor_slices)
    batches = order.batch(size).map(part).map(made).prefetch(PREFETCHED)
    return batches.apply(tf.data.experimental.assert_cardinality(-(-total // size)))


def predict(network: Any, window: Float32Array) -> Float32Array:
    """Return a network's output in rad for (N, W, F) scaled windows."""
    result: Float32Array = network.predict(window, verbose=0, batch_size=256)
    return result


def onnx_bytes(network: Any) -> bytes:
    """Return the network as ONNX.

    Raises:
        NetworkError: it has a layer that ``onnx_writer`` does not know.
    """
    return to_onnx(keras.Model(network.inputs[0], network.outputs[0]))  # a ``Sequential`` has another configuration


def keras_bytes(network: Any) -> bytes:
    """Return the network in Keras's own format, from which it can be adapted."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.keras"
        network.save(path)
        return path.read_bytes()


def software() -> dict[str, str]:
    """Return the versions of the libraries that compute weights, and the GPU if one is used."""
    versions = {"keras": keras.__version__, "numpy": np.__version__, "tensorflow": tf.__version__}
    return versions | ({"devices": gpus()[0]} if gpus() else {})


def gpus() -> list[str]:
    """Return the names of the GPUs that TensorFlow sees."""
    found = tf.config.list_physical_devices("GPU")
    return [str(tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)) for gpu in found]


def read_network(data: bytes) -> Any:
    """Read a ``.keras`` file; a file that contains code is refused.

    Raises:
        NetworkError: it is of another Keras, or Keras cannot read it.
    """
    check_format(data)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.keras"
        path.write_bytes(data)
        try:
            network = keras.models.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # Keras's errors have no common base class
            raise NetworkError(f"its weights cannot be read by Keras: {' '.join(str(error).split())[:200]}") from error
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise NetworkError("its network has more than one input or output")
    return keras.Model(network.inputs[0], network.outputs[0])


def rescaled(network: Any, scale: float, offset: float) -> Any:
    """Return the network with its outputs times ``scale`` plus ``offset``."""
    return keras.Model(network.input, keras.layers.Rescaling(scale, offset, name="angle")(network.output))
