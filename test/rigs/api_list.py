"""Lists the public names of a Python package from its source, without importing it, and reads such a list again.

    python test/rigs/api_list.py CHECKOUT/rclpy > test/humble/rclpy.txt

One line for each name: ``class module.Name(Base, ...)``, ``def module.name(parameter, ...)``,
``def module.Class.name(...)``, ``name module.NAME``, and ``alias module.Name other.module.Name`` for what a module
takes from another one. Parameters that only a keyword reaches come after a ``*``. What pybind11 binds in ``src/`` is
listed below ``_rclpy``.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

IMPLEMENTATION = "rclpy.impl.implementation_singleton.rclpy_implementation"
BOUND = re.compile(
    r'py::(?:class_|enum_)<[^;]*?>\s*\(\s*\w+,\s*"(\w+)"(.*?)(?=py::class_|py::enum_|\bm\.def|\Z)', re.DOTALL
)
MEMBER = re.compile(r'\.(?:value|def|def_property|def_property_readonly|def_readonly)\(\s*"(\w+)"')
EXCEPTION = re.compile(r'register_exception<[^;]*?>\s*\(\s*\w+,\s*"(\w+)"')
FUNCTION = re.compile(r'\bm\.def\(\s*"(\w+)"')


@dataclass
class Api:
    """What a package has.

    Attributes:
        functions: parameters by the full name of a function or method; ``*`` and ``**`` stand for any.
        classes: full names of the bases by that of a class.
        names: everything that has a full name.
        aliases: the full name of what a name stands for.
    """

    functions: dict[str, list[str]] = field(default_factory=dict)
    classes: dict[str, list[str]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    aliases: dict[str, str] = field(default_factory=dict)

    def resolved(self, name: str) -> str:
        """Return what a full name stands for."""
        for _ in range(20):
            head, _, tail = name.rpartition(".")
            if name in self.aliases:
                name = self.aliases[name]
            elif head and (meant := self.resolved(head)) != head:
                name = f"{meant}.{tail}"
            else:
                break
        return name

    def member(self, kind: str, name: str) -> str | None:
        """Return the full name of a member of a class or of its bases, None if there is none."""
        kind = self.resolved(kind)
        if f"{kind}.{name}" in self.names:
            return f"{kind}.{name}"
        found = (self.member(base, name) for base in self.classes.get(kind, []))
        return next((member for member in found if member), None)


def read_list(text: str) -> Api:
    """Read the lines that ``lines_of`` wrote; those that begin with ``#`` are remarks."""
    api = Api()
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if not line or kind == "#":
            continue
        name, _, inside = rest.partition("(")
        parts = [part for part in inside.rstrip(")").split(", ") if part]
        if kind == "alias":
            name, target = rest.split()
            api.aliases[name] = target
        elif kind == "def":
            api.functions[name] = parts
        elif kind == "class":
            api.classes[name] = parts
        api.names.add(name)
    return api


def lines_of(package: Path) -> Iterator[str]:
    """List a package: the folder that has its modules, and ``src/`` beside it for what is bound from C++."""
    for file in sorted(package.rglob("*.py")):
        parts = list(file.relative_to(package.parent).with_suffix("").parts)
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        yield from _module(module, is_package, ast.parse(file.read_text()).body)
    bound = (file.read_text() for file in sorted((package.parent / "src").rglob("*.cpp")))
    yield from _bound("\n".join(bound))


def _module(module: str, is_package: bool, body: Iterable[ast.stmt]) -> Iterator[str]:
    names: dict[str, str] = {}
    for node in _flat(body):
        if isinstance(node, ast.ImportFrom):
            parent = module.split(".")[: -node.level + is_package or None] if node.level else []
            source = ".".join([*parent, *([node.module] if node.module else [])])
            for alias in node.names:
                target = f"{source}.{alias.name}".replace(IMPLEMENTATION, "_rclpy")
                names[alias.asname or alias.name] = target
                if source.startswith("rclpy"):
                    yield f"alias {module}.{alias.asname or alias.name} {target}"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"def {module}.{node.name}({', '.join(_parameters(node.args))})"
        elif isinstance(node, ast.ClassDef):
            bases = [_target(base, names, module) for base in node.bases]
            yield f"class {module}.{node.name}({', '.join(filter(None, bases))})"
            yield from _class(f"{module}.{node.name}", node)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    meant = _target(node.value, names, module) if isinstance(node.value, ast.Attribute) else ""
                    yield f"alias {module}.{target.id} {meant}" if meant else f"name {module}.{target.id}"


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a body, and those in its conditions."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from _flat([*node.body, *node.orelse])


def _class(name: str, node: ast.ClassDef) -> Iterator[str]:
    seen = set[str]()
    for member in _flat(node.body):
        if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) and member.name not in seen:
            if member.name.startswith("_") and member.name != "__init__":
                continue
            seen.add(member.name)
            kinds = {decorator.id for decorator in member.decorator_list if isinstance(decorator, ast.Name)}
            parameters = list(_parameters(member.args))[0 if "staticmethod" in kinds else 1 :]
            if "property" in kinds:
                yield f"name {name}.{member.name}"
            else:
                yield f"def {name}.{member.name}({', '.join(parameters)})"
            if member.name == "__init__":
                yield from (f"name {name}.{attribute}" for attribute in _attributes(member))
        elif isinstance(member, ast.Assign | ast.AnnAssign):
            for target in member.targets if isinstance(member, ast.Assign) else [member.target]:
                if isinstance(target, ast.Name) and not target.id.startswith("_"):
                    yield f"name {name}.{target.id}"
        elif isinstance(member, ast.ClassDef):
            yield f"class {name}.{member.name}()"
            yield from _class(f"{name}.{member.name}", member)


def _attributes(init: ast.AST) -> Iterator[str]:
    """Yield the public attributes that ``__init__`` gives an object."""
    for node in ast.walk(init):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and not node.attr.startswith("_"):
            yield node.attr


def _parameters(args: ast.arguments) -> Iterator[str]:
    yield from (argument.arg for argument in [*args.posonlyargs, *args.args])
    if args.vararg:
        yield f"*{args.vararg.arg}"
    elif args.kwonlyargs:
        yield "*"
    yield from (argument.arg for argument in args.kwonlyargs)
    if args.kwarg:
        yield f"**{args.kwarg.arg}"


def _target(node: ast.expr, names: dict[str, str], module: str) -> str:
    """Return the full name of a base class or of what is assigned, empty where it is something else."""
    if isinstance(node, ast.Subscript):
        return _target(node.value, names, module)
    if isinstance(node, ast.Attribute):
        head = _target(node.value, names, module)
        return f"{head}.{node.attr}" if head else ""
    return names.get(node.id, f"{module}.{node.id}") if isinstance(node, ast.Name) else ""


def _bound(source: str) -> Iterator[str]:
    for kind, rest in BOUND.findall(source):
        yield f"class _rclpy.{kind}()"
        yield from (f"name _rclpy.{kind}.{member}" for member in dict.fromkeys(MEMBER.findall(rest)))
    yield from (f"name _rclpy.{name}" for name in (*EXCEPTION.findall(source), *FUNCTION.findall(source)))
    if source:
        yield f"alias {IMPLEMENTATION} _rclpy"


if __name__ == "__main__":
    print("\n".join(dict.fromkeys(lines_of(Path(sys.argv[1])))))
