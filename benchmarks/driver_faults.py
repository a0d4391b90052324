"""Every fault of wiring and chips, at random times in ten minutes of emulated walking, in virtual time.

Run: scripts/run python benchmarks/driver_faults.py [--seconds 600] [--each 5] [--seed 1]

Every sample that the driver delivers is compared, byte for byte, with what the emulated chips measured.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from rich.progress import track

from ankle_imu_driver.mpu6050.acquisition import BusLoop, Sample
from ankle_imu_driver.mpu6050.clock import VirtualClock
from ankle_imu_driver.mpu6050.device_config import DeviceConfig
from ankle_imu_driver.mpu6050.faults import MOTION
from ankle_imu_driver.mpu6050.placement import MeanGravity, placement_problem
from ankle_imu_driver.mpu6050.ros_time import RosTime
from ankle_imu_driver.mpu6050_emulator.bus import EmulatedBus
from ankle_imu_driver.mpu6050_emulator.scripted_fault import Kind, ScriptedFault
from ankle_imu_driver.mpu6050_emulator.wiring import Emulation, emulated_buses
from ankle_imu_driver.mpu6050_parameters import read_parameters

SECOND = 1_000_000_000
PERIOD = SECOND // 100
ADDRESSES = {"shank": 0x68, "foot": 0x69}
OTHER = {"shank": "foot", "foot": "shank"}
LEVELS = ("OK", "WARN", "ERROR")
SHORTEST = {Kind.SATURATED: 1.0, Kind.STUCK: 0.6}  # s; less is no fault yet: a saturated heel strike, a quiet axis


@dataclass
class Outcome:
    """What one kind of fault did, over all its occurrences."""

    recovery: list[float] = field(default_factory=list)  # s from the end of the cause to the next sample
    other_lost: int = 0  # samples that the other sensor lacks
    held: int = 0  # samples with a held axis, before it could be told
    untrue: int = 0  # samples that no chip measured
    repeated: int = 0
    level: int = 0  # worst that diagnostics said


@dataclass
class Walk:
    """A run: samples by sensor, what the buses served, and what diagnostics said when."""

    samples: dict[str, list[Sample]]
    served: dict[str, dict[bytes, bool]]
    levels: list[tuple[int, str, int]]


def script(seconds: float, each: int, seed: int) -> list[tuple[str, ScriptedFault]]:
    """Each kind ``each`` times, in random order, in slots of equal length so that every recovery has its cause."""
    random = np.random.default_rng(seed)
    kinds = [kind for kind in Kind for _ in range(each)]
    random.shuffle(kinds)
    slot = (seconds - 2.0) / len(kinds)
    if slot < 3.0:
        raise SystemExit(f"{len(kinds)} faults need {3 * len(kinds) + 2} s, not {seconds:.0f}")
    faults = []
    for number, kind in enumerate(kinds):
        sensor = str(random.choice(["shank", "foot"]))
        length = 0.0 if kind is Kind.BROWNOUT else float(random.uniform(SHORTEST.get(kind, 0.02), 1.2))
        start = 2.0 + slot * number + float(random.uniform(0.0, 0.1 * slot))
        axis = int(random.choice(MOTION))
        fault = ScriptedFault(kind, ADDRESSES[sensor], round(start * SECOND), round(length * SECOND), axis)
        faults.append((sensor, fault))
    return faults


def walk(seconds: float, faults: Sequence[tuple[str, ScriptedFault]], two_buses: bool, emulation: Emulation) -> Walk:
    """Run the driver, on one bus or on one for each sensor."""
    result = Walk({"shank": [], "foot": []}, {"shank": {}, "foot": {}}, [])
    for names in [("shank",), ("foot",)] if two_buses else [("shank", "foot")]:
        clock = VirtualClock()
        wiring = {name: (1, ADDRESSES[name]) for name in names}
        chips = emulated_buses(emulation, wiring, clock, clock.now())[1].chips
        here = [fault for sensor, fault in faults if sensor in names]
        bus = EmulatedBus(chips, clock, here, keep_served=True)
        loop = BusLoop(
            bus.open,
            [(name, DeviceConfig(address=ADDRESSES[name])) for name in names],
            clock=clock,
            rate=SECOND / PERIOD,
            ros_time=RosTime(clock.now, clock.now, lambda _: None),
            deliver=lambda sample: result.samples[sample.sensor].append(sample),
            notify=lambda _: None,
        )
        loop.run(_watching(loop, clock, result, seconds))
        for name in names:
            mine = (s for s in bus.served if s.address == ADDRESSES[name])
            for served in mine:
                result.served[name][served.data] = result.served[name].get(served.data, False) or served.true
    return result


def _watching(loop: BusLoop, clock: VirtualClock, result: Walk, seconds: float) -> Callable[[], bool]:
    ticks = itertools.count()

    def stop() -> bool:
        if next(ticks) % 25 == 0:
            for channel in loop.channels:
                level, _ = channel.report().judge(channel.name, SECOND / PERIOD)
                result.levels.append((clock.now(), channel.name, level))
        return clock.now() >= seconds * SECOND

    return stop


def judge(faults: Sequence[tuple[str, ScriptedFault]], run: Walk) -> dict[Kind, Outcome]:
    """Hold what came out against what was done."""
    outcomes = {kind: Outcome() for kind in Kind}
    ends = [*(fault.start for _, fault in faults[1:]), 10**18]
    for (sensor, fault), next_start in zip(faults, ends, strict=True):
        outcome = outcomes[fault.kind]
        cause_end = fault.start + fault.duration
        after = [s.measured for s in run.samples[sensor] if cause_end <= s.measured < next_start]
        outcome.recovery.append((after[0] - cause_end) / SECOND if after else float("inf"))
        times = [s.measured for s in run.samples[OTHER[sensor]] if fault.start - SECOND // 10 < s.measured < next_start]
        outcome.other_lost += sum(max(0, round((b - a) / PERIOD) - 1) for a, b in itertools.pairwise(times))
        said = [lv for t, n, lv in run.levels if n == sensor and fault.start <= t < min(cause_end + SECOND, next_start)]
        outcome.level = max(outcome.level, *said, 0)
        for name, samples in run.samples.items():
            seen: Counter[bytes] = Counter()
            for sample in samples:
                if not fault.start - SECOND // 10 <= sample.measured < next_start - SECOND // 10:
                    continue
                data = struct.pack(">7h", *sample.raw)
                seen[data] += 1
                if not run.served[name].get(data, False):
                    if fault.kind is Kind.STUCK and data in run.served[name]:
                        outcome.held += 1
                    else:
                        outcome.untrue += 1
            outcome.repeated += sum(count - 1 for count in seen.values())
    return outcomes


def absent_at_start(each: int, seed: int) -> list[float]:
    """Seconds from plugging a sensor in, that was not there at the start, to its first sample."""
    random = np.random.default_rng(seed)
    times = []
    for number in range(each):
        plugged = round(float(random.uniform(0.5, 5.0)) * SECOND)
        faults = [("foot", ScriptedFault(Kind.UNPLUGGED, ADDRESSES["foot"], 0, plugged))]
        run = walk(plugged / SECOND + 2.0, faults, False, Emulation(seed=seed + number))
        times.append((run.samples["foot"][0].measured - plugged) / SECOND)
    return times


def swapped(each: int, seed: int) -> list[float]:
    """Seconds of walking until two swapped sensors are told by gravity."""
    up = {name: wiring.up for name, wiring in read_parameters({}).driver.sensors.items()}
    times = []
    for number in range(each):
        run = walk(15.0, [], False, Emulation(seed=seed + number, person=seed + number, swapped=True))
        gravity = {name: MeanGravity() for name in up}
        for sample in sorted(run.samples["shank"] + run.samples["foot"], key=lambda sample: sample.measured):
            gravity[sample.sensor].push(sample.measured, sample.accel)
            if "swapped" in placement_problem({name: mean.value for name, mean in gravity.items()}, up):
                times.append(sample.measured / SECOND)
                break
    return times


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--each", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    faults = script(options.seconds, options.each, options.seed)
    emulation = Emulation(seed=options.seed, person=options.seed)
    runs = {}
    for two_buses in track((False, True), "walking, one bus and two"):
        runs[two_buses] = judge(faults, walk(options.seconds, faults, two_buses, emulation))
    print(
        "| fault | times | recovery after its end, median / worst (s) | level | the other sensor's lost samples, "
        "one bus / two | untrue or repeated samples out | with a held axis |"
    )
    print("|---|---|---|---|---|---|---|")
    for kind in Kind:
        one, two = runs[False][kind], runs[True][kind]
        print(
            f"| {kind.value} | {len(one.recovery)} | {statistics.median(one.recovery):.2f} / {max(one.recovery):.2f} "
            f"| {LEVELS[one.level]} | {one.other_lost} / {two.other_lost} "
            f"| {one.untrue + one.repeated + two.untrue + two.repeated} | {one.held} |"
        )
    absent, told = absent_at_start(options.each, options.seed), swapped(options.each, options.seed)
    print(f"| absent at start | {len(absent)} | {statistics.median(absent):.2f} / {max(absent):.2f} | ERROR | | | |")
    print(
        f"\nSwapped sensors were detected in {len(told)} of {options.each} walks, "
        f"after {statistics.median(told):.1f} s (worst {max(told):.1f} s)."
    )


if __name__ == "__main__":
    main()
