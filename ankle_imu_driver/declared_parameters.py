"""Declares a node's parameters with meaning and range, and refuses what they cannot be, whenever it is set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from ankle_imu_driver.parameter_spec import ParameterSpec
from ankle_imu_driver.refusal import Refusal


class DeclaredParameters:
    """The parameters of one node.

    A wrong value that was given at the start does not end the node: the parameter keeps its default, and
    ``check_start`` refuses until it is set right. All parameters are typed dynamically: only so a number may be given
    as ``1``, and a refusal is our sentence. Their types are checked here.
    """

    def __init__(self, node: Node) -> None:
        """Take a node without parameters of its own."""
        self._node = node
        self._specs: dict[str, ParameterSpec] = {}
        self._wrong: dict[str, str] = {}
        self._in_use: Callable[[], bool] = lambda: False
        self._apply: Callable[[Mapping[str, Any]], None] = lambda _changes: None
        self._is_following = False
        self._refusal = ""
        node.add_on_set_parameters_callback(self._consider)

    def declare(self, specs: Iterable[ParameterSpec]) -> None:
        """Declare parameters, with the values that were given at the start where these can be used."""
        for spec in specs:
            self._specs[spec.name] = spec
            self._refusal = ""
            try:
                self._node.declare_parameter(spec.name, spec.default, _descriptor(spec))
            except ParameterException:
                self._node.declare_parameter(spec.name, spec.default, _descriptor(spec), ignore_override=True)
            if spec.bounds is not None:  # only now: rclpy judges a range before it asks ``_consider``, in its own words
                self._node.set_descriptor(spec.name, _with_range(_descriptor(spec), spec, *spec.bounds))
            if self._refusal:
                self._wrong[spec.name] = self._refusal

    def guard(self, in_use: Callable[[], bool], apply: Callable[[Mapping[str, Any]], None] | None = None) -> None:
        """Refuse changes while ``in_use`` returns True, but for the live ones, which ``apply`` is given.

        Args:
            in_use: whether the node is configured.
            apply: takes checked values by name; it may raise a ``Refusal``.
        """
        self._in_use, self._apply = in_use, apply or self._apply

    def check_start(self) -> None:
        """Refuse to work with values that were given at the start and cannot be used.

        Raises:
            Refusal: a sentence for each of them.
        """
        if self._wrong:
            raise Refusal(f"{'; '.join(self._wrong.values())} (given at the start; set it right, then configure)")

    def value(self, name: str) -> Any:
        """Return a parameter's value in its own type."""
        return self._specs[name].checked(self._node.get_parameter(name).value)

    def follow(self, name: str, value: Any) -> None:
        """Set a parameter to what the node itself has come to use, even while it is configured."""
        self._is_following = True
        try:
            self._node.set_parameters([Parameter(name, value=value)])
        finally:
            self._is_following = False

    def _consider(self, parameters: list[Parameter[Any]]) -> SetParametersResult:
        try:
            self._check({parameter.name: parameter.value for parameter in parameters})
        except Refusal as refusal:
            self._refusal = str(refusal)
            return SetParametersResult(successful=False, reason=self._refusal)
        return SetParametersResult(successful=True)

    def _check(self, given: Mapping[str, Any]) -> None:
        changes = {name: self._specs[name].checked(value) for name, value in given.items() if name in self._specs}
        if self._in_use() and not self._is_following:
            if locked := sorted(name for name in changes if not self._specs[name].is_live):
                name = self._node.get_name()
                raise Refusal(f"{', '.join(locked)} cannot change while {name} is configured; clean it up first")
            if changes:
                self._apply(changes)
        for name in changes:
            self._wrong.pop(name, None)


def _descriptor(spec: ParameterSpec) -> ParameterDescriptor:
    return ParameterDescriptor(
        description=spec.meaning,
        additional_constraints=spec.constraints,
        read_only=spec.is_fixed,
        dynamic_typing=True,
    )


def _with_range(descriptor: ParameterDescriptor, spec: ParameterSpec, low: float, high: float) -> ParameterDescriptor:
    if isinstance(spec.default, int):
        descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
    else:
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    return descriptor
