"""The laws of judging an audit: an answer is proof, and less evidence closes nothing."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ipsecping.contract import Audit, AuditFinding, AuditProtocol
from ipsecping.probes.audit import figure_of
from ipsecping.probes.audit_cases import BURST, TRIES, Case, Exchange, Reply, StampDialect
from ipsecping.probes.audit_verdict import Burst, Control, Datagram, Outcome, Record, Trial, judge

CASES = StampDialect((b"k" * 32,)).cases(port=8620, outside=True)
PACKET = bytes(44)
ANSWER = Datagram(44, b"an answer")


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Audits of which some controls are lost and some cases answered, each try between two controls."""
    controls = [control(draw(st.integers(0, 9)) > 0) for _ in range(1 + TRIES * len(CASES))]
    trials = [
        Trial(
            case,
            sent=[PACKET] * TRIES,
            behind=[number * len(CASES) + place for number in range(TRIES)],
            came=[ANSWER] * draw(st.sampled_from([0, 0, 1, 3])),
            pinged=draw(st.booleans()),
        )
        for place, case in enumerate(CASES)
        if not case.opened
    ]
    return Record(
        protocol=AuditProtocol.STAMP, signed=True, controls=controls, trials=trials, came=1, packets=150
    )


def control(answered: bool) -> Control:
    return Control(PACKET, Reply.RIGHT if answered else None, [ANSWER] if answered else [])


@given(records())
def test_what_was_answered_is_found_and_nothing_else_is(record: Record) -> None:
    verdicts = judge(record)
    answered = {trial.case.finding for trial in record.trials if trial.came}
    of_cases = {trial.case.finding for trial in record.trials}
    assert {each for each in of_cases if verdicts[each].outcome is Outcome.FOUND} == answered


@given(records(), st.data())
def test_a_control_less_closes_nothing(record: Record, data: st.DataObject) -> None:
    answered = [place for place, each in enumerate(record.controls) if each.answered]
    assume(answered)
    lost = data.draw(st.sampled_from(answered))
    controls = [control(False) if place == lost else each for place, each in enumerate(record.controls)]
    poorer = replace(record, controls=controls)
    assume(not poorer.fell_silent)
    before, after = judge(record), judge(poorer)
    closed = {each for each, verdict in after.items() if verdict.outcome is Outcome.CLOSED}
    assert all(before[each].outcome is Outcome.CLOSED for each in closed)


@given(records())
def test_where_no_control_was_answered_nothing_is_closed(record: Record) -> None:
    silent = replace(record, controls=[control(False) for _ in record.controls])
    assert Outcome.CLOSED not in {verdict.outcome for verdict in judge(silent).values()}


@given(records())
def test_each_verdict_is_told_once_and_survives_json(record: Record) -> None:
    verdicts = judge(record)
    audit = figure_of(verdicts)
    assert sorted([*audit.found, *audit.closed, *audit.not_tested]) == sorted(verdicts)
    assert Audit.from_json(audit.to_json(), "audit") == audit
    received = sum(each.answered for each in record.controls)
    audit.check("audit", sent=len(record.controls), received=received)


@given(
    st.lists(st.dictionaries(st.sampled_from(AuditFinding), st.sampled_from("fcn"), min_size=1), min_size=1)
)
def test_of_each_finding_the_newest_audit_that_could_test_it_counts(
    told: list[dict[AuditFinding, str]],
) -> None:
    def made(verdicts: dict[AuditFinding, str]) -> Audit:
        return Audit(
            found=tuple(each for each in verdicts if verdicts[each] == "f"),
            closed=tuple(each for each in verdicts if verdicts[each] == "c"),
            not_tested=tuple(each for each in verdicts if verdicts[each] == "n"),
        )

    total = Audit.total(map(made, told))
    assert total is not None
    for finding in AuditFinding:
        said = [verdicts[finding] for verdicts in told if finding in verdicts]
        newest = next((each for each in said if each != "n"), "n") if said else ""
        assert (finding in total.found) is (newest == "f")
        assert (finding in total.closed) is (newest == "c")
        assert (finding in total.not_tested) is (newest == "n")


@pytest.mark.parametrize(
    ("burst", "outcome"),
    [
        (Burst(20, BURST, 40, 0.9, True), Outcome.FOUND),
        (Burst(20, BURST, 39, 0.9, True), Outcome.CLOSED),
        (Burst(40, BURST, 77, 0.9, True), Outcome.CLOSED),
        (Burst(20, BURST, 20, 0.9, False), Outcome.NOT_TESTED),
        (Burst(20, BURST, 0, 0.9, True), Outcome.NOT_TESTED),
        (Burst(40, BURST, 81, 2.0, True), Outcome.NOT_TESTED),
        (Burst(20, BURST - 1, 20, 0.9, True), Outcome.NOT_TESTED),
        (None, Outcome.NOT_TESTED),
    ],
)
def test_a_rate_is_kept_exceeded_or_not_tested(burst: Burst | None, outcome: Outcome) -> None:
    record = Record(
        protocol=AuditProtocol.UDP_ECHO,
        signed=False,
        controls=[control(True)],
        burst=burst,
        rate=20 if burst is None else burst.rate,
    )
    assert judge(record)[AuditFinding.ABOVE_RATE].outcome is outcome


def test_an_answer_to_the_opening_that_the_network_copies_is_no_answer_to_a_copy() -> None:
    replayed = next(case for case in CASES if case.finding is AuditFinding.REPLAYED)
    assert outcome(replayed, copies=1) is Outcome.CLOSED
    assert outcome(replayed, copies=2) is Outcome.FOUND


def outcome(case: Case, *, copies: int) -> Outcome:
    trial = Trial(
        case,
        sent=[PACKET] * TRIES,
        behind=list(range(TRIES)),
        came=[ANSWER] * copies,
        exchange=Exchange(PACKET, ANSWER.data),
    )
    controls = [control(True) for _ in range(TRIES + 1)]
    record = Record(protocol=AuditProtocol.STAMP, signed=True, controls=controls, trials=[trial])
    return judge(record)[case.finding].outcome
