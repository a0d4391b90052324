"""What our code takes from rclpy is there on Humble, for which there are no wheels: checked against a list of names.

What can be told from the source is told: imports, names of modules and classes, the arguments of functions and classes
that are called by name, and of methods by the name of the method. What an object of unknown type is asked for is
compared with what is new since Humble.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import rclpy
from rigs.api_list import Api, lines_of, read_list
from rigs.repository import REPOSITORY

HUMBLE = read_list((Path(__file__).parent / "humble" / "rclpy.txt").read_text())
INSTALLED = read_list("\n".join(lines_of(Path(rclpy.__file__).parent)))
PLACES = ("ankle_imu_driver", "ankle_predictor", "examples", "launch")
FILES = sorted(file for place in PLACES for file in (REPOSITORY / place).rglob("*.py"))


def members(api: Api) -> set[str]:
    return {name.rpartition(".")[2] for name in api.names if name.rpartition(".")[0] in api.classes}


# Of names that are one plain word, such as topic or version, nothing can be told: other objects have them, too.
NEWER = {name for name in members(INSTALLED) - {name.rpartition(".")[2] for name in HUMBLE.names} if "_" in name}
METHODS = {
    name: [full for full in HUMBLE.functions if full.endswith(f".{name}") and full.rpartition(".")[0] in HUMBLE.classes]
    for name in (
        {full.rpartition(".")[2] for full in HUMBLE.functions if full.startswith("rclpy.node.Node.")}
        | {"spin_once", "wait_for_ready_callbacks", "add_node", "remove_node", "send_goal_async", "cancel_goal_async"}
        | {"publish_feedback", "set_ros_time_override", "spin_until_future_complete", "wait_for_server"}
    )
}


class Reader(ast.NodeVisitor):
    """Collects what a file asks of rclpy and Humble does not have."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._names: dict[str, str] = {}
        self._bases: list[str] = []

    def visit_Try(self, node: ast.Try) -> None:
        """Of an import and its replacement on another distribution, one has to be there."""
        replacement = [handler for handler in node.handlers if "ImportError" in ast.dump(handler.type or node)]
        if not replacement:
            self.generic_visit(node)
            return
        branches = [node.body, *(handler.body for handler in replacement)]
        readers = []
        for branch in branches:
            reader = Reader()
            reader._names = dict(self._names)
            for statement in branch:
                reader.visit(statement)
            readers.append(reader)
        best = min(readers, key=lambda reader: len(reader.problems))
        self.problems += best.problems
        self._names |= best._names

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name.split(".")[0] == "rclpy":
                self._names[alias.asname or "rclpy"] = alias.name if alias.asname else "rclpy"
                self._need(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module and node.module.split(".")[0] == "rclpy" and not node.level:
            for alias in node.names:
                self._names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                self._need(f"{node.module}.{alias.name}", node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        before, self._bases = self._bases, [name for base in node.bases if (name := self._full(base))]
        self.generic_visit(node)
        self._bases = before

    def visit_Attribute(self, node: ast.Attribute) -> None:
        full = self._full(node)
        if full:
            self._need(full, node)
        elif node.attr in NEWER:
            self.problems.append(f"line {node.lineno}: {node.attr} is newer than Humble")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        called = self._called(node.func)
        if called and all(self._misfit(full, node) for full in called):
            self.problems.append(f"line {node.lineno}: {called[0]} {self._misfit(called[0], node)}")

    def _called(self, function: ast.expr) -> list[str]:
        """Return the functions of rclpy that a call may mean, none if it is not one of rclpy's."""
        full = self._full(function)
        if full:
            full = HUMBLE.resolved(full)
            init = HUMBLE.member(full, "__init__") if full in HUMBLE.classes else full
            return [init] if init in HUMBLE.functions else []
        if not isinstance(function, ast.Attribute):
            return []
        if ast.dump(function.value) == ast.dump(ast.parse("super()").body[0].value):  # type: ignore[attr-defined]
            found = (HUMBLE.member(base, function.attr) for base in self._bases)
            return [name for name in found if name in HUMBLE.functions][:1]
        return METHODS.get(function.attr, [])

    @staticmethod
    def _misfit(full: str, call: ast.Call) -> str:
        """Return why a call does not fit a function, empty if it does."""
        parameters = HUMBLE.functions[full]
        keywords = {keyword.arg for keyword in call.keywords if keyword.arg}
        if not any(parameter.startswith("**") for parameter in parameters) and (unknown := keywords - set(parameters)):
            return f"has no argument {', '.join(sorted(unknown))} on Humble"
        places = [parameter for parameter in parameters if not parameter.startswith("**")]
        ends = [k for k, parameter in enumerate(places) if parameter.startswith("*")]
        plain = [argument for argument in call.args if not isinstance(argument, ast.Starred)]
        if len(plain) > (ends[0] if ends else len(places)) and not (ends and places[ends[0]] != "*"):
            return f"takes fewer than {len(plain)} arguments on Humble"
        return ""

    def _full(self, node: ast.expr) -> str:
        """Return the full name of what is written, empty if it does not come from rclpy."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id, "")
        if isinstance(node, ast.Attribute):
            head = self._full(node.value)
            return f"{head}.{node.attr}" if head else ""
        return ""

    def _need(self, full: str, node: ast.stmt | ast.expr) -> None:
        head, _, name = full.rpartition(".")
        resolved = HUMBLE.resolved(full)
        is_module = any(other.startswith(f"{full}.") for other in HUMBLE.names)
        is_there = resolved in HUMBLE.names or is_module or HUMBLE.member(head, name) is not None
        if not is_there and (HUMBLE.resolved(head) in HUMBLE.classes or head.split(".")[0] == "rclpy"):
            self.problems.append(f"line {node.lineno}: {full} is not there on Humble")


def problems(source: str) -> list[str]:
    reader = Reader()
    reader.visit(ast.parse(source))
    return reader.problems


def test_all_that_our_code_takes_from_rclpy_is_there_on_humble() -> None:
    found = {str(file.relative_to(REPOSITORY)): problems(file.read_text()) for file in FILES}
    assert {name: lines for name, lines in found.items() if lines} == {}
    assert sum("rclpy" in file.read_text() for file in FILES) > 10


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("import rclpy.event_handler", "rclpy.event_handler is not there"),
        ("from rclpy.event_handler import PublisherEventCallbacks", "is not there"),
        ("from rclpy.executors import SingleThreadedExecutor, EventsExecutor", "EventsExecutor is not there"),
        ("import rclpy\nrclpy.get_rmw_implementation_identifier()\nrclpy.nonsense()", "rclpy.nonsense is not there"),
        ("from rclpy.clock import ClockType\nClockType.MONOTONIC", "MONOTONIC is not there"),
        ("from rclpy.duration import Duration\nDuration(milliseconds=1)", "has no argument milliseconds"),
        ("import rclpy\nrclpy.init(args=[], context=None, quiet=True)", "has no argument quiet"),
        ("from rclpy.node import Node\nNode('a', enable_logger_service=True)", "has no argument enable_logger_service"),
        ("from rclpy.lifecycle import LifecycleNode\nLifecycleNode('a', 'b')", "takes fewer than 2 arguments"),
        ("node.create_timer(1.0, work, autostart=False)", "has no argument autostart"),
        ("node.create_subscription(A, 'b', c, 1, content_filter_options=d)", "has no argument content_filter_options"),
        ("node.add_post_set_parameters_callback(work)", "is newer than Humble"),
        ("client.configure_introspection(a, b, c)", "is newer than Humble"),
        (
            "from rclpy.node import Node\nclass A(Node):\n def b(self):\n  super().create_service(A, 'b', c, depth=1)",
            "has no argument depth",
        ),
        ("try:\n from rclpy.a import A\nexcept ImportError:\n from rclpy.b import A", "is not there"),
    ],
)
def test_what_humble_does_not_have_is_found(source: str, sentence: str) -> None:
    assert any(sentence in problem for problem in problems(source)), problems(source)


@pytest.mark.parametrize(
    "source",
    [
        "from rclpy.qos_event import PublisherEventCallbacks",
        "try:\n import rclpy.newer\nexcept ImportError:\n from rclpy.qos_event import PublisherEventCallbacks",
        "from rclpy.signals import SignalHandlerOptions\nSignalHandlerOptions.NO",
        "from rclpy.lifecycle import TransitionCallbackReturn\nTransitionCallbackReturn.SUCCESS",
        "from rclpy.parameter import Parameter\nParameter('a', value=1)\nParameter.Type.DOUBLE",
        "import rclpy\nrclpy.init(args=None, domain_id=3)\nrclpy.create_node('a', enable_rosout=False)",
        "from rclpy.lifecycle import LifecycleNode\nLifecycleNode('a', namespace='b')",
        "node.create_timer(1.0, work, clock=clock)",
    ],
)
def test_what_humble_has_is_not_complained_of(source: str) -> None:
    assert problems(source) == []
