"""Stand-ins, without TensorFlow, for the processes that train a network together: each does what a variable says."""

from __future__ import annotations

import json
import os
import signal
import time

VARIABLE = "JOINT_MEMBERS"  # what the processes do: a list of words for each, separated by semicolons


def main() -> None:
    rank = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    for word in os.environ[VARIABLE].split(";")[rank].split():
        if word == "join":
            print(json.dumps({"joined": True}), flush=True)
        elif word == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif word == "hang":
            time.sleep(600)
        elif word == "fail":
            raise RuntimeError("out of order")
        elif word == "refuse":
            print(json.dumps({"refusal": "no such walk"}), flush=True)
        else:
            print(json.dumps({"stage": "training", "share": 1.0}), flush=True)
            print(json.dumps({"result": word}), flush=True)


if __name__ == "__main__":
    main()
