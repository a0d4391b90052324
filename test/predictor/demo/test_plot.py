"""The picture of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rigs.recorded_runs import made_up_run

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.demo.plot import draw, typical_span
from ankle_predictor.demo.summary import summarise
from ankle_predictor.model.features import FeatureSpec

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("encoder", [True, False])
@pytest.mark.parametrize("adapted", [True, False])
def test_the_picture_is_a_png(encoder: bool, adapted: bool, tmp_path: Path) -> None:
    run = made_up_run(encoder=encoder)
    summary = summarise(run, FeatureSpec())
    draw(run, summary, "walk", tmp_path / "p.png", summary if adapted else None)
    assert (tmp_path / "p.png").read_bytes().startswith(PNG)


def test_a_picture_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    run = made_up_run()
    with pytest.raises(Refusal, match=r"picture .*/no/p\.png cannot be written: No such file or directory"):
        draw(run, summarise(run, FeatureSpec()), "walk", tmp_path / "no" / "p.png")


def test_the_picture_shows_neither_the_best_nor_the_worst_stretch() -> None:
    run = made_up_run(40.0)
    off = np.where(run.forecast_stamp < 12.0, 0.01, np.where(run.forecast_stamp < 28.0, 0.05, 0.2))
    run = replace(run, forecast=run.forecast + off[:, np.newaxis])
    assert 12.5 <= typical_span(run) <= 24.6
