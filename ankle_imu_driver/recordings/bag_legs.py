"""Chooses one leg of a rosbag2 that may hold several, by its namespace, and the calibration that belongs to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from ankle_imu_driver.calibration import (
    FORMAT,
    MOST_BYTES,
    Calibration,
    CalibrationError,
    load_calibration,
    parse_calibration,
)
from ankle_imu_driver.conventions import RAW_TOPICS
from ankle_imu_driver.document import shown
from ankle_imu_driver.recordings.bag_files import METADATA, bag_name, is_bag
from ankle_imu_driver.recordings.bag_streams import IMU_TYPE
from ankle_imu_driver.recordings.recording import RecordingError
from ankle_imu_driver.regular_file import FileError, exists, read_regular

MOST_LISTED = 10  # names in one sentence
MOST_YAMLS = 100  # files in a bag's directory that are looked through for a calibration


def legs_of(path: Path, topics: Mapping[str, str]) -> list[str]:
    """Return the prefixes of all legs of a bag, such as ``/right_ankle/``.

    Args:
        path: the bag.
        topics: the type of each topic of the bag.

    Raises:
        RecordingError: no namespace has both sensors.
    """
    imus = {topic for topic, kind in topics.items() if kind == IMU_TYPE}
    shank, foot = ({t.removesuffix(raw) for t in imus if t.endswith(f"/{raw}")} for raw in RAW_TOPICS.values())
    if shank & foot:
        return sorted(shank & foot)
    others = [
        f"{topic} is {shown(kind)}"
        for topic, kind in sorted(topics.items())
        if kind != IMU_TYPE and topic.endswith(tuple(f"/{raw}" for raw in RAW_TOPICS.values()))
    ]
    raise RecordingError(
        f"{path} lacks {' and '.join(RAW_TOPICS.values())} of type {IMU_TYPE} in one namespace; its Imu topics "
        f"are: {few(sorted(imus)) or 'none'}{'; ' if others else ''}{few(others)}"
    )


def chosen_leg(path: Path, legs: Sequence[str], leg: str = "", namespace: str = "") -> str:
    """Return the prefix of the leg to read.

    Args:
        path: the bag.
        legs: the prefixes of its legs.
        leg: namespace of the leg that is asked for, whole or its last part; empty for the only one.
        namespace: whose leg is meant if ``leg`` is empty and there are several.

    Raises:
        RecordingError: there is no such leg, or nobody says which of several.
    """
    if leg:
        found = _matching(legs, leg)
        if len(found) != 1:
            raise RecordingError(f"{path} has {len(found) or 'no'} leg {shown(leg)}; its legs are {few(list(legs))}")
        return found[0]
    if len(legs) == 1:
        return legs[0]
    own = _matching(legs, namespace)
    if len(own) == 1:
        return own[0]
    raise RecordingError(f"{path} contains {len(legs)} legs, in {few(list(legs))}; say which one by leg")


def _matching(legs: Sequence[str], name: str) -> list[str]:
    """Return the legs of a namespace; if none has it as its whole name, those that end with it."""
    wanted = f"/{name.strip('/')}/".replace("//", "/")
    return [leg for leg in legs if leg == wanted] or [leg for leg in legs if wanted != "/" and leg.endswith(wanted)]


def calibration_name(leg: str) -> str:
    """Return what the calibration file of a leg is called in a bag's directory, by the leg's namespace."""
    name = _leg_name(leg)
    return f"calibration_{name}.yaml" if name else "calibration.yaml"


def find_calibration(bag: Path, leg: str, legs: Collection[str], notes: list[str]) -> Calibration | None:
    """Return the calibration inside the bag's directory or next to it.

    A file that is named after the leg, such as ``calibration_right_ankle.yaml``, comes first. In a bag with several
    legs no other is used: nobody knows whose it is, and the zero of one leg is not that of the other.

    Args:
        bag: the bag.
        leg: the prefix of the leg that is read.
        legs: those of all its legs.
        notes: a sentence is added for calibrations that are not used.

    Raises:
        RecordingError: there are several, or it cannot be used.
        FileError: a folder must not be read.
    """
    name = _leg_name(leg)
    folder = bag if bag.is_dir() else bag.parent
    inside = sorted(p for p in folder.glob("*.y*ml") if p.name != METADATA)[:MOST_YAMLS] if is_bag(folder) else []
    own = [calibration_name(leg), f"{bag_name(bag)}_{name}.yaml"] if name else []
    beside = [bag.parent / file for file in (*own, f"{bag_name(bag)}.yaml", f"{bag.stem}.yaml", "calibration.yaml")]
    unused: list[str] = []
    for place in (inside, beside):
        found = [path for path in dict.fromkeys(place) if exists(path) and _is_calibration(path)]
        named = [path for path in found if name and path.stem.endswith(name)]
        if not named and len(legs) > 1:
            unused += [path.name for path in found]
            continue
        found = named or found
        if len(found) > 1 and place is inside:
            names = ", ".join(path.name for path in found)
            raise RecordingError(f"{bag} has more than one calibration: {names}; keep one of them")
        if found:
            return _loaded(bag, found[0])
    if unused:
        notes.append(
            f"{', '.join(unused)} not used: it does not say which leg it is of; name it {calibration_name(leg)}"
        )
    return None


def told_calibration(topic: str, told: Iterable[tuple[int, str]], until: int, notes: list[str]) -> Calibration | None:
    """Return the last calibration that a filter told in its recording.

    Args:
        topic: the filter's topic, for the notes.
        told: time of reception in ns and text of each; empty while the filter had none.
        until: time in ns; what was told later is of another session.
        notes: a sentence is added that it is used, and for texts that are none.
    """
    found, unfit = None, 0
    for time, text in sorted(told, key=lambda one: one[0]):
        if not text or time > until:
            continue
        try:
            found = parse_calibration(text.encode("utf-8", "surrogateescape"), topic)
        except CalibrationError:
            unfit += 1
    if unfit:
        notes.append(f"{topic}: messages that are no calibration left out: {unfit}")
    if found is not None:
        notes.append(f"calibrated as the filter was in the recording, by {topic}: there is no calibration file")
    return found


def _leg_name(leg: str) -> str:
    """Return a leg's namespace or prefix as a part of a file's name; empty for the root."""
    return leg.strip("/").replace("/", "_")


def few(names: list[str]) -> str:
    """Return names joined by commas, the first of them if there are many."""
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return ", ".join(name[:100] for name in names[:MOST_LISTED]) + more


def _loaded(bag: Path, path: Path) -> Calibration:
    try:
        return load_calibration(path)
    except CalibrationError as error:
        raise RecordingError(f"the calibration of {bag} cannot be used: {error}") from error


def _is_calibration(path: Path) -> bool:
    """Return whether a file calls itself a calibration, by its name or in its text."""
    try:
        return FORMAT.encode() in read_regular(path, MOST_BYTES)
    except FileError:
        return path.name == "calibration.yaml"  # to be refused by its reader, and not passed over
