"""How evenly the driver samples, next to a plain rclpy timer that reads byte by byte, side by side in one run.

Run: scripts/run python benchmarks/driver_timing.py [--seconds 600] [--priority 40]

Both read two emulated sensors over the same emulated 400 kHz bus, and publish Imu messages. Each is a process of its
own. What the emulated chips themselves compute is measured and left out of the CPU share. A minute of simulated
walking, made beforehand, moves them: made meanwhile, in the same process, it would hold the interpreter lock as no
hardware does.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import Imu

from ankle_imu_driver.conventions import SHANK
from ankle_imu_driver.driver_node import ImuDriverNode
from ankle_imu_driver.mpu6050.bus import Bus
from ankle_imu_driver.mpu6050.clock import SystemClock
from ankle_imu_driver.mpu6050.device import Mpu6050
from ankle_imu_driver.mpu6050.device_config import DeviceConfig
from ankle_imu_driver.mpu6050_emulator import wiring as emulation
from ankle_imu_driver.mpu6050_emulator.chip import EmulatedChip
from ankle_imu_driver.mpu6050_emulator.motion import Recorded
from ankle_imu_driver.recordings.recording import ImuSamples
from ankle_imu_driver.recordings.timeline import Sample
from ankle_imu_driver.simulator.sensor_model import SensorModel
from ankle_imu_driver.simulator.simulate import stream
from ankle_imu_driver.simulator.user_profile import draw_user

PERIOD = 0.01  # s
WARM_UP = 3.0  # s
WALK = 60.0  # s
ADDRESSES = {"shank": 0x68, "foot": 0x69}


class MeteredChip(EmulatedChip):
    """A chip that keeps the CPU time it takes itself, and tells how often it took a new sample."""

    spent = 0.0  # s, of all chips in the process
    latches = 0

    def _latch(self, now: int) -> None:
        before, latched = time.thread_time(), self._latched
        super()._latch(now)
        self.latches += self._latched != latched
        MeteredChip.spent += time.thread_time() - before


def walk(_emulation: emulation.Emulation) -> dict[str, Recorded]:
    """Simulate the motion."""
    chunks = stream(draw_user(1), SensorModel(accel_range=16, gyro_range=2000, noise=0.0), seed=1)
    chosen = list(itertools.takewhile(lambda chunk: chunk.end < WALK, chunks))
    motions = {}
    for name in ADDRESSES:
        parts = [getattr(chunk, name) for chunk in chosen]
        arrays = (np.concatenate([getattr(part, key) for part in parts]) for key in ("stamp", "accel", "gyro"))
        motions[name] = Recorded(ImuSamples(*arrays), chosen[0].start)
    return motions


def ours(seconds: float, priority: int) -> dict[str, Any]:
    """Run the node imu_driver."""
    times: list[int] = []
    overrides = {"source": "mpu6050", "bus": "emulated", "mpu6050.priority": priority, "autostart": False}
    node = ImuDriverNode(parameter_overrides=[Parameter(name, value=value) for name, value in overrides.items()])
    deliver = node.deliver

    def record(sample: Sample, stamp: int) -> None:
        deliver(sample, stamp)
        if sample.stream == SHANK:
            times.append(sample.time)

    node.deliver = record  # type: ignore[method-assign]
    node.trigger_configure()
    if node.refusal:
        raise SystemExit(node.refusal)
    node.trigger_activate()
    result = _measure(node, times, seconds)
    health = node.health()
    values = health.values
    node.close()
    return result | {
        "missed": int(str(values["missed deadlines"])),
        "torn": 0,
        "notes": f"{values['scheduling']}; {values['memory']}; {health.message}",
    }


def plain(seconds: float, _priority: int) -> dict[str, Any]:
    """Run what most public drivers do: a timer, one transaction a byte, the stamp of the callback."""
    clock = SystemClock()
    wiring = {name: (1, address) for name, address in ADDRESSES.items()}
    emulated = emulation.emulated_buses(emulation.Emulation(), wiring, clock, clock.now())[1]
    bus = emulated.open()
    for address in ADDRESSES.values():
        for wait in Mpu6050(DeviceConfig(address=address), bus, clock).configure():
            time.sleep(wait)
    node = rclpy.create_node("plain")
    outputs = {name: node.create_publisher(Imu, f"plain/{name}/imu/data_raw", 10) for name in ADDRESSES}
    times: list[int] = []
    torn: list[int] = []

    def read() -> None:
        times.append(time.monotonic_ns())
        torn.append(0)
        for name, address in ADDRESSES.items():
            chip = emulated.chips[address]
            raw, tore = _read_bytewise(bus, address, chip)
            torn[-1] += tore
            message = Imu()
            message.header.stamp = node.get_clock().now().to_msg()
            accel, gyro = message.linear_acceleration, message.angular_velocity
            accel.x, accel.y, accel.z, _, gyro.x, gyro.y, gyro.z = map(float, raw)
            outputs[name].publish(message)

    node.create_timer(PERIOD, read)
    result = _measure(node, times, seconds)
    node.destroy_node()
    due = round(seconds / PERIOD)
    return result | {
        "missed": max(0, due - result["samples"]),
        "torn": sum(torn[-result["samples"] :]),
        "notes": f"{due} deadlines",
    }


def _read_bytewise(bus: Bus, address: int, chip: Any) -> tuple[tuple[int, ...], bool]:
    data = [bus.read(address, 0x3B, 1)]
    first = chip.latches
    data += [bus.read(address, 0x3B + k, 1) for k in range(1, 14)]
    return struct.unpack(">7h", b"".join(data)), chip.latches != first


def _measure(node: Any, times: list[int], seconds: float) -> dict[str, Any]:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    _spin(executor, WARM_UP)
    times.clear()
    cpu, emulated, start = time.process_time(), MeteredChip.spent, time.monotonic()
    _spin(executor, seconds)
    took = time.monotonic() - start
    own = time.process_time() - cpu - (MeteredChip.spent - emulated)
    interval = np.diff(np.array(times)) / 1e6
    return {
        "samples": len(times),
        "p50": float(np.percentile(np.abs(interval - PERIOD * 1e3), 50)),
        "p99": float(np.percentile(interval, 99)),
        "worst": float(interval.max()),
        "cpu": own / took,
    }


def _spin(executor: SingleThreadedExecutor, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        executor.spin_once(timeout_sec=left)


def _process(role: Callable[[float, int], dict[str, Any]], seconds: float, priority: int, results: Any) -> None:
    emulation.EmulatedChip = MeteredChip  # type: ignore[misc,attr-defined]
    emulation.emulated_motions = walk  # type: ignore[assignment]
    rclpy.init()
    results.put((role.__name__, role(seconds, priority)))
    results.close()
    results.join_thread()
    rclpy.try_shutdown()


def main() -> int:
    """Run both at the same time and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--priority", type=int, default=40)
    options = parser.parse_args()
    os.environ.setdefault("ROS_DOMAIN_ID", "77")
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    roles = (ours, plain)
    processes = [context.Process(target=_process, args=(r, options.seconds, options.priority, results)) for r in roles]
    for process in processes:
        process.start()
    measured = dict(results.get(timeout=options.seconds + 120.0) for _ in processes)
    for process in processes:
        process.join()
    print(f"{options.seconds:.0f} s side by side on {os.cpu_count()} cores, load average {os.getloadavg()[1]:.1f}\n")
    print("| | imu_driver | rclpy timer, byte by byte |\n|---|---|---|")
    for label, key, form in (
        ("samples a sensor", "samples", "{}"),
        ("interval, median distance from 10 ms (ms)", "p50", "{:.3f}"),
        ("interval, p99 (ms)", "p99", "{:.2f}"),
        ("interval, worst (ms)", "worst", "{:.2f}"),
        ("missed deadlines", "missed", "{}"),
        ("torn samples, both sensors", "torn", "{}"),
        ("CPU, share of one core", "cpu", "{:.1%}"),
    ):
        print(f"| {label} | {form.format(measured['ours'][key])} | {form.format(measured['plain'][key])} |")
    print(f"\nimu_driver: {measured['ours']['notes']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
