"""Reading YAML that anybody may have written: bounded in size, depth and in what its aliases expand to.

A few lines with aliases of aliases ("billion laughs") or deep brackets otherwise take all memory, or end in a
traceback: the manifests of a pull request are read in CI.
"""

import sys
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

try:
    # libyaml, which wheels of PyYAML and Debian's package bring: ten times as fast.
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]

MAX_BYTES = 16 * 1024 * 1024
"""Of a file: two thousand checks with their statuses, as `kubectl get -o yaml` prints them."""
MAX_VALUES = 1_000_000
"""Of a file."""
MAX_REPEATED = 100_000
"""Values that the aliases of a file make beyond those that stand there: each costs as if it did."""
MAX_DEPTH = 100
MAX_NUMBER = 100
"""Characters of a number. Python takes for ever to add up one in base 60 (`1:1:1:...`), and does not print
one of thousands of digits."""
MAX_NUMBER_KEYS = 1000
"""Of an object: Python finds a number by its remainder, which whoever chooses numbers can have collide."""
_MERGE = "tag:yaml.org,2002:merge"
_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})


class UnreadableYaml(ValueError):
    """The text is no YAML, or exceeds a bound; the message says where."""


class Loader(SafeLoader):
    """YAML 1.1 in which a key given twice is an error, and one that no JSON can have."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        numbers = 0
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue  # refused below
            if not isinstance(key, str | int | float | None):
                raise _mistake("a key that is neither text nor a number", key_node)
            numbers += isinstance(key, int | float)
            if numbers > MAX_NUMBER_KEYS:
                raise _mistake(f"more than {MAX_NUMBER_KEYS:,} numbers as keys of an object", key_node)
            if key in seen:
                raise _mistake(f"the key {key!r} appears twice", key_node)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        if node.tag in _NUMBERS and isinstance(node, yaml.ScalarNode) and len(node.value) > MAX_NUMBER:
            raise _mistake(f"a number of more than {MAX_NUMBER} characters", node)
        return super().construct_scalar(node)


def read_text(name: str) -> str:
    """Return what is in a file (`-`: standard input). Raises UnreadableYaml."""
    try:
        if name == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise UnreadableYaml(f"longer than {MAX_BYTES // 1024 // 1024} MiB")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableYaml(
            f"no UTF-8, byte {error.start} is wrong: convert it, as by iconv -t UTF-8"
        ) from error
    except OSError as error:
        raise UnreadableYaml(error.strerror or str(error)) from error


def documents(text: str, loader: type[Loader] = Loader) -> Iterator[Any]:
    """Yield the documents of a text. Raises UnreadableYaml."""
    try:
        _refuse_too_many(text, loader)
        reader, repeated = loader(text), 0
        while reader.check_node() and (node := reader.get_node()) is not None:
            known = dict[int, _Extent]()
            repeated += _extent(node, known).values - len(known)
            if repeated > MAX_REPEATED:
                raise _too_many_repeated()
            yield reader.construct_document(node)
    except yaml.YAMLError as error:
        said = str(error).replace('in "<unicode string>", ', "at ")
        raise UnreadableYaml(" ".join(said.split()) + _about_tabs(error, text)) from error
    except UnreadableYaml:
        raise
    except (ValueError, OverflowError, TypeError, AttributeError, LookupError) as error:
        # PyYAML lets through what Python says of a date or a number that cannot be, such as 2026-13-45, and
        # of a tag that its value does not fit, such as !!bool maybe.
        raise UnreadableYaml(f"a value that cannot be read: {error}") from error


def _about_tabs(error: yaml.YAMLError, text: str) -> str:
    """What else is to be said where a tab is what YAML cannot read."""
    mark = getattr(error, "problem_mark", None)
    lines = [] if mark is None else text.split("\n", mark.line + 1)
    if mark is None or mark.line >= len(lines):
        return ""
    line = lines[mark.line]
    indent = line[: len(line) - len(line.lstrip())]
    return ": YAML is indented by blanks, and this line by a tab" if "\t" in indent else ""


def _refuse_too_many(text: str, loader: type[Loader]) -> None:
    """Raise UnreadableYaml where a text has too many values, or too deep: before any takes memory."""
    reader = loader(text)
    count = depth = 0
    while reader.check_event():
        event = reader.get_event()
        if isinstance(event, yaml.NodeEvent):
            count += 1
            if count > MAX_VALUES:
                raise UnreadableYaml(f"line {_line(event)}: more than {MAX_VALUES:,} values: split the file")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise UnreadableYaml(f"line {_line(event)}: nested deeper than {MAX_DEPTH}")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _mistake(what: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, what, node.start_mark)


def _line(at: "yaml.Event | yaml.Node") -> int:
    return 1 + int(getattr(at.start_mark, "line", 0))


def _too_many_repeated() -> UnreadableYaml:
    return UnreadableYaml(f"aliases make more than {MAX_REPEATED:,} values beyond those that stand there")


class _Extent(NamedTuple):
    """What a node stands for, with all that its aliases do."""

    values: int
    depth: int


_COUNTING = _Extent(0, 0)
"""Of a node that is being looked at."""


def _extent(node: yaml.Node, known: dict[int, _Extent]) -> _Extent:
    """How much a node stands for; `known`: nodes that were looked at before."""
    before = known.get(id(node))
    if before is _COUNTING:
        raise UnreadableYaml(f"line {_line(node)}: an alias within what it stands for")
    if before is not None:
        return before
    known[id(node)] = _COUNTING
    if isinstance(node, yaml.MappingNode):
        parts = [part for pair in node.value for part in pair]
    else:
        parts = node.value if isinstance(node, yaml.SequenceNode) else []
    inner = [_extent(part, known) for part in parts]
    found = _Extent(
        1 + sum(each.values for each in inner), 1 + max((each.depth for each in inner), default=0)
    )
    if found.values > MAX_VALUES + MAX_REPEATED:
        raise _too_many_repeated()
    if found.depth > MAX_DEPTH + 1:  # with what is innermost
        raise UnreadableYaml(f"line {_line(node)}: nested deeper than {MAX_DEPTH}, with its aliases")
    known[id(node)] = found
    return found
