"""Reads a ROS parameter file as rcl does: the sections with their parameters, in rcl's order and with rcl's types.

YAML libraries for Python type some values otherwise: PyYAML reads ``1e-3`` as text, ``010`` as 10 and ``null`` as
nothing, where rcl has 0.001, 8 and "null". So this follows rcl's own parser, event by event, with its peculiarities.

Source: https://github.com/ros2/rcl, ``rcl_yaml_param_parser/src/parse.c`` (``parse_file_events``, ``get_value``) and
``namespace.c``. Tests give the same files to real nodes. Up to Jazzy, rcl refuses one thing that Kilted reads: a
section inside another one that has ``ros__parameters`` itself.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml

from ankle_imu_driver.document import DocumentError, shown, yaml_events

Scalar = bool | int | float | str
Value = Scalar | list[bool] | list[int] | list[float] | list[str] | None
"""None is a parameter that is named but has no value, such as an empty list: rcl calls it ``NOT_SET``."""

KINDS = (bool, int, float, str)
_BOOLS = {word: True for base in ("yes", "true", "on") for word in (base, base.title(), base.upper())}
_BOOLS |= {word: False for base in ("no", "false", "off") for word in (base, base.title(), base.upper())}
_BOOLS |= {"Y": True, "y": True, "N": False, "n": False}
_INTEGER = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")  # strtoll with base 0
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)  # the rest is strtod
_HEXADECIMAL = re.compile(r"[+-]?0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)([pP][+-]?\d+)?", re.ASCII)
_WORD = re.compile(r"([+-]?)(inf|infinity|nan)", re.IGNORECASE)
_DOTTED = {sign + word for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")} | {".nan", ".NaN", ".NAN"}
_TEXT_TAG = "tag:yaml.org,2002:str"
_PARAMETERS = "ros__parameters"
_NAME = r"(\*\*?|[A-Za-z_][A-Za-z0-9_]*)"
_SECTION = re.compile(rf"/?({_NAME}/)*{_NAME}")


def read_sections(data: bytes) -> dict[str, dict[str, Value]]:
    """Return the parameters of each section, such as ``/**`` or ``/left_ankle/predictor``.

    A section that the file has twice stands where it was first, and has the values of both.

    Args:
        data: the content of the file.

    Raises:
        DocumentError: rcl would refuse the file; the message says where.
    """
    reader = _Reader()
    for event in yaml_events(data):
        try:
            reader.take(event)
        except DocumentError as error:
            raise DocumentError(f"{error} in line {event.start_mark.line + 1}") from error
    return {name: dict(section.items()) for name, section in reader.sections.items()}


def read_value(text: str) -> Value:
    """Return the value that rcl makes of the text behind ``:=`` in ``-p NAME:=VALUE``.

    Raises:
        DocumentError: it is neither a value nor a list of values of one type.
    """
    reader = _Reader()
    try:
        reader.take_value(yaml_events(text.encode("utf-8", "surrogateescape")))
    except DocumentError as error:
        raise DocumentError(f"{shown(text)} cannot be read: {error}") from error
    return reader.value


def typed_scalar(text: str, *, quoted: bool = False, tag: str | None = None) -> Scalar:
    """Return the value that rcl makes of a scalar.

    Args:
        text: the scalar, without quotes.
        quoted: whether it had quotes.
        tag: its YAML tag, if one was written.
    """
    if quoted or tag == _TEXT_TAG:
        return text
    if text in _BOOLS:
        return _BOOLS[text]
    number = text.lstrip(" \t\n\v\f\r")
    if found := _INTEGER.fullmatch(number):
        sign, digits = found.groups()
        base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
        integer = int(digits, base) * (-1 if sign == "-" else 1) if len(digits) <= 64 else sys.maxsize + 1
        if -(2**63) <= integer < 2**63:
            return integer
    real = _real(text, number)
    return text if real is None else real


def _real(text: str, number: str) -> float | None:
    """Return what strtod makes of a number; None if it is none, or too large or too small for a double."""
    if text in _DOTTED:
        return float(text.replace(".", ""))
    if found := _WORD.fullmatch(number):
        return float("".join(found.groups()))
    if _DECIMAL.fullmatch(number):
        value = float(number)
        is_zero = not re.search("[1-9]", re.split("[eE]", number)[0])
    elif _HEXADECIMAL.fullmatch(number):
        try:
            value = float.fromhex(number)
        except OverflowError:
            return None
        is_zero = not re.search("[1-9a-fA-F]", re.split("[pP]", number[2:])[0])
    else:
        return None
    return value if math.isfinite(value) and (is_zero or abs(value) >= sys.float_info.min) else None


@dataclass
class _Section:
    """The parameters of one section: a name, and what was written for it by type; a later one of a type replaces it."""

    names: list[str] = field(default_factory=list)
    values: list[dict[object, Value]] = field(default_factory=list)

    def find(self, name: str) -> int:
        """Return the place of a parameter; it is added if it is new."""
        if name not in self.names:
            self.names.append(name)
            self.values.append({})
        return self.names.index(name)

    def items(self) -> list[tuple[str, Value]]:
        """Return names and values. Of several types that were written for one name, rclpy takes the first of these."""
        order = [*KINDS, *((list, kind) for kind in KINDS)]
        return [
            (name, next((written[kind] for kind in order if kind in written), None))
            for name, written in zip(self.names, self.values, strict=True)
        ]


@dataclass
class _Path:
    """A name that grows and shrinks with the nesting of maps; ``depth`` counts what was added, not the separators."""

    separator: str
    text: str = ""
    depth: int = 0

    def add(self, name: str) -> None:
        ends = self.text.endswith(self.separator)
        self.text = name if not self.depth else self.text + ("" if ends else self.separator) + name
        self.depth += 1

    def remove(self) -> None:
        """Remove the last name; of a name that has separators itself, only what follows the last one, as rcl does."""
        if self.depth:
            self.text = self.text.rpartition(self.separator)[0] if self.depth > 1 else ""
            self.depth -= 1


class _Reader:
    """Takes the events of a YAML file one after the other."""

    def __init__(self) -> None:
        self.sections: dict[str, _Section] = {}
        self._section = _Section()
        self._parameter = 0
        self._node, self._prefix = _Path("/"), _Path(".")
        self._in_parameters, self._is_key, self._is_new_map = False, True, False
        self._depth = 0
        self._is_list = False
        self._list_kind: type | None = None

    def take(self, event: yaml.Event) -> None:
        """Take the next event.

        Raises:
            DocumentError: rcl refuses the file here.
        """
        if isinstance(event, yaml.ScalarEvent):
            self._key(event.value) if self._is_key else self._value(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            if self._is_key:
                raise DocumentError("there is a list where a name is expected")
            if not self._in_parameters:
                raise DocumentError(f"there is a list before {_PARAMETERS}")
            self._is_list, self._list_kind = True, None
        elif isinstance(event, yaml.SequenceEndEvent):
            self._is_list, self._is_key = False, True
        elif isinstance(event, yaml.MappingStartEvent):
            self._depth += 1
            # The map of ros__parameters itself has no name to put before those of its parameters.
            self._is_new_map = not (self._in_parameters and self._depth - self._node.depth == 2)
            self._is_key = True
        elif isinstance(event, yaml.MappingEndEvent):
            self._end_map()

    def take_value(self, events: Iterable[yaml.Event]) -> None:
        """Take the events of one value without a section."""
        self._in_parameters, self._is_key = True, False
        self._section.find("the value")
        for event in events:
            if isinstance(event, yaml.MappingStartEvent):
                raise DocumentError("it has names, but a parameter is one value or a list")
            self.take(event)

    @property
    def value(self) -> Value:
        """What ``take_value`` has read."""
        return self._section.items()[0][1]

    def _end_map(self) -> None:
        if self._in_parameters:
            if self._prefix.depth:
                self._prefix.remove()
            else:
                self._in_parameters = False
        elif self._depth == self._node.depth + 1:
            self._node.remove()
        self._depth -= 1

    def _key(self, name: str) -> None:
        if not name:
            raise DocumentError("there is a value without a name")
        if self._in_parameters:
            self._parameter_name(name)
        elif name.startswith(_PARAMETERS):
            self._enter_section()
        else:
            self._node.add(name)
        self._is_key = False

    def _enter_section(self) -> None:
        if not self._node.depth:
            raise DocumentError(f"there is no node's name before {_PARAMETERS}, such as /**")
        name = self._node.text
        if not _SECTION.fullmatch(name):
            raise DocumentError(f"{shown(name)} cannot be the name of a node")
        self._section = self.sections.setdefault(name, _Section())
        self._in_parameters = True

    def _parameter_name(self, name: str) -> None:
        if self._is_new_map:
            if not self._section.names:
                raise DocumentError(f"the parameters below {_PARAMETERS} have no names")
            self._prefix.text, self._prefix.depth = self._section.names[self._parameter], self._prefix.depth + 1
            self._is_new_map = False
        self._parameter = self._section.find(self._prefix.text if self._prefix.depth else name)
        if self._prefix.depth:
            self._section.names[self._parameter] = f"{self._prefix.text}.{name}"

    def _value(self, event: yaml.ScalarEvent) -> None:
        quoted = event.style in ("'", '"')
        if not self._in_parameters or not self._section.names:
            raise DocumentError(f"the value {shown(event.value)} stands where sections and {_PARAMETERS} are expected")
        name = self._section.names[self._parameter]
        if not event.value and not quoted:
            raise DocumentError(f"{name} has no value; remove it, or write its value")
        value = typed_scalar(event.value, quoted=quoted, tag=event.tag)
        written = self._section.values[self._parameter]
        if not self._is_list:
            written[type(value)] = value
            self._is_key = True
            return
        if self._list_kind is None:
            self._list_kind = type(value)
            written[list, self._list_kind] = []
        if type(value) is not self._list_kind:
            raise DocumentError(f"the list {name} mixes types, such as 1 and 1.0: {shown(event.value)}")
        items = written[list, self._list_kind]
        assert isinstance(items, list)
        items.append(value)  # type: ignore[arg-type]
