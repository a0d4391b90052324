"""Files and bundles from anywhere, kind by kind, for the table of faults: each is made and read as ``fuzz.py`` does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from ankle_imu_driver.calibration import load_calibration
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_predictor.trust.reference_walk import reference_walk
from benchmarks import fuzz_bundles
from benchmarks.fuzz_bags import BASES, SAMPLES, bases, imu
from benchmarks.fuzz_files import CALIBRATION, bombs
from benchmarks.fuzz_kind import Kind, at_once, odd_entry
from benchmarks.fuzz_runner import FAULTS, run
from benchmarks.mcap_records import chunk, mcap, message

CASES = 5  # of each kind, for each phase
Read = Callable[[Path], object]
NUMBERS = ("1.0e+400", "1" + "0" * 400, ".inf", ".nan", "[0.5, 0, 0]", "[0, 0, 98]", "!!float x", "9" * 5000)


@dataclass(frozen=True)
class FileFault:
    """A kind of file.

    Attributes:
        group: of the table.
        name: in the table.
        kind: how it is made and read.
    """

    group: str
    name: str
    kind: Kind


@dataclass
class Tally:
    """What became of the files, or requests, of one kind.

    Attributes:
        tried: how many there were.
        survived: how many files were read as far as they go or refused in a sentence, and how many requests were
            outlived.
        seconds: until the answer, of each; CPU time for a file.
        faults: what happened instead.
        recovered: s until forecasts came again, of each; empty if nothing was forecast.
    """

    tried: int
    survived: int
    seconds: list[float]
    faults: list[str]
    recovered: list[float]


def cut_bag(random: Random, folder: Path) -> Path:
    """Write a bag whose newest file ends anywhere, and that has no metadata: the power failed."""
    bag = folder / "bag"
    shutil.copytree(bases() / random.choice([name for name in BASES if name.startswith("mcap")]), bag)
    (bag / "metadata.yaml").unlink(missing_ok=True)
    for path in bag.iterdir():
        data = path.read_bytes()
        path.write_bytes(data[: random.randrange(len(data) // 2, len(data))])
    return bag


def swelling_bag(random: Random, folder: Path) -> Path:
    """Write a recording with a chunk that grows a thousandfold when it is unpacked."""
    rows = b"".join(message(c, imu(k), k) for k in range(SAMPLES) for c in (1, 2))
    swelling = chunk(bytes(random.choice((2**26, 2**28))), random.choice(("zstd", "lz4")))
    path = folder / "walk.mcap"
    topics = {"/shank/imu/data_raw": "sensor_msgs/msg/Imu", "/foot/imu/data_raw": "sensor_msgs/msg/Imu"}
    path.write_bytes(mcap(chunk(rows), swelling, topics=topics))
    return path


def odd_log(random: Random, folder: Path) -> Path:
    """Put a pipe, a folder, a device, a socket or 3 GB of nothing in the place of a log."""
    path = folder / "walk.TXT"
    odd_entry(random, path)
    return path


def bomb(random: Random, folder: Path) -> Path:
    """Write a calibration that is small and means much."""
    path = folder / "calibration.yaml"
    path.write_text(CALIBRATION + bombs(random), "utf-8")
    return path


def odd_number(random: Random, folder: Path) -> Path:
    """Write a calibration with a value that no sensor has."""
    lines = CALIBRATION.splitlines(keepends=True)
    row = random.choice([k for k, line in enumerate(lines) if line.split(":")[0].strip() in {"gyro_bias", "gravity"}])
    lines[row] = f"{lines[row].split(':')[0]}: {random.choice(NUMBERS)}\n"
    path = folder / "calibration.yaml"
    path.write_text("".join(lines), "utf-8")
    return path


def bundle_of(network: Callable[[Random], tuple[dict[str, Any], bytes]], random: Random, folder: Path) -> Path:
    """Write a bundle of one kind, with right digests."""
    return fuzz_bundles.write_case(folder, *network(random))


def _file(name: str, make: Callable[[Random, Path], Path], read: Read, ready: Callable[[], object]) -> FileFault:
    return FileFault("files", name, Kind(name, CASES, make, read, ready))


def _bundle(name: str, network: Callable[[Random], tuple[dict[str, Any], bytes]]) -> FileFault:
    kind = Kind(name, CASES, partial(bundle_of, network), fuzz_bundles.read, reference_walk)
    return FileFault("bundles", name, kind)


FILE_FAULTS = (
    _file("a bag that was cut off, without metadata", cut_bag, read_recording, bases),
    _file("a bag that swells a thousandfold", swelling_bag, read_recording, at_once),
    _file("a pipe, folder, device or 3 GB of nothing as a log", odd_log, read_recording, at_once),
    _file("a calibration that is small and means much", bomb, load_calibration, at_once),
    _file("a calibration with numbers that cannot be", odd_number, load_calibration, at_once),
    _bundle("a network whose bytes are damaged", fuzz_bundles.damaged_network),
    _bundle("a loop behind a field that no serializer writes", fuzz_bundles.hidden_field),
    _bundle("operators that grow, are slow or foreign", fuzz_bundles.operators),
    _bundle("odd values in the document", fuzz_bundles.odd_document),
    _bundle("a bad forecast that agrees with its own check", fuzz_bundles.bad_forecast),
)


def run_file_fault(fault: FileFault, phases: int, seed: int) -> Tally:
    """Make and read some files of one kind, each anew."""
    cases = range(seed * 1000, seed * 1000 + phases * fault.kind.cases)
    found = list(run(fault.kind, cases))
    faults = [f"{outcome.verdict}: {outcome.text}" for outcome in found if outcome.verdict in FAULTS]
    return Tally(len(found), len(found) - len(faults), [outcome.seconds for outcome in found], faults, [])
