"""Linux's I2C device: the calls of smbus2, and the fault for each error number of the kernel."""

from __future__ import annotations

import errno
import sys
import types

import pytest

from ankle_imu_driver.mpu6050.bus import SmbusBus
from ankle_imu_driver.mpu6050.errors import Fault, SensorError, SetupError


class Message:
    def __init__(self, direction, address, content):
        self.direction, self.address, self.content = direction, address, content

    @classmethod
    def write(cls, address, data):
        return cls("write", address, list(data))

    @classmethod
    def read(cls, address, count):
        return cls("read", address, [0] * count)

    def __iter__(self):
        return iter(self.content)


class FakeSmbus2(types.ModuleType):
    """The part of smbus2 that the driver uses."""

    def __init__(self):
        super().__init__("smbus2")
        self.calls = []
        self.refusal = None
        self.funcs = 0x0EFF0009
        self.failure = None
        self.closed = False
        self.i2c_msg = Message
        module = self

        class SMBus:
            fd = 7

            def __init__(self, number):
                if module.refusal:
                    raise OSError(module.refusal, "no")
                self.funcs = module.funcs

            def i2c_rdwr(self, *messages):
                module.calls.append([(m.direction, m.address, list(m.content)) for m in messages])
                if module.failure:
                    raise OSError(module.failure, "no")
                if messages[-1].direction == "read":
                    messages[-1].content = [0x42] * len(messages[-1].content)

            def close(self):
                module.closed = True

        self.SMBus = SMBus


@pytest.fixture
def smbus2(monkeypatch):
    module = FakeSmbus2()
    monkeypatch.setitem(sys.modules, "smbus2", module)
    module.ioctls = []
    monkeypatch.setattr("fcntl.ioctl", lambda fd, request, value: module.ioctls.append((fd, request, value)))
    return module


def test_a_read_is_one_call_whose_last_message_is_the_read(smbus2):
    assert SmbusBus(1).read(0x68, 0x3B, 14) == bytes([0x42] * 14)
    assert smbus2.calls == [[("write", 0x68, [0x3B]), ("read", 0x68, [0] * 14)]]


def test_a_write_is_one_message(smbus2):
    SmbusBus(1).write(0x69, 0x6B, 1)
    assert smbus2.calls == [[("write", 0x69, [0x6B, 1])]]


def test_the_adapter_gets_a_short_timeout_and_no_retries(smbus2):
    SmbusBus(1)
    assert smbus2.ioctls == [(7, 0x0702, 2), (7, 0x0701, 0)]


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (121, Fault.NACK),
        (6, Fault.NACK),
        (110, Fault.TIMEOUT),
        (11, Fault.ARBITRATION),
        (16, Fault.BUS_LOW),
        (71, Fault.SHORT),
        (19, Fault.GONE),
        (5, Fault.IO),
    ],
)
def test_error_numbers_of_the_kernel(smbus2, number, fault):
    bus = SmbusBus(1)
    smbus2.failure = number
    with pytest.raises(SensorError, match="/dev/i2c-1 address 0x68") as caught:
        bus.read(0x68, 0x3B, 14)
    assert caught.value.fault is fault


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EACCES, "no permission to open /dev/i2c-3; .*udev.*usermod -aG i2c"),
        (errno.EPERM, "no permission to open /dev/i2c-3; .*in a container, start it with '--device /dev/i2c-3'"),
        (errno.ENOENT, "there is no /dev/i2c-3; enable I2C .*i2cdetect -l"),
        (errno.EIO, "/dev/i2c-3 cannot be opened"),
    ],
)
def test_a_bus_that_cannot_be_opened_gives_one_sentence_with_the_remedy(smbus2, number, sentence):
    smbus2.refusal = number
    with pytest.raises(SetupError, match=sentence) as caught:
        SmbusBus(3)
    assert "\n" not in str(caught.value)


def test_an_adapter_that_supports_only_smbus_is_closed_and_refused(smbus2):
    smbus2.funcs = 0x0EFF0008
    with pytest.raises(SetupError, match=r"/dev/i2c-0 is not a plain I2C bus.*i2cdetect -l"):
        SmbusBus(0)
    assert smbus2.closed


def test_a_missing_library_gives_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "smbus2", None)
    with pytest.raises(SetupError, match="pip install smbus2"):
        SmbusBus(1)


def test_an_adapter_without_timeout_is_closed_and_refused(smbus2, monkeypatch):
    def refuse(fd, request, value):
        raise OSError(errno.ENOTTY, "Inappropriate ioctl")

    monkeypatch.setattr("fcntl.ioctl", refuse)
    with pytest.raises(SetupError, match="does not accept a transfer timeout"):
        SmbusBus(1)
    assert smbus2.closed


def test_the_real_library_has_the_functions_that_are_called():
    real = pytest.importorskip("smbus2", reason="smbus2 is not installed")
    message = real.i2c_msg.read(0x68, 14)
    assert len(bytes(message)) == 14
    assert callable(real.SMBus.i2c_rdwr)
    assert real.SMBus().funcs == 0
