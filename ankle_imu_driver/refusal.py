"""The base of all errors that are an answer and no bug."""


class Refusal(ValueError):  # noqa: N818 - a refusal is no error of the program
    """Input that is not taken: the message is one sentence that says what was wrong, with the value, and what to do.

    Nodes and commands show the sentence of a ``Refusal`` and nothing else of it. Any other exception is a bug, a plain
    ``ValueError`` too (numpy raises it for arrays whose shapes do not fit), and keeps its traceback.
    """
