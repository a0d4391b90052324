"""The benchmark's table: each figure next to its baseline and its target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

REFERENCE_KERAS = "reference's network, random weights, keras.predict"
REFERENCE_ENGINE = "reference's network, random weights, this engine"
CHAINS = {"separate": ("three processes", 10.0), "bringup": ("bringup", 5.0)}  # title, and target of the p99 in ms
BARE = "plain rclpy, nothing computed"
WARM = "with breaks, as in the live node"


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        what: name of the figure.
        value: None if it could not be measured.
        unit: of value, target and baseline; empty for a factor or a number of cores.
        target: upper bound (for a factor: lower bound), None if the figure has no target.
        baseline: measured in the same run, None if the figure has no baseline.
        against: what the baseline is, or why value or baseline is missing.
    """

    what: str
    value: float | None
    unit: str
    target: float | None
    baseline: float | None
    against: str

    @property
    def ratio(self) -> float | None:
        """Value divided by baseline."""
        return self.value / self.baseline if self.value is not None and self.baseline else None

    @property
    def met(self) -> bool | None:
        """Whether the target is met, None without a target."""
        if self.target is None or self.value is None:
            return None
        return self.value <= self.target if self.unit else self.value >= self.target

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON types."""
        return {**asdict(self), "ratio": self.ratio, "met": self.met}

    def cells(self) -> tuple[str, ...]:
        """Return the row as text: what, value, target, baseline, ratio, against."""
        ratio = "–" if self.ratio is None else f"{self.ratio:.3g}"
        verdict = {None: "", True: ", met", False: ", missed"}[self.met]
        bound = "≤" if self.unit else "≥"
        target = "–" if self.target is None else f"{bound} {self._text(self.target)}{verdict}"
        return self.what, self._text(self.value), target, self._text(self.baseline), ratio, self.against

    def _text(self, value: float | None) -> str:
        return (
            "–" if value is None else f"{value:.3g} {self.unit}".strip() if value < 1000 else f"{value:.0f} {self.unit}"
        )


def rows_of(figures: Mapping[str, Any]) -> list[Row]:
    """Return the figures of a benchmark as rows."""
    rows = _of_inference(figures["inference"])
    for name, (title, p99) in CHAINS.items():
        if name in figures["chain"]:
            ours, bare = figures["chain"][name], figures["chain"][f"{name}_bare"]
            rows += _of_chain(title, p99, figures["window_s"], ours, bare)
            rows += _of_live_tick(title, ours, figures["inference"]["ours"]["median_ms"])
            rows += _of_processes(ours.get("processes", {}))
    return rows


def _of_chain(title: str, p99: float, window: float, ours: Mapping[str, Any], bare: Mapping[str, Any]) -> list[Row]:
    why = ours.get("absent") or bare.get("absent") or BARE
    return [
        Row(f"{title}: {what}", ours.get(key), unit, target, bare.get(key), why)
        for what, key, unit, target in (
            ("sample to published forecast, median", "published_p50_ms", "ms", None),
            ("sample to published forecast, p99", "published_p99_ms", "ms", p99),
            ("sample to published forecast without CPU steal, p99", "published_undisturbed_p99_ms", "ms", p99),
            ("sample to received forecast, p99", "received_p99_ms", "ms", None),
            ("CPU steal", "stolen_percent", "%", None),
            ("memory, shared pages once (PSS)", "proportional_mb", "MB", 250.0),
            ("memory, sum of resident sets (RSS)", "resident_mb", "MB", 250.0),
            ("CPU, cores", "cpu_share", "", None),
            ("start to first forecast", "start_to_first_forecast_s", "s", 3.0 + window),
        )
    ]


def _of_live_tick(title: str, ours: Mapping[str, Any], alone: float) -> list[Row]:
    return [
        Row(f"{title}: {what}", ours.get(key), "ms", target, baseline, ours.get("absent") or against)
        for what, key, target, baseline, against in (
            ("one tick in the live predictor, median", "tick_median_ms", 1.0, alone, "one tick by itself"),
            (
                "one tick in the live predictor, longest of a second",
                "tick_longest_ms",
                None,
                None,
                "as the node reports",
            ),
        )
    ]


def _of_processes(processes: Mapping[str, Mapping[str, float]]) -> list[Row]:
    if len(processes) < 2:
        return []
    return [
        Row(f"{process}: {what}", values[key], unit, None, None, "part of the sum")
        for process, values in processes.items()
        for what, key, unit in (("resident set", "resident_mb", "MB"), ("CPU, cores", "cpu_share", ""))
    ]


def _of_inference(inference: Mapping[str, Any]) -> list[Row]:
    ours, claimed = inference["ours"], inference["reference_claimed"]["real_time_factor"]
    rows = []
    for name, baseline in ((REFERENCE_KERAS, "reference_keras_predict"), (REFERENCE_ENGINE, "reference_engine")):
        other = inference[baseline]
        why = f"{name}: {other['absent']}" if "absent" in other else name
        rows += [
            Row("one tick, median", ours["median_ms"], "ms", 1.0, other.get("median_ms"), why),
            Row("one tick, p99", ours["p99_ms"], "ms", 3.0, other.get("p99_ms"), why),
            Row("real-time factor at 100 Hz", ours["real_time_factor"], "", None, other.get("real_time_factor"), why),
        ]
    warm = inference["ours_back_to_back"]
    return [
        *rows,
        Row("one tick without breaks, median", warm["median_ms"], "ms", 1.0, ours["median_ms"], WARM),
        Row("one tick without breaks, p99", warm["p99_ms"], "ms", 3.0, ours["p99_ms"], WARM),
        Row("one tick, CPU time, median", ours["cpu_median_ms"], "ms", None, None, "without waiting"),
        Row("one tick, CPU time, p99", ours["cpu_p99_ms"], "ms", None, None, "without waiting"),
        Row("work after the forecast is out, mean", ours["afterwards_mean_ms"], "ms", None, None, "after the tick"),
        Row("real-time factor at 100 Hz", ours["real_time_factor"], "", claimed, claimed, "what the reference claims"),
    ]


HEADINGS = ("what", "value", "target", "baseline", "ratio", "baseline is")


def terminal_table(rows: list[Row]) -> Table:
    """Return the rows as a table for the terminal."""
    table = Table(title="benchmark", title_justify="left")
    for k, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="right" if 0 < k < 5 else "left")
    for row in rows:
        table.add_row(*row.cells(), style="red" if row.met is False else None)
    return table


def markdown(figures: Mapping[str, Any], rows: list[Row]) -> str:
    """Return the rows as the table of docs/performance.md."""
    machine = figures["machine"]
    lines = [
        f"Measured with `{figures['command']}` on {machine['cores']} cores ({machine['processor']}), Python "
        f"{machine['python']}, load average {machine['load_before']:.1f} before and {machine['load_after']:.1f} after.",
        "",
        f"| {' | '.join(HEADINGS)} |",
        "|---|---|---|---|---|---|",
        *(f"| {' | '.join(row.cells())} |" for row in rows),
    ]
    return "\n".join(lines)
