"""Status in plain words: every bit has its words, and what must be mended first is shown first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_predictor.dashboard.plain_status import FELL_SILENT, NOTHING_HEARD, WORKING, plain_status
from ankle_predictor.trust.status import WITHHELD, Status

BITS = [bit for bit in Status if bit]


def test_no_bit_is_good_news() -> None:
    assert plain_status(Status.OK, False, {}) == WORKING
    assert WORKING.level == "good"


@pytest.mark.parametrize("bit", BITS)
def test_every_bit_has_words_of_its_own(bit: Status) -> None:
    shown = plain_status(bit, False, {})
    others = [plain_status(other, False, {}).headline for other in BITS if other != bit]
    assert shown.headline not in {*others, WORKING.headline}
    assert shown.advice.endswith(".")
    assert not any(bit.name and bit.name in text for text in (shown.headline, shown.advice))


def test_without_any_model_left_it_does_not_say_that_the_forecast_comes() -> None:
    shown = plain_status(Status.MODEL_FAILED | Status.WARMING_UP, False, {"predictor": (2, "model anna failed")})
    assert (shown.level, shown.headline) == ("problem", plain_status(Status.MODEL_FAILED, False, {}).headline)
    assert "model anna failed" in shown.advice


@given(st.integers(1, 2 * int(max(Status)) - 1))
def test_a_withheld_forecast_is_never_called_a_mere_caution(bits: int) -> None:
    shown = plain_status(Status(bits), False, {})
    if Status(bits) & WITHHELD:
        assert shown.level in {"wait", "problem"}
    assert shown.level != "good"


def test_of_several_nodes_the_one_nearest_to_the_sensors_is_quoted() -> None:
    diagnostics = {"imu_driver": (0, "runs"), "orientation_filter": (2, "no samples come"), "predictor": (2, "stale")}
    shown = plain_status(Status.STALE, False, diagnostics)
    assert "no samples come" in shown.advice
    assert "stale" not in shown.advice
    assert "stale" in plain_status(Status.STALE, False, {"predictor": (2, "stale")}).advice


def test_a_node_that_complains_is_quoted() -> None:
    diagnostics = {"orientation_filter": (1, "not calibrated: the shank turns by 12 deg/s"), "predictor": (1, "waits")}
    shown = plain_status(Status.NOT_CALIBRATED, False, diagnostics)
    assert "the shank turns by 12 deg/s" in shown.advice
    assert "waits" not in shown.advice
    assert "fine" not in plain_status(Status.NOT_CALIBRATED, False, {"orientation_filter": (0, "fine")}).advice


def test_silence_wins_over_the_last_status() -> None:
    assert plain_status(Status.OK, True, {}) == FELL_SILENT
    assert plain_status(None, True, {}) == NOTHING_HEARD
    shown = plain_status(None, True, {"predictor": (2, "there is no model 'anna'")})
    assert (shown.level, shown.advice) == ("problem", "There is no model 'anna'.")
