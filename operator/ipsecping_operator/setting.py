"""One setting of a command: a flag, its environment variable, and how its text is read."""

import argparse
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PREFIX = "IPSECPING_"
NAMESPACE = re.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_ALL = "*"


@dataclass(frozen=True, slots=True)
class Setting:
    """One flag and its environment variable."""

    flag: str
    text: str
    metavar: str | None = None
    default: str | None = None
    choices: Sequence[str] | None = None
    read: Callable[[str], Any] | None = None
    """Raises argparse.ArgumentTypeError; None: the text itself."""

    @property
    def variable(self) -> str:
        """The environment variable that stands for the flag."""
        return PREFIX + self.flag.removeprefix("--").replace("-", "_").upper()

    @property
    def value(self) -> str:
        """What is to be given, for people."""
        return self.metavar or "|".join(self.choices or ())


def add_settings(
    parser: argparse._ActionsContainer,
    settings: Iterable[Setting],
    *,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Add the settings as flags whose defaults come from the environment."""
    for each in settings:
        shown = f"; default {each.default}" if each.default else ""
        options: dict[str, Any] = {"choices": each.choices} if each.choices else {"metavar": each.metavar}
        if each.read is not None:
            options["type"] = each.read
        parser.add_argument(
            each.flag,
            # argparse passes a default that is a string through `type`, so both sources are checked alike.
            default=environ.get(each.variable, each.default),
            help=f"{each.text} [{each.variable}{shown}]".replace("%", "%%"),
            **options,
        )


def names(text: str | None) -> tuple[str, ...]:
    """What is separated by commas or blanks."""
    return tuple(name for name in re.split(r"[\s,]+", text or "") if name)


def namespace(text: str, *, more: str = "") -> str:
    """`text`, the name of a namespace; `more` ends the error. Raises argparse.ArgumentTypeError."""
    if NAMESPACE.fullmatch(text):
        return text
    raise argparse.ArgumentTypeError(
        f"{text!r} is no name of a namespace: at most 63 lower-case letters, digits and -{more}"
    )


def namespace_or_all(text: str) -> str:
    """`text`, the name of a namespace or *. Raises argparse.ArgumentTypeError."""
    return text if text == _ALL else namespace(text, more=f"; {_ALL} stands for all")


def namespaces_served(text: str) -> tuple[str, ...]:
    """Namespaces; none: all."""
    more = "; all are served where none is given"
    return tuple(namespace(each, more=more if each == _ALL else "") for each in names(text))


def by_namespace(text: str, *, form: str) -> dict[str, str]:
    """`network=a,b; *=c` as a map; `form` says in an error what stands behind a namespace."""
    found: dict[str, str] = {}
    for entry in filter(None, (each.strip() for each in text.split(";"))):
        name, separator, given = (part.strip() for part in entry.partition("="))
        if not separator or not name or name in found:
            raise argparse.ArgumentTypeError(
                f"{entry!r} is not NAMESPACE={form} with a namespace that is named once"
            )
        found[namespace_or_all(name)] = given
    return found
