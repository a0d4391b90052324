"""Trains a small network on fixed arrays as one of several processes, and prints its weights as JSON."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import numpy as np

from rigs.array_examples import ArrayExamples

EXAMPLES = 4 * 16 + 1  # the last batch has fewer than there are processes


def arrays() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    window, change = rng.normal(size=(EXAMPLES, 16, 3)), 0.3 + 0.1 * rng.normal(size=(EXAMPLES, 5))
    return window.astype(np.float32), change.astype(np.float32)


def trained(module: Any, fit: Any) -> list[np.ndarray]:
    """Return the weights of a network without dropout, which every process would draw for itself."""
    network = module.build_network(module.NetworkShape(16, 3, 5, units=3, dropout=0.0), seed=1)
    settings = module.FitSettings(epochs=3, batch=16, rate=2e-2, seed=1)
    fit(network, lambda _: ArrayExamples(*arrays()), settings, lambda _share: None)
    return list(network.get_weights())


def main() -> None:
    from ankle_predictor.training import network  # noqa: PLC0415 - it configures TensorFlow first

    strategy = network.tf.distribute.MultiWorkerMirroredStrategy()
    from ankle_predictor.training.joint_fit import Member  # noqa: PLC0415

    task = json.loads(os.environ["TF_CONFIG"])
    member = Member(task["task"]["index"], len(task["cluster"]["worker"]), strategy)
    json.dump([weight.tolist() for weight in trained(network, member.fit)], sys.stdout)


if __name__ == "__main__":
    main()
