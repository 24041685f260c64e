"""`ipsecping diagnose HOST` through real routers, healthy and with one thing broken.

near - our gateway - a router between - the far gateway - far. Nothing is encrypted; the rules of the routers
break what a tunnel breaks.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ipsecping.diagnosis import Evidence, Part, evidence_from_bytes, facts
from ipsecping.diagnosis.evidence import Baseline, NameAnswer
from ipsecping.diagnosis.fact import FactName
from ipsecping.diagnosis.too_big import OversizedFound, TooBig

from .chain import FAR, FAR6, ROUTERS, Chain, address, chain
from .routed import Namespace, reflector

OURS, THEIRS = address(1, 2), address(ROUTERS + 1, 1)
GATEWAY, GATEWAY_AWAY = address(ROUTERS, 2), address(ROUTERS, 99)
NOBODY = address(ROUTERS + 1, 99)
CONTROLS = ["--near-inside", OURS, "--far-inside", THEIRS]
RULE = """
table inet broken {{
  chain forward {{
    type filter hook forward priority 0
    {rule}
  }}
}}
"""


@pytest.fixture
def path() -> Iterator[Chain]:
    with (
        chain() as made,
        reflector(made.far, "--stamp", "0.0.0.0:862", "--stamp", "[::]:862", "--tcp-echo", "0.0.0.0:443"),
    ):
        yield made


@pytest.fixture(scope="module")
def calm() -> Iterator[Chain]:
    """For tests that leave everything as it was."""
    with chain() as made, reflector(made.far, "--stamp", "0.0.0.0:862", "--stamp", "[::]:862"):
        yield made


def broken(place: Namespace, rule: str) -> None:
    place.run("nft", "-f", "-", stdin=RULE.format(rule=rule))


def diagnosed(path: Chain, *words: str) -> tuple[Any, Evidence]:
    """The diagnosis and the evidence; again where this host was too busy for it."""
    for _ in range(3):
        said, evidence = _diagnosed(path, *words)
        if said["outcome"] != "NotMeasured":
            break
    return said, evidence


def _diagnosed(path: Chain, *words: str) -> tuple[Any, Evidence]:
    with_evidence = [*words, "--evidence", "/dev/stderr", "--json"]
    done = subprocess.run(
        path.near.command(sys.executable, "-m", "ipsecping", "diagnose", *with_evidence),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1, 3), done.stderr
    return json.loads(done.stdout), evidence_from_bytes(done.stderr.splitlines()[-1].encode())


def reasons(said: Any) -> list[tuple[str, str]]:
    return [(each["reason"], each["direction"]) for each in said["findings"]]


def sent(evidence: Evidence, part: Part) -> int:
    return sum(batch.sent for batch in evidence.batches if batch.part is part)


@pytest.mark.parametrize("ipv6", [False, True], ids=["IPv4", "IPv6"])
def test_a_healthy_path_is_told_at_once(calm: Chain, ipv6: bool) -> None:
    said, evidence = diagnosed(calm, FAR6 if ipv6 else FAR)
    assert said["outcome"] == "NoFault"
    # So few packets take 3 s, on a machine with nothing else to do.
    assert sum(batch.sent for batch in evidence.batches) <= 200
    assert evidence.not_tested[Part.RATES] == "nothing was lost"
    assert {batch.type for batch in evidence.batches if batch.part is Part.METHODS} == {"STAMP", "ICMP"}
    assert evidence.path_mtu is not None
    assert evidence.path_mtu.forward == 1500
    assert evidence.hops is not None
    assert [hop.address for hop in evidence.hops if hop.type == "STAMP"][-1] == (FAR6 if ipv6 else FAR)
    assert evidence.names is not None
    assert evidence.names.answer is NameAnswer.ADDRESS
    (first, *_) = evidence.batches
    assert first.ttl_seen == 64 - ROUTERS
    assert dict(first.sources) == {address(1, 1, ipv6=ipv6): first.sent}


@pytest.mark.long
def test_loss_one_way_of_one_class(path: Chain) -> None:
    broken(path.routers[1], f"ip daddr {FAR} udp dport 862 ip dscp 46 numgen random mod 100 < 60 drop")
    said, evidence = diagnosed(path, FAR, "--stamp", "862", *CONTROLS)
    assert reasons(said) == [("ClassDependentLoss", "Forward")]
    assert sum(batch.sent for batch in evidence.batches) <= 1000


@pytest.mark.long
def test_loss_one_way_behind_a_clean_far_gateway(path: Chain) -> None:
    broken(path.routers[2], f"ip saddr {FAR} numgen random mod 100 < 15 drop")
    said, evidence = diagnosed(path, FAR, "--stamp", "862", *CONTROLS)
    assert reasons(said) == [("FarNetworkLoss", "Reverse")]
    assert min(sent(evidence, part) for part in (Part.FAR_INSIDE, Part.NEAR_INSIDE)) >= 120


@pytest.mark.long
def test_a_dead_flow_is_no_dead_class(path: Chain) -> None:
    broken(path.routers[1], "udp dport 862 udp sport & 3 == 1 drop")
    said, _ = diagnosed(path, FAR, "--stamp", "862", *CONTROLS)
    assert "FlowDependentLoss" in [reason for reason, _ in reasons(said)]
    assert not {"ClassDependentLoss", "RateLimited"} & {reason for reason, _ in reasons(said)}


def test_a_dead_host_is_told_by_its_router(path: Chain) -> None:
    path.lose_no_time()
    said, evidence = diagnosed(path, NOBODY, *CONTROLS)
    assert [reason for reason, _ in reasons(said)] == ["FarHostDown"]
    assert said["findings"][0]["confidence"] == "Proven"
    assert evidence.not_tested[Part.PATH_MTU] == "the target is silent"


def test_a_black_hole_for_large_packets(path: Chain) -> None:
    broken(path.routers[1], f"ip daddr {FAR} meta length > 1400 drop")
    said, evidence = diagnosed(path, FAR, "--stamp", "862", *CONTROLS)
    assert reasons(said) == [("MtuBlackHole", "Forward")]
    assert evidence.path_mtu is not None
    assert evidence.path_mtu.forward == 1400


def test_a_gateway_that_is_away_beside_a_healthy_target(path: Chain) -> None:
    said, evidence = diagnosed(path, FAR, "--stamp", "862", *CONTROLS, "--gateway", GATEWAY_AWAY)
    assert said["outcome"] == "NoFault"
    assert evidence.ike is not None
    assert not sum(batch.answered for batch in evidence.batches if batch.part is Part.GATEWAY)


def test_nothing_passes_the_tunnel(path: Chain) -> None:
    broken(path.routers[1], f"ip daddr {{ {FAR}, {THEIRS} }} drop")
    said, evidence = diagnosed(path, FAR, "--stamp", "862", *CONTROLS, "--gateway", GATEWAY)
    assert [reason for reason, _ in reasons(said)] == ["TunnelSilent"]
    assert {batch.window for batch in evidence.batches} == {1, 2}
    assert sum(batch.answered for batch in evidence.batches if batch.part is Part.GATEWAY)


@pytest.mark.parametrize(
    ("ipv6", "policy"),
    [(False, "tmpl src 198.51.100.1 dst 192.0.2.1 proto esp reqid 7 mode tunnel"), (True, "action block")],
    ids=["IPv4, no SA", "IPv6, a policy that blocks"],
)
@pytest.mark.long
def test_a_silent_tunnel_shows_whether_our_gateway_still_takes_packets_into_it(
    path: Chain, ipv6: bool, policy: str
) -> None:
    """Our gateway's route stands for an SA: it has room for 1446 bytes. The policies are the kernel's own.

    The silence is the same with and without, the route stays, and the kernel here remembers 1446 throughout.
    """
    ours, far = address(1, 2, ipv6=ipv6), FAR6 if ipv6 else FAR
    words, version = [far, "--stamp", "862", "--near-inside", ours], "-6" if ipv6 else "-4"
    via = address(2, 2, ipv6=ipv6)
    path.routers[0].run("ip", version, "route", "replace", far, "via", via, "mtu", "lock", "1446")
    _, healthy = diagnosed(path, *words)
    assert healthy.path_mtu is not None
    assert healthy.path_mtu.too_big == TooBig(router=ours, mtu=1446)
    assert healthy.oversized is None
    baseline = Baseline(
        at=healthy.at, controls=frozenset({Part.NEAR_INSIDE}), too_big=healthy.path_mtu.too_big
    )

    broken(path.routers[1], f"{'ip6' if ipv6 else 'ip'} daddr {far} drop")
    _, silent = diagnosed(path, *words)
    told = (TooBig(router=ours, mtu=1446, count=4),)
    assert silent.oversized == OversizedFound(size=1500, sent=4, told=told)
    assert encapsulates(silent, baseline) is True

    selector = ["src", "::/0" if ipv6 else "0.0.0.0/0", "dst", far, "dir", "out"]
    path.routers[0].run("ip", "xfrm", "policy", "add", *selector, *policy.split())
    _, unsecured = diagnosed(path, *words)
    assert unsecured.oversized == OversizedFound(size=1500, sent=4)
    assert encapsulates(unsecured, baseline) is False


def encapsulates(evidence: Evidence, baseline: Baseline) -> bool | None:
    return facts(replace(evidence, baseline=baseline))[FactName.GATEWAY_ENCAPSULATES].value


def test_a_firewall_that_refuses_and_says_so(path: Chain) -> None:
    broken(path.routers[1], "udp dport 862 reject with icmpx admin-prohibited")
    said, evidence = diagnosed(path, FAR, "--stamp", "862", *CONTROLS)
    assert reasons(said) == [("ProtocolFiltered", "Forward")]
    senders = {error.sender for batch in evidence.batches for error in batch.errors}
    assert senders == {address(2, 2)}


def test_this_host_forbids_it(path: Chain) -> None:
    path.near.run(
        "nft", "-f", "-", stdin=RULE.replace("forward", "output").format(rule=f"ip daddr {FAR} drop")
    )
    said, _ = diagnosed(path, FAR, "--stamp", "862", *CONTROLS)
    assert reasons(said) == [("LocalPolicyDenied", "Forward")]


def test_a_service_that_does_not_listen(path: Chain) -> None:
    said, _ = diagnosed(path, FAR, "--stamp", "862", "--tcp", "444")
    assert [reason for reason, _ in reasons(said)] == ["ResponderDown"]


def test_a_reflector_that_nobody_named_is_not_missed(path: Chain) -> None:
    """The far gateway has none: its silence, or its refusal, is no fault."""
    said, evidence = diagnosed(path, THEIRS)
    assert said["outcome"] == "NoFault"
    assert {batch.type for batch in evidence.batches} == {"ICMP"}


def test_ctrl_c_judges_what_there_is(calm: Chain, tmp_path: Path) -> None:
    words = ["diagnose", NOBODY, "--evidence", str(tmp_path / "e")]
    process = subprocess.Popen(
        calm.near.command(sys.executable, "-m", "ipsecping", *words),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert "a first look" in process.stderr.readline()
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    said, trouble = process.communicate(timeout=20)
    assert "broken off after" in trouble
    assert "0 of" in said
    assert process.returncode == 1
    evidence = evidence_from_bytes((tmp_path / "e").read_bytes())
    assert {batch.window for batch in evidence.batches} == {1}
