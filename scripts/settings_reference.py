"""The settings reference (docs/settings.md), from the table of flags and from the chart's values.yaml."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from ipsecping_operator.settings import SETTINGS

_KEY = re.compile(r"^( *)([A-Za-z]+):")


def settings_reference(values: str) -> str:
    """docs/settings.md as Markdown; `values` is the text of values.yaml."""
    lines = [
        "<!-- Generated from the operator's settings.py and the chart's values.yaml by `make generate`. -->",
        "# Settings",
        "",
        "## The operator",
        "",
        "`ipsecping-operator run` takes each setting as a flag or from the environment; the flag wins. "
        "A duration is "
        "one or more numbers with a unit, such as `30s` or `1m30s`.",
        "",
        "| Flag | Environment | Default | Meaning |",
        "|---|---|---|---|",
        *(
            _row(
                f"`{each.flag} {each.value}`",
                f"`{each.variable}`",
                _code(each.default),
                f"{each.text[0].upper()}{each.text[1:]}.",
            )
            for each in SETTINGS
        ),
        "",
        "## The Helm chart",
        "",
        "Many of them become a flag above. `helm` refuses values that are not in this table.",
        "",
        "| Value | Default | Meaning |",
        "|---|---|---|",
        *_values("", yaml.safe_load(values), _comments(values)),
    ]
    return "\n".join(lines) + "\n"


def _values(path: str, tree: Mapping[str, Any], comments: Mapping[str, str]) -> Iterator[str]:
    """A row for each value; a map in which nothing is explained is one value."""
    for name, value in tree.items():
        key = f"{path}{name}"
        comment = comments.get(key, "")
        explained = any(each.startswith(f"{key}.") for each in comments)
        if isinstance(value, dict) and explained:
            if comment:
                yield _row(f"`{key}`", "", comment)
            yield from _values(f"{key}.", value, comments)
        else:
            flow = (
                yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000)
                .removesuffix("...\n")
                .strip()
            )
            yield _row(f"`{key}`", _code(flow), comment)


def _comments(values: str) -> dict[str, str]:
    """The comment above each key, by the key's path."""
    found: dict[str, str] = {}
    comment: list[str] = []
    path: list[tuple[int, str]] = []
    for line in values.splitlines():
        text = line.strip()
        if text.startswith("#  "):
            continue  # an example
        if text.startswith("#"):
            comment.append(text.removeprefix("#").strip())
        elif key := _KEY.match(line):
            indent = len(key[1])
            path = [(depth, name) for depth, name in path if depth < indent] + [(indent, key[2])]
            if comment:
                found[".".join(name for _, name in path)] = " ".join(comment)
            comment = []
        else:
            comment = []
    return found


def _code(text: str | None) -> str:
    return f"`{text}`" if text else ""


def _row(*cells: str) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"
