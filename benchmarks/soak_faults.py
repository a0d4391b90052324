"""The soak's disturbances: drawn from a seed, and brought into what the nodes receive."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ankle_imu_driver.conventions import FOOT, SHANK
from benchmarks.soak_input import Sent, SoakInput

SILENCE, FOOT_SILENT, JUMP = "silence", "foot silent", "clock step"
SECOND, FROZEN, STOPPED, ENCODER = "second driver", "frozen sensor", "predictor stopped", "encoder lies"
BUNDLE, REQUESTS = "hostile bundle", "requests at the wrong time"
ALWAYS = (SILENCE, FOOT_SILENT, JUMP)
FAULTS = (*ALWAYS, SECOND, FROZEN, STOPPED, ENCODER, BUNDLE, REQUESTS)
EVERY = 8.0  # s on average
QUIET_END = 3.0  # s without disturbances at the end, so that the last window fills
JUMP_LASTS = 1.5  # s, after which the clock is set back
STOP_LASTS = 0.3  # s, as a computer that swaps
AFTER = 5.0  # s in which forecasts must come back: 2 s of the window, and 2 s in which a second sender may come back
HOSTILE = 40  # bundles; one after the other is asked for


class Disturbance(NamedTuple):
    """What happens at ``time`` in s; ``size`` is how long it lasts in s, or by how much the clock is set."""

    time: float
    kind: str
    size: float


def disturbances(seconds: float, seed: int, kinds: Sequence[str] = ALWAYS) -> list[Disturbance]:
    """Draw the disturbances: lasting 0.15 to 2 s, and clock steps of 1 s to an hour in both directions."""
    draw, drawn, now = random.Random(seed), [], 0.0
    while (now := now + draw.uniform(0.5, 1.5) * EVERY) < seconds - QUIET_END:
        kind = draw.choice(kinds)
        size = draw.choice((-1, 1)) * 10 ** draw.uniform(0.0, 3.5) if kind == JUMP else draw.uniform(0.15, 2.0)
        drawn.append(Disturbance(now, kind, size))
    return drawn


def write_hostile(folder: Path) -> list[str]:
    """Write hostile bundles as the fuzzer of bundles makes them, and return how ``load_weights`` is asked for them."""
    from benchmarks.fuzz_bundles import NAME, make  # noqa: PLC0415 - needs onnx, which only training brings

    asked = []
    for k in range(HOSTILE):
        path = folder / f"hostile_{k}"
        path.mkdir(parents=True)
        make(random.Random(k), path)
        asked.append(str(path / NAME))
    return asked


class Upsets:
    """Brings disturbances into what is sent."""

    def __init__(
        self, walker: SoakInput, script: Sequence[Disturbance], predictor: int, hostile: Sequence[str]
    ) -> None:
        """Be ready.

        Args:
            walker: sends.
            script: the disturbances in time order.
            predictor: the predictor's process id.
            hostile: how the hostile bundles are asked for.
        """
        self._walker, self._coming = walker, list(script)
        self._predictor, self._hostile, self._asked = predictor, hostile, 0
        self._until: dict[str, float] = {}
        self._offset, self._frozen = 0, (SHANK, 0)
        self._disturbed_until = 0.0
        self._last = Disturbance(0.0, "nothing", 0.0)
        self._is_stopped = False

    def send(self, k: int, now: float, stamp: int) -> None:
        """Send the k-th sample, ``now`` s after the start, with what is the matter then; ``stamp`` in ns."""
        if self._coming and self._coming[0].time <= now:
            self._begin(self._coming.pop(0), k, now)
        if self._is_stopped and not self._lasts(STOPPED, now):
            self.close()
        if self._lasts(SILENCE, now):
            return
        stamp += self._offset if self._lasts(JUMP, now) else 0
        streams = (SHANK,) if self._lasts(FOOT_SILENT, now) else (SHANK, FOOT)
        frozen = dict([self._frozen]) if self._lasts(FROZEN, now) else {}
        disturbed, lies = now < self._disturbed_until, self._lasts(ENCODER, now)
        self._walker.send(Sent(k, stamp, streams, frozen, disturbed, lies, self._last.kind, now - self._last.time))
        if self._lasts(SECOND, now):
            self._walker.send_second(k, stamp)

    def close(self) -> None:
        """Let a stopped predictor go on."""
        if self._is_stopped:
            os.kill(self._predictor, signal.SIGCONT)
            self._is_stopped = False

    def _lasts(self, kind: str, now: float) -> bool:
        return now < self._until.get(kind, 0.0)

    def _begin(self, upset: Disturbance, k: int, now: float) -> None:
        self._last = upset
        lasts = {JUMP: JUMP_LASTS, STOPPED: STOP_LASTS}.get(upset.kind, upset.size)
        self._until[upset.kind] = now + lasts
        if upset.kind not in (ENCODER, BUNDLE):  # these take no forecast away
            self._disturbed_until = now + lasts + AFTER
        if upset.kind == JUMP:
            self._offset = round(upset.size * 1e9) + 1  # the extra ns keeps all stamps different
        elif upset.kind == FROZEN:
            self._frozen = (SHANK, FOOT)[k % 2], k
        elif upset.kind == STOPPED:
            os.kill(self._predictor, signal.SIGSTOP)
            self._is_stopped = True
        elif upset.kind == BUNDLE:
            self._walker.ask_hostile(self._hostile[self._asked % len(self._hostile)])
            self._asked += 1
        elif upset.kind == REQUESTS:
            self._walker.request()


def counted(script: Sequence[Disturbance]) -> dict[str, Any]:
    """Return how often each kind comes, in the order of ``FAULTS``."""
    return {kind: n for kind in FAULTS if (n := sum(upset.kind == kind for upset in script))}
