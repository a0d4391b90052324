"""The child process that tries a model; ``model_trial.py`` starts it, and limits what it may use.

It reads the model and the walk from standard input. On standard output it says ``READY`` once everything is imported,
and then one line of JSON: ``{"refusal": ...}``, or the forecast's time and the errors.
"""

from __future__ import annotations

import io
import json
import math
import os
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ankle_predictor.model.bundle import Bundle
from ankle_predictor.model.engine import OUT_OF_MEMORY, InferenceEngine, ModelFailure, load_engine
from ankle_predictor.model.manifest import BundleError, Manifest
from ankle_predictor.trust.model_score import UnusableForecastError, WalkError, walk_error
from ankle_predictor.trust.reference_walk import Walk, reference_walk

READY = b"ready\n"
CPU_TIME = 3  # s for everything that is done with the model; the base model took 0.15 on the development machine
MEMORY = 384  # MiB of address space above what the imports took; the base model took 83
FORECAST_TIME = 0.05  # s of one core for one forecast; ten are available, and later than this every one is stale
TIMED_RUNS = 5
WITHOUT_PROC = 2**30  # bytes that the imports are assumed to have taken where /proc does not say

Request = dict[str, npt.NDArray[Any]]


def request_of(bundle: Bundle, in_use: Bundle | None, walk: Walk | None) -> bytes:
    """Return the bytes that ``main`` reads: plain arrays, no pickle."""
    arrays: Request = _packed("", bundle)
    if in_use is not None:
        arrays |= _packed("in_use.", in_use)
    if walk is not None:
        arrays |= {
            "stamp": walk.stamp,
            "angle": walk.angle,
            "features": walk.features,
            "side": _bytes(walk.side.encode()),
        }
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def main() -> int:
    """Try the model of standard input; returns the exit status."""
    # Libraries print to standard output. Send that to stderr, so that only our lines reach the parent process.
    channel = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    reference = reference_walk()
    os.write(channel, READY)
    with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as archive:
        request = dict(archive)
    limit()
    try:
        answer: dict[str, Any] = tried(request, reference)
    except BundleError as error:
        answer = {"code": error.code, "refusal": str(error)}
    except (UnusableForecastError, ModelFailure) as error:
        answer = {"reason": str(error)}
    except MemoryError:
        answer = {"reason": OUT_OF_MEMORY}
    if any(OUT_OF_MEMORY in str(value) for value in answer.values()):
        answer = {"reason": f"it needs more than {MEMORY} MiB of memory"}
    os.write(channel, json.dumps(answer).encode() + b"\n")
    return 0


def limit() -> None:
    """Limit time and memory of this process from now on, and let it write no files."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(used.ru_utime + used.ru_stime) + CPU_TIME
    memory = _mapped() + MEMORY * 2**20
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))  # SIGXCPU first, which tells it from other kills
    for what, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(what, (most, most))


def tried(request: Mapping[str, npt.NDArray[Any]], reference: Walk) -> dict[str, Any]:
    """Run the canary window, the reference walk and the wearer's walk.

    Raises:
        BundleError, UnusableForecastError: the model is not to be used.
    """
    engine = load_engine(_unpacked("", request))
    took = _time_of(engine)
    if took > FORECAST_TIME:
        raise UnusableForecastError(
            f"a forecast takes {took * 1e3:.0f} ms here, and it may take {FORECAST_TIME * 1e3:.0f}"
        )
    in_use = InferenceEngine(_unpacked("in_use.", request)) if "in_use.onnx" in request else None
    on_reference = walk_error(engine, in_use, reference)
    if on_reference is None:
        spec = engine.manifest.features
        raise UnusableForecastError(
            f"its window of {spec.window * spec.period:g} s is too long to try it on the reference walk"
        )
    wearer = None
    if "stamp" in request:
        walk = Walk(request["stamp"], request["angle"], request["features"], request["side"].tobytes().decode())
        wearer = walk_error(engine, in_use, walk)
    return {"took": took, "reference": on_reference, "wearer": wearer}


def errors_of(answer: Mapping[str, Any], walk: str) -> WalkError | None:
    """Read one walk's errors from the JSON that ``main`` wrote."""
    return None if answer[walk] is None else WalkError(*map(float, answer[walk]))


def _time_of(engine: InferenceEngine) -> float:
    """Return the CPU time of one forecast in s: the shortest of some, as others may disturb."""
    window = np.array(engine.manifest.canary.window)
    times = list[float]()
    for _ in range(TIMED_RUNS):
        start = time.process_time()
        engine.forecast(window)
        times.append(time.process_time() - start)
    return min(times)


def _packed(prefix: str, bundle: Bundle) -> Request:
    manifest = json.dumps(bundle.manifest.to_json()).encode()
    parts = {"name": bundle.name.encode(), "manifest": manifest, "onnx": bundle.onnx}
    return {prefix + name: _bytes(data) for name, data in parts.items()}


def _unpacked(prefix: str, request: Mapping[str, npt.NDArray[Any]]) -> Bundle:
    name, manifest, onnx = (request[prefix + part].tobytes() for part in ("name", "manifest", "onnx"))
    return Bundle(name.decode(), Path(), Manifest.from_json(json.loads(manifest)), onnx, b"")


def _bytes(data: bytes) -> npt.NDArray[Any]:
    return np.frombuffer(data, np.uint8)


def _mapped() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    except OSError:
        return WITHOUT_PROC
    return pages * resource.getpagesize()
