"""Which devices a network is trained on. Knows no TensorFlow, so that it can be asked before that is imported."""

from __future__ import annotations

import os
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from dataclasses import dataclass

AUTO, CPU = "auto", "cpu"
VISIBLE = "CUDA_VISIBLE_DEVICES"  # read by CUDA: the GPUs that a process sees, by number or name; "-1" for none
NO_GPU = "-1"
OFFERED = "ANKLE_PREDICTOR_GPUS"  # set where GPUs are offered


@dataclass(frozen=True)
class Devices:
    """The devices that train one network.

    Attributes:
        gpu: whether GPUs are used where TensorFlow finds some.
        count: how many train one network together, each in a process of its own.
    """

    gpu: bool = True
    count: int = 1


ANY_DEVICE = Devices()


def add_device_option(parser: ArgumentParser) -> None:
    """Add ``--devices`` to a command."""
    parser.add_argument(
        "--devices",
        type=_devices,
        default=ANY_DEVICE,
        metavar="auto|cpu|N",
        help="what trains a network: auto (the default), a GPU where there is one and else the CPU; cpu; or N GPUs "
        "together, where there is no GPU N processes (docs/scale.md)",
    )


def offer_gpus() -> None:
    """Let TensorFlow, if it is imported later in this process, see the GPUs that the user lets it see.

    A process then takes the memory of a GPU as it needs it, not all of it: several networks may be trained at once.
    """
    os.environ[OFFERED] = "1"
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")


def hidden_gpus(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what to set in the environment before TensorFlow is imported: nothing, or what hides all GPUs.

    They are hidden unless they were offered or the user chose some, so adapting to a user never takes a robot's GPU.
    """
    return {} if OFFERED in environment or VISIBLE in environment else {VISIBLE: NO_GPU}


def gpu_of(rank: int, gpus: int, environment: Mapping[str, str]) -> str:
    """Return what ``CUDA_VISIBLE_DEVICES`` must be for one of several processes: one GPU each, or none.

    Args:
        rank: number of the process, from 0 on.
        gpus: that this process sees.
        environment: of this process.
    """
    if not gpus:
        return NO_GPU
    seen = [name.strip() for name in environment.get(VISIBLE, "").split(",") if name.strip()]
    return seen[rank] if seen else str(rank)


def _devices(text: str) -> Devices:
    if text in {AUTO, CPU}:
        return Devices(gpu=text == AUTO)
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < 1:
        raise ArgumentTypeError(f"must be {AUTO}, {CPU} or a number of devices from 1 on, not {text!r}")
    return Devices(count=count)
