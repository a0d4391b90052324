"""The settings of a live predictor."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ankle_predictor.estimation.encoder_fusion import EncoderRole
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.trust.input_monitor import TrustLimits


@dataclass(frozen=True)
class PredictorConfig:
    """The settings of a predictor.

    Attributes:
        side: the leg that the samples come from, "left" or "right".
        filter: the constants of the filter that the samples come from.
        encoder_role: whether the encoder is an input of the forecast, only scores forecasts, or is ignored.
        limits: the limits within which input and forecast are trusted.
        withhold_unfamiliar: whether a forecast of unfamiliar movement is withheld.
        real_time: whether stamps advance with the monotonic clock, as they do not in simulated time.
        threads: number of threads that compute one forecast.
        spinning: whether these threads wait for work actively instead of sleeping.
        model_directories: the folders that are searched for models; a user's model is written to the first.
    """

    side: str = "right"
    filter: FilterConfig = field(default_factory=FilterConfig)
    encoder_role: EncoderRole = "input"
    limits: TrustLimits = field(default_factory=TrustLimits)
    withhold_unfamiliar: bool = False
    real_time: bool = True
    threads: int = 1
    spinning: bool = False
    model_directories: tuple[Path, ...] = ()
