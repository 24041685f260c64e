"""Have functions of the operator raise by a plan: all of them, wherever they are called from."""

import functools
import importlib
import inspect
import pkgutil
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any

import ipsecping_operator

PACKAGE = "ipsecping_operator."
AREAS = (
    "verdict",
    "status",
    "check",
    "report",
    "reconcile",
    "cache",
    "collect",
    "compile",
    "app.filing",
    "app.sweep_loop",
    "app.watchdog",
)
"""Packages and modules whose functions can be made to raise."""
NOT_OURS = ("collect.result_reader",)
"""What is simulated instead."""
ATTRIBUTES = ("check.",)
"""Where a property does nothing but give an attribute, which is no call that could raise."""


def errors() -> tuple[Exception, ...]:
    """One of each kind that a program meets."""
    return (
        KeyError("lost"),
        ValueError("year 10000 is out of range"),
        RecursionError("maximum recursion depth exceeded"),
        MemoryError(),
        OverflowError("int too large"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
        TimeoutError(),
        AssertionError(),
    )


class Plan:
    """Which calls raise. At first none."""

    def __init__(self) -> None:
        self.called: set[str] = set()
        """The functions that were called while calls were noted."""
        self.raised = 0
        self.fails: Callable[[str], bool]
        """Asked at each call, hundreds of thousands of times: whether it raises."""
        self._chances = dict[str, random.Random]()
        """Of each function its own, so that a call more of one changes nothing for another."""
        self._seed = 0
        self.never()

    def never(self) -> None:
        """All is well again."""
        self.fails = frozenset[str]().__contains__

    def note(self) -> None:
        """No call raises; which functions are called is kept."""
        self.fails = self._note

    def always(self, name: str) -> None:
        """Each call of this function raises."""
        self._chances.clear()
        self.fails = name.__eq__

    def now_and_then(self, chance: float, *, seed: int) -> None:
        """A call of any function raises with this probability, decided by the seed, its name and how many
        calls of it there were before."""
        self._chances.clear()
        self._seed = seed
        self.fails = lambda name: self._chance(name).random() < chance

    def error(self, name: str) -> Exception:
        """What a call of this function that fails raises: one kind after the other, in no order."""
        self.raised += 1
        return self._chance(name).choice(errors())

    def _chance(self, name: str) -> random.Random:
        found = self._chances.get(name)
        if found is None:
            found = self._chances[name] = random.Random(f"{self._seed} {name}")
        return found

    def _note(self, name: str) -> bool:
        self.called.add(name)
        return False


@contextmanager
def sabotaged(plan: Plan) -> Iterator[None]:
    """Inside, the plan is asked at each call of a function of `AREAS`."""
    undo: list[tuple[Any, str, Any]] = []
    functions: dict[int, Any] = {}
    for module in _modules():
        short = module.__name__.removeprefix(PACKAGE)
        for name, found in vars(module).items():
            if getattr(found, "__module__", None) != module.__name__:
                continue
            if isinstance(found, FunctionType):
                functions[id(found)] = _wrapped(found, f"{short}.{name}", plan)
            elif inspect.isclass(found) and not issubclass(found, BaseException):
                undo += _methods(found, f"{short}.{name}", plan)
    for importing in [module for name, module in sys.modules.items() if name.startswith(PACKAGE)]:
        for name, found in list(vars(importing).items()):
            if id(found) in functions:
                undo.append((importing, name, found))
                setattr(importing, name, functions[id(found)])
    try:
        yield
    finally:
        for owner, name, value in reversed(undo):
            setattr(owner, name, value)


def _methods(found: type, name: str, plan: Plan) -> Iterator[tuple[Any, str, Any]]:
    """Replace them; each with what it was."""
    for attribute, held in list(vars(found).items()):
        wrapped = None if attribute.startswith("__") else _of_class(held, f"{name}.{attribute}", plan)
        if wrapped is not None:
            setattr(found, attribute, wrapped)
            yield found, attribute, held


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(ipsecping_operator.__path__, PACKAGE):
        short = found.name.removeprefix(PACKAGE)
        if _in_area(short) and short not in NOT_OURS:
            yield importlib.import_module(found.name)


def _in_area(module: str) -> bool:
    return any(module == area or module.startswith(f"{area}.") for area in AREAS)


def _of_class(held: Any, name: str, plan: Plan) -> Any:
    if isinstance(held, FunctionType):
        return _wrapped(held, name, plan)
    if isinstance(held, staticmethod | classmethod):
        return type(held)(_wrapped(held.__func__, name, plan))
    if isinstance(held, property) and isinstance(held.fget, FunctionType) and not name.startswith(ATTRIBUTES):
        return property(_wrapped(held.fget, name, plan))
    return None


def _wrapped(function: Callable[..., Any], name: str, plan: Plan) -> Any:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def later(*args: Any, **kwargs: Any) -> Any:
            if plan.fails(name):
                raise plan.error(name)
            return await function(*args, **kwargs)

        return later

    @functools.wraps(function)
    def now(*args: Any, **kwargs: Any) -> Any:
        if plan.fails(name):
            raise plan.error(name)
        return function(*args, **kwargs)

    return now
