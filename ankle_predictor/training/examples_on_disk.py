"""The examples of an epoch without holding them: windows are cut and varied when a batch is asked for.

The rows of all walks lie in one scratch file, what was drawn for each window of the epoch in another, and a window is
made from both. Memory then holds a batch, whatever the number of walks. The files have no name, so they end with the
process, however it ends.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ankle_imu_driver.arrays import Float32Array, FloatArray, IntArray
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.model.manifest import Scaler
from ankle_predictor.training.augmentation import Draw, rows_needed, stretched, vary
from ankle_predictor.training.dataset import scaled

Batch = tuple[Float32Array, Float32Array]
BUFFER = 2**20  # bytes that are written at once


class EpochExamples(Protocol):
    """The examples of one epoch."""

    def __len__(self) -> int:
        """Return their number."""

    def batch(self, index: IntArray) -> Batch:
        """Return the (B, W, F) scaled windows and (B, H) rad of change of the examples with these numbers."""


class RecordFile:
    """Records of one size in an unnamed file, read by their numbers."""

    def __init__(self, dtype: npt.DTypeLike, folder: Path | None = None) -> None:
        """Make an empty file.

        Args:
            dtype: of a record.
            folder: on whose disk the file is; None for the system's temporary one.
        """
        self.dtype = np.dtype(dtype)
        self._file = tempfile.TemporaryFile(dir=folder, buffering=BUFFER)  # noqa: SIM115 - open as long as this lives
        self._written = self._synced = 0

    def __len__(self) -> int:
        return self._written

    def append(self, records: npt.NDArray[Any]) -> None:
        """Add (N,) records."""
        self._file.write(np.ascontiguousarray(records, self.dtype).tobytes())
        self._written += len(records)

    def read(self, first: int, count: int = 1) -> npt.NDArray[Any]:
        """Return ``count`` records from number ``first`` on."""
        if self._synced < self._written:
            self._file.flush()
            self._synced = self._written
        size = self.dtype.itemsize
        data = os.pread(self._file.fileno(), count * size, first * size)
        return np.frombuffer(data, self.dtype, count)


class FixedExamples:
    """Examples that are the same in every epoch."""

    def __init__(self, parts: Iterable[tuple[Float32Array, Float32Array]], scaler: Scaler) -> None:
        """Write examples to a scratch file.

        Args:
            parts: (N, W, F) unscaled windows and (N, H) rad, walk by walk.
            scaler: of the network's inputs.
        """
        self._records: RecordFile | None = None
        self._scaler = scaler
        for windows, changes in parts:
            if self._records is None:
                shape = [("window", "f4", windows.shape[1:]), ("change", "f4", changes.shape[1:])]
                self._records = RecordFile(shape)
            records = np.empty(len(windows), self._records.dtype)
            records["window"], records["change"] = windows, changes
            self._records.append(records)

    def __len__(self) -> int:
        return 0 if self._records is None else len(self._records)

    def batch(self, index: IntArray) -> Batch:
        """Return the examples with these numbers."""
        assert self._records is not None
        found = np.concatenate([self._records.read(int(k)) for k in index])
        return scaled(found["window"], self._scaler), found["change"].copy()


class WalkRows:
    """The rows of all walks on disk: stamps, features, and the fused angle."""

    def __init__(self, spec: FeatureSpec) -> None:
        """Make an empty store for walks of these features."""
        self.spec = spec
        width = len(spec.names)
        self._rows = RecordFile([("stamp", "f8"), ("values", "f8", (width,)), ("fused", "f8")])
        self.begins: list[int] = []
        self._ends: list[tuple[float, float]] = []
        self._is_fused: list[bool] = []

    def append(self, stamp: FloatArray, values: FloatArray, fused: FloatArray | None) -> int:
        """Add a walk of (N,) stamps, (N, F) features and (N,) fused angles; return its number."""
        records = np.empty(len(stamp), self._rows.dtype)
        records["stamp"], records["values"] = stamp, values
        records["fused"] = np.nan if fused is None else fused
        self.begins.append(len(self._rows))
        self._ends.append((float(stamp[0]), float(stamp[-1])))
        self._is_fused.append(fused is not None)
        self._rows.append(records)
        return len(self.begins) - 1

    def window(self, walk: int, rows: tuple[int, int], drawn: Draw, n: int) -> FloatArray:
        """Return the (W, F) window ``n`` of a draw, made from these rows of a walk."""
        first, last = rows
        found = self._rows.read(self.begins[walk] + first, last - first)
        fused = found["fused"] if self._is_fused[walk] else None
        return stretched((found["stamp"], found["values"], fused), self._ends[walk], self.spec, drawn, n)


class VariedExamples:
    """The examples of one epoch, varied as was drawn for it."""

    def __init__(self, rows: WalkRows, horizon: int, scaler: Scaler) -> None:
        """Make an epoch without examples."""
        self._store, self._scaler = rows, scaler
        self._records = RecordFile(
            [
                ("walk", "i4"), ("rows", "i4", (2,)), ("stamp", "f8"), ("faster", "f8"), ("slow", "f8"),
                ("on", "i8", (3,)), ("larger", "f8"), ("turn", "f8", (2,)), ("accel_gain", "f8", (2, 3)),
                ("gyro_gain", "f8", (2,)), ("impact", "f8", (2,)), ("later", "f8", (horizon,)),
            ]
        )  # fmt: skip

    def append(self, walk: int, stamp: FloatArray, drawn: Draw) -> None:
        """Add what was drawn for a walk of the store, whose (M,) stamps these are."""
        records = np.empty(len(drawn), self._records.dtype)
        records["walk"] = walk
        records["rows"] = np.stack(rows_needed(stamp, self._store.spec, drawn), axis=1)
        for name in Draw.__dataclass_fields__:
            records[name] = getattr(drawn, name)
        self._records.append(records)

    def __len__(self) -> int:
        return len(self._records)

    def batch(self, index: IntArray) -> Batch:
        """Return the examples with these numbers."""
        found = np.concatenate([self._records.read(int(k)) for k in index])
        drawn = Draw(**{name: found[name] for name in Draw.__dataclass_fields__})
        spec = self._store.spec
        windows = np.empty((len(found), spec.window, len(spec.names)))
        for n, record in enumerate(found):
            windows[n] = self._store.window(int(record["walk"]), tuple(record["rows"].tolist()), drawn, n)
        varied, change = vary(windows, drawn)
        return scaled(varied, self._scaler), change
