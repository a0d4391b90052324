"""What a user adds to a network: a closed-form correction of its forecast, by likeness to the user's own strides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray

WIDTH = 0.6  # of the kernel, in standard deviations over all dimensions; 0.5 to 1 do as well
PRIOR_SECONDS = 0.05  # s of walking like the one forecast that "no correction" counts for; 0.02 to 0.1 do as well


@dataclass(frozen=True, eq=False)
class Correction:
    """Kernel ridge regression of what the base got wrong.

    Far from everything that the user did, only ``bias`` is left of it.

    Attributes:
        centres: (M, D) inputs of the network's last layer in the user's windows.
        scale: squared distance over which likeness falls to 1/e.
        weights: (M, H) rad.
        bias: (H,) rad, the mean error.
    """

    centres: FloatArray
    scale: float
    weights: FloatArray
    bias: FloatArray

    def of(self, inputs: FloatArray) -> FloatArray:
        """Return the (N, H) corrections in rad for (N, D) inputs of the last layer."""
        added: FloatArray = _likeness(inputs, self.centres, self.scale) @ self.weights + self.bias
        return added


def fit_correction(inputs: FloatArray, residual: FloatArray, period: float) -> Correction:
    """Fit the correction to the squared error, with "none" as the prior.

    Its cost is one linear system; there is nothing to converge and nothing random. Forecasting it is the posterior mean
    of a Gaussian process with a squared-exponential kernel (Rasmussen & Williams 2006, ch. 2), whose noise is given in
    seconds of walking so that it does not depend on how densely windows are cut.

    Args:
        inputs: (N, D) of the last layer.
        residual: (N, H) rad by which the truth was above the forecast.
        period: s between two of the N windows.
    """
    bias = residual.mean(axis=0)
    scale = max(2.0 * WIDTH**2 * float(inputs.var(axis=0).sum()), float(np.finfo(np.float32).tiny))
    system = _likeness(inputs, inputs, scale) + PRIOR_SECONDS / period * np.eye(len(inputs))
    return Correction(inputs, scale, np.linalg.solve(system, residual - bias), bias)


def _likeness(a: FloatArray, b: FloatArray, scale: float) -> FloatArray:
    squared = np.sum(a**2, axis=1)[:, np.newaxis] + np.sum(b**2, axis=1) - 2.0 * a @ b.T
    likeness: FloatArray = np.exp(-np.maximum(squared, 0.0) / scale)
    return likeness
