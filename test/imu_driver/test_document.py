"""Documents checked against dataclasses: which ones pass, and the sentence for each that does not."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rigs.mutated_documents import VALUES

from ankle_imu_driver.document import MOST_DEPTH, MOST_YAML, DocumentError, build, parse_json, parse_yaml, shown
from ankle_imu_driver.refusal import Refusal


@dataclass(frozen=True)
class Point:
    at: tuple[float, float]
    name: str = ""

    def __post_init__(self) -> None:
        if self.name == "bug":
            raise ValueError("operands could not be broadcast together")
        if self.name == "origin" and any(self.at):
            raise Refusal(f"the origin must be at zero, not {list(self.at)}")


@dataclass(frozen=True)
class Shape:
    kind: Literal["open", "closed"]
    points: tuple[Point, ...]
    sides: int
    filled: bool
    sizes: Mapping[str, float]
    texts: Mapping[str, str] = field(default_factory=dict)
    width: float | None = None
    grid: tuple[tuple[float, ...], ...] = ()


OPTIONAL = ("texts", "width", "grid", "points[0].name")
FITS: dict[str, Any] = {
    "kind": "open",
    "points": [{"at": [0, 1.5]}, {"at": [2.0, 3.0], "name": "b"}],
    "sides": 2,
    "filled": False,
    "sizes": {"a": 1.0, "b": 2},
    "grid": [[1.0], [2.0, 3.0]],
}


def refused(change: dict[str, Any], **options: Any) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        build(Shape, FITS | change, OPTIONAL, **options)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 400
    return caught.value


def test_a_document_that_fits_becomes_the_dataclass() -> None:
    points = (Point((0.0, 1.5)), Point((2.0, 3.0), "b"))
    expected = Shape("open", points, 2, False, {"a": 1.0, "b": 2.0}, grid=((1.0,), (2.0, 3.0)))
    shape = build(Shape, FITS, OPTIONAL)
    assert shape == expected
    assert isinstance(shape.points[0].at[0], float)
    assert build(Shape, FITS | {"width": None}, OPTIONAL) == expected
    assert build(Shape, FITS | {"width": 2**53}, OPTIONAL).width == 2.0**53


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "other"}, "kind must be one of open, closed, not 'other'"),
        ({"kind": 3}, "kind must be one of open, closed, not 3"),
        ({"points": {"at": [0, 0]}}, "points must be a list, not {'at': [0, 0]}"),
        ({"points": [{"at": [0, 0]}, 7]}, "points[1] must be an object, not 7"),
        ({"points": [{"at": [0, "x"]}]}, "points[0].at[1] must be a finite number, not 'x'"),
        ({"points": [{"at": [1]}]}, "points[0].at must be a list of 2, not [1]"),
        ({"points": [{"name": "a"}]}, "points[0].at is missing"),
        ({"points": [*FITS["points"], {"at": [0, 0]}]}, "points[2].name is missing"),
        ({"points": [{"at": [0, 0], "x": 1}]}, "points[0].'x' is not known"),
        ({"points": [{"at": [0, 0], 1: 1}]}, "points[0] must be an object, not {'at': [0, 0], 1: 1}"),
        ({"points": [{"at": [0, 1], "name": "origin"}]}, "the origin must be at zero, not [0.0, 1.0]"),
        ({"sides": 1.0}, "sides must be a whole number, not 1.0"),
        ({"sides": True}, "sides must be a whole number, not True"),
        ({"sides": "1"}, "sides must be a whole number, not '1'"),
        ({"sides": None}, "sides must be a whole number, not None"),
        ({"sides": math.inf}, "sides must be a whole number, not inf"),
        ({"filled": 0}, "filled must be true or false, not 0"),
        ({"filled": "true"}, "filled must be true or false, not 'true'"),
        ({"sizes": [1]}, "sizes must be an object, not [1]"),
        ({"sizes": {"a": 1, "b": "2"}}, "sizes.b must be a finite number, not '2'"),
        ({"sizes": {"a": 1, "b": 10**400}}, "sizes.b must be a finite number, not 1000"),
        ({"sizes": {"b": math.nan}}, "sizes.b must be a finite number, not nan"),
        ({"texts": {"a": "1", "b": 2}}, "texts.b must be text, not 2"),
        ({"width": "1"}, "width must be a finite number, not '1'"),
        ({"width": True}, "width must be a finite number, not True"),
        ({"width": math.inf}, "width must be a finite number, not inf"),
        ({"width": -math.inf}, "width must be a finite number, not -inf"),
        ({"width": 2**53 + 1}, "width must be a finite number, not 9007199254740993"),
        ({"grid": [[1.0], [2.0, []]]}, "grid[1][1] must be a finite number, not []"),
        ({"more": 1}, "'more' is not known"),
        ({"x" * 1000: 1}, "'xxxx"),
    ],
)
def test_a_document_that_does_not_fit_is_refused_in_one_sentence(change: dict[str, Any], sentence: str) -> None:
    error = refused(change)
    assert str(error).startswith(sentence)


@pytest.mark.parametrize("document", [None, 3, "x", [], [FITS], True])
def test_what_is_not_an_object_is_refused(document: Any) -> None:
    with pytest.raises(DocumentError, match=f"the document must be an object, not {re.escape(shown(document))[:10]}"):
        build(Shape, document)


def test_a_part_of_a_document_is_named() -> None:
    for part, sentence in ((3, "points[0] must be an object, not 3"), ({"at": [0, None]}, "points[0].at[1] must be")):
        with pytest.raises(DocumentError, match=f"^{re.escape(sentence)}"):
            build(Point, part, place="points[0]")


@pytest.mark.parametrize("key", ["kind", "points", "sides", "filled", "sizes"])
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(DocumentError, match=f"^{key} is missing$"):
        build(Shape, {k: v for k, v in FITS.items() if k != key}, OPTIONAL)


def test_a_key_with_a_default_may_be_missing_only_where_the_format_says_so() -> None:
    for optional, missing in (
        ((), r"points\[0\]\.name"),
        (("points[0]",), "texts"),
        (("points[0].name", "texts"), "width"),
    ):
        with pytest.raises(DocumentError, match=f"^{missing} is missing$"):
            build(Shape, FITS, optional)


def test_numbers_as_text_are_taken_where_the_caller_wants_it() -> None:
    assert build(Shape, FITS | {"width": "1e-3"}, OPTIONAL, strict=False).width == 1e-3
    for wrong in ("x", "", "nan", "inf", "1e400", "9" * 5000, True):
        assert "width must be a finite number, not " in str(refused({"width": wrong}, strict=False))


def test_a_bug_in_a_dataclass_is_not_taken_for_a_refusal() -> None:
    with pytest.raises(ValueError, match="broadcast") as caught:
        build(Shape, FITS | {"points": [{"at": [0, 0], "name": "bug"}]}, OPTIONAL)
    assert not isinstance(caught.value, Refusal)


@given(st.dictionaries(st.sampled_from([*FITS, "texts", "width", "other"]), VALUES))
def test_any_change_is_taken_or_refused(change: dict[str, Any]) -> None:
    try:
        assert isinstance(build(Shape, FITS | change, OPTIONAL), Shape)
    except DocumentError as error:
        assert str(error)  # noqa: PT017 - both outcomes are right
        assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": -Infinity}', "-Infinity is not a number"),
        (b'{"a": 1, "b": 2, "a": 3}', "the key 'a' is repeated"),
        (b'{"b": [{"a": 1, "a": 1}]}', "the key 'a' is repeated"),
        (b"[" * 100_000, "it is nested too deeply: more than 32 levels"),
        (b'{"a": ' * 100_000, "it is nested too deeply: more than 32 levels"),
        (b"[" * 33 + b"]" * 33, "it is nested too deeply: more than 32 levels"),
        (b'{"a": ' * 500 + b"1" + b"}" * 500, "it is nested too deeply: more than 32 levels"),
        (b"\xff", "it is not UTF-8 text: byte 0 cannot be read"),
        (b"{", "it is not JSON at line 1, column 2"),
        (b"", "it is not JSON at line 1, column 1"),
        (b"1 2", "it is not JSON at line 1, column 3"),
        (b"9" * 5000, "it has a number of thousands of digits"),
    ],
)
def test_odd_json_is_refused_in_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(DocumentError, match=f"^{re.escape(sentence)}") as caught:
        parse_json(data)
    assert "\n" not in str(caught.value)


def test_json_is_parsed() -> None:
    assert parse_json(b'{"a": [1, 1.5, true, null, "\xc3\xa9"]}') == {"a": [1, 1.5, True, None, "é"]}


def test_depth_is_allowed_up_to_the_limit() -> None:
    for parse in (parse_json, parse_yaml):
        value = parse(b"[" * MOST_DEPTH + b"]" * MOST_DEPTH)
        for _ in range(MOST_DEPTH - 1):
            (value,) = value
        assert value == []


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + k)}: &{chr(98 + k)} [{', '.join([f'*{chr(97 + k)}'] * 10)}]\n" for k in range(12)
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (LAUGHS, "it has the alias *'a' in line 2; write the value there"),
        ("&a [*a]", "it has the alias *'a' in line 1; write the value there"),
        ("x: &x {a: 1}\ny: {<<: *x}", "it has the alias *'x' in line 2"),
        ("[" * 2000, "it is nested too deeply: more than 32 levels"),
        ("- " * 2000 + "x", "it is nested too deeply: more than 32 levels"),
        ("\n".join("  " * k + "a:" for k in range(500)), "it is nested too deeply: more than 32 levels"),
        ("{" * 100_000, "it is nested too deeply: more than 32 levels"),
        ("? " * 1000, "it is nested too deeply: more than 32 levels"),
        ("x" * (MOST_YAML + 1), f"it has {MOST_YAML + 1} characters, at most {MOST_YAML} are read"),
        ("a: [1", "it is not YAML at line 1, column 6; check brackets, quotes and indentation there"),
        ("a: b: c", "it is not YAML at line 1, column 5"),
        ("a: *none", "it has the alias *'none' in line 1"),
        ("--- a\n--- b", "it is not YAML at line 2, column 1"),
        ("a: \0", "it is not YAML: it has a character that YAML does not allow"),
        ("{[1]: 2}", "it is not YAML at line 1, column 2"),
        ("a: 2001-99-99", "it is not YAML: a value, such as a date, a number or a tag, is impossible"),
        ("a: 1" + "0" * 5000, "it is not YAML: a value, such as a date, a number or a tag, is impossible"),
        ("!!python/object/apply:os.system [ls]", "it is not YAML at line 1, column 1"),
    ],
)
def test_odd_yaml_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    began = time.process_time()
    with pytest.raises(DocumentError, match=f"^{re.escape(sentence)}") as caught:
        parse_yaml(text.encode())
    assert "\n" not in str(caught.value)
    assert time.process_time() - began < 5.0


def test_yaml_is_parsed() -> None:
    assert parse_yaml("a: [1, 1.5, true, null, é]\nb: &b {c: d}\n".encode()) == {
        "a": [1, 1.5, True, None, "é"],
        "b": {"c": "d"},
    }
    with pytest.raises(DocumentError, match="it is not UTF-8 text: byte 3 cannot be read"):
        parse_yaml(b"a: \xff")


@given(st.binary(max_size=60) | st.text(alphabet="[]{}:,!&*-#|>'\"% \n01ax.~?<", max_size=40).map(str.encode))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    for parse in (parse_json, parse_yaml):
        try:
            parse(data)
        except DocumentError as error:
            assert "\n" not in str(error)  # noqa: PT017 - both outcomes are right


def test_a_long_value_is_shortened() -> None:
    for value in ("x" * 1000, list(range(1000)), 10**1000, 16**20000, {"a": {"b": ["c" * 1000] * 1000}}):
        assert len(shown(value)) <= 43
    itself: list[Any] = []
    itself.append(itself)
    assert len(shown(itself)) <= 43
