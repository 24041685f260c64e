"""What an import brings: checks that are valid, and by name each thing that they leave behind."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import yaml

from ipsecping.printable import printable
from ipsecping_operator.api.names import API_VERSION, KIND
from ipsecping_operator.api.validation import InvalidModel
from ipsecping_operator.compile import InvalidSpec
from ipsecping_operator.compile.offline import compile_manifest
from ipsecping_operator.permission import Permissions

MAX_CHECKS = 2000
MAX_TRIED = 2 * MAX_CHECKS
"""Targets, with those that our rules refuse."""
MAX_CHARACTERS = 4 * 1024 * 1024
"""Of all files together."""
MAX_NOTES = 5000
MAX_NOTE = 300
"""Characters of one."""
FEW_NOTES = 8
"""Of a check; of more, those that an earlier check has too are counted: a module may leave hundreds behind,
and thousands of targets name it."""
_MAX_NAME = 50
_LOCAL = ("localhost", "ip6-localhost")
_WHOEVER_ASKS = (
    "target: is whoever asks, so for a prober its pod, and not permitted: name the host as others reach it"
)
_UID = "00000000-0000-0000-0000-000000000000"


class CannotImport(ValueError):
    """Nothing of it can be imported; the message names file and line where it can."""


@dataclass(frozen=True, slots=True)
class ImportedCheck:
    """A valid check."""

    manifest: Mapping[str, Any]
    source: str
    """Where it comes from, such as `Targets/Office/hq`."""
    title: str = ""
    """What people called it there."""
    notes: tuple[str, ...] = ()
    """What of its source it does not have."""


@dataclass(slots=True)
class Outcome:
    """The result of an import, as it grows."""

    namespace: str | None = None
    checks: list[ImportedCheck] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    """What no check has, each once, in order."""
    _names: set[str] = field(default_factory=set)
    _told: dict[str, str] = field(default_factory=dict)
    """Notes of checks, each with the first check that has it."""

    def note(self, text: str) -> None:
        """Name a thing that belongs to no one check, once. Raises CannotImport."""
        if len(self.notes) >= MAX_NOTES:
            raise CannotImport(f"more than {MAX_NOTES} things cannot be carried over: import it in parts")
        self.notes[one_line(text)] = None

    def add(self, source: str, spec: Mapping[str, Any], notes: list[str], **more: Any) -> None:
        """Take a check in; where our own rules refuse it, it is named instead. Raises CannotImport.

        `more`: `title`, and `labels` of its metadata.
        """
        if len(self.checks) >= MAX_CHECKS:
            raise CannotImport(f"more than {MAX_CHECKS} checks: import it in parts")
        if len(self._names) >= MAX_TRIED:
            raise CannotImport(f"more than {MAX_TRIED} targets, most of them invalid: import it in parts")
        metadata: dict[str, Any] = {"name": self._name(source)}
        if self.namespace is not None:
            metadata["namespace"] = self.namespace
        if more.get("labels"):
            metadata["labels"] = more["labels"]
        manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
        permissions = Permissions()
        try:
            check = permissions.limited(compile_manifest(manifest, uid=_UID))
        except InvalidModel as error:
            self._refused(source, "; ".join(str(each) for each in error.errors[:3]))
        except InvalidSpec as error:
            self._refused(source, str(error))
        else:
            if _is_whoever_asks(check.paths[0].plan.target):
                notes = [*notes, _WHOEVER_ASKS]
            elif (refusal := permissions.refusal(check)) is not None:
                notes = [*notes, f"not permitted as it stands, unless the operator is told to: {refusal}"]
            said = self._once(metadata["name"], tuple(dict.fromkeys(map(one_line, notes))))
            title = one_line(more.get("title", ""))
            self.checks.append(ImportedCheck(manifest, one_line(source), title, said))

    def _once(self, name: str, notes: tuple[str, ...]) -> tuple[str, ...]:
        """Return the notes of a check, without most of those that stand at an earlier one."""
        new = [note for note in notes if note not in self._told]
        known = [note for note in notes if note in self._told]
        self._told |= dict.fromkeys(new, name)
        if len(notes) <= FEW_NOTES or not known:
            return notes
        return (*new, f"{len(known)} more, as of {self._told[known[0]]}")

    def _refused(self, source: str, why: str) -> None:
        self.note(f"{source}: not imported: {why}")

    def _name(self, source: str) -> str:
        """A name for `metadata.name` that no other check has."""
        stem = slug(source.partition("/")[2] or source)
        name, number = stem, 1
        while name in self._names:
            number += 1
            name = f"{stem}-{number}"
        self._names.add(name)
        return name


def _is_whoever_asks(host: str) -> bool:
    """Whether a host is its own asker: for the other program its machine, for a prober its pod."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.split(".")[0] in _LOCAL


def slug(text: str, most: int = _MAX_NAME) -> str:
    """`text` as a DNS label: lower-case letters, digits and dashes."""
    plain = re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")
    if len(plain) <= most:
        return plain or f"check-{_hash(text)}"
    return f"{plain[: most - 9].rstrip('-')}-{_hash(text)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8]


def one_line(text: str) -> str:
    """One line of at most `MAX_NOTE` characters, for terminals and comments: line breaks become blanks."""
    return printable(" ".join(text[: 2 * MAX_NOTE].split()), MAX_NOTE)


def to_yaml(outcome: Outcome, source: str) -> Iterator[str]:
    """The checks as manifests; what they leave behind as comments."""
    yield f"# Imported from {one_line(source)}\n"
    for note in outcome.notes:
        yield f"# Not carried over: {note}\n"
    for check in outcome.checks:
        yield "---\n"
        yield f"# {check.source}{f': {check.title}' if check.title else ''}\n"
        for note in check.notes:
            yield f"# Not carried over: {note}\n"
        yield yaml.safe_dump(dict(check.manifest), sort_keys=False, width=100, allow_unicode=True)
