"""A check whose metrics cannot be made costs no other check its own."""

import asyncio
from unittest import mock

import pytest

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.metrics import labels

from .assessments import assessed, at, seen, take
from .builders import check, plan
from .scraping import exporter, scraped
from .whole_operator import World, happens


def test_a_check_that_cannot_be_exported_costs_only_its_own_series() -> None:
    planned = plan(name="bad", uid="bad")
    bad, good, failed = seen(of=check(planned), name="bad", uid="bad"), seen(), list[CheckState]()
    take(bad, at(0, of=planned, remote_ip="\ud800"))
    take(good, at(0, remote_ip="203.0.113.10"))
    for state in (bad, good):
        assessed(state, at=5)
    samples = scraped(good)
    both = exporter(bad, good, failed=failed)
    collected = {family.name: list(family.samples) for family in both.collect()}
    assert [state.uid for state in failed] == ["bad"]
    assert sum(sample.labels["check"] == "hq" for each in collected.values() for sample in each) == len(
        samples
    )
    with mock.patch.object(labels, "check_labels", side_effect=UnicodeError):
        said = {
            (sample.labels["check"], sample.labels["status"]): sample.value
            for family in both.collect()
            for sample in family.samples
        }
    assert said["bad", "Unknown"] == 1
    assert said["bad", "True"] == 0
    with pytest.raises(UnicodeEncodeError):
        both.export(bad)
    both.export(good)


def test_a_fault_of_metrics_is_told_of_and_is_over_when_they_can_be_made_again() -> None:
    async def script(world: World) -> None:
        with mock.patch.object(labels, "check_labels", side_effect=RecursionError):
            world.scrape()
            await asyncio.sleep(5)
            assert world.condition("Healthy")["reason"] == "InternalError"
        await asyncio.sleep(20)
        assert world.condition("Healthy")["status"] == "True"

    happens(script)
