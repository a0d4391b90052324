"""Times ``keras.predict`` with the reference's network; ``benchmark`` runs this as a child process."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from ankle_predictor.performance.timing import timed
from ankle_predictor.training.network import onnx_bytes
from ankle_predictor.training.reference_network import FEATURES, WINDOW, reference_network


def main() -> int:
    """Write the network as ONNX, time its ``predict``, and print the figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("onnx", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    network = reference_network()
    options.onnx.write_bytes(onnx_bytes(network))
    window = np.random.default_rng(0).normal(size=(1, WINDOW, FEATURES)).astype(np.float32)
    figures = timed(lambda: network.predict(window, verbose=0), options.seconds, lambda _: None, warm_up=3)
    print(json.dumps(figures | {"parameters": network.count_params()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
