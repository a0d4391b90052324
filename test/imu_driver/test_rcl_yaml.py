"""Parameter files are read as rcl reads them: every case is also given to a real node by ``--params-file``."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import rclpy
from hypothesis import given
from hypothesis import strategies as st
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node

from ankle_imu_driver.document import DocumentError
from ankle_imu_driver.parameter_file import (
    ParameterFileError,
    full_name,
    parameters_of,
    sections_of,
    untaken,
    untaken_warning,
)
from ankle_imu_driver.rcl_yaml import Value, read_sections, read_value, typed_scalar

NODES = tuple(
    (name, namespace) for name in ("imu_driver", "predictor") for namespace in ("", "left_ankle", "robot/left_ankle")
)

SCALARS = """
1 -1 +7 0 00 010 0x1F 08 0x 0b1 1_000 9223372036854775807 9223372036854775808 -9223372036854775808
1e-3 1E3 1.0 .5 5. -0.0 +1.5e+2 1e 1e400 -1e400 1e-400 2.3e-308 0x1.8p3 0x1p-3 1.5.2 0e0 1e+ 12:30:00
.inf -.inf +.INF .nan .NaN inf -inf nan infinity .Infinity +.nan true True TRUE tRUE yes Yes YES on off No n N y Y
false null ~ Null 2001-12-14 a base 3rd !!str,5 !!int,5 !!float,1 '1' "1.0" "true" 'yes' "" '' "é"
"""  # one after the other, with commas for spaces in them

FILES = {
    "later sections win, however general": """
/left_ankle/imu_driver: {ros__parameters: {a: own, b: own}}
/**: {ros__parameters: {a: all}}
/*/imu_driver: {ros__parameters: {c: any}}
/**/imu_driver: {ros__parameters: {c: deep, d: deep}}
""",
    "a section that is repeated stands where it was first": """
/**: {ros__parameters: {a: 1, b: 1}}
/left_ankle/imu_driver: {ros__parameters: {a: 2}}
/**: {ros__parameters: {a: 3, b: 3}}
""",
    "all wildcards": """
/*: {ros__parameters: {root: 1}}
/*/*: {ros__parameters: {two: 1}}
/left_ankle/**: {ros__parameters: {left: 1}}
/left_ankle/*: {ros__parameters: {left_one: 1}}
/**/left_ankle/*: {ros__parameters: {deep_left: 1}}
/*/left_ankle/predictor: {ros__parameters: {robot: 1}}
/*/imu_driver: {ros__parameters: {driver: 1}}
"*": {ros__parameters: {bare: 1}}
"**": {ros__parameters: {bare_all: 1}}
left_ankle/imu_driver: {ros__parameters: {relative: 1}}
imu_driver: {ros__parameters: {unnamespaced: 1}}
/**/**: {ros__parameters: {twice: 1}}
""",
    "nested sections": """
/**:
  ros__parameters: {a: 1}
left_ankle:
  imu_driver: {ros__parameters: {a: 2}}
  predictor: {ros__parameters: {a: 3}}
robot:
  left_ankle:
    predictor: {ros__parameters: {a: 4}}
/**:
  imu_driver: {ros__parameters: {b: 5}}
""",
    "slashes in a nested section": """
robot:
  left_ankle/imu_driver: {ros__parameters: {a: 2}}
  predictor: {ros__parameters: {a: 3}}
""",
    "slashes around names": "left_ankle/: {imu_driver: {ros__parameters: {a: 1}}}\n",
    "nested names": """
/**:
  ros__parameters:
    encoder: {joint_name: knee, role: {deep: x}, offset: 1.0}
    encoder.joint_name: later
    shank.a: {b: 1, c.d: {e: 2, f: 3}, g: 4}
    encoder: {offset: 2.0}
""",
    "lists": """
/**:
  ros__parameters: {i: [1, 2], d: [1.0, 2e-3], s: [a, 'b'], b: [true, off], one: [[1, 2]]}
""",
    "a value of two types": """
/**: {ros__parameters: {a: 1.5, b: text, c: [1], d: [1.0]}}
/left_ankle/imu_driver: {ros__parameters: {a: 1}}
/**: {ros__parameters: {a: 2, b: 3, c: 4, d: [5]}}
""",
    "several documents": "/**: {ros__parameters: {a: 1}}\n---\n/imu_driver: {ros__parameters: {a: 2}}\n",
    "blocks of text": "/**:\n  ros__parameters:\n    a: |\n      5\n    b: >-\n      1.5\n    c: |2\n         7\n",
    "the marker with more letters": "/**: {ros__parameters_of_mine: {a: 1}}\n",
    "empty": "",
    "only a comment": "# nothing yet\n",
    "no parameters": "/**: {ros__parameters: {}}\n",
    "a word": "hello\n",
    "only sections": "/**: {imu_driver: {}}\n",
}

REFUSED = {
    "a list of sections": "- a\n",
    "a list before the parameters": "/**: [1]\n",
    "a value before the parameters": "/**: 1\n",
    "an empty section": "/**:\n",
    "parameters as a list": "/**: {ros__parameters: [1]}\n",
    "parameters as a number": "/**: {ros__parameters: 3}\n",
    "no parameters at all": "/**:\n  ros__parameters:\n",
    "a parameter without a value": "/**:\n  ros__parameters:\n    a:\n    b: 1\n",
    "a list of two types": "/**: {ros__parameters: {a: [1, 2.0]}}\n",
    "a list of lists": "/**: {ros__parameters: {a: [[1], [2]]}}\n",
    "something behind empty names": "/**: {ros__parameters: {empty: {}, last: 1}}\n",
    "an alias": "/**: {ros__parameters: {a: &x 1, b: *x}}\n",
    "no section": "ros__parameters: {a: 1}\n",
    "a name that no node can have": "/my-leg/imu_driver: {ros__parameters: {a: 1}}\n",
    "two slashes": "//imu_driver: {ros__parameters: {a: 1}}\n",
    "a wildcard in a word": "/left*/imu_driver: {ros__parameters: {a: 1}}\n",
    "a number for a name": "/**: {1st: {ros__parameters: {a: 1}}}\n",
    "not YAML": "a: [1",
    "an empty name": "/**: {ros__parameters: {'': 1}}\n",
}


def of_ros(file: Path, nodes: tuple[tuple[str, str], ...] = NODES) -> list[dict[str, Value]] | None:
    """Return the parameters that real nodes get from a file; None if ROS refuses the file."""
    context = rclpy.Context()
    try:
        rclpy.init(args=["--ros-args", "--params-file", str(file)], context=context)
    except RuntimeError:
        return None
    try:
        found = []
        for name, namespace in nodes:
            node = Node(
                name,
                namespace=namespace,
                context=context,
                enable_rosout=False,
                start_parameter_services=False,
                automatically_declare_parameters_from_overrides=True,
            )
            values = node.get_parameters_by_prefix("")
            for own in ("use_sim_time", "start_type_description_service"):
                values.pop(own, None)
            found.append({key: plain(parameter.value) for key, parameter in values.items()})
            node.destroy_node()
        return found
    finally:
        context.try_shutdown()


def plain(value: object) -> object:
    return value if isinstance(value, bool | int | float | str | None) else list(value)  # type: ignore[call-overload]


def ours(file: Path, nodes: tuple[tuple[str, str], ...] = NODES) -> list[dict[str, Value]] | None:
    try:
        sections = sections_of(file)
    except ParameterFileError:
        return None
    return [parameters_of(sections, full_name(*node)) for node in nodes]


def typed(found: list[dict[str, Value]] | None) -> object:
    """Return values that only compare equal if their types are the same, and not-a-number too."""
    return found and [{name: repr(value) for name, value in values.items()} for values in found]


@pytest.mark.parametrize("text", [*FILES.values(), *REFUSED.values()], ids=[*FILES, *REFUSED])
def test_a_node_gets_what_is_read_here(tmp_path: Path, text: str) -> None:
    file = tmp_path / "leg.yaml"
    file.write_text(text)
    expected = of_ros(file)
    assert typed(ours(file)) == typed(expected)
    assert (expected is None) == (text in REFUSED.values())


def test_a_section_inside_one_with_parameters(tmp_path: Path) -> None:
    file = tmp_path / "leg.yaml"
    file.write_text(
        "left_ankle: {ros__parameters: {a: 1}, imu_driver: {ros__parameters: {a: 2}, b: {ros__parameters: {a: 3}}}}\n"
    )
    if (expected := of_ros(file)) is None:
        pytest.skip("this ROS is Jazzy or older, whose rcl refuses a section inside one that has ros__parameters")
    assert typed(ours(file)) == typed(expected)


def test_scalars_have_the_types_that_rcl_gives_them(tmp_path: Path) -> None:
    file = tmp_path / "leg.yaml"
    lines = [f"    p{k}: {text.replace(',', ' ')}" for k, text in enumerate(SCALARS.split())]
    file.write_text("\n".join(["/**:", "  ros__parameters:", *lines, ""]))
    nodes = (("imu_driver", ""),)
    read, expected = ours(file, nodes), of_ros(file, nodes)
    assert expected is not None
    assert len(expected[0]) == len(SCALARS.split())
    assert typed(read) == typed(expected)


def test_an_empty_list_has_no_value(tmp_path: Path) -> None:
    file = tmp_path / "leg.yaml"
    file.write_text("/**: {ros__parameters: {none: [], some: {}}}\n")
    assert ours(file) == [{"none": None, "some": None}] * len(NODES)
    context = rclpy.Context()
    rclpy.init(args=["--ros-args", "--params-file", str(file)], context=context)
    node = Node("imu_driver", context=context)
    try:
        for name in ("none", "some"):
            node.declare_parameter(name, 1, ParameterDescriptor(dynamic_typing=True))
            assert node.get_parameter(name).value is None
    finally:
        node.destroy_node()
        context.try_shutdown()


@given(st.text(alphabet="0123456789xXeE+-._aAfFpPinNty", max_size=12))
def test_any_text_is_a_value(text: str) -> None:
    value = typed_scalar(text)
    assert isinstance(value, str) is (value == text)
    assert typed_scalar(text, quoted=True) == text
    if isinstance(value, float):
        assert math.isfinite(value) or text.lower().lstrip("+-.")[:3] in ("inf", "nan")


@given(st.text(alphabet="[]{}:,!&*/-#|>'\"% \n01ax.~?<", max_size=60))
def test_any_parameters_are_read_or_refused(text: str) -> None:
    for before in ("", "/**:\n  ros__parameters:\n    a: ", "/**: {ros__parameters: "):
        try:
            read_sections((before + text).encode())
        except DocumentError as error:
            assert "\n" not in str(error)  # noqa: PT017 - both outcomes are right


def test_a_section_that_no_node_takes_is_named(tmp_path: Path) -> None:
    sections: dict[str, dict[str, Value]] = {
        name: {} for name in ("/**", "/imu_drvier", "/left_ankle/*", "predictor", "/right_ankle/predictor")
    }
    assert untaken(sections, ["/left_ankle/"]) == ["/imu_drvier", "predictor", "/right_ankle/predictor"]
    assert untaken(sections, ["left_ankle", "right_ankle"]) == ["/imu_drvier", "predictor"]
    assert untaken(sections) == ["/imu_drvier", "/left_ankle/*", "/right_ankle/predictor"]
    assert not untaken_warning(tmp_path, {"/**": {}})
    assert "no node takes the sections /imu_drvier, predictor; the nodes in /left_ankle or /right_ankle are" in (
        untaken_warning(tmp_path, sections, ["left_ankle", "right_ankle"])
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 0.001), ("1", 1), ("'1'", "1"), ("[1, 2]", [1, 2]), ("[]", None), ("base", "base"), ("", None)],
)
def test_a_value_of_the_command_line_is_read_as_ros_reads_it(text: str, value: object) -> None:
    assert read_value(text) == value


@pytest.mark.parametrize("text", ["[1, a]", "{a: 1}", "[1", "a: 1"])
def test_what_is_no_value_is_refused(text: str) -> None:
    with pytest.raises(DocumentError, match="cannot be read: "):
        read_value(text)
