"""Where walks to learn from come from: a recording of a catalogue, or the simulator."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ankle_imu_driver.recordings.recording import Recording
from ankle_imu_driver.simulator.varied_scenario import KINDS
from ankle_imu_driver.simulator.varied_walks import varied_recording
from ankle_predictor.offline.catalogue import Entry, digest_of
from ankle_predictor.offline.catalogue_check import open_entry
from ankle_predictor.training.settings import TrainSettings
from ankle_predictor.training.walk import Walk, walk_of

SIMULATED_SECONDS = 60.0  # of each simulated walk


@dataclass(frozen=True)
class RecordedSource:
    """A recording.

    Attributes:
        entry: its entry in the catalogue.
        digest: SHA-256 of the recording; empty to compute it here.
    """

    entry: Entry
    digest: str = ""

    @property
    def name(self) -> str:
        """The recording's name."""
        return self.entry.name

    @property
    def person(self) -> str:
        """Who walks."""
        return self.entry.person

    def identity(self, settings: TrainSettings) -> str:
        """Return what the walk depends on besides settings and code: recording, calibration and the entry's fields."""
        entry = self.entry
        beside = (f"calibration*{suffix}" for suffix in (".yaml", ".yml"))
        named = (f"{entry.path.stem}*{suffix}" for suffix in (".yaml", ".yml"))
        folder = entry.path.absolute().parent
        files = {path for pattern in (*beside, *named) for path in folder.glob(pattern) if path.is_file()}
        files |= set() if entry.calibration is None else {entry.calibration}
        calibrations = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files) if path.is_file()]
        digest = self.digest or digest_of(entry.path)
        return json.dumps([digest, calibrations, entry.name, entry.side, entry.labels, entry.leg or settings.leg])

    def walk(self, settings: TrainSettings) -> Walk:
        """Read the recording and make its features.

        Raises:
            Refusal: it cannot be read or learned from.
        """
        own = replace(settings, labels=self.entry.labels or settings.labels)
        recording = open_entry(self.entry, settings.worn.encoder, settings.leg)
        return walk_of(recording, own, side=self.entry.side)


@dataclass(frozen=True)
class SimulatedSource:
    """A simulated person; the attributes are the arguments of ``varied_recording``."""

    name: str
    kind: str
    seed: int
    seconds: float

    @property
    def person(self) -> str:
        """Every simulated walk is of another person."""
        return self.name

    def identity(self, settings: TrainSettings) -> str:
        """Return what the walk depends on besides settings and code."""
        return json.dumps(asdict(self))

    def recording(self, settings: TrainSettings) -> Recording:
        """Simulate the walk."""
        recording = varied_recording(self.kind, self.seed, self.seconds, settings.side)
        return replace(recording, name=self.name)

    def walk(self, settings: TrainSettings) -> Walk:
        """Simulate the walk and make its features."""
        return walk_of(self.recording(settings), settings, simulated=True)


WalkSource = RecordedSource | SimulatedSource


def simulated_sources(settings: TrainSettings) -> list[SimulatedSource]:
    """Return simulated people, ``settings.simulated`` for each kind of movement."""
    return [
        SimulatedSource(
            f"simulated_{kind}_{person}", kind, settings.seed * 10_000 + person * len(KINDS) + k, SIMULATED_SECONDS
        )
        for k, kind in enumerate(KINDS)
        for person in range(settings.simulated)
    ]


def code_digest() -> str:
    """Return the SHA-256 of the code that walks are made by."""
    package = Path(__file__).resolve().parents[1]
    driver = package.parent / "ankle_imu_driver"
    folders = (driver / "recordings", driver / "simulator", package / "estimation", package / "offline")
    own = (package / "model" / "features.py", *(package / "training" / f"{name}.py" for name in ("walk", "dataset")))
    files = [*sorted(driver.glob("*.py")), *(path for folder in folders for path in sorted(folder.glob("*.py"))), *own]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
