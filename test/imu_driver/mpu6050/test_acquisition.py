"""The acquisition on the emulated bus: which samples it delivers during and after every fault."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs.mpu6050_rig import FOOT, SECOND, SHANK, START, Rig

from ankle_imu_driver.mpu6050.acquisition import BusLoop, BusThread
from ankle_imu_driver.mpu6050.clock import SystemClock
from ankle_imu_driver.mpu6050.device_config import DeviceConfig
from ankle_imu_driver.mpu6050.errors import Fault, SetupError
from ankle_imu_driver.mpu6050.faults import ADC_LIMITS
from ankle_imu_driver.mpu6050.registers import LOW_PASS
from ankle_imu_driver.mpu6050.ros_time import MAX_HOLD, RosTime
from ankle_imu_driver.mpu6050_emulator.bus import EmulatedBus
from ankle_imu_driver.mpu6050_emulator.chip import EmulatedChip
from ankle_imu_driver.mpu6050_emulator.motion import Still
from ankle_imu_driver.mpu6050_emulator.scripted_fault import Kind, ScriptedFault

HARMLESS = {Kind.SATURATED, Kind.HOT}  # the samples are still measurements
SHARED = {Kind.BUS_LOW, Kind.GONE, Kind.TIMEOUT, Kind.SLOW}  # block the bus for the other sensor too
UNDETECTED = {Kind.STUCK: 27}  # samples until a stuck gyro axis can be distinguished from a quiet one


def gap(samples) -> float:
    return max((b.measured - a.measured for a, b in itertools.pairwise(samples)), default=0) / SECOND


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)
@pytest.mark.parametrize("duration", [0.015, 0.6])
def test_only_measurements_are_delivered_and_the_stream_recovers(kind, duration):
    rig = Rig((ScriptedFault(kind, SHANK, START + 2 * SECOND, round(duration * SECOND)),)).run(5.0)
    assert len(rig.false_samples()) <= UNDETECTED.get(kind, 0)
    for name in ("shank", "foot"):
        samples = rig.of(name)
        assert samples[-1].measured > START + 4.9 * SECOND, "it streams at the end"
        assert all(b.stamp > a.stamp for a, b in itertools.pairwise(samples))
    if kind not in SHARED:
        assert len(rig.of("foot")) >= 483
        assert gap(rig.of("foot")) < 0.0125
    assert gap(rig.of("shank")) < duration + 0.45
    if kind in HARMLESS:
        assert gap(rig.of("shank")) < 0.0125


def test_a_single_disturbed_transfer_costs_no_sample():
    times = [START + k * SECOND for k in range(2, 5)]
    rig = Rig(tuple(ScriptedFault(Kind.NACK, SHANK, t, 50_000) for t in times)).run(5.0)
    assert gap(rig.of("shank")) < 0.0125
    assert not rig.false_samples()


def test_a_brownout_is_detected_by_the_next_sample_and_recovered_within_max_gap():
    rig = Rig((ScriptedFault(Kind.BROWNOUT, SHANK, START + 2 * SECOND, 0),)).run(4.0)
    report = rig.loop.channels[0].report()
    assert report.resets == 1
    assert gap(rig.of("shank")) < 0.1
    assert not rig.false_samples()
    assert any("reset itself" in sentence for sentence in rig.messages)


@pytest.mark.parametrize("answer", [0x68, 0x70, 0x72, 0x98])
def test_a_reset_of_any_allowed_chip_is_detected_before_a_sample_with_default_ranges_is_delivered(answer):
    """An MPU-6500 is awake after a reset, unlike an MPU-6050 (map RM-MPU-6500A-00, section 3: PWR_MGMT_1 is 0x01)."""
    chips = {a: EmulatedChip(Still(), start=START, who_am_i=answer) for a in (SHANK, FOOT)}
    faults = (ScriptedFault(Kind.BROWNOUT, SHANK, START + 2 * SECOND, 0),)
    rig = Rig(faults, chips=chips, config={"allowed_chips": frozenset({answer})}).run(4.0)
    assert rig.loop.channels[0].report().resets == 1
    assert {round(sample.accel[2]) for sample in rig.of("shank")} == {10}, "never at the default +-2 g"
    assert rig.of("shank")[-1].measured > START + 3.9 * SECOND


@pytest.mark.parametrize("register", [0x19, 0x1A, 0x1B, 0x1C, 0x6A, 0x6C])
def test_a_register_that_changes_while_streaming_is_restored_within_100_ms(register):
    rig = Rig().run(2.0)
    registers = rig.chips[SHANK].registers
    wanted = registers[register]
    registers[register] ^= 0x10
    rig.run(0.1)
    assert rig.loop.channels[0].report().faults[Fault.REGISTERS] == 1
    rig.run(1.0)
    assert registers[register] == wanted
    assert rig.of("shank")[-1].measured > START + 3.0 * SECOND


def test_a_sensor_that_is_missing_at_the_start_is_used_once_it_is_plugged_in():
    rig = Rig((ScriptedFault(Kind.UNPLUGGED, FOOT, 0, START + 3 * SECOND),)).run(2.0)
    assert not rig.of("foot")
    assert len(rig.of("shank")) > 180
    assert rig.loop.channels[1].report().judge("foot", 100.0)[0] == 2
    rig.run(3.0)
    assert rig.of("foot")[0].measured < START + 3.5 * SECOND
    assert gap(rig.of("shank")) < 0.0125


def test_on_two_buses_a_line_held_low_does_not_affect_the_other_sensor():
    faulty = Rig((ScriptedFault(Kind.BUS_LOW, SHANK, START + SECOND, SECOND),), names=("shank",)).run(4.0)
    healthy = Rig(names=("foot",)).run(4.0)
    assert gap(faulty.of("shank")) > 1.0
    assert gap(healthy.of("foot")) < 0.0125


def test_a_stuck_axis_stays_refused_over_resets_until_it_moves():
    rig = Rig((ScriptedFault(Kind.STUCK, SHANK, START + SECOND, 4 * SECOND),)).run(4.5)
    assert rig.of("shank")[-1].measured < START + 1.5 * SECOND
    level, sentence = rig.loop.channels[0].report().judge("shank", 100.0)
    assert level == 2
    assert "gyro y" in sentence
    rig.run(2.0)
    assert rig.of("shank")[-1].measured > START + 6.3 * SECOND


def test_a_brownout_does_not_hide_an_axis_that_is_stuck_before_and_after_it():
    held = ScriptedFault(Kind.STUCK, SHANK, START + SECOND // 4, SECOND // 2)
    rig = Rig((held, ScriptedFault(Kind.BROWNOUT, SHANK, START + SECOND // 2, SECOND // 2))).run(2.0)
    assert len(rig.false_samples()) <= UNDETECTED[Kind.STUCK]
    assert rig.of("shank")[-1].measured > START + 1.9 * SECOND


def test_the_bus_is_reopened_only_if_no_sensor_on_it_answers():
    one = Rig((ScriptedFault(Kind.UNPLUGGED, SHANK, START + SECOND, 3 * SECOND),)).run(5.0)
    assert one.bus.opened == 1
    both = Rig((ScriptedFault(Kind.GONE, SHANK, START + SECOND, 3 * SECOND),)).run(6.0)
    assert both.bus.opened > 1
    assert both.of("foot")[-1].measured > START + 5.9 * SECOND


def test_after_a_loose_contact_without_power_loss_the_stream_returns_within_the_back_off():
    """The chip kept its registers, so nothing has to be configured or to settle."""
    rig = Rig((ScriptedFault(Kind.NACK, SHANK, START + 2 * SECOND, SECOND),)).run(4.0)
    assert gap(rig.of("shank")) < 1.0 + 0.07
    assert not rig.false_samples()


def test_a_blocked_bus_is_tried_often_only_if_no_other_sensor_uses_it():
    hold = (ScriptedFault(Kind.TIMEOUT, SHANK, START + SECOND, 3 * SECOND),)
    shared = Rig(hold).run(5.0)
    assert len(shared.of("foot")) > 0.9 * 4.8 * 100
    assert gap(shared.of("shank")) < 3.0 + 0.6
    assert gap(Rig(hold, names=("shank",)).run(5.0).of("shank")) < 3.0 + 0.12


def test_alternating_faults_do_not_flood_the_log():
    """A scraping contact gives a different error number at each try."""
    kinds = itertools.cycle([Kind.NACK, Kind.ARBITRATION])
    faults = [ScriptedFault(next(kinds), SHANK, START + SECOND + k * 30_000_000, 30_000_000) for k in range(100)]
    rig = Rig(tuple(faults)).run(5.0)
    assert 2 <= len(rig.messages) <= 6


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(Kind)), st.sampled_from([SHANK, FOOT]), st.floats(0.01, 1.5), st.floats(0.001, 0.5)
        ),
        max_size=5,
    )
)
@settings(max_examples=10, deadline=None)
def test_with_any_faults_stamps_stay_in_order_and_only_measurements_are_delivered(script):
    faults = tuple(ScriptedFault(k, a, START + round(s * SECOND), round(d * SECOND)) for k, a, s, d in script)
    rig = Rig(faults).run(2.0)
    stuck = [fault for fault in faults if fault.kind is Kind.STUCK]
    saturated = any(fault.kind is Kind.SATURATED for fault in faults)
    # An axis that is stuck at the end of its range looks like a saturated axis, and is reported as saturated.
    at_limit = {("shank" if f.address == SHANK else "foot", f.axis) for f in stuck if saturated}
    false = [
        s for s in rig.false_samples() if not any(s.sensor == name and s.raw[k] in ADC_LIMITS for name, k in at_limit)
    ]
    assert len(false) <= UNDETECTED[Kind.STUCK] * len(stuck)
    for name in ("shank", "foot"):
        assert all(b.stamp > a.stamp for a, b in itertools.pairwise(rig.of(name)))
    rig.run(4.0)
    for name in ("shank", "foot"):
        assert rig.of(name)[-1].measured > rig.clock.now() - SECOND // 10, "it has recovered"


class Ramp:
    def at(self, time):
        import numpy as np  # noqa: PLC0415

        return np.array([10.0 * time, 9.8, 0.0, 0.0, 0.0, 0.0])


@pytest.mark.parametrize("low_pass", range(7))
def test_the_stamp_is_the_time_of_the_motion(low_pass):
    """On a ramp the value is the time: group delay and the chip's own sampling delay are subtracted."""
    chips = {a: EmulatedChip(Ramp(), start=START, seed=a, noise=0.3) for a in (SHANK, FOOT)}
    rig = Rig(chips=chips, config={"accel_range": 8, "low_pass": low_pass}).run(4.0)
    error = [s.accel[0] / 10.0 - (s.measured - START) / SECOND for s in rig.of("foot")]
    row = LOW_PASS[low_pass]
    assert sum(error) / len(error) == pytest.approx(0.0, abs=4e-4 + abs(row.accel_delay - row.gyro_delay) / 2)
    assert all(s.stamp == s.measured + rig.ros_offset for s in rig.samples)


def test_both_sensors_are_read_back_to_back():
    rig = Rig().run(2.0)
    skew = [b.measured - a.measured for a, b in zip(rig.of("shank")[::-1], rig.of("foot")[::-1], strict=False)]
    assert max(skew) < 0.001 * SECOND
    assert len(set(skew)) == 1, "a varying skew would be noise when the samples are paired"


def test_deadlines_are_absolute_and_missed_ones_are_counted():
    rig = Rig((ScriptedFault(Kind.SLOW, SHANK, START + 2 * SECOND, 1_000_000),)).run(6.0)
    assert rig.loop.missed == 3, "of a transfer of 40 ms"
    first, last = (rig.of("shank")[k].measured for k in (0, -1))
    assert (last - first) % (SECOND // 100) == 0, "the grid did not move"
    assert rig.loop.missed_share() == pytest.approx(3 / 600, rel=0.05)


def test_a_forward_step_of_the_clock_is_followed_at_once_and_reported():
    rig = Rig().run(2.0)
    rig.ros_offset += 3600 * SECOND
    rig.run(1.0)
    stamps = [s.stamp for s in rig.of("foot")]
    assert all(b > a for a, b in itertools.pairwise(stamps))
    assert stamps[-1] - rig.of("foot")[-1].measured == rig.ros_offset
    assert sum("stepped by +3600.000 s" in sentence for sentence in rig.messages) == 1


def test_after_a_small_backward_step_samples_are_held_back_until_stamps_increase_again():
    rig = Rig().run(2.0)
    rig.ros_offset -= MAX_HOLD
    rig.run(2.0)
    stamps = [s.stamp for s in rig.of("foot")]
    assert all(b > a for a, b in itertools.pairwise(stamps))
    assert 7 <= rig.loop.channels[1].order.held <= 10
    assert stamps[-1] - rig.of("foot")[-1].measured == rig.ros_offset


@pytest.mark.parametrize("step", [-SECOND // 2, -5 * SECOND, 5 * SECOND])
def test_after_a_larger_step_the_stream_follows_at_once(step):
    rig = Rig().run(2.0)
    rig.ros_offset += step
    rig.run(2.0)
    foot = rig.of("foot")
    assert rig.loop.channels[1].order.held == 0
    assert gap(foot) < 0.02
    assert foot[-1].stamp - foot[-1].measured == rig.ros_offset


def test_an_unexpected_chip_is_refused_with_the_remedy():
    chips = {SHANK: EmulatedChip(Still(), start=START, who_am_i=0x70), FOOT: EmulatedChip(Still(), start=START)}
    with pytest.raises(
        SetupError, match=r"shank sensor: .* 0x70, not 0x68; this is MPU-6500: add 112 to allowed_chips"
    ):
        Rig(chips=chips).loop.refuse_wrong_chips()
    Rig(chips=chips, config={"allowed_chips": frozenset({0x68, 0x70})}).loop.refuse_wrong_chips()


def test_a_missing_chip_is_not_refused():
    Rig(chips={SHANK: EmulatedChip(Still(), start=START)}).loop.refuse_wrong_chips()


def test_a_chip_that_samples_slower_than_it_is_read_is_refused():
    with pytest.raises(SetupError, match="sample_rate_divider 9 makes the chip sample at 100 Hz"):
        Rig(config={"sample_rate_divider": 9})


def test_a_clone_is_read_with_its_own_constants():
    chips = {a: EmulatedChip(Still(), start=START, who_am_i=0x70) for a in (SHANK, FOOT)}
    rig = Rig(chips=chips, config={"allowed_chips": frozenset({0x70})}).run(1.0)
    assert len(rig.of("foot")) > 70
    assert rig.of("foot")[-1].temperature == pytest.approx(26.1, abs=0.3)
    assert rig.loop.channels[0].device.delay == pytest.approx((0.0118 + 0.0059) / 2 + 0.0005)


def test_the_thread_reads_in_real_time_and_stops():
    clock = SystemClock()
    bus = EmulatedBus({SHANK: EmulatedChip(Still(), start=clock.now())}, clock)
    samples = []
    loop = BusLoop(
        bus.open,
        [("shank", DeviceConfig())],
        clock=clock,
        rate=100.0,
        ros_time=RosTime(time.time_ns, clock.now, lambda sentence: None),
        deliver=samples.append,
        notify=lambda sentence: None,
    )
    thread = BusThread(loop, priority=0)
    thread.start()
    time.sleep(0.6)
    assert thread.stop()
    count = len(samples)
    assert count > 10
    assert abs(samples[-1].stamp - time.time_ns()) < SECOND
    time.sleep(0.05)
    assert len(samples) == count
    assert "ordinary" in loop.scheduling


def test_a_thread_that_ends_by_an_exception_reports_it(monkeypatch):
    rig = Rig()
    monkeypatch.setattr("threading.excepthook", lambda args: None)
    monkeypatch.setattr(rig.loop, "tick", lambda: 1 / 0)
    thread = BusThread(rig.loop, priority=0)
    thread.start()
    assert thread.stop()
    assert "ZeroDivisionError" in rig.loop.ended


def test_disturbances_are_counted_but_only_recoveries_are_reported():
    faults = [ScriptedFault(Kind.NACK, SHANK, START + k * SECOND // 10, 50_000) for k in range(20, 40)]
    faults += [ScriptedFault(Kind.UNPLUGGED, FOOT, START + 5 * SECOND, SECOND)]
    rig = Rig(tuple(faults)).run(8.0)
    assert sum(rig.loop.channels[0].report().faults.values()) == 20
    assert [sentence.split(":")[0] for sentence in rig.messages] == ["foot sensor", "foot sensor"]
    assert "NACK" in rig.messages[0]
    assert "streaming again after 1." in rig.messages[1]
