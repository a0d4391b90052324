"""The base class of all errors that report bad input and not a bug."""


class Refusal(ValueError):  # noqa: N818 - reports bad input, not an error of the program
    """Input is refused. The message is one sentence: what is wrong, with the value, and what to do.

    Nodes and commands show only the message of a ``Refusal``. Any other exception is a bug and keeps its traceback.
    This includes a plain ``ValueError``, which numpy raises for arrays whose shapes do not fit.
    """
