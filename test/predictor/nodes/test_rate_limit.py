"""How often something is allowed."""

from __future__ import annotations

from ankle_predictor.nodes.rate_limit import RateLimit


def test_a_use_is_allowed_once_in_a_period() -> None:
    limit = RateLimit(10.0)
    assert limit.wait(0.0) == 0.0
    limit.use(0.0)
    assert limit.wait(0.0) == 10.0
    assert limit.wait(7.5) == 2.5
    assert limit.wait(10.0) == limit.wait(1e9) == 0.0
    limit.use(10.0)
    assert limit.wait(11.0) == 9.0
