"""The one error that reading a recording raises."""


class RecordingError(ValueError):
    """A recording that cannot be used; the message is one sentence that says why and what to do."""
