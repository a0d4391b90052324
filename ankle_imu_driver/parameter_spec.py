"""What a node's parameter may be: type, bounds, meaning, and when it may change. No ROS here."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ankle_imu_driver.document import shown
from ankle_imu_driver.refusal import Refusal

KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
LARGEST = 1e9  # the end of a range that has none, as a descriptor needs one
SMALLEST = 1e-9  # the smallest value of a number that must be above zero


@dataclass(frozen=True)
class ParameterSpec:
    """One parameter.

    Attributes:
        name: as ROS has it, such as ``shank.tilt``.
        default: its type is the parameter's; a list has values of the type of its first one.
        meaning: for people, with the unit.
        low: smallest value of a number, or of each one in a list; None for none.
        high: largest one.
        choices: the only values of a text or number; empty for any.
        length: of a list; None for any, but not empty.
        is_live: whether it may change while the node is configured, and then counts at once.
        is_fixed: whether it counts at the start only, so that it can never be set.
        check: also called with a value, and raises a ``Refusal`` if it cannot be used.
    """

    name: str
    default: Any
    meaning: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    length: int | None = None
    is_live: bool = False
    is_fixed: bool = False
    check: Callable[[Any], object] | None = None

    def checked(self, value: Any) -> Any:
        """Return a value with the parameter's type; a whole number is accepted for a number.

        Raises:
            Refusal: the type or the value is wrong; one sentence names the parameter and what it must be.
        """
        if not isinstance(self.default, list):
            result = self._item(value, self.default)
        else:
            if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
                raise Refusal(f"{self.name} must be {self._list()}, not {_shown(value)}")
            result = [self._item(item, self.default[0]) for item in value]
            if not result or (self.length is not None and len(result) != self.length):
                raise Refusal(f"{self.name} must be {self._list()}, not {shown(result)}")
        if self.check is not None:
            try:
                self.check(result)
            except Refusal as refusal:
                sentence = str(refusal)
                raise Refusal(sentence if self.name in sentence else f"{self.name}: {sentence}") from refusal
        return result

    @property
    def constraints(self) -> str:
        """What the range of a descriptor does not say, in words."""
        words = [f"one of {self._named}"] if self.choices else []
        if self.length is not None:
            words.append(self._list())
        if self.is_fixed:
            words.append("counts at the start only")
        elif not self.is_live:
            words.append("cannot change while the node is configured")
        return "; ".join(words)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The range of a number; None if it has none, or if the parameter is no number."""
        is_number = isinstance(self.default, int | float) and not isinstance(self.default, bool)
        if not is_number or (self.low is None and self.high is None):
            return None
        return (-LARGEST if self.low is None else self.low), (LARGEST if self.high is None else self.high)

    @property
    def _named(self) -> str:
        return ", ".join(f"{choice:g}" if isinstance(choice, float) else str(choice) for choice in self.choices)

    def _item(self, value: Any, default: Any) -> Any:
        kind = type(default)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not kind:
            hint = f'; text has quotes in YAML: "{value}"' if kind is str and type(value) in (bool, int, float) else ""
            raise Refusal(f"{self.name} must be {KINDS[kind]}, not {_shown(value)}{hint}")
        if kind in (int, float):
            low, high = (-math.inf if self.low is None else self.low), (math.inf if self.high is None else self.high)
            if not (math.isfinite(value) and low <= value <= high):
                raise Refusal(f"{self.name} must be {self._range()}, not {value}")
        if self.choices and value not in self.choices:
            raise Refusal(f"{self.name} must be one of {self._named}, not {_shown(value)}")
        return value

    def _range(self) -> str:
        if self.low is None:
            return "a finite number" if self.high is None else f"{self.high:g} or less"
        if self.low == SMALLEST:
            return "above 0" if self.high is None else f"above 0, at most {self.high:g}"
        return f"{self.low:g} or more" if self.high is None else f"{self.low:g} to {self.high:g}"

    def _list(self) -> str:
        of = {bool: "truth values", int: "whole numbers", float: "numbers", str: "texts"}[type(self.default[0])]
        return f"a list of {of}" if self.length is None else f"a list of {self.length} {of}"


def _shown(value: Any) -> str:
    return "empty" if value is None else shown(value)
