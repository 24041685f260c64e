"""What packets of the link's size show of a silent tunnel: whether our gateway has an SA to send with."""

from dataclasses import replace

import pytest

from ipsecping.diagnosis import Evidence, Part, diagnose, facts
from ipsecping.diagnosis.evidence import Baseline
from ipsecping.diagnosis.fact import FactName
from ipsecping.diagnosis.report import machine, report, summary
from ipsecping.diagnosis.too_big import OversizedFound, TooBig

from .catalogue_tunnel import OVERSIZED, tunnel
from .worlds import BEHIND, OURS, UNDERLAY, dead, healthy, not_refused, refused_too_big, silent, with_batches

QUIET = silent(healthy(), *BEHIND)
STILL = OversizedFound(size=1500, sent=4)


def told(evidence: Evidence) -> bool | None:
    return facts(evidence)[FactName.GATEWAY_ENCAPSULATES].value


def found(*said: TooBig, size: int = 1500, sent: int = 4) -> Evidence:
    return replace(QUIET, oversized=OversizedFound(size=size, sent=sent, told=said))


def before(evidence: Evidence, too_big: TooBig | None) -> Evidence:
    assert evidence.baseline is not None
    return replace(evidence, baseline=replace(evidence.baseline, too_big=too_big))


@pytest.mark.parametrize("name", OVERSIZED)
def test_each_fault_of_the_lab_tells_whether_our_gateway_encrypts(name: str) -> None:
    (case,) = (case for case in tunnel() if case.name == name)
    assert told(case.evidence) is OVERSIZED[name][1]


def test_a_gateway_that_encrypts_has_an_sa() -> None:
    (finding, *_) = diagnose(refused_too_big(QUIET)).findings
    assert "SaMissing" not in finding.causes
    assert {"EspBlocked", "SaOutOfSync", "ReturnPathBroken"} <= set(finding.causes)
    assert machine(finding) == "the far gateway"
    assert "our gateway has an SA to send with" in summary(
        refused_too_big(QUIET), diagnose(refused_too_big(QUIET))
    )


def test_a_gateway_that_does_not_encrypt_is_where_to_look() -> None:
    evidence = not_refused(QUIET)
    (finding, *_) = diagnose(evidence).findings
    assert not {"EspBlocked", "EspAuthFailed", "ReturnPathBroken", "FarGatewayDrops"} & set(finding.causes)
    assert {"SaMissing", "PolicyConflict", "SaExhausted"} <= set(finding.causes)
    assert machine(finding) == "our gateway"
    assert finding.suspects == ("NotEncapsulated",)
    said = summary(evidence, diagnose(evidence))
    assert "NotEncapsulated, one of 10 causes" in said
    text = " ".join(report(evidence, diagnose(evidence), width=100, long=True).split())
    assert "our gateway does not encrypt" in text
    assert "4 of 4" in text
    assert "the 10 possible causes cannot be told apart" in text


def test_without_hops_it_alone_shows_that_packets_get_to_our_gateway() -> None:
    blind = replace(QUIET, hops=None)
    near = {"LocalPolicyDenied", "NearRoutingWrong"}
    assert near <= set(diagnose(blind).findings[0].causes)
    assert not near & set(diagnose(refused_too_big(blind)).findings[0].causes)
    assert near <= set(diagnose(not_refused(blind)).findings[0].causes)


def test_a_lower_mtu_alone_is_not_encryption() -> None:
    """Of the link that packets take in clear, say; or of other encryption, such as that of a new NAT."""
    assert told(found(TooBig(router=OURS, mtu=1400))) is None
    assert told(found(TooBig(router=OURS, mtu=1446), TooBig(router=OURS, mtu=1400))) is None


@pytest.mark.parametrize(
    ("mtu", "known"),
    [
        # Of AES-GCM and AES-CBC on a link of 1500 bytes; with an outer IPv6; with NAT traversal.
        *((mtu, True) for mtu in (1446, 1422, 1426, 1418, 1406)),
        # Of interfaces, as people and the manuals of clouds write them; of GRE, GRETAP, also in IPv6.
        *((mtu, None) for mtu in (1400, 1410, 1436, 1420, 1427, 1399, 1476, 1462, 1434)),
        # Of IPsec interfaces as vendors have them; of Geneve, GRE of overlays, DSL, mobile networks, PPPoE.
        *((mtu, None) for mtu in (1438, 1442, 1458, 1454, 1358, 1492, 1412)),
    ],
)
def test_the_mtu_of_an_interface_is_stated_without_an_sa_as_well(mtu: int, known: bool | None) -> None:
    """A gateway that routes packets into an interface of the tunnel (VTI, XFRM, GRE) looks at that first."""
    said = TooBig(router=OURS, mtu=mtu)
    evidence = before(found(replace(said, count=4)), said)
    assert told(evidence) is known
    assert ("SaMissing" in diagnose(evidence).findings[0].causes) is (known is None)
    assert told(before(found(), said)) is False
    blind = diagnose(replace(evidence, hops=None)).findings[0]
    assert not {"LocalPolicyDenied", "NearRoutingWrong"} & set(blind.causes), "they get to our gateway"


def test_another_router_says_nothing_of_our_gateway() -> None:
    assert told(found(TooBig(router=UNDERLAY, mtu=1446))) is None
    elsewhere = TooBig(router=UNDERLAY, mtu=1446)
    assert told(before(found(elsewhere), elsewhere)) is None, "a small link before our gateway is always told"
    assert told(before(found(), elsewhere)) is None


@pytest.mark.parametrize("header", [20, 40])
@pytest.mark.parametrize("udp", [0, 8])
@pytest.mark.parametrize(("iv", "check", "block"), [(8, 16, 4), (16, 12, 16), (16, 16, 16), (16, 32, 16)])
def test_what_esp_leaves_is_known_as_such(header: int, udp: int, iv: int, check: int, block: int) -> None:
    for link in (1500, 1492, 1460):
        mtu = (link - header - udp - 8 - iv - check) // block * block - 2
        of_an_interface = mtu % 10 == 0 or mtu in (1358, 1438)
        known = None if of_an_interface else True
        assert told(before(refused_too_big(QUIET, mtu), TooBig(router=OURS, mtu=mtu))) is known


def test_without_its_word_from_a_healthy_time_it_is_not_known() -> None:
    for evidence in (found(TooBig(router=OURS, mtu=1446)), found()):
        assert told(before(evidence, None)) is None
        assert told(replace(evidence, baseline=None)) is None
    assert told(replace(found(), baseline=Baseline(at=0, path_mtu=1446))) is None, "a gateway that ignores DF"


def test_packets_that_our_own_link_keeps_small_test_nothing() -> None:
    assert told(found(size=1446)) is None
    assert told(found(size=1400)) is None


def test_silence_counts_of_three_packets_and_of_a_gateway_that_answers() -> None:
    assert told(found(sent=2)) is None
    assert told(found(sent=3)) is False
    away = with_batches(replace(found(), hops=None), {Part.NEAR_INSIDE: dead})
    assert told(away) is None
    assert told(refused_too_big(away)) is True
