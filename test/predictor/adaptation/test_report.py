"""The report of an adaptation: its sentence, its text, its JSON and its page."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from ankle_predictor.adaptation.report import Report, as_json, as_text, verdict
from ankle_predictor.adaptation.report_page import ReportError, write_page, write_text
from ankle_predictor.model.forecast import Forecast

COUNT, HORIZON = 40, 50


def forecast(error_deg: float) -> Forecast:
    """Forecasts of a constant zero that are off by an error, with an interval of 5 deg to both sides."""
    angle = np.full((COUNT, HORIZON), math.radians(error_deg))
    return Forecast(angle, angle - math.radians(5.0), angle + math.radians(5.0))


def report(before: float = 2.0, after: float = 1.0, adapted: bool = True) -> Report:
    return Report(
        user="anna",
        base="base",
        adapted=adapted,
        labels="imu",
        log="walk",
        seconds=30.0,
        strides=20,
        warnings=(),
        stamp=0.03 * np.arange(COUNT),
        truth=np.zeros((COUNT, HORIZON)),
        encoder=None,
        base_forecast=forecast(before),
        user_forecast=forecast(after),
    )


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (report(), "adapted: 2.00 deg before, 1.00 deg after; use model anna"),
        (report(1.0, 2.0, False), "base kept: 2.00 deg adapted is no better than 1.00 deg; use model base"),
        (
            report(2.0, 1.0, False),
            "base kept: 1.00 deg adapted against 2.00 deg, but worse in the last quarter; use model base",
        ),
    ],
)
def test_the_verdict_gives_both_errors_and_the_model(made: Report, sentence: str) -> None:
    assert verdict(made) == sentence
    assert sentence in as_text(made)


def test_the_text_shows_errors_and_warnings() -> None:
    plain = as_text(report())
    assert "no warnings" in plain
    assert plain.count("against the labels") == 2
    warned = as_text(dataclasses.replace(report(), warnings=("few strides", "a slow walk")))
    assert "! few strides" in warned
    assert "! a slow walk" in warned
    assert "no warnings" not in warned


def test_the_json_has_null_for_what_is_unknown() -> None:
    document = json.loads(json.dumps(as_json(report()), allow_nan=False))
    assert document["before"] == {
        "mae_h20_deg": pytest.approx(2.0),
        "mae_h50_deg": pytest.approx(2.0),
        "coverage_90": 1.0,
        "windows": COUNT,
    }
    assert (document["label_error_deg"], document["before_encoder"], document["after_encoder"]) == (None, None, None)
    assert document["kept_seconds"] == pytest.approx(0.03 * (COUNT - 1))


def test_with_an_encoder_the_labels_are_compared_with_it() -> None:
    made = dataclasses.replace(report(), encoder=np.full((COUNT, HORIZON), math.radians(3.0)))
    document = as_json(made)
    assert document["label_error_deg"] == pytest.approx(3.0)
    assert document["before_encoder"]["mae_h50_deg"] == pytest.approx(1.0)
    assert document["after_encoder"]["mae_h50_deg"] == pytest.approx(2.0)
    assert "against the encoder" in as_text(made)


def test_the_page_is_written_completely_or_not_at_all(tmp_path: Path) -> None:
    write_page(report(), tmp_path / "page.png")
    write_text("text", tmp_path / "page.txt")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "page.txt").read_text() == "text"
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    for write in (lambda path: write_page(report(), path), lambda path: write_text("text", path)):
        with pytest.raises(ReportError, match="folder cannot be written"):
            write(tmp_path / "folder")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "page.png", "page.txt"]
