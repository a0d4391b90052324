"""Writes the reference walk on which every model is tried before it is used: ``python -m benchmarks.reference_walk``.

The walk is simulated. It is shipped as a file and stays the same when the simulator or the filter change, so that
figures of models can be compared. Another one needs another digest in ``ankle_predictor/trust/reference_walk.py``.
"""

from __future__ import annotations

import hashlib
import io

import numpy as np

from ankle_imu_driver.simulator.gait_scenario import Stand, Walk
from ankle_imu_driver.simulator.sensor_model import SensorModel
from ankle_imu_driver.simulator.simulate import simulate
from ankle_imu_driver.simulator.user_profile import draw_user
from ankle_predictor.offline.pipeline import run_chain
from ankle_predictor.trust.reference_walk import FILE

PERSON = 1
STANDING, WALKING = 3.0, 35.0  # s
SETTLED = 5.0  # s until which the walk begins; left out


def main() -> None:
    """Simulate the walk, run it through the filter, and write its features."""
    walk = simulate([Stand(STANDING), Walk(WALKING)], draw_user(PERSON), SensorModel(), PERSON)
    table = run_chain(walk.recording)
    kept = table.stamp >= table.stamp[0] + SETTLED
    buffer = io.BytesIO()
    np.savez_compressed(buffer, stamp=table.stamp[kept], features=table.values[kept].astype(np.float32))
    FILE.write_bytes(buffer.getvalue())
    print(f"wrote {FILE}: {np.sum(kept)} pairs, SHA-256 {hashlib.sha256(buffer.getvalue()).hexdigest()}")


if __name__ == "__main__":
    main()
