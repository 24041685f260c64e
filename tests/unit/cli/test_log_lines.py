"""Lines of the prober's log: one for each message, whatever a far end has put into it."""

import logging

from ipsecping.cli.logs import TextFormatter


def test_a_message_is_one_line_that_steers_no_terminal() -> None:
    record = logging.LogRecord("x", logging.WARNING, "x.py", 1, "said %s", ("a\nb\x1b[2J\u202e\udc80",), None)
    record.fields = {"name": "c\rd"}
    assert TextFormatter().format(record) == r"warning: said a\nb\x1b[2J\u202e\udc80 name=c\rd"
