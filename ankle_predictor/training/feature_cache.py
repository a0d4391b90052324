"""Keeps the features of walks on disk, so that they are made once: Parquet files, one folder for each walk.

The folder's name is the SHA-256 of all that the features depend on: the recording, its calibration, the feature spec,
the settings that examples are cut by, and the code. A change of any of them is a new entry. Every page of a file has a
checksum; an entry that is not whole is made again.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.recordings.recording import EncoderSamples, Recording
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.offline.feature_tables import in_window_of
from ankle_predictor.offline.log_forecasts import TimeSpan
from ankle_predictor.offline.pipeline import FeatureTable
from ankle_predictor.training.augmentation import VariedSource
from ankle_predictor.training.settings import TrainSettings
from ankle_predictor.training.walk import Walk
from ankle_predictor.training.walk_source import WalkSource, code_digest

FORMAT = 1
FEATURES, TRUTH, SPREAD, ABOUT = "features.parquet", "truth.parquet", "spread.parquet", "about.json"


class CacheError(Refusal):
    """The cache cannot be written; the message says why."""


class BrokenEntryError(Exception):
    """An entry of the cache that is not whole; it is made again."""


def default_cache() -> Path:
    """Return the folder of the cache: ``ankle_predictor`` below ``$XDG_CACHE_HOME``, or below ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ankle_predictor"


@dataclass(frozen=True)
class About:
    """What is known of a walk without reading its features.

    Attributes:
        name: the recording's.
        start: s, its first sample.
        end: s, its last sample.
        pairs: rows of its table.
        examples: its windows without variation.
        last: s, stamp of its last example.
        stride_time: s, median of its strides; None where there are none.
        stride: pairs between two windows that are learned from.
        simulated: whether nobody walked it.
        has_encoder: whether it has fused angles.
        notes: what the recording's reader found, repaired or left out.
    """

    name: str
    start: float
    end: float
    pairs: int
    examples: int
    last: float
    stride_time: float | None
    stride: int
    simulated: bool
    has_encoder: bool
    notes: list[str]


@dataclass(frozen=True, eq=False)
class StoredWalk:
    """A walk whose features lie on disk; small, so that it can be sent to another process or machine.

    Attributes:
        folder: its entry in the cache, at the same path on every machine.
        person: who walks.
        settings: by which examples are cut from it.
        about: what is known without reading it.
        note: what happened when it was looked up, such as a broken entry; empty for nothing.
    """

    folder: Path
    person: str
    settings: TrainSettings
    about: About
    note: str = ""

    @property
    def name(self) -> str:
        """The recording's name."""
        return self.about.name

    @property
    def simulated(self) -> bool:
        """Whether nobody walked it."""
        return self.about.simulated

    @property
    def stride(self) -> int:
        """Pairs between two windows that are learned from."""
        return self.about.stride

    @property
    def pairs(self) -> int:
        """Rows of its table."""
        return self.about.pairs

    @property
    def last(self) -> float:
        """Stamp of the last example in s."""
        return self.about.last

    @cached_property
    def recording(self) -> TimeSpan:
        """Name, start and end of the recording."""
        return TimeSpan(self.about.name, self.about.start, self.about.end)

    def load(self) -> Walk:
        """Read the walk.

        Raises:
            BrokenEntryError: its files are damaged.
        """
        about, spec = self.about, self.settings.spec
        found, truth = _read(self.folder / FEATURES), _read(self.folder / TRUTH)
        values = np.stack([found[name] for name in spec.names], axis=1)
        table = FeatureTable(found["stamp"], values, found["angle"], in_window_of(spec), found["source"])
        period = math.nan if about.stride_time is None else about.stride_time
        fused = found["fused"] if about.has_encoder else None
        followed = EncoderSamples(truth["stamp"], truth["angle"])
        return Walk(
            self.recording,
            followed,
            table,
            self.settings,
            fused,
            about.stride,
            about.simulated,
            known_stride_time=period,
        )

    def spread(self) -> FloatArray:
        """Return the (N, F) standard deviations of the features in the windows in which the leg moves."""
        found = _read(self.folder / SPREAD)
        return np.stack([found[name] for name in self.settings.spec.names], axis=1)

    def source(self, end: float) -> VariedSource:
        """Return the walk as ``Walk.source`` does."""
        return self.load().source(end)


def stored_walk(source: WalkSource, settings: TrainSettings, cache_folder: Path) -> StoredWalk:
    """Return a walk from the cache; one that is not there, or is broken, is made first.

    Raises:
        CacheError: the cache cannot be written.
        Refusal: the walk cannot be read or learned from.
    """
    try:
        folder = cache_folder / "features" / cache_key(source, settings)
    except OSError:
        source.walk(settings)  # refuses a recording that cannot be read, in a sentence
        raise
    note = ""
    try:
        return StoredWalk(folder, source.person, settings, _checked_about(folder))
    except FileNotFoundError:
        pass
    except BrokenEntryError as error:
        note = f"the cached features of {source.name} are made again: {error}"
    walk = source.walk(settings)
    try:
        about = _write(walk, folder)
    except OSError as error:
        raise CacheError(
            f"{cache_folder} cannot be written: {error.strerror}; give another folder by --cache"
        ) from error
    return StoredWalk(folder, source.person, settings, about, note)


def cache_key(source: WalkSource, settings: TrainSettings) -> str:
    """Return the SHA-256 of all that the features of a walk depend on."""
    spec = settings.spec.to_json()
    cut = (settings.stride, settings.horizon, settings.labels, settings.side, settings.is_varied)
    worn = asdict(settings.worn)
    text = json.dumps([FORMAT, _code(), source.identity(settings), spec, worn, *cut], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


_code = cache(code_digest)


def _write(walk: Walk, folder: Path) -> About:
    """Write an entry: completely, or not at all."""
    table, examples, settings = walk.table, walk.examples, walk.settings
    period = walk.source(walk.last).stride_time
    about = About(
        walk.recording.name,
        walk.recording.start,
        walk.recording.end,
        len(table.stamp),
        len(examples),
        walk.last,
        period if math.isfinite(period) else None,
        walk.stride,
        walk.simulated,
        walk.fused is not None,
        list(walk.recording.notes) if isinstance(walk.recording, Recording) else [],
    )
    features = dict(zip(settings.spec.names, table.values.T, strict=True))
    source = table.source if len(table.source) else np.zeros(len(table.stamp))
    columns = {"stamp": table.stamp, "angle": table.angle, "source": source, **features}
    if walk.fused is not None:
        columns["fused"] = walk.fused
    spread = walk.spread() if settings.is_varied else np.zeros((0, len(settings.spec.names)))
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".making_", dir=folder.parent))
    scratch.chmod(0o755)  # as any folder: a cache may be shared
    try:
        _write_parquet(scratch / FEATURES, columns)
        _write_parquet(scratch / TRUTH, {"stamp": walk.truth.stamp, "angle": walk.truth.angle})
        _write_parquet(scratch / SPREAD, dict(zip(settings.spec.names, spread.T, strict=True)))
        sizes = {name: (scratch / name).stat().st_size for name in (FEATURES, TRUTH, SPREAD)}
        (scratch / ABOUT).write_text(json.dumps({"about": vars(about), "sizes": sizes}), "utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        try:
            scratch.rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process has just made the same entry
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return about


def _checked_about(folder: Path) -> About:
    """Return what is known of an entry whose files all have their sizes and readable checksums."""
    text = (folder / ABOUT).read_text("utf-8")
    try:
        document = json.loads(text)
        about = About(**document["about"])
        sizes = document["sizes"]
    except (ValueError, TypeError, KeyError) as error:
        raise BrokenEntryError(f"{ABOUT} is damaged") from error
    for name in (FEATURES, TRUTH, SPREAD):
        if not (folder / name).is_file() or (folder / name).stat().st_size != sizes.get(name):
            raise BrokenEntryError(f"{name} is missing or has another size")
        _read(folder / name)
    return about


def _write_parquet(path: Path, columns: dict[str, FloatArray]) -> None:
    arrow, parquet = _libraries()
    table = arrow.table({name: np.ascontiguousarray(values) for name, values in columns.items()})
    # Sensor values do not repeat: a dictionary would only cost time.
    parquet.write_table(table, path, compression="zstd", use_dictionary=False, write_page_checksum=True)


def _read(path: Path) -> dict[str, FloatArray]:
    arrow, parquet = _libraries()
    try:
        table = parquet.read_table(path, page_checksum_verification=True, use_threads=False, memory_map=False)
    except (OSError, arrow.ArrowException) as error:
        raise BrokenEntryError(f"{path.name} cannot be read: {' '.join(str(error).split())[:100]}") from error
    return {name: table.column(name).to_numpy() for name in table.column_names}


def _libraries() -> Sequence[Any]:
    try:
        import pyarrow  # noqa: PLC0415 - only training needs it
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError as error:
        raise CacheError(
            f"training needs {error.name}, which is not installed: pip install -r requirements-train.txt"
        ) from error
    return pyarrow, pyarrow.parquet
