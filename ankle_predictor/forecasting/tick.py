"""The result of one tick of the predictor, and the choice of the pending pairs that get no forecast."""

from __future__ import annotations

from dataclasses import dataclass

from ankle_predictor.estimation.samples import PairSample
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.trust.status import Status

CATCH_UP = 2  # up to so many pending pairs all get a forecast; of more, only the newest does


@dataclass(frozen=True, eq=False)
class Tick:
    """The result of one pair of samples.

    Attributes:
        started: s on the monotonic clock, start of its processing.
        stamp: s, stamp of the pair.
        pair: None while the sensors are not calibrated, and if it is nothing that a leg can do.
        status: the status at the time of publication; ``LivePredictor.settle`` may add to it.
        forecast: None if none was made.
        publish: whether the forecast may be published.
        skipped: whether no forecast was made because newer pairs are pending.
    """

    started: float
    stamp: float
    pair: PairSample | None
    status: Status
    forecast: Forecast | None = None
    publish: bool = False
    skipped: bool = False


def skipped(pending: int) -> list[bool]:
    """Return for each pending pair, oldest first, whether it is skipped: of more than two, only the newest is not."""
    return [pending > CATCH_UP and k < pending - 1 for k in range(pending)]
