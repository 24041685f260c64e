"""Lines of the operator's log: one for each message, whoever wrote what is in it."""

import io
import logging
import sys

import pytest

from ipsecping_operator import logs

FORGED = "now\n2026-11-29T00:00:00.000+00:00 WARNING network/hq: forged \x1b[31m\u202e\ud800"


@pytest.fixture(autouse=True)
def _as_before() -> object:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


@pytest.mark.parametrize("form", ["text", "json"])
def test_nobody_writes_a_line_of_ours(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", written := io.StringIO())
    logs.set_up(level="info", form=form)
    log = logs.for_check(__name__, {"namespace": "network", "name": "hq", "uid": "u"})
    log.info("run-now=%s: %s", FORGED, "started")
    (line,) = written.getvalue().splitlines()
    assert line.isprintable()
    assert "now\\n2026" in line
    assert line.encode()
