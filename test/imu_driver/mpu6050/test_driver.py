"""Both sensors on the emulated bus in real time: threads that start, stop and block, and the self-test's outcome."""

from __future__ import annotations

import threading
import time

import pytest

from ankle_imu_driver.mpu6050 import acquisition
from ankle_imu_driver.mpu6050.clock import SystemClock
from ankle_imu_driver.mpu6050.driver import Mpu6050Driver
from ankle_imu_driver.mpu6050.errors import SetupError
from ankle_imu_driver.mpu6050.health import ERROR
from ankle_imu_driver.mpu6050.registers import PWR_MGMT_1
from ankle_imu_driver.mpu6050_emulator.wiring import emulated_buses
from ankle_imu_driver.mpu6050_parameters import read_parameters

QUIET = {"bus": "emulated", "mpu6050.priority": 0, "mpu6050.lock_memory": False}


class BlockingBus:
    """An emulated bus on which a transfer can be made to block: the one that follows a sample's burst."""

    def __init__(self, bus):
        self._handle = bus.open()
        self._blocks = threading.Event()
        self._released = threading.Event()
        self.closed = threading.Event()

    def block(self):
        self._blocks.set()

    def release(self):
        self._blocks.clear()
        self._released.set()

    def read(self, address, register, count):
        if register == PWR_MGMT_1 and self._blocks.is_set():
            self._released.wait()
        return self._handle.read(address, register, count)

    def write(self, address, register, value):
        self._handle.write(address, register, value)

    def close(self):
        self._handle.close()
        self.closed.set()


def emulated(**values):
    """The driver's settings and the emulated buses."""
    parameters = read_parameters(QUIET | {name.replace("__", "."): value for name, value in values.items()})
    config, clock = parameters.driver, SystemClock()
    wiring = {name: (sensor.bus, sensor.device.address) for name, sensor in config.sensors.items()}
    return config, emulated_buses(parameters.emulation, wiring, clock, clock.now())


def make(samples=None, messages=None, **values):
    config, buses = emulated(**values)
    return open_driver(config, {number: bus.open for number, bus in buses.items()}, samples, messages)


def open_driver(config, openers, samples=None, messages=None):
    samples, messages = (kept if kept is not None else [] for kept in (samples, messages))
    return Mpu6050Driver(config, openers, time.time_ns, samples.append, messages.append)


@pytest.fixture
def blocking(monkeypatch):
    """A driver, its samples, and its bus, which can block."""
    monkeypatch.setattr(acquisition, "STOP_TIMEOUT", 0.05)
    config, buses = emulated()
    bus, samples = BlockingBus(buses[1]), []
    driver = open_driver(config, {1: lambda: bus}, samples)
    yield driver, samples, bus
    bus.release()
    driver.close()


def wait_for(condition, timeout=10.0):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "timeout"
        time.sleep(0.02)


@pytest.mark.parametrize("buses", [{}, {"foot__bus_number": 3, "foot__address": 0x68}], ids=["one bus", "two"])
def test_it_streams_pauses_and_continues(buses):
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


def test_a_blocked_transfer_is_reported_and_does_not_block_the_caller(blocking):
    driver, samples, bus = blocking
    driver.start()
    wait_for(lambda: len(samples) > 10)
    bus.block()
    wait_for(lambda: driver.health()[0] == ERROR)
    before = time.monotonic()
    driver.stop()
    assert time.monotonic() - before < 1.0
    with pytest.raises(SetupError, match="a transfer on the I2C bus still blocks; power the sensors off and on"):
        driver.start()
    bus.release()
    driver.start()
    count = len(samples)
    wait_for(lambda: len(samples) > count + 10)


def test_a_blocked_transfer_that_ends_after_closing_delivers_nothing_and_its_bus_is_closed(blocking):
    driver, samples, bus = blocking
    driver.start()
    wait_for(lambda: len(samples) > 10)
    bus.block()
    wait_for(lambda: driver.health()[0] == ERROR)
    driver.close()
    assert not bus.closed.is_set(), "the transfer still blocks"
    count = len(samples)
    bus.release()
    assert bus.closed.wait(5.0)
    assert len(samples) == count


def test_after_an_acquisition_thread_ended_a_restart_streams_and_says_so(monkeypatch):
    monkeypatch.setattr("threading.excepthook", lambda args: None)
    config, buses = emulated()
    samples = []

    def deliver(sample):
        samples.append(sample)
        if len(samples) == 10:
            raise ZeroDivisionError("a bug")

    driver = Mpu6050Driver(config, {1: buses[1].open}, time.time_ns, deliver, lambda _sentence: None)
    try:
        driver.start()
        wait_for(lambda: "the acquisition thread ended" in driver.health()[1])
        driver.stop()
        driver.start()
        wait_for(lambda: len(samples) > 20)
        assert "ended" not in driver.health()[1]
    finally:
        driver.close()


def test_a_failed_self_test_is_refused_with_the_axis():
    config, buses = emulated(mpu6050__self_test=True)
    buses[1].chips[0x68].self_test_gain[3] = 0.6
    with pytest.raises(SetupError, match=r"shank sensor: self-test failed on gyro x \(-40%\).*replace the sensor"):
        open_driver(config, {1: buses[1].open})


def test_a_refusal_of_real_time_priority_is_reported(monkeypatch):
    monkeypatch.setattr(acquisition, "request_priority", lambda priority: "real time refused (no)")
    monkeypatch.setattr("ankle_imu_driver.mpu6050.driver.lock_memory", lambda: "memory lock refused (no)")
    messages = []
    driver = make(messages=messages, mpu6050__lock_memory=True)
    driver.start()
    wait_for(lambda: len(messages) == 2)
    values = driver.health()[2]
    driver.close()
    assert messages == ["memory lock refused (no)", "real time refused (no)"]
    assert values["memory"] == "memory lock refused (no)"
    assert values["scheduling"] == "real time refused (no)"
