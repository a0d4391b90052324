"""The soak's figures: growth of memory, and the table of docs/performance.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

SETTLED = 120.0  # s after which memory must not grow any more; shorter runs have no slope
FEWEST = 30  # samples of memory for a slope


def memory_growth(samples: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Return resident MB at the start, in the middle and at the end, and least-squares slopes in MB/h.

    The first slope is over all samples after ``SETTLED``, the second over their second half alone: fragmentation lets a
    process grow for a while, but only a leak keeps growing.

    Args:
        samples: (s, resident MB).
    """
    settled = np.array([(t, mb) for t, mb in samples if t >= SETTLED])
    slopes = [None, None]
    if len(settled) > FEWEST:
        parts = settled, settled[len(settled) // 2 :]
        slopes = [float(np.polyfit(part[:, 0], part[:, 1], 1)[0]) * 3600.0 for part in parts]
    first, middle, last = samples[0][1], samples[len(samples) // 2][1], samples[-1][1]
    return {"first_mb": first, "middle_mb": middle, "last_mb": last, "slopes_mb_per_hour": slopes}


def table(figures: Mapping[str, Any]) -> str:
    """Return the figures as a Markdown table."""

    def share(count: int) -> str:
        return f"{count} ({count / figures['expected']:.3%})" if figures["expected"] else str(count)

    latencies = ("–" if ms is None else f"{ms:.1f} ms" for ms in figures["latency_ms"].values())
    rows = {
        "pairs sent": figures["pairs"],
        "disturbances": ", ".join(f"{n} times {kind}" for kind, n in figures["upsets"].items()) or "none",
        "swaps": ", ".join(f"{n} {result}" for result, n in figures["swaps"].items()) or "none",
        **({"other requests": _counts(figures["answers"])} if figures["answers"] else {}),
        "forecasts expected": figures["expected"],
        "made": share(figures["made"]),
        **{f"withheld: {reason}": share(count) for reason, count in figures["withheld"].items()},
        "not used, as a sensor repeated one reading": share(figures["repeated"]),
        "skipped, as the next answer says (overrun, two sources)": share(figures["skipped"]),
        "without an answer, as a message was lost, and diagnostics name it": share(figures["lost"]),
        **({"messages that were lost": _counts(figures["losses"])} if figures["losses"] else {}),
        "unanswered without a reason": share(figures["unanswered"]),
        **(
            {"and that, by the disturbance before": _counts(figures["unanswered_after"])}
            if figures["unanswered"]
            else {}
        ),
        "wrong forecasts (10 deg at once, 20 deg 200 ms ahead)": f"{figures['wrong']} of {figures['judged']}",
        **({"and those, by the disturbance before": _counts(figures["wrong_after"])} if figures["wrong_after"] else {}),
        "expected while nothing was or had just been the matter": figures["calm"],
        **{f"withheld then: {reason}": share(count) for reason, count in figures["withheld_in_calm"].items()},
        "made though the window was not full": f"{figures['made_though_not_due']} of {figures['not_due']}",
        "sample sent to forecast received, median / p99 / worst": " / ".join(latencies),
        "CPU steal; load average at the end": f"{figures['stolen_percent']:.1f} %; {figures['load_average']:.1f}",
        **{
            f"{name}: resident at the start / in the middle / at the end": _memory(memory)
            for name, memory in figures["memory"].items()
        },
    }
    lines = [f"| {figures['minutes']:g} minutes, seed {figures['seed']} | |", "|---|---|"]
    return "\n".join([*lines, *(f"| {what} | {value} |" for what, value in rows.items())])


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{what}: {n}" for what, n in sorted(counts.items()))


def _memory(memory: Mapping[str, Any]) -> str:
    sizes = " / ".join(f"{memory[f'{when}_mb']:.1f} MB" for when in ("first", "middle", "last"))
    whole, half = memory["slopes_mb_per_hour"]
    if whole is None:
        return f"{sizes}; too short a run for a slope"
    return f"{sizes}; {whole:+.1f} MB/h after {SETTLED:.0f} s, {half:+.1f} MB/h in the second half of that"
