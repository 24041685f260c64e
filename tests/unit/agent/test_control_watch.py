"""An agent asks its paths' controls now and then, outside of all figures, and remembers which answer."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.agent import control_watch
from ipsecping.agent.control_baseline import with_memories
from ipsecping.agent.control_memory import FORGIVEN, ControlMemory
from ipsecping.agent.control_watch import ControlWatch
from ipsecping.contract import (
    Control,
    Figure,
    PlannedCheck,
    PlannedProbe,
    ProbeType,
    RoundResult,
    controls,
)
from ipsecping.contract.controls import PACKETS
from ipsecping.diagnosis.evidence import Baseline, Part
from ipsecping.measure.ledger import Answer, Ledger
from ipsecping.measure.packet import Observer, Packet
from ipsecping.net.clocks import Clock
from ipsecping.net.resolve import Resolver
from ipsecping.probes.base import ProbeMethod

from .stage import CHECK

FAR, NEAR = "127.0.0.2", "127.0.0.3"
MS = 1_000_000


class Network:
    """Stands in for the ICMP sessions: which addresses answer, and what was sent where."""

    def __init__(self, *answering: str) -> None:
        self.answering = set(answering)
        self.sent: list[tuple[str, str | None]] = []
        self.open = self.opened = 0
        self.failing = False
        """This host sends nothing."""

    def session(self, probe: PlannedProbe, address: str, _: Clock) -> "Host":
        assert probe.type == ProbeType.ICMP
        return Host(self, address, probe.source)


class Host:
    """See Session."""

    def __init__(self, network: Network, address: str, source: str | None) -> None:
        self.address = address
        self.ledger = Ledger(timeout=20 * MS)
        self._network, self._source = network, source
        network.open += 1
        network.opened += 1

    def send(self, observer: Observer | None = None) -> Packet:
        now = Clock().now()
        packet = self.ledger.record(at=now, observer=observer)
        self._network.sent.append((self.address, self._source))
        if self._network.failing:
            self.ledger.not_sent(packet, None)
        elif self.address in self._network.answering:
            self.ledger.answered(Answer(packet.sequence), arrived_at=None, read_at=now + 1000)
        return packet

    def drain(self, instant: int) -> bool:
        return True

    def figures(self, packets: Sequence[Packet]) -> Mapping[str, Figure]:
        raise AssertionError("a control has no figures")

    def drops(self) -> int:
        return 0

    def dropped_since(self, drops: int) -> bool:
        return False

    def close(self) -> None:
        self._network.open -= 1


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    made = Network(FAR)
    monkeypatch.setattr(control_watch, "packet_method", lambda _: ProbeMethod(open=made.session))
    monkeypatch.setattr(control_watch, "AT_FIRST", 20 * MS)
    monkeypatch.setattr(control_watch, "TIMEOUT_MS", 20)
    monkeypatch.setattr(control_watch, "SLACK", MS)
    monkeypatch.setattr(controls, "SPACING_MS", 5)
    return made


def of_path(path: str = "default", **fields: Any) -> PlannedCheck:
    named = {Control.FAR_INSIDE: FAR, Control.NEAR_INSIDE: NEAR}
    given: dict[str, Any] = {"path": path, "controls": named, "interval_ms": 3_600_000, **fields}
    return replace(CHECK, **given)


def watching(*, interval: int = 3_600_000 * MS) -> ControlWatch:
    return ControlWatch(Clock(), Resolver(), interval=interval)


def well(watch: ControlWatch, check: PlannedCheck) -> None:
    """A round of the path has had an answer."""
    watch.observe(
        check,
        RoundResult(
            check=check.ref, probe="p", type=ProbeType.ICMP, started_at=1, duration=1, sent=1, received=1
        ),
    )


async def until_asked(network: Network, packets: int) -> None:
    while len(network.sent) < packets:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.1)  # the last one's time-out


async def test_it_remembers_who_answered_and_who_never_did_while_the_path_was_well(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    watch, check = watching(), of_path()
    watch.follow([check])
    well(watch, check)
    await until_asked(network, 2 * PACKETS)
    known = watch.known(check.uid, check.path)
    assert known[Control.FAR_INSIDE].answers
    assert known[Control.NEAR_INSIDE].silent
    said = [line for line in caplog.messages if "does not answer" in line]
    assert said == [
        f"n/c path default: the path is well and its control NearInside ({NEAR}) does not answer ICMP echo: "
        "it will tell nothing when the path is down, choose one that answers"
    ]
    watch.close()
    assert network.open == 0


async def test_silence_while_the_path_is_down_teaches_nothing(network: Network) -> None:
    watch, check = watching(), of_path()
    watch.follow([check])
    await until_asked(network, 2 * PACKETS)
    memory = watch.known(check.uid, check.path)[Control.NEAR_INSIDE]
    assert not memory.silent
    assert not memory.answers
    watch.close()


async def test_a_host_is_asked_once_for_all_paths_that_it_is_a_control_of(network: Network) -> None:
    watch = watching()
    checks = [of_path(path, controls={Control.FAR_INSIDE: FAR}) for path in "abc"]
    watch.follow([*checks, of_path("d", interval_ms=None)])  # a scheduler's check is not an agent's business
    await until_asked(network, PACKETS)
    assert len(network.sent) == PACKETS
    assert all(watch.known("u1", path)[Control.FAR_INSIDE].answers for path in "abc")
    watch.close()


async def test_nothing_is_sent_where_the_plan_does_not_permit_it(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    watch = watching()
    watch.follow([of_path(refused=("127.0.0.2/32",))])
    await until_asked(network, PACKETS)
    assert {address for address, _ in network.sent} == {NEAR}
    assert f"control {FAR} cannot be asked: {FAR} is not an allowed target" in caplog.text
    watch.close()


async def test_a_new_plan_keeps_what_is_known_and_forgets_what_is_no_control_any_more(
    network: Network,
) -> None:
    watch, check = watching(), of_path()
    watch.follow([check])
    await until_asked(network, 2 * PACKETS)
    watch.follow([replace(check, generation=2, controls={Control.FAR_INSIDE: FAR})])
    known = watch.known(check.uid, check.path)
    assert list(known) == [Control.FAR_INSIDE]
    assert known[Control.FAR_INSIDE].answers
    assert network.open == 1
    watch.close()


async def test_it_is_asked_again_after_its_interval_from_where_the_path_sends(network: Network) -> None:
    watch = watching(interval=150 * MS)
    probe = replace(CHECK.probes[0], source="127.0.0.9")
    watch.follow([of_path(probes=(probe,), controls={Control.FAR_INSIDE: FAR, Control.GATEWAY: "127.0.0.4"})])
    await until_asked(network, 3 * PACKETS)
    assert set(network.sent) == {(FAR, "127.0.0.9"), ("127.0.0.4", None)}
    assert network.sent.count((FAR, "127.0.0.9")) >= PACKETS
    watch.close()


async def test_what_this_host_cannot_send_says_nothing_of_the_control(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    watch, check = watching(), of_path(controls={Control.FAR_INSIDE: FAR})
    network.failing = True
    watch.follow([check])
    well(watch, check)
    await until_asked(network, PACKETS)
    assert not watch.known(check.uid, check.path)[Control.FAR_INSIDE].misses
    assert f"control {FAR} cannot be asked: this host could not send" in caplog.text
    watch.close()


async def test_a_source_that_is_another_interface_by_now_is_sent_from_anew(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = iter((3, 3, 7, 7, 7))
    monkeypatch.setattr(control_watch, "interface_index", lambda source: next(index, 7))
    watch = watching(interval=60 * MS)
    watch.follow([of_path(controls={Control.FAR_INSIDE: FAR})])
    await until_asked(network, 4 * PACKETS)
    assert (network.opened, network.open) == (2, 1)
    watch.close()


async def test_a_host_answers_by_real_packets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_watch, "AT_FIRST", 20 * MS)
    monkeypatch.setattr(controls, "SPACING_MS", 5)
    watch, check = watching(), of_path()
    watch.follow([check])
    while not all(memory.answers for memory in watch.known(check.uid, check.path).values()):
        await asyncio.sleep(0.02)
    watch.close()


def test_one_that_has_been_silent_for_long_is_none_that_answers() -> None:
    memory = ControlMemory()
    memory.asked(at=5, answered=True, well=True)
    for _ in range(FORGIVEN - 1):
        memory.asked(at=6, answered=False, well=True)
        assert memory.answers
    memory.asked(at=7, answered=False, well=True)
    assert memory.silent
    memory.asked(at=8, answered=True, well=False)
    assert memory.answers


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), max_size=8),
    st.sampled_from([None, Baseline(at=1, controls=frozenset({Part.FAR_INSIDE, Part.IKE}))]),
)
def test_a_control_is_one_that_answers_or_one_that_does_not_or_unknown(
    history: list[tuple[bool, bool]], before: Baseline | None
) -> None:
    memory = ControlMemory()
    for at, (answered, is_well) in enumerate(history):
        memory.asked(at=at, answered=answered, well=is_well)
    made = with_memories(before, {Control.FAR_INSIDE: memory})
    assert not (memory.answers and memory.silent)
    if made is None or made == before:
        assert not memory.answers or before is not None
        return
    assert not made.controls & made.silent
    assert (Part.FAR_INSIDE in made.controls) is memory.answers
    assert (Part.FAR_INSIDE in made.silent) is memory.silent
    assert before is None or Part.IKE in made.controls
