"""The fact that packets of the link's size show of a silent tunnel: whether our gateway takes them into it.

A gateway that has a policy and an SA for a packet knows what ESP leaves of the next hop's MTU, and refuses
what is larger with that figure (RFC 4301 section 8.2.1), without any help of the far side. Linux does so
before it looks at its own forward rules; without an SA, or by a policy that blocks, it drops the packet
without a word. But a tunnel interface or a route with an MTU of its own has it stated whatever becomes of the
SA, as has a link that takes no more than IPv6 has to have: such a figure is told by its form, as a rule.
"""

from .esp_mtu import may_be_of_esp
from .evidence import Part
from .fact import Fact, unknown
from .facts_reach import of_control, reaches_near_gateway
from .facts_refused import NO_WAY, rejected_by_our_gateway, unreachable_for_our_gateway
from .reading import Reading

LEAST_SENT = 3
"""Packets that nobody refuses, a second apart so that no limit of ICMP errors hides one, at least."""


def gateway_encapsulates(reading: Reading) -> Fact:
    """Whether our gateway refuses packets of the link's size as too big, with the MTU that it stated when the
    path was healthy, so that it has an SA to send with.
    """
    found, baseline = reading.evidence.oversized, reading.evidence.baseline
    ours = reading.evidence.expected.controls.get(Part.NEAR_INSIDE)
    if unreachable_for_our_gateway(reading):
        return unknown(f"our gateway ({ours}) says that it cannot reach the target: {NO_WAY}")
    if rejected_by_our_gateway(reading):
        return unknown(f"our gateway ({ours}) rejects these packets, or lets nothing leave unencrypted")
    if found is None:
        return unknown("no packets of the link's size were sent to a silent target")
    before = None if baseline is None else baseline.too_big
    if before is None:
        return unknown("it is not known who said packet too big when the path was healthy")
    if before.router != ours:
        # A router with a small MTU before our gateway says the same whatever becomes of the tunnel.
        return unknown(f"{before.router} said packet too big before, but is not known to be our gateway")
    if found.size <= before.mtu:
        return unknown(f"our own link carries no more than the path MTU ({found.size} bytes)")
    said = f"packets of {found.size} bytes at our gateway ({ours})"
    if found.told:
        others = [each for each in found.told if (each.router, each.mtu) != (before.router, before.mtu)]
        if others:
            # Other encryption, or the link that packets now take in clear: nobody knows which.
            return unknown(
                f"{others[0].router} says too big, MTU {others[0].mtu}; when the path was healthy "
                f"{before.router} said {before.mtu}"
            )
        count = sum(each.count for each in found.told)
        if not may_be_of_esp(before.mtu):
            return unknown(
                f"{said}: {count} of {found.sent} too big, MTU {before.mtu}, which may be that of an "
                "interface or a route rather than what ESP leaves: those are stated without an SA as well"
            )
        return Fact(
            True,
            f"{said}: {count} of {found.sent} too big, MTU {before.mtu}, as when the path was healthy, so "
            "it has an SA for them",
        )
    if found.sent < LEAST_SENT:
        return unknown(f"{said}: too few were sent to say that it does not answer them")
    if not (of_control(reading, Part.NEAR_INSIDE).value or reaches_near_gateway(reading).value):
        return unknown(f"{said}: no answer, but it is not known whether it answers anything now")
    return Fact(
        False,
        f"{said}: no answer to {found.sent} of {found.sent}; when the path was healthy it said too big, "
        f"MTU {before.mtu}. So it has no SA for them, or they do not reach it",
    )
