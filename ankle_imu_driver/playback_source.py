"""A recording or the gait simulator as a source of ``imu_driver``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from ankle_imu_driver.conventions import ENCODER, FOOT, SHANK, STREAM_NAMES, WARN
from ankle_imu_driver.driver_parameters import DriverConfig
from ankle_imu_driver.recordings.following import FollowingPlayback, Leader
from ankle_imu_driver.recordings.playback import Playback, PlaybackStatus, Publish
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import Recording
from ankle_imu_driver.recordings.timeline import looped, samples


class PlaybackSource:
    """Plays the configured recording or simulation.

    Attributes:
        has_encoder: the source has encoder samples.
        notes: what the reader of the recording repaired or assumed, one sentence each.
        first_stamp: time of the first sample on the source's clock, in s.
        leader: whom the playback keeps step with; None if it sets its own time.
    """

    def __init__(
        self,
        config: DriverConfig,
        now: Callable[[], int],
        publish: Publish,
        finished: Callable[[], None],
        *,
        tell: Callable[[int, int], None] = lambda _time, _stamp: None,
    ) -> None:
        """Open the source.

        Args:
            config: the driver's parameters.
            now: the clock of the stamps, in ns.
            publish: takes each sample and its stamp; called in the source's thread.
            finished: called in the source's thread when the source has ended or failed.
            tell: called in the source's thread with a time of the source and its stamp, when a follower must know.

        Raises:
            Refusal: the recording cannot be read, or the simulator refuses a parameter.
        """
        open_source = _opener(config)
        chunks = open_source(0.0)
        first = next(chunks)
        self.notes = first.notes
        self.has_encoder = first.encoder is not None
        self.first_stamp = first.start
        self.leader = Leader(now, config.rate) if config.follow else None
        self._config = config
        self._playback: Playback
        if self.leader is None:
            self._playback = Playback(samples(chain([first], chunks)), config.rate, now, publish, finished, tell=tell)
        else:
            self._playback = FollowingPlayback(
                lambda begin: samples(open_source(begin / 1e9), begin), self.leader, publish, finished
            )
        self._asked_at = time.monotonic()

    def start(self) -> None:
        """Start or continue playing."""
        self.take_status()
        self._playback.start()

    def stop(self) -> None:
        """Pause."""
        self._playback.stop()

    def close(self) -> None:
        """Stop; a source that is closed is not started again."""
        self._playback.stop()

    def take_status(self) -> PlaybackStatus:
        """Return the status, and start new statistics."""
        self._asked_at = time.monotonic()
        return self._playback.take_status()

    def health(self) -> tuple[int, str, dict[str, object]]:
        """Return level (OK, WARN, ERROR), sentence and values for diagnostics since the last call."""
        elapsed = time.monotonic() - self._asked_at
        status = self.take_status()
        streams = (SHANK, FOOT, ENCODER) if self.has_encoder else (SHANK, FOOT)
        values = {
            "source": self._config.source,
            "log": self._config.log,
            "rate": self._config.rate,
            **({"follows": self._config.follow} if self._config.follow else {}),
            "messages per second": f"{status.lateness.sent / max(elapsed, 1e-9):.1f}",
            **{f"{STREAM_NAMES[stream]} samples": status.counts.get(stream, 0) for stream in streams},
            "position (s)": f"{status.position / 1e9:.3f}",
            "late": status.lateness.late,
            "worst lateness (ms)": f"{status.lateness.worst / 1e6:.2f}",
            **{f"note {number}": note for number, note in enumerate(self.notes, 1)},
        }
        if self.leader is not None and self.leader.time() is None:
            return WARN, f"waits for the imu_driver in {self._config.follow} to begin", values
        return (*status.judge(self._config.source), values)


def _opener(config: DriverConfig) -> Callable[[float], Iterator[Recording]]:
    """Return what opens the source at a time in s or before it, as samples in consecutive chunks.

    A recording is read once: a follower that begins anew must not fall silent while it reads.
    """
    if config.source == "simulator":
        # Imported here because it loads scipy, 60 MB that a robot with real sensors does not need.
        from ankle_imu_driver.simulator.sensor_model import SensorModel  # noqa: PLC0415
        from ankle_imu_driver.simulator.simulate import stream  # noqa: PLC0415
        from ankle_imu_driver.simulator.user_profile import draw_user  # noqa: PLC0415

        model = SensorModel(accel_range=config.accel_range)
        user = draw_user(config.person)
        return lambda begin: stream(user, model, config.seed, config.side, config.phase, begin=begin)
    recording = read_recording(Path(config.log), config.encoder, config.leg, config.namespace)
    return lambda begin: looped(recording, begin) if config.loop else iter([recording])
