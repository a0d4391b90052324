"""The three nodes in a process of their own, for the web page to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ankle_predictor.nodes.child_process import NodesProcess, Parameter

CODE = """
import sys
from ankle_predictor.nodes.bringup import main
sys.argv[1:1] = ["--ros-args", "-r", "__ns:={namespace}"]
sys.exit(main())
"""


@contextmanager
def lone_bringup(
    environment: Mapping[str, str], folder: Path, parameters: Mapping[str, Parameter], namespace: str = "/"
) -> Iterator[NodesProcess]:
    """Run ``bringup``, with the simulator if ``parameters`` do not say otherwise; files go to ``folder``."""
    models = folder / "models"
    models.mkdir(exist_ok=True)
    given: dict[str, Parameter] = {
        "source": "simulator",
        "models_dir": str(models),
        "calibration_save": str(folder / "calibration.yaml"),
        "max_input_age": 5.0,  # s; how long a busy computer lets samples wait is not what is tested
        **parameters,
    }
    program = ("-c", CODE.replace("{namespace}", namespace))
    with NodesProcess(given, environment, folder / "nodes.log", program) as nodes:
        yield nodes
