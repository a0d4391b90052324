"""The benchmark of the driver's faults with every kind once, on one bus and on two."""

from __future__ import annotations

import pytest

from ankle_imu_driver.mpu6050_emulator.scripted_fault import Kind
from ankle_imu_driver.mpu6050_emulator.wiring import Emulation
from benchmarks.driver_faults import absent_at_start, judge, script, swapped, walk

WIRE = {Kind.BUS_LOW, Kind.GONE, Kind.TIMEOUT, Kind.SLOW}  # faults of the bus itself
SECONDS = 55.0


@pytest.fixture(scope="module", params=[False, True], ids=["one bus", "two buses"])
def outcomes(request):
    faults = script(SECONDS, 1, seed=3)
    return request.param, judge(faults, walk(SECONDS, faults, request.param, Emulation(seed=3)))


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)
def test_every_fault_while_walking(outcomes, kind):
    two_buses, by_kind = outcomes
    outcome = by_kind[kind]
    assert outcome.untrue == 0
    assert outcome.repeated == 0
    assert outcome.held <= (27 if kind is Kind.STUCK else 0)
    if two_buses or kind not in WIRE:
        assert outcome.other_lost == 0
    assert max(outcome.recovery) < (0.6 if kind is Kind.TIMEOUT else 0.35)
    assert outcome.level >= 1, "diagnostics report it"


def test_a_sensor_that_is_plugged_in_late_is_used():
    assert max(absent_at_start(1, seed=3)) < 0.6


def test_swapped_sensors_are_detected_while_standing_and_walking():
    times = swapped(1, seed=3)
    assert len(times) == 1
    assert times[0] < 10.0
