"""Sphinx configuration: these pages, and an API reference with one page for each room.

    python -m sphinx -W --keep-going docs build/docs

rosdoc2 uses it, too (rosdoc2.yaml). It builds without ROS, TensorFlow, ONNX and ONNX Runtime.
"""

from __future__ import annotations

import shutil
import sys
from importlib import import_module
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.ext import apidoc

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))  # rosdoc2 runs a copy of this file and sets the path itself

project = "Ankle Predictor"
author = "Ankle Predictor contributors"
copyright = f"{author}, MIT licence"  # noqa: A001  # Sphinx's name
html_theme = "sphinx_rtd_theme"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3

suppress_warnings = ["ref.python"]  # a name that two modules define, as Sample, is linked to one of them

napoleon_numpy_docstring = False
napoleon_use_ivar = True  # fields of dataclasses are described once, in the class's docstring
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
autodoc_mock_imports = [
    *("action_msgs", "ament_index_python", "ankle_predictor_interfaces", "builtin_interfaces", "diagnostic_msgs"),
    *("geometry_msgs", "lifecycle_msgs", "rcl_interfaces", "rclpy", "rosgraph_msgs", "sensor_msgs", "std_msgs"),
    *("std_srvs", "tf2_msgs", "trajectory_msgs"),
    *("keras", "onnx", "onnxruntime", "tensorflow"),
    *("fastapi", "nicegui", "uvicorn"),
]


def write_api_pages(app: Sphinx) -> None:
    """Write api/ anew: sphinx-apidoc makes a page for each sub-package of the two packages."""
    pages = Path(app.srcdir, "api")
    shutil.rmtree(pages, ignore_errors=True)
    for package in ("ankle_imu_driver", "ankle_predictor"):
        folder = Path(str(import_module(package).__file__)).parent
        apidoc.main(["-q", "--module-first", "--no-toc", "--output-dir", str(pages), str(folder)])


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("builder-inited", write_api_pages)
