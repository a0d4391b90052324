"""The web page of a demo, as a process of its own beside the nodes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.demo.output_folder import OutputFolder
from ankle_predictor.nodes.child_process import NodesProcess

DASHBOARD = "import sys; from ankle_predictor.dashboard.cli import main; sys.exit(main())"
ADDRESS = "http://127.0.0.1:8642"
PATIENCE = 60.0  # s for the page to start, on a small computer
POLL_PERIOD = 0.1  # s


@contextmanager
def web_page(folder: OutputFolder, environment: Mapping[str, str]) -> Iterator[None]:
    """Run the page until the end of the block. If it ends by itself later, the demo goes on.

    Args:
        folder: takes its output and what is recorded by its button.
        environment: the nodes' environment.

    Raises:
        Refusal: the page does not start.
    """
    program = ("-c", DASHBOARD, "--recordings", str(folder.web_recordings.absolute()))
    with NodesProcess({}, environment, folder.web_log, program) as page:
        until = time.monotonic() + PATIENCE
        while ADDRESS not in page.last_words():
            if page.status is not None:
                raise Refusal(f"the web page did not start: {page.last_words()}")
            if time.monotonic() > until:
                raise Refusal(f"the web page did not start within {PATIENCE:.0f} s; its output is {folder.web_log}")
            time.sleep(POLL_PERIOD)
        yield
