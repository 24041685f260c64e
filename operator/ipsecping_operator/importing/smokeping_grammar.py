"""Reading SmokePing's configuration: sections within sections, `name = value`, tables.

The format is that of Perl's Config::Grammar: `*** Section ***`, `+ Subsection`, `++ Subsubsection`; `#`
begins a comment, a backslash at the end of a line continues it, `@define` is substituted, `@include` names a
file.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from .outcome import CannotImport

MAX_DEPTH = 32
MAX_LINE = 8192
MAX_DEFINES = 20
MAX_INCLUDES = 32
"""Files that include one another, one in the next."""
MAX_SECTIONS = 20_000
MAX_VARIABLES = 200
"""Of a section: each section below it is given all of them."""
_SUBSECTION = re.compile(r"(\++)\s*(.*)")
_INCLUDE = re.compile(r"@include\s+[\"']?(.*?)[\"']?")
_DEFINE = re.compile(r"@define\s+(\S+)\s+(.*)")
_VARIABLE = re.compile(r"(\S+?)\s*=\s*(.*)")


@dataclass(slots=True)
class Section:
    """A section with what is in it."""

    name: str
    place: str
    """File and line."""
    variables: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    """Lines of tables."""
    sections: list["Section"] = field(default_factory=list)


@dataclass(slots=True)
class Configuration:
    """What is in all files."""

    root: Section = field(default_factory=lambda: Section("", ""))
    unread: list[tuple[str, str]] = field(default_factory=list)
    """Files that an @include names and that are not given: the place, and the name."""

    def section(self, name: str) -> Section:
        """A top section, empty where there is none."""
        found = [each for each in self.root.sections if each.name == name]
        if len(found) < 2:
            return found[0] if found else Section(name, "")
        merged = Section(name, found[0].place)
        for each in found:
            merged.variables |= each.variables
            merged.rows += each.rows
            merged.sections += each.sections
        return merged


def read(texts: Mapping[str, str]) -> Configuration:
    """Read files (text by name) as one configuration, in their order. Raises CannotImport.

    What an @include names is read in its place where a given file has that name, whatever its folder.
    """
    reader = _Reader(texts)
    for name in texts:
        reader.read(name)
    # Files that include one another in a circle are in nobody's place.
    for name in texts:
        reader.read(name, included=True)
    return reader.found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines without comments, continued ones joined, each with its number; one too long is cut short."""
    waiting: list[str] = []
    first, length = 0, 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not waiting:
            line = line.partition("#")[0].rstrip()
            first = number
        continues = line.endswith("\\") and length <= MAX_LINE
        waiting.append(line.removesuffix("\\") if continues else line)
        length += len(line)
        if not continues:
            joined = " ".join(waiting).strip()
            waiting, length = [], 0
            if joined:
                yield first, joined
    if waiting:
        yield first, " ".join(waiting).strip()


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How many of the last parts of two paths are the same."""
    number = 0
    for mine, its in zip(reversed(one), reversed(other), strict=False):
        if mine != its:
            break
        number += 1
    return number


class _Reader:
    def __init__(self, texts: Mapping[str, str]) -> None:
        self.found = Configuration()
        self._texts = texts
        self._included = self._names_of_included()
        self._waiting = set(texts)
        """Files that are not read yet: none is read twice, whoever includes it."""
        self._stack = [self.found.root]
        self._sections, self._within = 0, 0
        self._defines: dict[str, str] = {}

    def _names_of_included(self) -> set[str]:
        """Given files that others include: they are read there, not where they stand in the order."""
        named = {
            PurePosixPath(matched[1]).name
            for text in self._texts.values()
            for _, line in _lines(text)
            if len(line) <= MAX_LINE and (matched := _INCLUDE.fullmatch(line))
        }
        return {name for name in self._texts if PurePosixPath(name).name in named}

    def read(self, name: str, *, included: bool = False) -> None:
        """Read one file, unless that is done or its place is elsewhere."""
        if name not in self._waiting or (name in self._included and not included):
            return
        self._waiting.remove(name)
        self._within += 1
        for number, line in _lines(self._texts[name]):
            place = f"{name} line {number}"
            if len(line) > MAX_LINE:
                raise CannotImport(f"{place}: longer than {MAX_LINE} characters")
            self._take(line, place)
        self._within -= 1

    def _take(self, line: str, place: str) -> None:
        if matched := _INCLUDE.fullmatch(line):
            self._include(matched[1], place)
            return
        if matched := _DEFINE.fullmatch(line):
            if len(self._defines) >= MAX_DEFINES:
                raise CannotImport(f"{place}: more than {MAX_DEFINES} definitions")
            self._defines[matched[1]] = matched[2]
            return
        for name, value in self._defines.items():
            if len(line) + line.count(name) * len(value) > MAX_LINE:
                raise CannotImport(f"{place}: longer than {MAX_LINE} characters with its definitions")
            line = line.replace(name, value)
        self._keep(line, place)

    def _keep(self, line: str, place: str) -> None:
        if line.startswith("***") and line.endswith("***"):
            self._enter(line.strip("*").strip(), 1, place)
        elif matched := _SUBSECTION.fullmatch(line):
            self._enter(matched[2], len(matched[1]) + 1, place)
        elif len(self._stack) == 1:
            raise CannotImport(f"{place}: stands in no section: this is no configuration of SmokePing")
        elif (matched := _VARIABLE.fullmatch(line)) and not line.startswith(("'", '"')):
            variables = self._stack[-1].variables
            if len(variables) >= MAX_VARIABLES:
                raise CannotImport(f"{place}: more than {MAX_VARIABLES} options in a section")
            variables[matched[1]] = matched[2]
        else:
            self._stack[-1].rows += 1

    def _include(self, path: str, place: str) -> None:
        wanted = PurePosixPath(path).parts
        alike = [each for each in self._texts if PurePosixPath(each).parts[-1:] == wanted[-1:]]
        # Folders may be others than where SmokePing has the files: the more of them are the same, the better.
        name = max(alike, key=lambda each: _common(PurePosixPath(each).parts, wanted), default=None)
        if name is None:
            self.found.unread.append((place, path))
        elif self._within > MAX_INCLUDES:
            raise CannotImport(f"{place}: more than {MAX_INCLUDES} files within one another")
        else:
            self.read(name, included=True)

    def _enter(self, name: str, level: int, place: str) -> None:
        if level > len(self._stack):
            raise CannotImport(f"{place}: {name[:60]!r} is deeper than one level below the section before it")
        if level > MAX_DEPTH:
            raise CannotImport(f"{place}: more than {MAX_DEPTH} sections within one another")
        self._sections += 1
        if self._sections > MAX_SECTIONS:
            raise CannotImport(f"{place}: more than {MAX_SECTIONS} sections: import it in parts")
        del self._stack[level:]
        made = Section(name, place)
        self._stack[-1].sections.append(made)
        self._stack.append(made)
