"""A fault of the operator is told of where people look, costs no other check, and goes away by itself."""

import asyncio
import itertools
from datetime import UTC, datetime
from unittest import mock

import pytest

from ipsecping_operator.kube.errors import Invalid, of_status
from ipsecping_operator.kube.kinds import EVENT
from ipsecping_operator.observe.kinds import CHECK
from ipsecping_operator.reconcile import reconciler
from ipsecping_operator.verdict import text

from .builders import SECOND
from .whole_operator import World, happens, reasons

LAST_SECOND = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())


def test_a_certificate_until_the_year_10000_is_judged_as_any_other() -> None:
    async def script(world: World) -> None:
        world.tell = {"certificate_expiry": LAST_SECOND + 3600}
        await asyncio.sleep(120)
        assert world.condition("Healthy")["status"] == "True"
        world.down = True
        await asyncio.sleep(150)
        assert world.condition("Healthy")["reason"] == "Down"

    assert reasons(happens(script))[-1] == "Down"


def test_a_date_that_cannot_be_written_would_not_freeze_the_status() -> None:
    moment = text.moment

    def strict(nanoseconds: int) -> str:
        """What `moment` was before it took whatever comes."""
        if nanoseconds > LAST_SECOND * SECOND:
            raise ValueError("year 10000 is out of range")
        return moment(nanoseconds)

    async def script(world: World) -> None:
        world.tell = {"certificate_expiry": LAST_SECOND + 3600}
        await asyncio.sleep(120)
        said = world.condition("Healthy")
        assert (said["status"], said["reason"]) == ("Unknown", "InternalError")
        assert "ValueError" in said["message"]
        assert "not of the tunnel" in said["message"]
        assert world.condition("Ready")["status"] == "True", "the rest stays as it was"
        assert "rtt" not in world.check["status"], "no figure is older than what is said"
        written = len(world.statuses)
        world.down = True
        await asyncio.sleep(300)
        assert len(world.statuses) == written, "written once, not at each attempt"
        assert (world.metric("ipsecping_operator_faults_total", where="judge") or 0) > 5
        assert world.metric("ipsecping_operator_faulty_checks") == 1
        assert "ipsecping_loss_ratio{" not in world.scrape(), "no figures of before"
        world.tell = {}
        await asyncio.sleep(600)
        assert world.condition("Healthy")["reason"] == "Down", "back by itself, with what it missed"
        assert [outage["reason"] for outage in world.check["status"]["outages"]] == ["Down"]

    with mock.patch.object(text, "moment", strict):
        assert reasons(happens(script)) == ["InternalError", "Down"]


def test_an_outage_that_cannot_be_written_leaves_the_others_in_the_status() -> None:
    async def script(world: World) -> None:
        world.down = True
        await asyncio.sleep(120)
        assert world.condition("Healthy")["reason"] == "Down"
        with mock.patch("ipsecping_operator.report.assessment.build_status", side_effect=MemoryError):
            await asyncio.sleep(60)
            assert world.condition("Healthy")["reason"] == "InternalError"
            assert len(world.check["status"]["outages"]) == 1
            with mock.patch.object(text, "moment", side_effect=OverflowError):
                world.store_status({})  # somebody has emptied it, so it is written again
                await asyncio.sleep(30)
                assert world.condition("Healthy")["reason"] == "InternalError"
                assert "outages" not in world.check["status"]

    happens(script)


def test_a_status_that_the_api_does_not_take_is_replaced_and_tried_again() -> None:
    async def script(world: World) -> None:
        world.refuses = lambda kind, body: (
            Invalid("status.rtt: Invalid value") if kind is CHECK and "rtt" in body["status"] else None
        )
        await asyncio.sleep(600)
        said = world.condition("Healthy")
        assert (said["status"], said["reason"]) == ("Unknown", "InternalError")
        assert "writing the status" in said["message"]
        assert reasons(world) == ["InternalError"]
        world.refuses = lambda kind, body: None
        await asyncio.sleep(1800)
        assert world.condition("Healthy")["status"] == "True"
        assert reasons(world) == ["InternalError", "WithinThresholds"]

    happens(script)


def test_where_the_api_takes_not_even_what_was_known_earlier_the_conditions_are_told_alone() -> None:
    async def script(world: World) -> None:
        world.refuses = lambda kind, body: (
            Invalid("status.outages[0].reason: Invalid value")
            if kind is CHECK and "outages" in body["status"]
            else None
        )
        world.down = True
        await asyncio.sleep(240)
        said = world.condition("Healthy")
        assert (said["status"], said["reason"]) == ("Unknown", "InternalError"), "no status stands still"
        world.refuses = lambda kind, body: None
        await asyncio.sleep(1800)
        assert world.condition("Healthy")["reason"] == "Down"
        assert [outage["reason"] for outage in world.check["status"]["outages"]] == ["Down"]

    happens(script)


@pytest.mark.parametrize(
    "denial",
    [
        "ipsectunnelchecks.ipsecping.dev \"hq\" is forbidden: ValidatingAdmissionPolicy 'frozen' with "
        "binding 'all' denied request: not today",
        'admission webhook "policy.example.com" denied the request: not today',
    ],
)
def test_a_status_that_a_policy_forbids_is_no_fault_and_is_written_soon_after(denial: str) -> None:
    async def script(world: World) -> None:
        forbidden = of_status("PATCH", 422, {"reason": "Invalid", "message": denial})
        world.refuses = lambda kind, body: forbidden if kind is CHECK and "status" in body else None
        world.down = True
        await asyncio.sleep(600)
        world.refuses = lambda kind, body: None
        await asyncio.sleep(45)
        assert world.condition("Healthy")["reason"] == "Down"
        assert not world.metric("ipsecping_operator_faults_total", where="write")

    happens(script)


def test_an_event_that_cannot_be_sent_holds_no_status_up() -> None:
    async def script(world: World) -> None:
        world.refuses = lambda kind, body: TypeError("not JSON") if kind is EVENT else None
        world.down = True
        await asyncio.sleep(120)
        assert world.condition("Healthy")["status"] != "True"
        assert len(world.statuses) < 20, "the status does not flap"
        assert world.metric("ipsecping_operator_faults_total", where="event")
        world.refuses = lambda kind, body: None
        await asyncio.sleep(3600)
        assert world.condition("Healthy")["reason"] == "Down"

    happens(script)


def test_a_spec_that_the_operator_fails_at_is_not_taken_for_carried_out() -> None:
    async def script(world: World) -> None:
        world.check = {
            **world.check,
            "metadata": {**world.check["metadata"], "generation": 2, "resourceVersion": "1000"},
            "spec": {"target": "203.0.113.77"},
        }
        world._version = 1001
        with mock.patch.object(reconciler, "compile_check", side_effect=KeyError("target")):
            assert world.operator is not None
            world.operator.see(CHECK, "MODIFIED", world.check)
            await asyncio.sleep(60)
            for kind in ("Ready", "Healthy"):
                said = world.condition(kind)
                assert (said["status"], said["reason"]) == ("Unknown", "InternalError")
        await asyncio.sleep(700)
        assert world.plan is not None
        assert world.plan.target == "203.0.113.77", "the spec was kept until it was carried out"
        assert world.condition("Ready")["status"] == "True"
        assert world.condition("Healthy")["status"] == "True"

    happens(script)


def test_a_result_that_cannot_be_counted_is_told_of_and_the_next_one_clears_it() -> None:
    async def script(world: World) -> None:
        with mock.patch("ipsecping_operator.check.measured.Tally.of", side_effect=OverflowError("too large")):
            await asyncio.sleep(35)
            assert world.condition("Healthy")["reason"] == "InternalError"
            assert "counting a result" in world.condition("Healthy")["message"]
        await asyncio.sleep(35)
        assert world.condition("Healthy")["status"] == "True"

    happens(script)


def test_what_comes_and_goes_is_not_written_each_time() -> None:
    async def script(world: World) -> None:
        begun = len(world.statuses)
        for _ in range(40):
            with mock.patch(
                "ipsecping_operator.check.measured.Tally.of", side_effect=OverflowError("too large")
            ):
                await asyncio.sleep(30)
            await asyncio.sleep(30)
        said = [world.healthy(when).get("reason") for when, _ in world.statuses[begun:]]
        turns = sum(before != after for before, after in itertools.pairwise(said))
        assert turns < 8
        await asyncio.sleep(3600)
        assert world.condition("Healthy")["status"] == "True"

    happens(script)


def test_a_status_edited_by_hand_is_put_right_but_not_fought_over() -> None:
    async def script(world: World) -> None:
        world.down = True
        await asyncio.sleep(120)
        lie = {"type": "Healthy", "status": "True", "reason": "WithinThresholds", "message": "all is well"}
        world.store_status({"conditions": [lie]})
        await asyncio.sleep(5)
        assert world.condition("Healthy")["reason"] == "Down"
        began = len(world.statuses)
        for _ in range(100):
            world.store_status({"conditions": [lie]})
            await asyncio.sleep(1)
        ours = len(world.statuses) - began - 100
        assert 3 < ours < 20
        await asyncio.sleep(30)
        assert world.condition("Healthy")["reason"] == "Down"
        assert world.metric("ipsecping_operator_status_writes_total", outcome="edited")

    happens(script)


def test_figures_that_somebody_made_up_do_not_stand_until_the_next_write() -> None:
    async def script(world: World) -> None:
        await asyncio.sleep(120)
        right = world.check["status"]
        outage = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z", "reason": "Down"}
        world.store_status({**right, "lossPercent": "99.00", "outages": [outage]})
        await asyncio.sleep(3)
        assert "outages" not in world.check["status"]
        assert world.check["status"]["lossPercent"] == "0.00"

    happens(script)


@pytest.mark.parametrize("down", [False, True])
def test_an_operator_that_stood_still_reads_what_waits_before_it_tells_silence(down: bool) -> None:
    async def script(world: World) -> None:
        world.reading = 0.1
        await asyncio.sleep(125)
        before = len(world.statuses)
        world.freeze(85)
        world.down = down
        await asyncio.sleep(5)
        said = {world.healthy(at)["reason"] for at, _ in world.statuses[before:]}
        assert "StaleResults" not in said
        world.reading = 1e6
        await asyncio.sleep(130)
        assert world.condition("Healthy")["reason"] == "StaleResults", "silence is told all the same"

    happens(script)


@pytest.mark.parametrize(("takes", "lost"), [(3.0, 0), (1e6, 1)])
def test_a_write_under_way_is_not_lost_because_the_operator_stood_still(takes: float, lost: int) -> None:
    async def script(world: World) -> None:
        await asyncio.sleep(125)
        world.down, world.writing = True, takes
        while not world.in_flight:
            await asyncio.sleep(0.5)
        world.writing = 0.0
        world.freeze(500)
        for _ in range(50):
            await asyncio.sleep(0.1)
            assert world.operator is not None
            assert world.operator.base.health.unjudged == []
            assert not world.metric("ipsecping_operator_overdue_checks")
            assert not world.metric("ipsecping_operator_unwritten_checks")
        assert not world.metric("ipsecping_operator_faults_total", where="write")
        await asyncio.sleep(130)
        assert (world.metric("ipsecping_operator_faults_total", where="write") or 0) == lost
        assert world.condition("Healthy")["reason"] == "Down"

    happens(script)


def test_a_step_of_the_clock_that_a_check_cannot_follow_is_told_of() -> None:
    async def script(world: World) -> None:
        operator = world.operator
        assert operator is not None
        with mock.patch("ipsecping_operator.check.state.CheckState.shift", side_effect=ValueError):
            operator.parts.clock_steps.follow(3600 * SECOND)
        await asyncio.sleep(5)
        assert world.condition("Healthy")["reason"] == "InternalError"

    happens(script)
