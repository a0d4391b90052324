"""Types of arrays and vectors for the whole code. Shapes and units are given in the docstrings that use them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

Vector = tuple[float, float, float]
"""x, y, z as plain floats; for a single vector several times as fast as an array."""
Quaternion = tuple[float, float, float, float]
"""x, y, z, w of a unit quaternion."""
