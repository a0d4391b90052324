"""The reference's network: untrained for timing, whose result does not depend on weights, or trained for comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ankle_imu_driver.arrays import Float32Array, FloatArray
from ankle_predictor.training.dataset import Examples
from ankle_predictor.training.seeded_layers import SeededLayers

import keras  # isort: skip

WINDOW, FEATURES, HORIZON = 200, 16, 50
UNITS = 128


def reference_network(seed: int = 0) -> Any:
    """Build the untrained network of 672 946 parameters; the seed is that of its weights.

    Its layers: Dense 128, Bi-LSTM 128, layer normalisation, Bi-LSTM 128, Dense 50.
    """
    layers, seeded = keras.layers, SeededLayers(seed)
    return keras.Sequential(
        [
            keras.Input((WINDOW, FEATURES)),
            seeded.dense(UNITS, "relu"),
            seeded.bidirectional(UNITS, sequences=True),
            layers.LayerNormalization(),
            seeded.bidirectional(UNITS, sequences=False),
            seeded.dense(HORIZON),
        ]
    )


def fitted_reference(parts: Sequence[Examples], epochs: int, seed: int = 0) -> Callable[[Float32Array], FloatArray]:
    """Train the network as its authors did, with inputs and angle scaled to -1..1 over the training subjects.

    Args:
        parts: examples with the reference's 16 features, filtered inside each window.
        epochs: passes over the examples.
        seed: of the initial weights and the order of the examples.

    Returns:
        A function from (N, W, F) unscaled windows to (N, H) rad.
    """
    keras.utils.set_random_seed(seed)
    windows, targets = np.concatenate([p.window for p in parts]), np.concatenate([p.target for p in parts])
    low, high = windows.min(axis=(0, 1)), windows.max(axis=(0, 1))
    least, most = float(targets.min()), float(targets.max())
    network = reference_network(seed)
    network.compile(keras.optimizers.Adam(1e-3), loss="mse")
    scaled = (2.0 * (targets - least) / (most - least) - 1.0).astype(np.float32)
    network.fit(2.0 * (windows - low) / (high - low) - 1.0, scaled, batch_size=32, epochs=epochs, verbose=0)

    def forecast(new: Float32Array) -> FloatArray:
        output = network.predict(2.0 * (new - low) / (high - low) - 1.0, verbose=0, batch_size=64)
        angle: FloatArray = least + (most - least) * (np.asarray(output, dtype=np.float64) + 1.0) / 2.0
        return angle

    return forecast
