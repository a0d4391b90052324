"""A page of the docs that a benchmark puts its results into, between two marks."""

from __future__ import annotations

from pathlib import Path

from ankle_imu_driver.refusal import Refusal


class ResultsPage:
    """A page with one section that is replaced: from ``<!-- NAME: begin -->`` to ``<!-- NAME: end -->``."""

    def __init__(self, path: Path, name: str) -> None:
        """Check that the page has the section.

        Raises:
            Refusal: there is no such page, or it has no such section.
        """
        self._path = path
        self._begin, self._end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        self._around()

    def write(self, results: str) -> None:
        """Replace the section.

        Raises:
            Refusal: the page cannot be written, or has lost its section since.
        """
        before, after = self._around()
        try:
            self._path.write_text(f"{before}{self._begin}\n{results}\n{self._end}{after}", "utf-8")
        except OSError as error:
            raise Refusal(f"page {self._path} cannot be written: {error.strerror}") from error

    def _around(self) -> tuple[str, str]:
        """Return the text before and after the section."""
        try:
            page = self._path.read_text("utf-8")
        except OSError as error:
            raise Refusal(f"page {self._path} cannot be read: {error.strerror}") from error
        before, begun, rest = page.partition(self._begin)
        _, ended, after = rest.partition(self._end)
        if not begun or not ended:
            raise Refusal(f"page {self._path} has no section {self._begin} ... {self._end} to write to")
        return before, after
