"""The prober's metrics as Prometheus' own checker reads them."""

import subprocess

from ipsecping.outputs.series import SeriesBook

from ..unit.outputs.results import check, invalid, measured


def test_promtool_finds_nothing_wrong_with_the_exposition(promtool: str) -> None:
    book = SeriesBook()
    for each in (measured(), invalid(check(path="backup"))):
        book.add(*each)
    done = subprocess.run([promtool, "check", "metrics"], input=book.exposition(), capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
