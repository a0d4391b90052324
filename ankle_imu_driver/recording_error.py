"""The one error that reading a recording raises."""

from ankle_imu_driver.refusal import Refusal


class RecordingError(Refusal):
    """A recording that cannot be used; the message is one sentence that says why and what to do."""
