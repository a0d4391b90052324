"""Both sensors as one thing: threads that start, stop and block, and the self-test's verdict."""

from __future__ import annotations

import threading
import time

import pytest

from ankle_imu_driver.mpu6050 import acquisition
from ankle_imu_driver.mpu6050.driver import Mpu6050Driver
from ankle_imu_driver.mpu6050.errors import SensorError, SetupError
from ankle_imu_driver.mpu6050_emulator.chip import EmulatedChip
from ankle_imu_driver.mpu6050_parameters import read_parameters

QUIET = {"bus": "emulated", "mpu6050.priority": 0, "mpu6050.lock_memory": False}


def make(samples=None, said=None, **values):
    config = read_parameters(QUIET | {name.replace("__", "."): value for name, value in values.items()})
    taken = samples if samples is not None else []
    return Mpu6050Driver(config, time.time_ns, taken.append, (said if said is not None else []).append)


def wait_for(condition, timeout=10.0):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.02)


@pytest.mark.parametrize("buses", [{}, {"foot__bus_number": 3, "foot__address": 0x68}], ids=["one bus", "two"])
def test_it_streams_pauses_and_goes_on(buses):
    samples = []
    driver = make(samples, **buses)
    try:
        for _ in range(2):
            driver.start()
            wait_for(lambda: {s.sensor for s in samples[-5:]} == {"shank", "foot"})
            driver.stop()
            count = len(samples)
            time.sleep(0.05)
            assert len(samples) == count
            samples.clear()
    finally:
        driver.close()


def test_a_blocked_transfer_does_not_block_the_caller_and_is_told(monkeypatch):
    monkeypatch.setattr(acquisition, "_STOP_TIMEOUT", 0.05)
    samples = []
    driver = make(samples)
    block, release = threading.Event(), threading.Event()
    loop = driver._loops[0]
    tick = loop.tick

    def blocking_tick():
        if block.is_set():
            release.wait()
        tick()

    loop.tick = blocking_tick
    try:
        driver.start()
        wait_for(lambda: len(samples) > 10)
        block.set()
        wait_for(lambda: driver.health()[0] == 2)
        before = time.monotonic()
        driver.stop()
        assert time.monotonic() - before < 1.0
        with pytest.raises(SetupError, match="a transfer on the I2C bus still blocks; power the sensors off and on"):
            driver.start()
        block.clear()
        release.set()
        driver.start()
        count = len(samples)
        wait_for(lambda: len(samples) > count + 10)
    finally:
        release.set()
        driver.close()


def test_what_comes_out_of_a_blocked_transfer_after_the_end_is_dropped_and_its_bus_closed(monkeypatch):
    monkeypatch.setattr(acquisition, "_STOP_TIMEOUT", 0.05)
    samples = []
    driver = make(samples)
    block, release = threading.Event(), threading.Event()
    loop = driver._loops[0]
    channel = loop.channels[0]
    read = channel.device.read_burst

    def blocking_read():
        burst = read()
        if block.is_set():
            release.wait()
        return burst

    channel.device.read_burst = blocking_read
    try:
        driver.start()
        wait_for(lambda: len(samples) > 10)
        block.set()
        thread = driver._threads[0]._thread
        wait_for(lambda: driver.health()[0] == 2)
        driver.close()
        count = len(samples)
        release.set()
        thread.join(5.0)
        assert not thread.is_alive()
        assert len(samples) == count
        with pytest.raises(SensorError, match="closed"):
            loop._bus.read(0x68, 0x75, 1)
    finally:
        release.set()
        driver.close()


def test_a_failed_self_test_is_refused_with_the_axis(monkeypatch):
    make_chip = EmulatedChip.__init__

    def weak(chip, *arguments, **options):
        make_chip(chip, *arguments, **options)
        chip.self_test_gain[3] = 0.6

    monkeypatch.setattr(EmulatedChip, "__init__", weak)
    with pytest.raises(SetupError, match=r"shank sensor: self-test failed on gyro x \(-40%\).*replace the sensor"):
        make(mpu6050__self_test=True)


def test_a_refused_wish_for_real_time_is_said(monkeypatch):
    monkeypatch.setattr(
        "ankle_imu_driver.mpu6050.acquisition.request_priority", lambda priority: "real time refused (no)"
    )
    monkeypatch.setattr("ankle_imu_driver.mpu6050.driver.lock_memory", lambda: "memory lock refused (no)")
    said = []
    driver = make(said=said, mpu6050__lock_memory=True)
    driver.start()
    wait_for(lambda: len(said) == 2)
    values = driver.health()[2]
    driver.close()
    assert said == ["memory lock refused (no)", "real time refused (no)"]
    assert values["memory"] == "memory lock refused (no)"
    assert values["scheduling"] == "real time refused (no)"
