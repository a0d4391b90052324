"""Installs both Python packages, the executables, and what they read at run time into share/ankle_predictor."""

from __future__ import annotations

from pathlib import Path

from setuptools import find_packages, setup

NAME = "ankle_predictor"


def shared_files(*folders: str) -> list[tuple[str, list[str]]]:
    """Every file below the folders, each to the same place under share/."""
    files = (path for folder in folders for path in sorted(Path(folder).rglob("*")))
    return [
        (f"share/{NAME}/{path.parent.as_posix()}", [path.as_posix()])
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
    ]


setup(
    name=NAME,
    version="0.1.0",
    description="Forecasts the ankle angle of the next 500 ms from two inertial sensors on shank and foot.",
    author="Ankle Predictor contributors",
    maintainer="Ankle Predictor maintainers",
    maintainer_email="maintainers@ankle-predictor.example",
    license="MIT",
    python_requires=">=3.10",
    packages=find_packages(include=["ankle_imu_driver", "ankle_imu_driver.*", NAME, f"{NAME}.*"]),
    package_data={"ankle_imu_driver": ["py.typed"], NAME: ["py.typed", "trust/reference_walk.npz"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        *shared_files("config", "foxglove", "launch", "models", "plotjuggler", "rviz", "udev", "urdf"),
    ],
    zip_safe=False,
    install_requires=[
        "backports.zstd",
        "lz4",
        "matplotlib",
        "msgspec",
        "numpy",
        "onnxruntime",
        "psutil",
        "PyYAML",
        "rich",
        "rosbags",
        "scipy",
        "smbus2",
    ],
    extras_require={"web": ["fastapi", "nicegui", "uvicorn"]},
    entry_points={
        "console_scripts": [
            "imu_driver = ankle_imu_driver.driver_node:main",
            "imu_check = ankle_imu_driver.imu_check:main",
            "orientation_filter = ankle_predictor.nodes.filter_node:main",
            "predictor = ankle_predictor.nodes.predictor_node:main",
            "bringup = ankle_predictor.nodes.bringup:main",
            "visualizer = ankle_predictor.nodes.visualizer_node:main",
            "dashboard = ankle_predictor.dashboard.cli:main",
            "demo = ankle_predictor.demo.cli:main",
            "train = ankle_predictor.training.train:main",
            "finetune = ankle_predictor.adaptation.finetune:main",
            "import_keras = ankle_predictor.training.import_keras:main",
            "evaluate = ankle_predictor.offline.evaluate:main",
            "models = ankle_predictor.library.models:main",
            "benchmark = ankle_predictor.performance.cli:main",
        ],
    },
)
