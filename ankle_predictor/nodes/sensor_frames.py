"""Which frames the raw samples of a leg may come in. No ROS here."""

from __future__ import annotations

from collections.abc import Mapping

from ankle_imu_driver.conventions import RAW_TOPICS, SENSOR_FRAMES


class SensorFrames:
    """Checks the frame of each sample.

    A driver of another maker names its frame as it likes (``imu_link``, ``bno055``). A frame that is called as ours are
    must be that of this sensor and this leg: otherwise the sensors are swapped, or the legs.

    Attributes:
        problem: a sentence on the last sample that was refused; empty before the first, and after ``take_problem``.
        refused: number of samples that were refused, by stream.
    """

    def __init__(self, prefix: str, given: Mapping[int, str]) -> None:
        """Prepare to check.

        Args:
            prefix: of our own names.
            given: the frame of each stream, as it is in the messages, with its prefix; empty for any.
        """
        self._own = {stream: f"{prefix}{frame}" for stream, frame in SENSOR_FRAMES.items()}
        self._given = dict(given)
        self._heard: dict[int, str] = {}
        self.problem = ""
        self.refused = dict.fromkeys(SENSOR_FRAMES, 0)

    def admit(self, stream: int, frame: str) -> bool:
        """Return whether to use a sample of a stream that came in a frame; an empty frame says nothing."""
        if not frame or frame == self._heard.get(stream):
            return True
        if wanted := self._wanted(stream, frame):
            self.refused[stream] += 1
            self.problem = (
                f"{RAW_TOPICS[stream]} comes in the frame {frame!r} instead of {wanted!r}; it is not used: are the "
                "sensors swapped, or is frame_prefix or frame_id different?"
            )
            return False
        self._heard[stream] = frame
        return True

    def take_problem(self) -> str:
        """Return the problem since the last call."""
        problem, self.problem = self.problem, ""
        return problem

    def names(self) -> dict[int, str]:
        """Return the frame of each stream: as heard, otherwise as given, otherwise our own name."""
        return {stream: self._heard.get(stream) or self._given[stream] or own for stream, own in self._own.items()}

    def _wanted(self, stream: int, frame: str) -> str:
        """Return the name that a sample should have come with; empty if its own may be used."""
        if given := self._given[stream]:
            return "" if frame == given else given
        is_called_as_ours = frame.endswith(tuple(SENSOR_FRAMES.values()))
        return self._own[stream] if is_called_as_ours and frame != self._own[stream] else ""
