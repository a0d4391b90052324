"""JSON into frozen dataclasses, refusing whatever does not fit, with the place and the value in one sentence."""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from ankle_imu_driver.refusal import Refusal

T = TypeVar("T")
SHOWN = 40  # characters of a wrong value that a sentence repeats
NAMES = {str: "text", bool: "true or false", int: "a whole number", float: "a finite number"}


class JsonError(Refusal):
    """A document that is not what its reader expects; the message names the place."""


def parse(text: bytes) -> Any:
    """Read one JSON document without the leniencies of Python's reader (NaN, repeated keys).

    Raises:
        JsonError: not UTF-8, not JSON, nested too deep, a key twice, or a number that is none.
    """
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except JsonError:
        raise
    except (ValueError, RecursionError) as error:
        raise JsonError(f"it is not JSON: {' '.join(str(error).split())}") from error


def build(expected: type[T], value: Any, place: str = "") -> T:
    """Make a ``expected`` of parsed JSON.

    Args:
        expected: a dataclass whose fields are str, bool, int, float (finite), Literal, Optional, tuple[X, ...],
            Mapping[str, X], or such dataclasses. A field with a default may be missing.
        value: parsed JSON; a part of it that already is the dataclass expected there is taken as it is.
        place: where in the document the value stands.

    Raises:
        JsonError: a key is missing or unknown, or a value has another type.
        Refusal: whatever a dataclass's own ``__post_init__`` refuses.
    """
    return typing.cast(T, _build(expected, value, place))


def _build(expected: Any, value: Any, place: str) -> Any:  # noqa: PLR0911 - one return for each kind of value
    origin, arguments = get_origin(expected), get_args(expected)
    if origin in (Union, types.UnionType):
        return None if value is None else _build(arguments[0], value, place)
    if origin is Literal:
        if not isinstance(value, str) or value not in arguments:
            _refuse(place, f"one of {', '.join(arguments)}", value)
        return value
    if origin is tuple:
        if not isinstance(value, list):
            _refuse(place, "a list", value)
        return tuple(_build(arguments[0], v, f"{place}[{i}]") for i, v in enumerate(value))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            _refuse(place, "an object", value)
        return {k: _build(arguments[1], v, f"{place}.{k}") for k, v in value.items()}
    if isinstance(expected, type) and is_dataclass(expected):
        return value if isinstance(value, expected) else _build_dataclass(expected, value, place)
    if expected is float and type(value) is int and abs(value) <= 2**53:
        return float(value)
    if type(value) is not expected or (expected is float and not math.isfinite(value)):
        _refuse(place, NAMES[expected], value)
    return value


def _build_dataclass(expected: Any, value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        _refuse(place or "the document", "an object", value)
    names = [f.name for f in fields(expected)]
    optional = {f.name for f in fields(expected) if f.default is not MISSING}
    dot = f"{place}." if place else ""
    for name in names:
        if name not in value and name not in optional:
            raise JsonError(f"{dot}{name} is missing")
    for key in value:
        if key not in names:
            raise JsonError(f"{dot}{_shown(key)} is not known")
    hints = get_type_hints(expected)
    return expected(**{name: _build(hints[name], value[name], f"{dot}{name}") for name in names if name in value})


def _refuse(place: str, wanted: str, value: Any) -> NoReturn:
    raise JsonError(f"{place} must be {wanted}, not {_shown(value)}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise JsonError(f"the key {_shown(key)} stands twice in it")
        result[key] = value
    return result


def _no_constant(name: str) -> NoReturn:
    raise JsonError(f"{name} stands in it, which is no number")
