"""Layers whose initial weights depend on a seed only. Importing this module imports TensorFlow."""

from __future__ import annotations

import random
from typing import Any

import keras

LARGEST = 10**9  # seed, as Keras draws them


class SeededLayers:
    """Makes layers, and draws the seed of each from a generator of its own.

    Keras would draw it from Python's shared one. A thread of Dask's that draws from that in between changes the
    weights, so that training with several workers gave other networks than with one.
    """

    def __init__(self, seed: int) -> None:
        """Begin with the seeds that Keras would draw after ``set_random_seed`` if nobody else drew."""
        self._random = random.Random(seed)

    def bidirectional(self, units: int, *, sequences: bool) -> Any:
        """Return a bidirectional LSTM; ``sequences``: whether it returns all rows instead of the last."""
        # Keras draws for a layer that it then copies for each direction: these three are of no use.
        for _ in range(3):
            self._draw()
        forward, backward = (self._lstm(units, sequences, backwards) for backwards in (False, True))
        return keras.layers.Bidirectional(forward, backward_layer=backward)

    def dense(self, units: int, activation: str | None = None) -> Any:
        """Return a dense layer."""
        kernel = keras.initializers.GlorotUniform(seed=self._draw())
        return keras.layers.Dense(units, activation, kernel_initializer=kernel)

    def dropout(self, share: float) -> Any:
        """Return a layer that hides this share of its inputs in training."""
        return keras.layers.Dropout(share, seed=self._draw())

    def _lstm(self, units: int, sequences: bool, backwards: bool) -> Any:
        return keras.layers.LSTM(
            units,
            return_sequences=sequences,
            go_backwards=backwards,
            kernel_initializer=keras.initializers.GlorotUniform(seed=self._draw()),
            recurrent_initializer=keras.initializers.Orthogonal(seed=self._draw()),
            seed=self._draw(),
        )

    def _draw(self) -> int:
        return self._random.randint(1, LARGEST)
