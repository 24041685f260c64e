"""The version of a release, which stands in three files."""

import re
import subprocess
import tomllib
from datetime import date
from pathlib import Path
from typing import NamedTuple

import yaml

_SECTION = re.compile(r"^## \[([^\]]+)\](?: - (\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)


class ReleaseError(Exception):
    """The checkout is not fit to be released; the text names the file and the remedy."""


class Release(NamedTuple):
    """What is released."""

    version: str
    date: date
    notes: str
    """Its section of the changelog, Markdown without the heading."""

    @property
    def timestamp(self) -> int:
        """Seconds since the Unix epoch: the dates within all that is made (SOURCE_DATE_EPOCH)."""
        return (self.date - date(1970, 1, 1)).days * 86_400


def read(root: Path, *, snapshot: bool = False) -> Release:
    """Return the release that the checkout describes. Raises ReleaseError.

    With `snapshot` that is what is not released yet, of the day of the newest commit.
    """
    version = str(tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"])
    chart = yaml.safe_load((root / "charts" / "ipsecping" / "Chart.yaml").read_text())
    for field in ("version", "appVersion"):
        if chart[field] != version:
            raise ReleaseError(
                f"charts/ipsecping/Chart.yaml: {field} is {chart[field]}, pyproject.toml says {version}"
            )
    changelog = (root / "CHANGELOG.md").read_text()
    if not snapshot:
        return of_changelog(changelog, version)
    day = subprocess.run(
        ("git", "log", "-1", "--format=%cs"), cwd=root, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    return of_changelog(changelog.replace("## [Unreleased]", f"## [{version}] - {day}"), version)


def of_changelog(text: str, version: str) -> Release:
    """Return the release of that version. Raises ReleaseError where its section lacks a date or text."""
    sections = list(_SECTION.finditer(text))
    for section, following in zip(sections, [*sections[1:], None], strict=True):
        if section[1] != version:
            continue
        notes = text[section.end() : following.start() if following else None].strip()
        if section[2] and notes:
            return Release(version, date.fromisoformat(section[2]), notes)
    raise ReleaseError(
        f"CHANGELOG.md: no section `## [{version}] - YYYY-MM-DD` with text: give [Unreleased] that heading"
    )
