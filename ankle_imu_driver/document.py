"""Turns a parsed JSON or YAML document into dataclasses; every error is one sentence with the place and the value.

msgspec checks the types. This module adds the checks that msgspec does not have for dataclasses: unknown keys, repeated
keys, keys that the format requires although the dataclass has a default, and numbers that a float cannot hold.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, NoReturn, TypeVar, get_args, get_origin, get_type_hints

import msgspec
import yaml

from ankle_imu_driver.refusal import Refusal

T = TypeVar("T")
MOST_SHOWN = 40  # characters of a wrong value that a message repeats
LONGEST_MESSAGE = 400  # characters
MOST_DEPTH = 32  # of lists and objects in each other; our own formats need 6
MOST_YAML = 2**18  # characters; PyYAML reads about 100 000 in a second
# PyYAML raises errors of Python itself for scalars that do not fit their tag, such as a date with month 99.
PYYAML_RAISES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, yaml.YAMLError)
TOO_DEEP = f"it is nested too deeply: more than {MOST_DEPTH} levels"
WANTED = {str: "text", bool: "true or false", int: "a whole number", float: "a finite number"}


class DocumentError(Refusal):
    """A document that is not as its reader expects; the message is one line."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split())[:LONGEST_MESSAGE])


def parse_json(data: bytes) -> Any:
    """Parse one JSON document. Unlike Python's own parser, refuse NaN, Infinity, repeated keys and deep nesting.

    Raises:
        DocumentError: the data are not UTF-8, not JSON, nested too deeply, or have one of these.
    """
    try:
        document = json.loads(_text(data), object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)
    except DocumentError:
        raise
    except RecursionError as error:
        raise DocumentError(TOO_DEEP) from error
    except json.JSONDecodeError as error:
        raise DocumentError(f"it is not JSON at line {error.lineno}, column {error.colno}") from error
    except ValueError as error:  # the only other one is Python's limit for the digits of an integer
        raise DocumentError("it has a number of thousands of digits") from error
    _check_depth(document)
    return document


def parse_yaml(data: bytes) -> Any:
    """Parse one YAML document of plain values, in bounded time and memory.

    Aliases are refused, as ROS does in parameter files: a kilobyte of them stands for gigabytes, or for an endless
    document. Size, aliases and depth are judged on the parser's events, before anything is built from them.

    Raises:
        DocumentError: the data are too large, not UTF-8, not YAML, nested too deeply, or have an alias or a value that
            does not fit its type.
    """
    for _ in yaml_events(data):
        pass
    try:
        return yaml.safe_load(_text(data))
    except PYYAML_RAISES as error:
        raise _not_yaml(error) from error


def yaml_events(data: bytes) -> Iterator[yaml.Event]:
    """Yield the parser's events of a YAML file, in bounded time and memory.

    Raises:
        DocumentError: the data are too large, not UTF-8, not YAML, nested too deeply, or have an alias.
    """
    text = _text(data)
    if len(text) > MOST_YAML:
        raise DocumentError(f"it has {len(text)} characters, at most {MOST_YAML} are read")
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1
                raise DocumentError(f"it has the alias *{shown(event.anchor)} in line {line}; write the value there")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MOST_DEPTH:
                raise DocumentError(TOO_DEEP)
            yield event
    except PYYAML_RAISES as error:
        raise _not_yaml(error) from error


def _not_yaml(error: Exception) -> DocumentError:
    if isinstance(error, DocumentError):
        return error
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        return DocumentError(f"it is not YAML{place}; check brackets, quotes and indentation there")
    if isinstance(error, yaml.YAMLError):
        return DocumentError("it is not YAML: it has a character that YAML does not allow")
    return DocumentError("it is not YAML: a value, such as a date, a number or a tag, is impossible")


def build(
    expected: type[T], document: Any, optional: tuple[str, ...] = (), *, place: str = "", strict: bool = True
) -> T:
    """Build a dataclass from a parsed document.

    Args:
        expected: a dataclass; its annotations are the types that are checked.
        document: what a JSON or YAML parser returned.
        optional: places that may be missing, including all that is below them, if the dataclass has a default. Other
            places are required: the file format decides this, not the defaults of the dataclass.
        place: name of the document in messages, if it is part of a larger one.
        strict: whether text is refused where a number is expected. (In YAML 1.1, ``1e-3`` is text.)

    Raises:
        DocumentError: a key is missing or unknown, a value has the wrong type or is not finite, or the
            ``__post_init__`` of a dataclass refuses its values.
    """
    try:
        built = msgspec.convert(document, expected, strict=strict)
    except msgspec.ValidationError as error:
        raise _explained(error, expected, document, place) from error
    _compare(document, built, optional, place)
    return built


def shown(value: Any) -> str:
    """Return a value as a message shows it, in one line of at most about 40 characters."""
    brief = reprlib.Repr()
    brief.maxstring = brief.maxother = brief.maxlong = MOST_SHOWN
    brief.maxlevel = 2
    try:
        text = brief.repr(value)
    except ValueError:  # Python refuses to print very long integers
        return "a number of thousands of digits"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def _explained(error: msgspec.ValidationError, expected: Any, document: Any, place: str) -> DocumentError:
    """Translate an error of msgspec, which ends with the place: ``Expected `int`, got `str` - at `$.a.b[0]```."""
    cause = error.__cause__
    if isinstance(cause, Refusal):
        return DocumentError(str(cause))
    if cause is not None:
        raise cause  # a bug in a ``__post_init__``: msgspec treats every ValueError and TypeError as a refusal
    text, _, end = str(error).partition(" - at `")
    path = end.partition("$")[2].rstrip("`")
    place, wanted, value = _look_up(expected, document, path, place)
    if missing := re.fullmatch("Object missing required field `(.*)`", text):
        return DocumentError(f"{_below(place, missing[1])} is missing")
    return DocumentError(f"{place or 'the document'} must be {_described(wanted)}, not {shown(value)}")


def _look_up(expected: Any, value: Any, path: str, place: str) -> tuple[str, Any, Any]:
    """Return the place, the expected type and the value at a path of msgspec, such as ``.scaler.scale[0]``."""
    for name, index in re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", path):
        expected = _without_none(expected)
        if name:
            expected, value, place = get_type_hints(expected)[name], value[name], _below(place, name)
        elif index == "...":  # any key of a mapping
            expected = get_args(expected)[1]
            key = next(key for key in value if not _fits(expected, value[key]))
            value, place = value[key], _below(place, key)
        else:
            expected, value, place = get_args(expected)[0], value[int(index)], f"{place}[{index}]"
    return place, _without_none(expected), value


def _without_none(expected: Any) -> Any:
    """Return X of ``X | None``, and any other type as it is."""
    choices = [choice for choice in get_args(expected) if choice is not type(None)]
    return choices[0] if type(None) in get_args(expected) else expected


def _fits(expected: Any, value: Any) -> bool:
    try:
        msgspec.convert(value, expected)
    except msgspec.ValidationError:
        return False
    return True


def _described(expected: Any) -> str:
    origin, arguments = get_origin(expected), get_args(expected)
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin is tuple:
        return "a list" if arguments[-1] is Ellipsis else f"a list of {len(arguments)}"
    return WANTED.get(expected, "an object")


def _compare(given: Any, built: Any, optional: tuple[str, ...], place: str) -> None:
    """Check what msgspec does not; ``built`` is what it made of ``given``."""
    if is_dataclass(built):
        built = {field.name: getattr(built, field.name) for field in fields(built)}
    if isinstance(built, Mapping):
        for key in given:
            if key not in built:
                raise DocumentError(f"{_below(place, shown(key))} is not known")
        for key, value in built.items():
            if key in given:
                _compare(given[key], value, optional, _below(place, key))
            elif not _below(place, key).startswith(optional):
                raise DocumentError(f"{_below(place, key)} is missing")
    elif isinstance(given, list):
        for i, (before, value) in enumerate(zip(given, built, strict=True)):
            _compare(before, value, optional, f"{place}[{i}]")
    elif isinstance(built, float):
        exact = isinstance(given, str) or given == built  # a float cannot hold every integer
        if not (exact and math.isfinite(built)):
            raise DocumentError(f"{place} must be {WANTED[float]}, not {shown(given)}")


def _below(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError(f"it is not UTF-8 text: byte {error.start} cannot be read") from error


def _check_depth(document: Any) -> None:
    """Refuse a deep document, before functions that call themselves see it."""
    level = [document]
    for depth in itertools.count():
        level = [value for value in level if isinstance(value, dict | list)]
        if not level:
            return
        if depth == MOST_DEPTH:
            raise DocumentError(TOO_DEEP)
        level = [inner for value in level for inner in (value.values() if isinstance(value, dict) else value)]


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise DocumentError(f"the key {shown(key)} is repeated")
        result[key] = value
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise DocumentError(f"{name} is not a number")
