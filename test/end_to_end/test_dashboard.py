"""The web page in a real browser: it opens with the token only, and loads nothing from elsewhere."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ankle_predictor.nodes.child_process import NodesProcess, private_environment

pytest.importorskip("nicegui", reason="NiceGUI, which comes with requirements-web.txt, is not installed")
playwright = pytest.importorskip(
    "playwright.sync_api", reason="Playwright, which comes with requirements-dev.txt, is not installed"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

TOKEN = "a-token-of-some-length"
PATIENCE = 120_000.0  # ms, on a computer that has other things to do
TABLET = {"width": 820, "height": 1180}
PAGE = "import sys; from ankle_predictor.dashboard.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed: apt install chromium")
    with playwright.sync_playwright() as run:
        made = run.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def environment() -> dict[str, str]:
    return private_environment(os.environ)


@pytest.fixture
def address(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The page's, in a process of its own that needs the token."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    program = ("-c", PAGE, "--port", str(port), "--token", TOKEN, "--recordings", str(tmp_path / "recordings"))
    with NodesProcess({}, environment, tmp_path / "page.log", program) as page:
        until = time.monotonic() + PATIENCE / 1e3
        while "http://" not in page.last_words():
            assert page.status is None, page.last_words(30)
            assert time.monotonic() < until
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        assert page.status is None, page.last_words(30)
    assert "Traceback" not in (tmp_path / "page.log").read_text()


def part(page: Any, name: str) -> Any:
    return page.locator(f"[data-part={name}]")


def expect(locator: Any) -> Any:
    return playwright.expect(locator)


def test_the_page_opens_with_the_token_only_and_loads_nothing_from_elsewhere(browser: Any, address: str) -> None:
    playwright.expect.set_options(timeout=PATIENCE)
    page = browser.new_page(viewport=TABLET)
    page.set_default_timeout(PATIENCE)
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    page.fill("[name=token]", "another-token")
    page.click("button")
    expect(page.locator("form")).to_contain_text("That is not the token")
    page.fill("[name=token]", TOKEN)
    page.click("button")
    expect(part(page, "waiting")).to_contain_text("No leg is heard yet")
    part(page, "record").click()
    expect(page.locator("body")).to_contain_text("there is nothing to record")
    assert len(asked) > 5
    assert {url.split("/")[2] for url in asked if not url.startswith("data:")} == {address.split("/")[2]}
    assert complaints == []
