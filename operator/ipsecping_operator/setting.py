"""One setting of a command: a flag, its environment variable, and how its text is read."""

import argparse
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PREFIX = "IPSECPING_"


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


def namespace_of(text: str, *, or_all: bool = True) -> str:
    """`text`, the name of a namespace, or * for all of them. Raises argparse.ArgumentTypeError."""
    if re.fullmatch("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", text) or (or_all and text == "*"):
        return text
    others = "; * stands for all" if or_all else "; all are served where none is given" if text == "*" else ""
    raise argparse.ArgumentTypeError(
        f"{text!r} is no name of a namespace: at most 63 lower-case letters, digits and -{others}"
    )


def namespaces_served(text: str) -> tuple[str, ...]:
    """Namespaces; none: all."""
    return tuple(namespace_of(each, or_all=False) for each in names(text))


def by_namespace(text: str, *, form: str) -> dict[str, str]:
    """`network=a,b; *=c` as a map; `form` says in an error what stands behind a namespace."""
    found: dict[str, str] = {}
    for entry in filter(None, (each.strip() for each in text.split(";"))):
        namespace, separator, given = (part.strip() for part in entry.partition("="))
        if not separator or not namespace or namespace in found:
            raise argparse.ArgumentTypeError(
                f"{entry!r} is not NAMESPACE={form} with a namespace that is named once"
            )
        found[namespace_of(namespace)] = given
    return found
