"""What diagnostics say of the forecasts that were made and withheld."""

from __future__ import annotations

from ankle_predictor.trust.forecast_counters import ForecastCounters
from ankle_predictor.trust.status import Status


def test_why_there_was_none_is_said_also_when_all_is_well_again() -> None:
    counters = ForecastCounters()
    counters.tell(Status.SENSOR_SUSPECT, withheld=True)
    assert counters.report() == (False, True, "nothing is forecast: sensor suspect")
    for status, withheld in ((Status.CLOCK, True), (Status.UNFAMILIAR, False), (Status.OK, False)):
        counters.tell(status, withheld)
    assert counters.report() == (True, True, "2 forecasts, 1 times none: clock")
    counters.tell(Status.OK, withheld=False)
    assert counters.report() == (True, False, "1 forecasts")
