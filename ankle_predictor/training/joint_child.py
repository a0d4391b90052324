"""One of the processes that train a network together; ``joint_training.py`` starts it.

Its job comes on standard input, pickled by the process that started it, and its end closes that. Every line of its
standard output is a JSON object: ``{"joined": true}``, then ``{"stage": ..., "share": ...}``, and at the end
``{"result": digest}`` or ``{"refusal": sentence}``.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import sys
import threading
from dataclasses import replace
from importlib import import_module
from typing import Any

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.training.devices import offer_gpus
from ankle_predictor.training.learning import Job, learn
from ankle_predictor.training.needs_tensorflow import NETWORK, imported
from ankle_predictor.training.networks import keep


def main() -> int:
    """Do the job; returns the exit status, which is 0 for a refusal, too."""
    # Libraries print to standard output. Send that to stderr, so that only JSON lines reach the parent process.
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1, encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    job, name = pickle.load(sys.stdin.buffer)  # from the parent process only
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def send(**line: Any) -> None:
        channel.write(json.dumps(line) + "\n")

    try:
        send(result=_learn(job, name, send))
    except Refusal as refusal:
        send(refusal=str(refusal))
    return 0


def _learn(job: Job, name: str, send: Any) -> str:
    """Train this process's part of the network; the first process writes it. Returns the digest of the network."""
    offer_gpus()
    tf = imported(NETWORK, "training").tf
    task = json.loads(os.environ["TF_CONFIG"])
    rank, count = task["task"]["index"], len(task["cluster"]["worker"])
    strategy = tf.distribute.MultiWorkerMirroredStrategy()  # before anything else of TensorFlow
    send(joined=True)
    member = import_module("ankle_predictor.training.joint_fit").Member(rank, count, strategy)
    bundle = learn(job.walks, job.settings, job.until, lambda stage, share: send(stage=stage, share=share), member.fit)
    if rank == 0:
        software = bundle.manifest.training.software
        devices = f"{count} x {software.get('devices', 'CPU')}"
        training = replace(bundle.manifest.training, software={**software, "devices": devices})
        keep(replace(bundle, manifest=replace(bundle.manifest, training=training)), name, job.networks)
    return hashlib.sha256(bundle.onnx).hexdigest()


def _end_with_parent() -> None:
    """End this process when the parent ends, which closes standard input."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
