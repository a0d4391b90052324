"""Checks the recordings of a catalogue before anything is computed from them, and says what is left out and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console
from rich.table import Table

from ankle_imu_driver.calibration import load_calibration
from ankle_imu_driver.conventions import ENCODER_JOINT, JointConvention
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import Recording
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.leg_estimator import LegConfig, LegEstimator
from ankle_predictor.estimation.stream_rate import FASTEST, SLOWEST
from ankle_predictor.offline.catalogue import CatalogueError, Entry, Labels, digest_of
from ankle_predictor.offline.pipeline import leg_samples

Report = Callable[[str, float], None]


@dataclass(frozen=True)
class Needs:
    """What recordings must have.

    Attributes:
        labels: "encoder" if they need one, unless their own entry says otherwise; None for none.
        seconds: least length in s.
        encoder_joint: the encoder's joint in a rosbag2.
        leg: namespace of the leg in a rosbag2 with several, unless their own entry says otherwise.
    """

    labels: Labels | None = None
    seconds: float = 0.0
    encoder_joint: JointConvention = ENCODER_JOINT
    leg: str = ""


@dataclass(frozen=True)
class Checked:
    """A catalogue after the check.

    Attributes:
        usable: the entries that can be used, in their order.
        left_out: the others, each with the reason.
        digests: SHA-256 of each usable recording, by its name.
    """

    usable: tuple[Entry, ...]
    left_out: tuple[tuple[Entry, str], ...]
    digests: dict[str, str]

    @property
    def persons(self) -> dict[str, str]:
        """Who walks in each usable recording, by its name."""
        return {entry.name: entry.person for entry in self.usable}

    @property
    def licences(self) -> dict[str, str]:
        """The licence of each usable recording of which it is known, by its name."""
        return {entry.name: entry.licence for entry in self.usable if entry.licence}

    def without(self, refused: Iterable[tuple[Entry, str]]) -> Checked:
        """Return the catalogue without entries that were refused later, each with the reason."""
        more = tuple(refused)
        gone = {entry.name for entry, _ in more}
        usable = tuple(entry for entry in self.usable if entry.name not in gone)
        return Checked(usable, (*self.left_out, *more), {entry.name: self.digests[entry.name] for entry in usable})


def open_entry(entry: Entry, encoder_joint: JointConvention = ENCODER_JOINT, leg: str = "") -> Recording:
    """Read an entry's recording, under its name and with its calibration.

    Raises:
        Refusal: the recording or the calibration file cannot be read.
    """
    recording = replace(read_recording(entry.path, encoder_joint, entry.leg or leg), name=entry.name)
    return (
        recording if entry.calibration is None else replace(recording, calibration=load_calibration(entry.calibration))
    )


def check_catalogue(
    entries: Sequence[Entry], needs: Needs, on_progress: Report = lambda _stage, _share: None
) -> Checked:
    """Check all recordings: that they can be read, encoder, rate, calibration, length, and that none is there twice."""
    usable, left_out, digests, known = [], [], dict[str, str](), dict[tuple[str, str], str]()
    for k, entry in enumerate(entries):
        on_progress(f"checking {entry.name}", k / len(entries))
        try:
            check_recording(open_entry(entry, needs.encoder_joint, needs.leg), entry, needs)
            digest = digest_of(entry.path)
            if (twin := known.get((digest, entry.leg))) is not None:
                raise CatalogueError(f"it has the same content as {twin}")
        except Refusal as refusal:
            left_out.append((entry, str(refusal)))
        else:
            usable.append(entry)
            digests[entry.name] = digest
            known[digest, entry.leg] = entry.name
    return Checked(tuple(usable), tuple(left_out), digests)


def check_recording(recording: Recording, entry: Entry, needs: Needs) -> None:
    """Check one recording.

    Raises:
        CatalogueError: it lacks what it needs; the message says what.
    """
    seconds = recording.end - recording.start
    if seconds < needs.seconds:
        raise CatalogueError(f"it has {seconds:.1f} s, at least {needs.seconds:.1f} s are needed")
    if (entry.labels or needs.labels) == "encoder" and recording.encoder is None:
        raise CatalogueError("it has no encoder; the label 'imu' uses the IMUs' own later angle")
    for name, samples in (("shank", recording.shank), ("foot", recording.foot)):
        rate = 1.0 / float(np.median(np.diff(samples.stamp))) if len(samples) > 1 else 0.0
        if not SLOWEST <= rate <= FASTEST:
            raise CatalogueError(f"its {name} sensor has {rate:.1f} Hz, {SLOWEST:g} to {FASTEST:g} are supported")
    if recording.calibration is None and not _stands(recording):
        raise CatalogueError("it has no calibration, and nobody stands still in it; name a calibration file")


def _stands(recording: Recording) -> bool:
    """Return whether the recording can be calibrated from standing in it, as a wearer is."""
    leg = LegEstimator(LegConfig(), None)
    return any(leg.calibration is not None for _ in leg_samples(recording, leg)) or leg.calibration is not None


def show_check(checked: Checked, console: Console) -> None:
    """Print how much can be used, and as a table what is left out and why."""
    people = len(set(checked.persons.values()))
    total = len(checked.usable) + len(checked.left_out)
    console.print(f"{len(checked.usable)} of {total} recordings are used, of {people} people")
    if checked.left_out:
        table = Table("left out", "person", "why", title_justify="left")
        for entry, why in checked.left_out:
            table.add_row(entry.name, entry.person, why)
        console.print(table)


def refuse_if_empty(checked: Checked) -> None:
    """Refuse a catalogue of which nothing is left.

    Raises:
        CatalogueError: no recording can be used; the message has the first reason.
    """
    if not checked.usable:
        entry, why = checked.left_out[0]
        raise CatalogueError(f"no recording of the catalogue can be used; {entry.name}: {why}")
