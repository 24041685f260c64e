"""Checks come, change and go while everything around them fails; then all has to be as it should be."""

import functools
import random
import time
import traceback
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from .model import (
    MOST_OUTAGES,
    Check,
    Wish,
    children_of,
    missing_of,
    wrongs_of_events,
    wrongs_of_healthy,
)
from .world import FAULT_NAMES, World

Act = TypeVar("Act", bound=Callable[..., None])
NAMES = ("a", "b", "c")
PATHS = ("north", "south", "default")
PATIENCE = 180.0
"""Seconds, on a machine that is busy with other things, in which everything has to come to rest."""
STILL = 1.2
"""Seconds for which it has to stay so."""

wishes = st.builds(
    Wish,
    cron=st.booleans(),
    paths=st.lists(st.sampled_from(PATHS), max_size=2, unique=True).map(tuple),
    count=st.sampled_from((4, 8)),
    down_after=st.sampled_from((2, 3)),
    suspend=st.sampled_from((False, False, False, True)),
)
storms = st.lists(st.sampled_from((*FAULT_NAMES, "kill", "kill", "lose", "cut")), min_size=4, max_size=12)


def _loud(act: Act) -> Act:
    """What goes wrong is told at once: it seldom goes wrong the same way when it is tried again."""

    @functools.wraps(act)
    def acting(*args: Any, **drawn: Any) -> None:
        try:
            act(*args, **drawn)
        except Exception:
            traceback.print_exc()
            raise

    return acting  # type: ignore[return-value]


class Chaos(RuleBasedStateMachine):
    """Rules of the user, of the weather and of misfortune; `settle` is where all is looked at."""

    world: ClassVar[World]
    after_storm: ClassVar[Callable[[], None]]
    """Called after each."""

    def __init__(self) -> None:
        super().__init__()
        self.checks: dict[str, Check] = {}

    @initialize(wish=wishes)
    @_loud
    def begin(self, wish: Wish) -> None:
        """There is always something to look at."""
        self.declare("a", wish)

    @rule(name=st.sampled_from(NAMES), wish=wishes)
    @_loud
    def declare(self, name: str, wish: Wish) -> None:
        """Create a check, or edit it."""
        self._one_thing_at_a_time(name)
        uid = self.world.declare(name, wish)
        check = self.checks.get(name)
        if check is None:
            self.checks[name] = Check(name, uid, wish)
        else:
            assert check.uid == uid
            check.wish, check.unsettled = wish, True
            check.edits += 1

    @precondition(lambda self: len(self.checks) > 1)
    @rule(data=st.data())
    @_loud
    def delete(self, data: st.DataObject) -> None:
        """A check goes."""
        name = data.draw(st.sampled_from(sorted(self.checks)))
        self.world.delete(name)
        del self.checks[name]

    @rule(name=st.sampled_from(NAMES), path=st.sampled_from(PATHS))
    @_loud
    def weather(self, name: str, path: str) -> None:
        """An outage begins, or ends."""
        check = self.checks.get(name)
        if check is not None and path in check.wish.path_names:
            self._one_thing_at_a_time(name)
            check.unsettled = True
        self.world.nodes.weather.dark ^= {(name, path)}

    @rule(faults=storms, seed=st.integers(0, 2**32))
    @_loud
    def storm(self, faults: list[str], seed: int) -> None:
        """Misfortunes in a row."""
        chance = random.Random(seed)
        for fault in faults:
            self.world.inflict(fault, chance)
            time.sleep(chance.choice((0, 0.1, 0.5, 1.5)))
        type(self).after_storm()

    @rule()
    @_loud
    def settle(self) -> None:
        """Faults end; in the end everything is as it should be, and nothing untrue was said on the way."""
        self.world.calm()
        for check in self.checks.values():
            if check.unsettled and check.wish.cron and not check.wish.suspend:
                self._three_rounds(check)
        deadline = time.monotonic() + PATIENCE
        still_since: float | None = None
        while still_since is None or time.monotonic() < still_since + STILL:
            wrongs = self._wrongs()
            if wrongs and time.monotonic() > deadline:
                healthz = self.world.operator.ask(self.world.operator.health)
                raise AssertionError("\n".join([*wrongs, f"/healthz: {healthz}"]))
            still_since = None if wrongs else still_since or time.monotonic()
            time.sleep(0.25)
        for check in self.checks.values():
            self._look_back(check)

    @_loud
    def teardown(self) -> None:
        """All checks go, and all that belonged to them."""
        for name in self.checks:
            self.world.delete(name)
        self.checks.clear()
        self.settle()
        self.world.nodes.weather.dark.clear()

    def _one_thing_at_a_time(self, name: str) -> None:
        """What a status may say from one state to the next is known; across two changes it is not."""
        if name in self.checks and self.checks[name].unsettled:
            self.settle()

    def _three_rounds(self, check: Check) -> None:
        """The least that a window holds. The test is the schedule."""
        for path in check.wish.path_names:
            for _ in range(3):
                self.world.run_round(self._cron_job(check, path))

    def _cron_job(self, check: Check, path: str) -> dict[str, object]:
        deadline = time.monotonic() + PATIENCE
        while True:
            for child in self.world.children():
                labels = child["metadata"]["labels"]
                mine = (labels["ipsecping.dev/check-uid"], labels["ipsecping.dev/path"]) == (check.uid, path)
                if child["kind"] == "CronJob" and mine:
                    return child
            assert time.monotonic() < deadline, f"no CronJob for path {path} of {check.name}"
            time.sleep(0.25)

    def _wrongs(self) -> list[str]:
        """What is not as it should be at the moment."""
        objects = {each["metadata"]["name"]: each for each in self.world.checks()}
        if objects.keys() != self.checks.keys():
            return [f"checks {sorted(objects)} instead of {sorted(self.checks)}"]
        wrongs = [wrong for name, check in self.checks.items() for wrong in self._said(check, objects[name])]
        wanted = {ref: each for check in objects.values() for ref, each in children_of(check).items()}
        found = {(each["kind"], each["metadata"]["name"]): each for each in self.world.children()}
        names = {(ref.kind, ref.name) for ref in wanted}
        if found.keys() != names:
            return [*wrongs, f"children {sorted(found)} instead of {sorted(names)}"]
        for ref, each in wanted.items():
            lacking = missing_of(each, found[ref.kind, ref.name])
            wrongs += [f"{ref.kind} {ref.name} {wrong}" for wrong in lacking]
        agents = sum(
            len(check.wish.path_names)
            for check in self.checks.values()
            if not check.wish.cron and not check.wish.suspend
        )
        # The garbage collector may leave a pod behind whose ReplicaSet goes while the API server is away.
        made_by = self.world.replica_sets()
        measuring = sum(agent.controller in made_by for agent in self.world.nodes.agents.values())
        if measuring != agents:
            wrongs.append(f"{measuring} agents instead of {agents}")
        return wrongs

    def _said(self, check: Check, found: dict[str, object]) -> list[str]:
        status = found.get("status", {})
        assert isinstance(status, dict)
        generation = found["metadata"]["generation"]  # type: ignore[index]
        if status.get("observedGeneration") != generation:
            return [f"{check.name}: generation {status.get('observedGeneration')} of {generation}"]
        said = {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}
        expected = check.expected(self.world.nodes.weather.dark)
        return [] if said == expected else [f"{check.name}: {said} instead of {expected}"]

    def _look_back(self, check: Check) -> None:
        """What was said since the last time, and what was told of it."""
        healthy = self.world.diary.entries[check.uid, "Healthy"]
        will = check.expected(self.world.nodes.weather.dark)["Healthy"]
        wrongs = wrongs_of_healthy(check.settled[0], will[0], healthy[check.read :])
        if will[0] == "False" and check.settled[0] != "False":
            check.outages += 1
        status = next(e for e in self.world.checks() if e["metadata"]["uid"] == check.uid)["status"]
        outages = status.get("outages", [])
        if len(outages) != min(check.outages, MOST_OUTAGES):
            wrongs.append(f"{len(outages)} outages of {check.outages} recorded: {outages}")
        if outages and ("end" in outages[0]) != (will[0] != "False"):
            wrongs.append(f"while Healthy is {will}, the last outage is {outages[0]}")
        events = self.world.events(check.uid)
        for kind in ("Healthy", "Ready"):
            wrongs += wrongs_of_events(
                events, self.world.diary.entries[check.uid, kind], kind=kind, edits=check.edits
            )
        assert not wrongs, f"{check.name}: " + "; ".join(wrongs)
        check.settled, check.read, check.unsettled = will, len(healthy), False
