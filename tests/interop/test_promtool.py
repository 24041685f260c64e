"""The prober's metrics as Prometheus' own checker reads them."""

import subprocess

import pytest

from ipsecping.outputs.series import SeriesBook

from ..peers import debian
from ..unit.outputs.results import check, invalid, measured


@pytest.fixture(scope="session")
def promtool() -> str:
    """Path of promtool."""
    return debian.program("promtool", "prometheus")


def test_promtool_finds_nothing_wrong_with_the_exposition(promtool: str) -> None:
    book = SeriesBook()
    for each in (measured(), invalid(check(path="backup"))):
        book.add(*each)
    done = subprocess.run([promtool, "check", "metrics"], input=book.exposition(), capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
