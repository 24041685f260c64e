"""Path MTU probe: the largest IP packet that passes with Don't Fragment set, each way (RFC 8899, RFC 8762).

A round first sends small packets, at most `count`, until one is answered; none means that the path is down.
Then it searches. `sent` and `received` are those of the small packets: a packet beyond the limit is not lost,
it is what was asked about. A search that does not end within the round's own time gives no MTU.
"""

import logging
import time
from types import MappingProxyType

from ..addresses import is_ipv6
from ..contract import Expect, Invalidity, PathMtu, PathMtuOptions, PlannedCheck, PlannedProbe
from ..contract.methods.path_mtu import Responder
from ..net.connected_socket import ConnectedSocket, open_connected_ping, open_connected_udp
from .base import Outcome, RoundMethod
from .mtu_packets import EchoPackets, StampPackets
from .mtu_run import MAX_PACKETS, MAX_UNWANTED, PAIR_SPACING, MtuRun, SmallPackets
from .sending import sender_of
from .stamp import keys_now

log = logging.getLogger(__name__)

_MS = 1_000_000


async def measure(check: PlannedCheck, probe: PlannedProbe, address: str) -> Outcome:
    """See RoundMethod. Raises RoundInvalid while the key file is not usable."""
    assert isinstance(probe.options, PathMtuOptions)
    keys = keys_now(probe.options.key_file, marked=probe.options.marked_keys)
    own_time = probe.round_ms * _MS
    until = time.monotonic_ns() + own_time
    sock = _open(probe, address)
    ipv6, by_icmp = is_ipv6(address), probe.options.responder is Responder.ICMP
    run: MtuRun | None = None
    found: PathMtu | None = None
    try:
        run = MtuRun(
            sock=sock,
            packets=EchoPackets(ipv6=ipv6) if by_icmp else StampPackets(ipv6=ipv6, keys=keys),
            low=probe.options.min,
            high=probe.options.max,
            timeout=probe.timeout_ms * _MS,
            pair_spacing=probe.spacing_ms * _MS if by_icmp else PAIR_SPACING,
        )
        reached = await run.reach(count=probe.count, spacing=probe.spacing_ms * _MS)
        if reached and probe.expect is Expect.REACHABLE:
            found = await run.find(until=until)
            if run.flooded:
                log.warning(
                    "%s/%s: probe %s: the search was given up: more than %d packets came that none of ours "
                    "explains",
                    check.namespace, check.name, probe.name, MAX_UNWANTED,
                )  # fmt: skip
            elif found is None:
                log.warning(
                    "%s/%s: probe %s: the search did not end within %d ms or %d packets: a larger count or "
                    "timeout gives it more time",
                    check.namespace, check.name, probe.name, own_time // _MS, MAX_PACKETS,
                )  # fmt: skip
            elif found.forward is None and not probe.options.responder.counts:
                log.warning(
                    "%s/%s: probe %s: small packets are answered, but none of %d bytes: the path carries "
                    "less, or the target answers none that large",
                    check.namespace, check.name, probe.name, probe.options.min,
                )  # fmt: skip
        small = await run.settle(until=until if reached else None)
    finally:
        if run is not None:
            run.close()
        sock.close()
    return Outcome(
        received=small.received,
        losses=MappingProxyType(dict(small.losses)),
        invalid=_spoilt(small),
        figures=() if found is None else (found,),
    )


def _spoilt(small: SmallPackets) -> Invalidity | None:
    if small.failed_here:
        return Invalidity.LOCAL_SEND_FAILED
    return Invalidity.LATE_TICKS if small.stood_still else None


def _open(probe: PlannedProbe, address: str) -> ConnectedSocket:
    if probe.port is None:
        return open_connected_ping(address, sender=sender_of(probe), dont_fragment=True)
    return open_connected_udp(address, probe.port, sender=sender_of(probe), dont_fragment=True)


METHOD = RoundMethod(measure=measure)
