"""Audits as a round of a check: what they tell, and the bounds that they keep."""

import socket
from pathlib import Path

import pytest

from ipsecping.contract import (
    Audit,
    AuditFinding,
    AuditOptions,
    Expect,
    Invalidity,
    LossReason,
    PlannedProbe,
    ProbeType,
    RoundResult,
    check_result,
)
from ipsecping.contract.methods.audit import MAX_PACKETS, TURNS
from ipsecping.probes.audit_cases import EchoDialect, StampDialect, most_packets
from ipsecping.probes.audit_run import NoHost, check_host, spacing_for

from .audited import KEY, REFLECTOR, SIGNED, foreign, reflector, stamp_responder
from .far_ends import measure


def test_no_audit_sends_more_than_it_may() -> None:
    signed = most_packets(StampDialect((KEY,)).cases(port=8620, outside=True), rate=True)
    echo = most_packets(EchoDialect().cases(port=7, outside=True), rate=False)
    assert signed + echo <= MAX_PACKETS


@pytest.mark.parametrize("rate", [None, 5, 40])
def test_a_round_has_time_for_the_slowest_audit_and_keeps_below_the_rate(rate: int | None) -> None:
    packets = most_packets(StampDialect((KEY,)).cases(port=8620, outside=False), rate=False)
    assert packets * spacing_for(rate) < (TURNS - 1) * 100_000_000 - 8_000_000_000
    assert rate is None or 1e9 / spacing_for(rate) < rate


@pytest.mark.parametrize("address", ["224.0.0.1", "255.255.255.255", "0.0.0.0", "ff02::1%lo", "::"])
def test_an_address_of_many_hosts_or_none_is_refused(address: str) -> None:
    with pytest.raises(NoHost, match="not the address of one host"):
        check_host(address)


def planned(port: int, **options: object) -> PlannedProbe:
    return PlannedProbe(
        name="audit",
        type=ProbeType.AUDIT,
        count=TURNS,
        spacing_ms=5,
        timeout_ms=500,
        size=0,
        port=port,
        source="127.0.0.1",
        options=AuditOptions(**options),  # type: ignore[arg-type]
    )


async def one_round(probe: PlannedProbe, target: str = REFLECTOR) -> tuple[RoundResult, Audit | None]:
    result = await measure(probe, target)
    check_result(result)
    return result, result.figure(Audit)


async def test_a_round_tells_what_was_found_closed_and_not_tested(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(KEY)
    async with reflector(lambda port: stamp_responder(port, [KEY])) as listener:
        result, audit = await one_round(planned(listener.port, key_file=str(file)))
    assert audit is not None
    assert (audit.found, set(audit.closed) >= SIGNED) == ((), True)
    assert (result.sent, result.received, result.invalid) == (result.received, result.sent, None)


async def test_a_dead_path_loses_the_controls_and_tests_nothing() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((REFLECTOR, 0))
        result, audit = await one_round(planned(silent.getsockname()[1]))
    assert audit is not None
    assert (audit.found, audit.closed) == ((), ())
    assert (result.sent, result.received, dict(result.losses)) == (3, 0, {LossReason.TIMEOUT: 3})


async def test_a_flood_that_answers_nothing_right_makes_a_result_that_its_reader_takes() -> None:
    def flood(sock: socket.socket, data: bytes, peer: tuple[str, int]) -> None:
        for _ in range(400):
            sock.sendto(b"flood", peer)

    with foreign(flood) as port:
        result, audit = await one_round(planned(port))
    assert audit is not None
    assert (result.received, audit.found) == (0, (AuditFinding.AMPLIFIES,))


async def test_where_nothing_is_to_answer_no_case_is_tried() -> None:
    async with reflector(stamp_responder) as listener:
        made = planned(listener.port)
        result, audit = await one_round(
            PlannedProbe(
                **{name: getattr(made, name) for name in made.__slots__} | {"expect": Expect.BLOCKED}
            )
        )
    assert audit is None
    assert (result.sent, result.received) == (1, 1)


async def test_without_its_keys_or_with_a_groups_address_a_round_is_invalid(tmp_path: Path) -> None:
    missing, _ = await one_round(planned(8620, key_file=str(tmp_path / "none")))
    group, _ = await one_round(planned(8620), "224.0.0.1")
    assert (missing.invalid, group.invalid) == (Invalidity.KEY_MISSING, Invalidity.NOT_PERMITTED)
