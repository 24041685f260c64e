"""Windows of maintenance, as a check's reports follow them: no outage meanwhile, and what comes after."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping.contract import Invalidity
from ipsecping_operator import logs
from ipsecping_operator.api.conditions import ConditionType, HealthyReason, ReadyReason
from ipsecping_operator.check.applied import Readiness
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile.compiled import CompiledCheck, Cron, MaintenanceWindow
from ipsecping_operator.diagnosis.rule import wanted
from ipsecping_operator.fault_types import Fault, Where
from ipsecping_operator.report import fallback
from ipsecping_operator.report.assessment import Assessment, assess
from ipsecping_operator.report.notices import notices_of
from ipsecping_operator.report.transition_log import TransitionLog
from ipsecping_operator.verdict import text

from .assessments import assessed, at, healthy, seen, take
from .builders import NOON, SECOND, check, plan
from .states import take_up


def window(start: int, end: int, name: str = "upgrade", **values: Any) -> MaintenanceWindow:
    """Open from so many seconds after noon until so many."""
    return MaintenanceWindow(name=name, start=NOON + start * SECOND, length=(end - start) * SECOND, **values)


def maintained(*windows: MaintenanceWindow, **values: Any) -> CompiledCheck:
    return check(maintenance=windows, down_after=2, **values)


def condition(made: Assessment, kind: str = "Maintenance") -> Any:
    return next((each for each in made.status["conditions"] if each["type"] == kind), None)


def events(made: Assessment) -> list[tuple[str, str]]:
    """Type and reason of what people are told."""
    return [(notice.type, notice.reason) for notice in notices_of(made)]


def moment(seconds: int) -> str:
    return text.moment(NOON + seconds * SECOND)


def life(state: CheckState, rounds: str, *, begin: int = 0) -> Iterator[Assessment]:
    """A report after each round, 30 s apart: `.` is answered, `x` is not."""
    for index, each in enumerate(rounds):
        start = begin + 30 * index
        take(state, at(start, received=0 if each == "x" else 10))
        yield assessed(state, at=start + 3)


def test_a_tunnel_that_fails_in_a_window_is_no_outage_until_the_window_closes() -> None:
    state = seen(of=maintained(window(50, 200, reason="new firmware")))
    made = list(life(state, "..xxxx"))
    assert [event for each in made[2:] for event in events(each)] == [("Normal", "WindowOpen")]
    assert healthy(made[-1].status)["reason"] == "Down", "what is measured is told"
    assert made[-1].status["lossPercent"] != "0.00"
    assert "outages" not in made[-1].status
    assert condition(made[-1])["message"] == (
        f"window upgrade (new firmware), {moment(50)} to {moment(200)}: "
        "everything is measured as usual, but nothing counts as an outage, and nobody is notified"
    )
    said = {"name": "upgrade", "from": moment(50), "until": moment(200), "reason": "new firmware"}
    assert made[-1].status["maintenance"] == {"open": said}

    after = assessed(state, at=200)
    assert sorted(events(after)) == [("Normal", "WindowsOver"), ("Warning", "Down")]
    (outage,) = after.status["outages"]
    assert outage["start"] == moment(200)
    assert outage["message"].endswith(f"; so since {moment(60)}, in maintenance until {moment(200)}")
    assert condition(after)["lastTransitionTime"] == moment(200)
    assert condition(after)["status"] == "False"
    assert after.status["maintenance"] == {"lastEnd": moment(200)}
    assert after.report.outages_begun == 1
    *_, later = life(state, "xx", begin=210)
    (outage,) = later.status["outages"]
    assert outage["message"].startswith(f"{healthy(later.status)['message']}; so since {moment(60)}, ")


def test_windows_that_are_over_are_named_and_do_no_other_harm() -> None:
    old = [window(-9000 + 100 * each, -8950 + 100 * each, f"old-{each}") for each in range(2)]
    said = "over, to be removed from spec.maintenance: old-0, old-1"
    closed = condition(assessed(seen(of=maintained(*old, window(500, 600))), at=3))
    assert (closed["status"], closed["reason"]) == ("False", "WindowClosed")
    assert closed["message"] == f"the next is window upgrade, {moment(500)} to {moment(600)}; {said}"
    over = condition(assessed(seen(of=maintained(*old)), at=3))
    assert (over["reason"], over["message"]) == ("WindowsOver", f"no window will open again; {said}")


def test_a_log_line_of_what_fails_in_a_window_warns_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    state = seen(of=maintained(window(50, 200)))
    made = [*life(state, "..xxxx"), assessed(state, at=200)]
    said = TransitionLog()
    log = logs.for_check("test", {"namespace": "network", "name": "hq", "uid": "u"})
    warned = []
    with caplog.at_level(logging.INFO):
        for each in made:
            caplog.clear()
            said.tell("u", each.to_tell, each.report.conditions, log=log, now=0)
            warned.append([line.getMessage() for line in caplog.records if line.levelno > logging.INFO])
    assert warned[:-1] == [[]] * 6
    (line,) = warned[-1]
    assert "Healthy=False Down" in line


def test_a_window_opens_and_closes_though_no_result_comes() -> None:
    state = seen(of=maintained(window(50, 200), window(300, 400, "second")))
    for now, opens in ((3, 50), (50, 200), (200, 300), (300, 400)):
        made = assessed(state, at=now)
        assert made.next_change is not None
        assert made.next_change <= NOON + opens * SECOND
        assert made.urgent
    assert condition(assessed(state, at=400))["reason"] == "WindowsOver"
    assert condition(made)["reason"] == "WindowOpen"


def test_an_outage_that_lasts_ends_as_the_window_opens_and_its_time_is_not_counted() -> None:
    state = seen(of=maintained(window(100, 1000)))
    made = list(life(state, ".xxx"))
    (running,) = made[-1].status["outages"]
    assert "end" not in running
    opened = assessed(state, at=100)
    (ended,) = opened.status["outages"]
    assert ended["end"] == moment(100)
    assert opened.report.outage_time == 67 * SECOND
    assert wanted(state, enabled=True, now=NOON + 500 * SECOND) is None, "nothing to diagnose"
    list(life(state, "x" * 31, begin=120))
    closed = assessed(state, at=1055)
    new, old = closed.status["outages"]
    assert (old["end"], new["start"]) == (moment(100), moment(1000))
    assert closed.report.outage_time == 67 * SECOND
    assert wanted(state, enabled=True, now=NOON + 1100 * SECOND) is not None


def test_a_tunnel_that_is_back_before_the_window_closes_was_never_in_outage() -> None:
    state = seen(of=maintained(window(50, 200), window_s=60))
    made = list(life(state, "..xxx....."))
    assert healthy(made[-1].status)["status"] == "True"
    assert "outages" not in made[-1].status
    assert [event for each in made[1:] for event in events(each) if event[0] == "Warning"] == []


def test_a_tunnel_that_fails_after_the_window_fails_without_a_word_of_it() -> None:
    state = seen(of=maintained(window(10, 20)))
    made = list(life(state, "...xxx"))
    (outage,) = made[-1].status["outages"]
    assert outage["start"] == moment(93)
    assert "maintenance" not in outage["message"]


def test_a_window_that_hid_the_first_lost_round_is_named_by_the_outage() -> None:
    state = seen(of=maintained(window(0, 80)))
    (*_, last) = life(state, "..xx")
    (outage,) = last.status["outages"]
    assert outage["start"] == moment(80)
    assert f"so since {moment(60)}, in maintenance until {moment(80)}" in outage["message"]


def test_a_restart_in_a_window_and_one_over_its_end_change_nothing() -> None:
    of = maintained(window(50, 200))
    state = seen(of=of)
    (*_, last) = life(state, "..xxx")
    for now, outages in ((150, 0), (230, 1)):
        again = seen(dict(last.status), now=NOON + now * SECOND, of=of)
        took = [at(30 * index, received=10 if index < 2 else 0) for index in range(5)]
        made = assessed(again, at=now)
        take(again, *took, *(at(30 * index, received=0) for index in range(5, now // 30)))
        found = assessed(again, at=now + 1)
        assert len(found.status.get("outages", ())) == outages
        assert [each for each in (*events(made), *events(found)) if each[0] == "Warning"] == (
            [("Warning", "Down")] if outages else []
        )
    (outage,) = found.status["outages"]
    assert outage["start"] == moment(200), "when it closed, not when the operator was back"
    assert condition(found)["lastTransitionTime"] == moment(200)


def test_an_edit_moves_ends_or_removes_the_window_that_is_open() -> None:
    for edited, starts in ((window(50, 150), 150), (window(50, 5000), None), (None, 161)):
        state = seen(of=maintained(window(50, 1000)))
        list(life(state, "..xxx"))
        of = maintained(*(() if edited is None else (edited,)))
        take_up(state, of, now=NOON + 160 * SECOND)
        made = assessed(state, at=161)
        outages = made.status.get("outages", [])
        assert [each["start"] for each in outages] == ([] if starts is None else [moment(161)])
        assert (condition(made) is None) == (edited is None)
        assert (("Warning", "Down") in events(made)) == (starts is not None)


def test_who_steers_traffic_by_paths_is_told_of_them_and_nobody_is_called() -> None:
    of = replace(maintained(window(50, 200)), any_path=True)
    both = check(plan(path="fibre"), plan(path="lte")).paths
    of = replace(of, paths=both)
    state = seen(of=of)

    def rounds(index: int, fibre: int) -> Assessment:
        start = 30 * index
        take(state, at(start, of=both[0].plan, received=fibre), at(start, of=both[1].plan))
        return assessed(state, at=start + 3)

    made = [rounds(index, 10 if index < 2 else 0) for index in range(6)]
    assert made[-1].status["preferredPath"] == "lte"
    told = [event for each in made[2:] for event in events(each)]
    assert ("Normal", "PreferredPathChanged") in told
    assert [event for event in told if event[0] == "Warning"] == []
    assert ("Warning", "PathUnhealthy") in events(assessed(state, at=200))


def test_what_answers_an_edit_is_told_in_a_window_and_what_concerns_pods_after_it() -> None:
    state = seen(of=maintained(window(50, 200)))
    list(life(state, ".."))
    assessed(state, at=60)
    lost = Readiness(reason=ReadyReason.WORKLOAD_UNAVAILABLE, message="no pod")
    state.applied.reconciled(lost)
    assert events(assessed(state, at=70)) == []
    assert ("Warning", "WorkloadUnavailable") in events(assessed(state, at=200))
    state = seen(of=maintained(window(0, 200)))
    list(life(state, ".."))
    state.applied.reconciled(Readiness(reason=ReadyReason.INVALID_SPEC, message="spec.target: no"))
    assert events(assessed(state, at=70)) == [("Warning", "InvalidSpec")]


def test_rounds_that_say_nothing_are_no_warning_either() -> None:
    state = seen(of=maintained(window(50, 400)))
    list(life(state, ".."))
    take(state, *(at(60 + 30 * each, invalid=Invalidity.LATE_TICKS) for each in range(3)))
    made = assessed(state, at=125)
    assert healthy(made.status)["status"] == "Unknown"
    assert [event for event in events(made) if event[0] == "Warning"] == []
    assert events(assessed(state, at=399)) == []
    assert ("Warning", "StaleResults") in events(assessed(state, at=400))


def test_a_fault_of_the_operator_keeps_neither_window_nor_silence_from_ending() -> None:
    state = seen(of=maintained(window(50, 200)))
    list(life(state, ".xx"))
    fault = Fault(where=Where.JUDGE, kind="ValueError", place="verdict.judge:1")
    opened = assess(state, now=NOON + 100 * SECOND, fault=fault)
    assert opened is not None
    assert condition(opened)["status"] == "True"
    assert ("Warning", "InternalError") in events(opened)
    state.reported.judged(opened.report)
    closed = assess(state, now=NOON + 200 * SECOND, fault=fault)
    assert closed is not None
    assert condition(closed)["status"] == "False"


def test_windows_open_and_close_though_no_report_can_be_made() -> None:
    state = seen(of=maintained(window(50, 200)))
    list(life(state, "."))
    fault = Fault(where=Where.JUDGE, kind="ValueError", place="verdict.judge:1")

    def told(seconds: int) -> Any:
        now = NOON + seconds * SECOND
        fallback.take_note(state, fault, now=now)
        status = fallback.least_status(state, now=now)
        assert healthy(status)["reason"] == "InternalError"
        (of_windows,) = (each for each in status["conditions"] if each["type"] == "Maintenance")
        return of_windows["status"], "open" in status["maintenance"]

    assert told(40) == ("False", False)
    assert told(100) == ("True", True)
    assert told(200) == ("False", False)


def test_a_check_without_windows_says_nothing_of_them() -> None:
    state = seen(of=check())
    (made,) = life(state, ".")
    assert condition(made) is None
    assert "maintenance" not in made.status
    assert ConditionType.MAINTENANCE not in made.report.conditions


def test_a_cron_check_has_windows_as_well() -> None:
    daily = MaintenanceWindow(
        name="daily", cron=Cron(line="0 12 * * *", time_zone="Etc/UTC"), length=SECOND * 600
    )
    of = check(plan(interval_ms=None), schedule=Cron(line="*/5 * * * *", time_zone=None), maintenance=[daily])
    state = seen(of=of)
    take(state, *(at(300 * each, received=0, of=of.paths[0].plan) for each in range(-2, 1)))
    made = assessed(state, at=3)
    assert healthy(made.status)["reason"] == HealthyReason.DOWN
    assert "outages" not in made.status
    assert made.status["maintenance"]["next"]["from"] == "2026-11-24T12:00:00Z"
    take(state, at(300, received=0, of=of.paths[0].plan))
    closed = assessed(state, at=600)
    assert closed.status["outages"][0]["start"] == moment(600)


STEP = st.tuples(
    st.sampled_from(["good", "lost", "wait", "step", "restart", "edit"]),
    st.integers(-900, 900),
    st.booleans(),
)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(STEP, max_size=25), st.lists(st.tuples(st.integers(0, 2000), st.integers(60, 900)), max_size=3)
)
def test_whatever_happens_no_outage_lasts_while_a_window_is_open_and_history_stays_in_order(
    steps: list[tuple[str, int, bool]], spans: list[tuple[int, int]]
) -> None:
    """Clock steps, restarts and edits, in any order."""
    windows = [window(start, start + length, f"w{index}") for index, (start, length) in enumerate(spans)]
    of = maintained(*windows)
    now = 0
    state = seen(of=of)
    status: dict[str, Any] = {}
    for kind, by, flag in steps:
        if kind in ("good", "lost"):
            now += 30
            take(state, at(now - 3, received=0 if kind == "lost" else 10))
        elif kind == "wait":
            now += abs(by)
        elif kind == "step":
            now = max(now + by, 0)
            state.shift(by * SECOND)
        elif kind == "restart":
            state = seen(status, now=NOON + now * SECOND, of=of)
        else:
            of = maintained(*(windows if flag else windows[:1]))
            take_up(state, of, now=NOON + now * SECOND)
        made = assessed(state, at=now)
        status = dict(made.status)
        is_open = any(
            w.start is not None and w.start <= NOON + now * SECOND < w.start + w.length
            for w in of.maintenance
        )
        assert (condition(made) is not None and condition(made)["status"] == "True") == is_open
        outages = status.get("outages", [])
        assert not is_open or all("end" in outage for outage in outages)
        assert not is_open or [event for event in events(made) if event[0] == "Warning"] == []
        for outage in outages:
            assert outage["start"] <= outage.get("end", "9999")
        assert all("end" in outage for outage in outages[1:])
