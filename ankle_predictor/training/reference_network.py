"""The reference's network: with random weights for ``benchmark``, as what a forecast costs does not depend on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ankle_imu_driver.arrays import Float32Array, FloatArray
from ankle_predictor.training.dataset import Examples

import keras  # isort: skip

WINDOW, FEATURES, HORIZON = 200, 16, 50
UNITS = 128


def reference_network() -> Any:
    """Make it: Dense 128, Bi-LSTM 128, layer normalisation, Bi-LSTM 128, Dense 50; 672 946 parameters."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((WINDOW, FEATURES)),
            layers.Dense(UNITS, activation="relu"),
            layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True)),
            layers.LayerNormalization(),
            layers.Bidirectional(layers.LSTM(UNITS)),
            layers.Dense(HORIZON),
        ]
    )


def fitted_reference(parts: Sequence[Examples], epochs: int, seed: int = 0) -> Callable[[Float32Array], FloatArray]:
    """Train it as its authors did, inputs and angle scaled to -1..1 over the training subjects.

    Args:
        parts: of the reference's 16 features, filtered inside each window.
        epochs: passes over them.
        seed: of the first weights and the order.

    Returns:
        What makes (N, H) rad of (N, W, F) unscaled windows.
    """
    keras.utils.set_random_seed(seed)
    windows, targets = np.concatenate([p.window for p in parts]), np.concatenate([p.target for p in parts])
    low, high = windows.min(axis=(0, 1)), windows.max(axis=(0, 1))
    least, most = float(targets.min()), float(targets.max())
    network = reference_network()
    network.compile(keras.optimizers.Adam(1e-3), loss="mse")
    scaled = (2.0 * (targets - least) / (most - least) - 1.0).astype(np.float32)
    network.fit(2.0 * (windows - low) / (high - low) - 1.0, scaled, batch_size=32, epochs=epochs, verbose=0)

    def forecast(new: Float32Array) -> FloatArray:
        said = network.predict(2.0 * (new - low) / (high - low) - 1.0, verbose=0, batch_size=64)
        angle: FloatArray = least + (most - least) * (np.asarray(said, dtype=np.float64) + 1.0) / 2.0
        return angle

    return forecast
