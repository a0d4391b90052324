"""Filter and predictor for ten minutes at 100 Hz, with swaps, silences and clock jumps: is any forecast missing?

Run: scripts/run python benchmarks/soak.py [--minutes 10] [--seed 1] [--json FILE] [--write docs/performance.md]

Both nodes are processes of their own, on a ROS domain of their own. This program is the driver: it sends a simulated
walk, sample by sample, by a script drawn from the seed, and keeps a ledger of what has to come back for each pair. A
pair is expected to be forecast if the window of 2 s before it has neither a gap over 100 ms nor a jump.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import rclpy
from ankle_predictor_interfaces.msg import AnkleForecast
from ankle_predictor_interfaces.srv import LoadWeights
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Imu
from trajectory_msgs.msg import JointTrajectory

from ankle_imu_driver.recordings.recording import Recording
from ankle_predictor.model.bundle import load_bundle, model_directories, write_bundle
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.nodes.child_process import NodesProcess, private_environment
from ankle_predictor.nodes.messages import set_stamp, stamp_of
from ankle_predictor.performance.cli import played, simulated_walk
from ankle_predictor.performance.process_stats import read_stats, read_stolen
from ankle_predictor.performance.report import with_section
from ankle_predictor.trust.status import WITHHELD, Status, names

BEGIN, END = "<!-- soak: begin -->", "<!-- soak: end -->"
PERIOD = 10_000_000  # ns
MODELS = ("first", "second")
NODES = {"orientation_filter": "filter_node", "predictor": "predictor_node"}
SWAP_EVERY, UPSET_EVERY = 2.0, 8.0  # s, on average
QUIET_END = 3.0  # s without upsets, so that the last window fills
MEMORY_PERIOD = 2.0  # s
SETTLED = 120.0  # s after which memory is expected to be flat; shorter runs give no slope
DEEP = QoSProfile(depth=1000)


class Upset(NamedTuple):
    """Something that happens to the input: ``kind`` is "silence", "foot silent" or "jump"; ``size`` in s."""

    time: float
    kind: str
    size: float


def upsets(seconds: float, seed: int) -> list[Upset]:
    """Draw what happens: silences of 0.15 to 2 s, clock jumps of 1 s to an hour either way."""
    draw, script, now = random.Random(seed), [], 0.0
    while (now := now + draw.uniform(0.5, 1.5) * UPSET_EVERY) < seconds - QUIET_END:
        kind = draw.choice(("silence", "foot silent", "jump"))
        size = draw.choice((-1, 1)) * 10 ** draw.uniform(0.0, 3.5) if kind == "jump" else draw.uniform(0.15, 2.0)
        script.append(Upset(now, kind, size))
    return script


class Ledger:
    """What was sent, what had to come back, and what came.

    Attributes:
        makers: forecasts made by each model.
    """

    def __init__(self, spec: FeatureSpec) -> None:
        self._rows, self._max_gap = spec.window, round(spec.filter.max_gap * 1e9)
        self._last = 0
        self._since = 0  # pairs since the window last had to begin afresh
        self._expected: dict[int, bool] = {}
        self._status: dict[int, int] = {}
        self._forecast: set[int] = set()
        self.makers: Counter[str] = Counter()

    def send(self, stamp: int) -> None:
        """Note a pair; ``stamp`` in ns."""
        follows = 0 < stamp - self._last <= self._max_gap
        self._since = self._since + 1 if follows else 1
        self._last = stamp
        self._expected[stamp] = self._since >= self._rows

    def answer(self, stamp: int, status: int, model: str = "") -> None:
        """Note a ``forecast_detail``; the first one to a pair counts, the rest only say that none came since."""
        if stamp in self._expected and stamp not in self._status:
            self._status[stamp] = status
            if not status & WITHHELD:
                self.makers[model] += 1

    def forecast(self, stamp: int) -> None:
        """Note a ``forecast``."""
        self._forecast.add(stamp)

    def summary(self) -> dict[str, Any]:
        """Return the counts. An expected forecast is made, withheld for a reason, skipped, or unanswered."""
        due = [stamp for stamp, expected in self._expected.items() if expected]
        reasons = Counter(
            names(Status(self._status[stamp] & WITHHELD))
            for stamp in due
            if stamp in self._status and self._status[stamp] & WITHHELD
        )
        skipped = self._skipped()
        early = [stamp for stamp, expected in self._expected.items() if not expected]
        return {
            "pairs": len(self._expected),
            "expected": len(due),
            "made": sum(not self._status.get(stamp, WITHHELD) & WITHHELD for stamp in due),
            "withheld": dict(reasons.most_common()),
            "skipped": skipped,
            "unanswered": sum(stamp not in self._status for stamp in due) - skipped,
            "not_due": len(early),
            "made_though_not_due": sum(not self._status.get(stamp, WITHHELD) & WITHHELD for stamp in early),
            "not_due_by_reason": dict(
                Counter(names(Status(self._status[s] & WITHHELD)) for s in early if s in self._status).most_common()
            ),
            "trajectories_heard": len(self._forecast & set(self._expected)),
            "by_model": dict(self.makers),
        }

    def _skipped(self) -> int:
        """Count due pairs without an answer whose next answer says that the node had to skip some."""
        skipped = waiting = 0
        for stamp, expected in self._expected.items():
            if stamp in self._status:
                skipped += waiting if self._status[stamp] & Status.OVERRUN else 0
                waiting = 0
            else:
                waiting += expected
        return skipped


class Driver:
    """Sends the walk and hears the answers, in this process's only thread."""

    def __init__(self, walk: Recording, ledger: Ledger) -> None:
        self.ledger = ledger
        self.node = rclpy.create_node("soak_driver", enable_rosout=False, start_parameter_services=False)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._messages, self._outputs, self._samples = {}, {}, {}
        for name, sensor in (("shank", walk.shank), ("foot", walk.foot)):
            self._messages[name] = Imu()
            self._messages[name].orientation_covariance[0] = -1.0
            self._messages[name].header.frame_id = f"{name}_imu_link"
            self._outputs[name] = self.node.create_publisher(Imu, f"{name}/imu/data_raw", 50)
            self._samples[name] = np.hstack([sensor.accel, sensor.gyro]).tolist()
        self._length = min(map(len, self._samples.values()))
        self.node.create_subscription(JointTrajectory, "forecast", lambda m: ledger.forecast(stamp_of(m)), DEEP)
        self.node.create_subscription(AnkleForecast, "forecast_detail", self._on_detail, DEEP)
        self._loader = self.node.create_client(LoadWeights, "predictor/load_weights")
        self._call: Any = None
        self._wanted = 0
        self.swaps: Counter[str] = Counter()
        self.load_times: list[float] = []
        self.late: list[float] = []  # s from a pair's sending to its forecast
        self._sent: dict[int, float] = {}
        self.answered = False

    def ready(self) -> bool:
        """Whether both nodes hear and are heard."""
        return all(output.get_subscription_count() for output in self._outputs.values()) and self.answered

    def send(self, k: int, stamp: int, foot: bool) -> None:
        """Send the k-th sample of the walk, of the shank alone or of both."""
        names_on = ("shank", "foot") if foot else ("shank",)
        if foot:
            self.ledger.send(stamp)
            self._sent[stamp] = time.monotonic()
        for name in names_on:
            message = self._messages[name]
            set_stamp(message, stamp)
            a, g = message.linear_acceleration, message.angular_velocity
            a.x, a.y, a.z, g.x, g.y, g.z = self._samples[name][k % self._length]
            self._outputs[name].publish(message)

    def swap(self) -> None:
        """Ask for the other model, if the last call was answered."""
        if self._call is not None and not self._call.done():
            self.swaps["still loading"] += 1
            return
        self._wanted = 1 - self._wanted
        self._call = self._loader.call_async(LoadWeights.Request(model=MODELS[self._wanted]))
        self._call.add_done_callback(self._on_swapped)

    def until(self, end: float) -> None:
        """Hear answers until a time on the monotonic clock."""
        while (left := end - time.monotonic()) > 0.0:
            self._executor.spin_once(timeout_sec=left)

    def _on_swapped(self, call: Any) -> None:
        answer = call.result()
        self.swaps["made" if answer.result == LoadWeights.Response.SUCCESS else answer.message] += 1
        self.load_times.append(answer.load_time)

    def _on_detail(self, message: AnkleForecast) -> None:
        self.answered = True
        stamp = stamp_of(message)
        self.ledger.answer(stamp, message.status, message.model)
        sent = self._sent.pop(stamp, None)
        if sent is not None and len(message.angle):
            self.late.append(time.monotonic() - sent)


def soak(seconds: float, seed: int, folder: Path) -> dict[str, Any]:
    """Run the nodes under the script and return what came of it."""
    base = load_bundle("base", model_directories())
    for name in MODELS:
        manifest = dataclasses.replace(base.manifest, name=name, files={})
        write_bundle(folder / "models" / name, manifest, base.onnx, base.keras)
    walk = simulated_walk()
    _, calibration = played(walk, folder)
    environment = private_environment(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    parameters = {
        "orientation_filter:calibration_file": str(calibration),
        "orientation_filter:calibration_save": "",
        "predictor:models_dir": str(folder / "models"),
        "predictor:model": MODELS[0],
    }
    rclpy.init(args=[])
    with ExitStack() as stack:
        stack.callback(rclpy.try_shutdown)
        processes = {}
        for name, module in NODES.items():
            program = ["-c", f"import sys; from ankle_predictor.{module} import main; sys.exit(main())"]
            process = NodesProcess(parameters, environment, folder / f"{name}.txt", program)
            processes[name] = stack.enter_context(process)
        driver = Driver(walk, Ledger(base.manifest.features))
        patience = time.monotonic() + 60.0
        while not driver.ready():
            driver.until(time.monotonic() + 0.1)
            if time.monotonic() > patience:
                raise SystemExit(f"the nodes did not come up: {[p.last_words() for p in processes.values()]}")
        driver.until(time.monotonic() + 0.5)
        script = upsets(seconds, seed)
        before = read_stolen()
        memory = play(driver, script, seconds, processes)
        stolen, whole = (b - a for a, b in zip(before, read_stolen(), strict=True))
        driver.until(time.monotonic() + 0.5)
        driver.node.destroy_node()
    late = np.percentile(np.array(driver.late) * 1e3, (50, 99, 100)).tolist() if driver.late else [None] * 3
    return {
        "minutes": seconds / 60.0,
        "seed": seed,
        "upsets": dict(Counter(upset.kind for upset in script)),
        "swaps": dict(driver.swaps),
        "longest_load_s": max(driver.load_times, default=None),
        "latency_ms": dict(zip(("median", "p99", "worst"), late, strict=True)),
        "stolen_percent": 100.0 * stolen / max(whole, 1),
        "memory": {name: flatness(samples) for name, samples in memory.items()},
        **driver.ledger.summary(),
    }


def play(
    driver: Driver, script: Sequence[Upset], seconds: float, processes: Mapping[str, NodesProcess]
) -> dict[str, list[tuple[float, float]]]:
    """Send everything on time; returns (s, resident MB) of each process every two seconds."""
    memory: dict[str, list[tuple[float, float]]] = {name: [] for name in processes}
    coming = list(script)
    start, epoch = time.monotonic(), time.time_ns()
    offset, silent_until, foot_silent_until, swap_at, memory_at = 0, 0.0, 0.0, SWAP_EVERY, 0.0
    for k in range(round(seconds * 1e9 / PERIOD)):
        now = k * PERIOD / 1e9
        driver.until(start + now)
        if coming and coming[0].time <= now:
            upset = coming.pop(0)
            if upset.kind == "jump":
                offset += round(upset.size * 1e9) + 1  # a ns of its own, so that no stamp comes twice
            elif upset.kind == "silence":
                silent_until = now + upset.size
            else:
                foot_silent_until = now + upset.size
        if now >= silent_until:
            driver.send(k, epoch + k * PERIOD + offset, foot=now >= foot_silent_until)
        if now >= swap_at:
            driver.swap()
            swap_at += SWAP_EVERY
        if now >= memory_at:
            memory_at += MEMORY_PERIOD
            for name, process in processes.items():
                if process.status is not None:
                    raise SystemExit(f"{name} ended with status {process.status}: {process.last_words()}")
                memory[name].append((now, read_stats(process.pid).resident))
    return memory


def flatness(samples: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Return resident MB at the start, the middle and the end, and slopes in MB/h by least squares.

    The slopes are those of all that comes after ``SETTLED``, and of its second half alone: what is freed in pieces lets
    a process grow for a while, and only what goes on growing is a leak.
    """
    settled = np.array([(t, mb) for t, mb in samples if t >= SETTLED])
    slopes = [None, None]
    if len(settled) > 30:
        parts = settled, settled[len(settled) // 2 :]
        slopes = [float(np.polyfit(part[:, 0], part[:, 1], 1)[0]) * 3600.0 for part in parts]
    first, middle, last = samples[0][1], samples[len(samples) // 2][1], samples[-1][1]
    return {"first_mb": first, "middle_mb": middle, "last_mb": last, "slopes_mb_per_hour": slopes}


def table(figures: Mapping[str, Any]) -> str:
    """Lay the figures out as Markdown."""

    def share(count: int) -> str:
        return f"{count} ({count / figures['expected']:.3%})" if figures["expected"] else str(count)

    rows = {
        "pairs sent": figures["pairs"],
        "silences, foot alone silent, clock jumps": " / ".join(
            str(figures["upsets"].get(kind, 0)) for kind in ("silence", "foot silent", "jump")
        ),
        "swaps": ", ".join(f"{n} {what}" for what, n in figures["swaps"].items()) or "none",
        "forecasts expected": figures["expected"],
        "made": share(figures["made"]),
        **{f"withheld: {reason}": share(count) for reason, count in figures["withheld"].items()},
        "skipped, as the computer did not keep up (overrun)": share(figures["skipped"]),
        "unanswered for no reason given": share(figures["unanswered"]),
        "made where none was due (window not full)": f"{figures['made_though_not_due']} of {figures['not_due']}",
        "sample sent to forecast received, median / p99 / worst": " / ".join(
            "–" if ms is None else f"{ms:.1f} ms" for ms in figures["latency_ms"].values()
        ),
    }
    rows["processor time that the host gave to others"] = f"{figures['stolen_percent']:.1f} %"
    for name, memory in figures["memory"].items():
        whole, half = memory["slopes_mb_per_hour"]
        told = "too short a run for a slope"
        if whole is not None:
            told = f"{whole:+.1f} MB/h after {SETTLED:.0f} s, {half:+.1f} MB/h over the second half of that"
        in_between = " / ".join(f"{memory[f'{when}_mb']:.1f} MB" for when in ("first", "middle", "last"))
        rows[f"{name}: resident at the start / in the middle / at the end"] = f"{in_between}; {told}"
    lines = [f"| {figures['minutes']:g} minutes, seed {figures['seed']} | |", "|---|---|"]
    return "\n".join([*lines, *(f"| {what} | {value} |" for what, value in rows.items())])


def main() -> int:
    """Run the soak and print its table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into docs/performance.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        figures = soak(60.0 * options.minutes, options.seed, Path(scratch))
    print(table(figures))
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    if options.write is not None:
        page = options.write.read_text("utf-8")
        options.write.write_text(with_section(page, BEGIN, END, table(figures)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
