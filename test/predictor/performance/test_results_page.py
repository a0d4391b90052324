"""The section of a page that a benchmark replaces."""

from __future__ import annotations

from pathlib import Path

import pytest
from rigs.repository import REPOSITORY

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.performance.results_page import ResultsPage

DOCS = REPOSITORY / "docs"


def test_text_around_the_section_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("a\n<!-- soak: begin -->\nold\n<!-- soak: end -->\nb\n")
    page = ResultsPage(path, "soak")
    for results in ("new", "newer"):
        page.write(results)
        assert path.read_text() == f"a\n<!-- soak: begin -->\n{results}\n<!-- soak: end -->\nb\n"


@pytest.mark.parametrize("text", ["a", "<!-- soak: begin -->", "<!-- soak: end -->\n<!-- soak: begin -->"])
def test_a_page_without_the_section_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "page.md"
    path.write_text(text)
    with pytest.raises(Refusal, match=r"page\.md has no section <!-- soak: begin -->"):
        ResultsPage(path, "soak")
    assert path.read_text() == text


def test_a_page_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"page .*nowhere\.md cannot be read: No such file"):
        ResultsPage(tmp_path / "nowhere.md", "soak")


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("performance.md", "benchmark"),
        ("performance.md", "soak"),
        ("accuracy.md", "accuracy"),
        ("people.md", "people"),
    ],
)
def test_the_pages_have_their_sections(page: str, name: str) -> None:
    ResultsPage(DOCS / page, name)
