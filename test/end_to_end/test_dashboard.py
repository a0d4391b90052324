"""The web page in a real browser: who may open it, and everything that somebody does there from standing to walking."""

from __future__ import annotations

import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from rigs.launch_processes import launched
from rigs.person import person
from rigs.repository import REPOSITORY

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_predictor.nodes.child_process import NodesProcess, private_environment

pytest.importorskip("nicegui", reason="NiceGUI, which comes with requirements-web.txt, is not installed")
playwright = pytest.importorskip(
    "playwright.sync_api", reason="Playwright, which comes with requirements-dev.txt, is not installed"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

TOKEN = "a-token-of-some-length"
PATIENCE = 240_000.0  # ms, on a computer that has other things to do
PICTURES = os.environ.get("ANKLE_PICTURES")  # a folder, for who wants to look at the page
DESK, TABLET = {"width": 1280, "height": 800}, {"width": 820, "height": 1180}
# The page offers 30 s of walking and more; the least that the action accepts with the base model is 8.5 s. It lets all
# other programs go first, so that on a busy computer it would hardly move.
PAGE = f"""
import sys
from ankle_predictor.dashboard import cli, leg_card
leg_card.USER_DURATIONS = ({9 if PICTURES is None else 30},)
cli.NICENESS = 0
sys.exit(cli.main(sys.argv[1:]))
"""
# An adaptation yields to everything else, so that on a busy computer it would not end.
IMPATIENT = """
from ankle_predictor.adaptation import process
process.CHILD = process.CHILD.partition("from ankle_predictor")[1] + process.CHILD.partition("from ankle_predictor")[2]
process.CHILD = "import sys; " + process.CHILD
"""
# An unknown person may be called unusual, and a busy computer is too slow.
RUNNING = re.compile("Working|Unusual movement|The computer is too slow")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed: apt install chromium")
    # Without a graphics card the browser takes all cores, which a tablet's would not. For pictures it lets the nodes go
    # first; otherwise each of them would show a computer that is too slow.
    program = tmp_path_factory.mktemp("browser") / "chromium"
    program.write_text(f'#!/bin/sh\nexec nice -n {0 if PICTURES is None else 19} {CHROMIUM} "$@"\n')
    program.chmod(0o755)
    with playwright.sync_playwright() as run:
        made = run.chromium.launch(executable_path=program, args=["--no-sandbox"])
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


class Opened:
    """The page in a browser, and what it asked for and complained of."""

    def __init__(self, browser: Any, address: str) -> None:
        playwright.expect.set_options(timeout=PATIENCE)
        self.page = browser.new_page(viewport=TABLET)
        self.page.set_default_timeout(PATIENCE)
        self._address = address
        self._asked: list[str] = []
        self._complaints: list[str] = []
        self.page.on("request", lambda request: self._asked.append(request.url))
        self.page.on("pageerror", lambda error: self._complaints.append(str(error)))
        self.page.goto(address)

    def log_in(self) -> None:
        self.page.fill("[name=token]", TOKEN)
        self.page.click("button")

    def part(self, name: str, leg: str = "") -> Any:
        """A part of the page, or of a leg's card."""
        whole = self.page if not leg else self.page.locator("section.card").filter(has_text=leg)
        return whole.locator(f"[data-part={name}]")

    def expect(self, name: str, leg: str = "") -> Any:
        return playwright.expect(self.part(name, leg))

    def click(self, name: str, leg: str = "") -> None:
        self.part(name, leg).click()

    def picture(self, name: str, headline: str = "") -> None:
        """Keep pictures for who wants to look, in the folder that ANKLE_PICTURES names, if it does.

        Args:
            name: what they show.
            headline: the leg's state that is waited for.
        """
        if PICTURES is None:
            return
        for device, size in (("desk", DESK), ("tablet", TABLET)):
            self.page.set_viewport_size(size)
            self.page.wait_for_timeout(700)  # the chart is drawn anew
            while not self._taken(Path(PICTURES, f"{name}_{device}.png"), headline):
                pass

    def _taken(self, path: Path, headline: str) -> bool:
        """Take a picture and return whether the leg was in the state for a second around it, or any will do."""
        if not headline:
            return bool(self.page.screenshot(path=path))
        self.expect("headline").to_have_text(headline)
        seen = []
        for k in range(6):
            seen.append(self.part("headline").inner_text())
            if k == 3:
                self.page.screenshot(path=path)
            self.page.wait_for_timeout(200)
        return set(seen) == {headline}

    def check_end(self) -> None:
        """Nothing was loaded from elsewhere, and no script failed."""
        assert len(self._asked) > 5
        assert {url.split("/")[2] for url in self._asked if not url.startswith("data:")} == {
            self._address.split("/")[2]
        }
        assert self._complaints == []


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Opened]:
    made = Opened(browser, address)
    yield made
    made.page.close()


def test_the_page_opens_with_the_token_only_and_loads_nothing_from_elsewhere(opened: Opened) -> None:
    opened.page.fill("[name=token]", "another-token")
    opened.page.click("button")
    playwright.expect(opened.page.locator("form")).to_contain_text("That is not the token")
    opened.log_in()
    opened.expect("waiting").to_contain_text("No leg is heard yet")
    opened.click("record")
    playwright.expect(opened.page.locator("body")).to_contain_text("there is nothing to record")
    opened.check_end()


def calibrate(opened: Opened) -> None:
    """Press the button until it is done: a busy computer may have lost a sample, and the page then says so."""
    for _ in range(5):
        opened.click("calibrate")
        opened.expect("countdown").to_be_visible()
        opened.picture("countdown")
        opened.expect("countdown").to_be_hidden()
        opened.expect("calibrated").to_have_text(re.compile("Calibrated by standing|gap|samples"))
        if opened.part("calibrated").inner_text().startswith("Calibrated by standing"):
            return
    raise AssertionError(opened.part("calibrated").inner_text())


@pytest.fixture
def right_leg(environment: dict[str, str], tmp_path: Path) -> Iterator[list[NodesProcess]]:
    """Filter and predictor of a right leg, whose samples come from elsewhere."""
    (tmp_path / "models").mkdir()
    shutil.copytree(REPOSITORY / "models" / "base", tmp_path / "models" / "other")
    settings = {"models_dir": str(tmp_path / "models"), "max_input_age": 5.0}
    (tmp_path / "leg.yaml").write_text(yaml.safe_dump({"/**": {"ros__parameters": settings}}))
    described = launched(tmp_path, sides="right", driver="false", params_file=tmp_path / "leg.yaml")
    with ExitStack() as stack:
        yield [
            stack.enter_context(process.start(environment, tmp_path / f"{process.executable}.log", IMPATIENT))
            for process in described
        ]


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="requirements-train.txt is not installed")
@pytest.mark.usefixtures("right_leg")
def test_somebody_is_calibrated_walks_is_adapted_to_changes_the_model_and_is_recorded(
    opened: Opened, environment: dict[str, str], tmp_path: Path
) -> None:
    opened.log_in()
    with person(int(environment["ROS_DOMAIN_ID"]), "/right_ankle", "right_") as somebody:
        opened.expect("leg-title").to_have_text("Right leg")
        opened.expect("headline").to_have_text(RUNNING)
        calibrate(opened)

        somebody.walk()
        opened.click("record")
        opened.expect("recording-state").to_contain_text("Recording")
        opened.expect("headline").to_have_text(RUNNING)
        opened.click("adapt")
        opened.part("user").fill("not a name")
        opened.click("start-adapting")
        opened.picture("adapt_dialog")
        opened.part("user").fill("anna")
        opened.click("start-adapting")
        opened.expect("stage").to_contain_text("Please walk")
        opened.expect("error").to_have_text(re.compile(r"\d"))
        opened.picture("walk", "Working")
        opened.expect("stage").to_contain_text("Learning")
        opened.expect("before").to_have_text(re.compile(r"error before \d+\.\d°"))
        opened.expect("after").to_have_text(re.compile(r"after \d+\.\d°"))
        opened.expect("adapted").to_have_text(re.compile("."))
        opened.picture("adapted")

        opened.click("record")
        opened.expect("recording-state").to_contain_text("Recorded")

        opened.click("choose-model")
        opened.picture("models_dialog")
        opened.page.get_by_role("button", name="other", exact=True).click()
        opened.expect("loaded").to_contain_text("Model other runs")
        opened.expect("model").to_have_text("other")
        opened.page.reload()
        opened.expect("loaded").to_contain_text("Model other runs")
    opened.expect("headline").to_have_text(re.compile("silent|No fresh samples"))
    opened.check_end()

    (folder,) = (tmp_path / "recordings").iterdir()
    recording = read_recording(folder)
    assert len(recording.shank.stamp) > 100  # a busy computer does not record all
    assert recording.calibration is not None
    assert recording.calibration.foot.forward is not None, "walking has shown it"
