"""Learns what a network gets wrong for a user: a closed-form correction that depends on the phase of the stride."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import BoolArray, FloatArray
from ankle_predictor.model.forecast import Forecast

WIDTH = 0.6  # of the kernel, in standard deviations over all dimensions; 0.5 to 1 give the same errors
PRIOR_SECONDS = 0.05  # s of similar walking that outweigh the prior "no correction"; 0.02 to 0.1 give the same errors


@dataclass(frozen=True, eq=False)
class Correction:
    """Kernel ridge regression of the base's errors.

    For an input that is far from all of the user's windows, only ``bias`` remains.

    Attributes:
        centres: (M, D) inputs of the network's last layer in the user's windows.
        scale: squared distance over which the kernel falls to 1/e.
        weights: (M, H) rad.
        bias: (H,) rad, the mean error.
    """

    centres: FloatArray
    scale: float
    weights: FloatArray
    bias: FloatArray

    def of(self, inputs: FloatArray) -> FloatArray:
        """Return the (N, H) corrections in rad for (N, D) inputs of the last layer."""
        added: FloatArray = _kernel(inputs, self.centres, self.scale) @ self.weights + self.bias
        return added


def fit_correction(inputs: FloatArray, residual: FloatArray, period: float) -> Correction:
    """Fit the correction by least squares, with "no correction" as the prior.

    The cost is one linear system: nothing iterates and nothing is random. The fitted correction is the posterior mean
    of a Gaussian process with a squared-exponential kernel (Rasmussen & Williams 2006, ch. 2). Its noise is given in
    seconds of walking, so that it does not depend on how densely windows are cut.

    Args:
        inputs: (N, D) of the last layer.
        residual: (N, H) rad, truth less forecast.
        period: s between two of the N windows.
    """
    bias = residual.mean(axis=0)
    scale = max(2.0 * WIDTH**2 * float(inputs.var(axis=0).sum()), float(np.finfo(np.float32).tiny))
    system = _kernel(inputs, inputs, scale) + PRIOR_SECONDS / period * np.eye(len(inputs))
    return Correction(inputs, scale, np.linalg.solve(system, residual - bias), bias)


@dataclass(frozen=True, eq=False)
class UserCorrection:
    """All that is added to a network for a user.

    Attributes:
        angle: of the forecast angle.
        offset: of the offset by which the encoder lies above the IMUs' angle; None where it is not learned.
    """

    angle: Correction
    offset: Correction | None


@dataclass(frozen=True, eq=False)
class CorrectionLearner:
    """Learns a user's correction from any subset of N examples.

    Attributes:
        inputs: (N, D) of the network's last layer.
        period: s between two examples.
        forecast: (N, H) of the network.
        target: (N, H) rad, what the network should have forecast.
        offset: (N, H) rad by which the encoder lay above the IMUs' angle; None where it is not learned.
    """

    inputs: FloatArray
    period: float
    forecast: Forecast
    target: FloatArray
    offset: FloatArray | None

    def learn(self, which: BoolArray) -> UserCorrection:
        """Fit the correction to the examples for which the (N,) mask is true."""
        inputs = self.inputs[which]
        angle = fit_correction(inputs, (self.target - self.forecast.angle)[which], self.period)
        if self.offset is None:
            return UserCorrection(angle, None)
        return UserCorrection(angle, fit_correction(inputs, (self.offset - self._base_offset())[which], self.period))

    def corrected(self, correction: UserCorrection) -> Forecast:
        """Return the (N, H) forecasts of all examples with the correction added."""
        forecast = self.forecast.moved(correction.angle.of(self.inputs))
        if correction.offset is None:
            return forecast
        return dataclasses.replace(forecast, offset=correction.offset.of(self.inputs) + self._base_offset())

    def _base_offset(self) -> FloatArray:
        return np.zeros_like(self.forecast.angle) if self.forecast.offset is None else self.forecast.offset


def _kernel(a: FloatArray, b: FloatArray, scale: float) -> FloatArray:
    """Return the (N, M) squared-exponential kernel of (N, D) and (M, D) inputs."""
    squared = np.sum(a**2, axis=1)[:, np.newaxis] + np.sum(b**2, axis=1) - 2.0 * a @ b.T
    kernel: FloatArray = np.exp(-np.maximum(squared, 0.0) / scale)
    return kernel
