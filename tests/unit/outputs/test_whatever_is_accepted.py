"""What keeps the rules for plans and results can be written to every output of the prober."""

import logging
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.cli.logs import JsonFormatter, TextFormatter
from ipsecping.cli.run import as_lines, as_table
from ipsecping.contract import Expect, Plan, PlannedCheck, RoundResult, plan_from_json, plan_to_json
from ipsecping.contract.bounds import MAX_TEXT
from ipsecping.contract.fields import ContractError
from ipsecping.contract.termination import decode, encode
from ipsecping.outputs import influx, logline
from ipsecping.outputs.earlier import counters_in
from ipsecping.outputs.figures import Measured
from ipsecping.outputs.series import SeriesBook

from ..contract.strategies import results
from .results import PROBE, check

letters = st.characters(exclude_categories=["C", "Z"]) | st.just(" ")
texts = st.text(letters, min_size=1, max_size=12) | st.sampled_from(['a"b', "a\\", "a,b=c", "x" * MAX_TEXT])
plans = st.builds(
    check,
    namespace=texts,
    name=texts,
    tunnel_name=texts,
    path=texts,
    target=texts,
    probes=texts.map(lambda name: (replace(PROBE, name=name),)),
)


class Lines(logging.Handler):
    """What both kinds of logs say."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[bytes] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said += [form.format(record).encode() for form in (TextFormatter(), JsonFormatter())]


@given(planned=plans, result=results(max_count=8))
def test_every_output_can_write_it(planned: PlannedCheck, result: RoundResult) -> None:
    (planned,) = plan_from_json(plan_to_json(Plan(checks=(planned,)))).checks
    result = replace(result, check=planned.ref, probe=planned.probes[0].name)
    measured = Measured(planned, result)
    assert influx.line(measured).encode().count(b"\n") == 0
    handler = Lines()
    logline.log.addHandler(handler)
    logline.log.setLevel(logging.INFO)
    try:
        logline.log_result(measured)
    finally:
        logline.log.removeHandler(handler)
        logline.log.setLevel(logging.NOTSET)
    assert [line.count(b"\n") for line in handler.said] == [0, 0]
    book = SeriesBook()
    for _ in range(3):
        book.add(planned, result)
    (labels,) = counters_in(book.exposition().decode())
    assert labels == tuple(measured.labels.values())
    assert all(row.encode() for row in as_table([result], [Expect.REACHABLE]) + as_lines([result]))
    assert decode(encode([result])) == [result]


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[31m", "\ud800", "\u202e", "x" * (MAX_TEXT + 1)])
@pytest.mark.parametrize("field", ["namespace", "name", "tunnel_name", "path", "target", "uid", "run_now"])
def test_a_plan_with_a_name_that_cannot_be_printed_is_refused_with_its_field(field: str, name: str) -> None:
    words = {"tunnel_name": "tunnelName", "run_now": "runNow"}
    with pytest.raises(ContractError, match=rf"^plan\.checks\[0\]\.{words.get(field, field)}: "):
        plan_from_json(plan_to_json(Plan(checks=(check(**{field: name}),))))
