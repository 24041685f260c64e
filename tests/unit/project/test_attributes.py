"""Every attribute of an object is there once it is made: none comes into being outside of `__init__`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from ...docs.documents import ROOT

PACKAGE = ROOT / "operator/ipsecping_operator"

Functions = ast.FunctionDef | ast.AsyncFunctionDef


def late_attributes(source: str) -> list[str]:
    """What methods assign to `self` that neither the class nor `__init__` declares, as `Class.attribute`.

    Base classes of the same source are looked into as well.
    """
    classes = {each.name: each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.ClassDef)}
    late = set[str]()
    for each in classes.values():
        known = declared(each, classes)
        late |= {
            f"{each.name}.{name}"
            for method in methods(each)
            if method.name not in ("__init__", "__new__")
            for name in assigned(method)
            if name not in known
        }
    return sorted(late)


def declared(each: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> set[str]:
    """Fields of the class and what its `__init__` assigns; those of its bases too."""
    names = set[str]()
    for statement in each.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            names.add(statement.target.id)
    for method in methods(each):
        if method.name == "__init__":
            names |= set(assigned(method))
        if any(isinstance(one, ast.Attribute) and one.attr == "setter" for one in method.decorator_list):
            names.add(method.name)
    for base in each.bases:
        if isinstance(base, ast.Name) and base.id in classes and base.id != each.name:
            names |= declared(classes[base.id], classes)
    return names


def methods(each: ast.ClassDef) -> list[Functions]:
    return [one for one in each.body if isinstance(one, Functions)]


def assigned(method: Functions) -> Iterator[str]:
    """Attributes of the method's first argument that are stored to, however that is written."""
    static = any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in method.decorator_list)
    if static or not method.args.args:
        return
    me = method.args.args[0].arg
    for node in ast.walk(method):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and node.value.id == me
        ):
            yield node.attr
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr":
            yield ast.unparse(node)


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_no_attribute_comes_into_being_outside_of_init(path: Path) -> None:
    assert late_attributes(path.read_text()) == []


@pytest.mark.parametrize(
    "statement",
    [
        "self.late = 1",
        "self.late: int = 1",
        "self.late += 1",
        "self.late, other = 1, 2",
        "for self.late in range(3): pass",
        "with open('x') as self.late: pass",
        "[self.late] = (1,)",
    ],
)
def test_whatever_way_it_is_written(statement: str) -> None:
    source = (
        f"class Thing:\n def __init__(self): self.made = 1\n def later(self):\n  self.made = 2\n  {statement}"
    )
    assert late_attributes(source) == ["Thing.late"]


def test_fields_and_those_of_bases_are_declared() -> None:
    source = """
class Base:
    def __init__(self):
        self.one = 1
class Thing(Base):
    two: int = 2
    def later(self):
        self.one = self.two = 3
"""
    assert late_attributes(source) == []
