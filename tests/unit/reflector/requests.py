"""Requests as a listener hands them to a responder, and responders to hand them to."""

from collections.abc import Sequence
from ipaddress import ip_network

from ipsecping.reflector.admission import Admission
from ipsecping.reflector.responder import Request, StampPolicy, StampResponder
from ipsecping.reflector.sessions import SessionTable
from ipsecping.wire import stamp
from ipsecping.wire.ntp import UNSYNCHRONIZED

OLD, NEW = b"the key of the old days", b"the key of the new days"
PEER, PORT, OWN_PORT = "10.244.0.7", 40_000, 8620
SECOND = 1_000_000_000
DEFAULT_POLICY = StampPolicy()


def responder(
    *,
    keys: Sequence[bytes] | None = None,
    rate: int = 1000,
    total_rate: int = 10_000,
    policy: StampPolicy = DEFAULT_POLICY,
) -> StampResponder:
    return StampResponder(
        admission=Admission(allow=[ip_network("10.244.0.0/16")], rate=rate, total_rate=total_rate),
        sessions=SessionTable(),
        own_ports={OWN_PORT},
        error_estimate=lambda _: UNSYNCHRONIZED,
        keys=None if keys is None else lambda: keys,
        policy=policy,
    )


def request(
    data: bytes, *, peer: str = PEER, port: int = PORT, now: int = 0, traffic_class: int = 0
) -> Request:
    return Request(
        data=data,
        peer=peer,
        peer_port=port,
        local="10.50.1.10",
        local_port=OWN_PORT,
        ttl=61,
        traffic_class=traffic_class,
        received_at=1_767_225_600 * SECOND,
        now=now,
    )


def probe(sequence: int, *, ssid: int = 9, size: int | None = None, key: bytes | None = None) -> bytes:
    least = stamp.BASE_SIZE if key is None else stamp.AUTHENTICATED_SIZE
    packet = stamp.SenderPacket(sequence, 5000 + sequence, UNSYNCHRONIZED, ssid)
    return stamp.pack_sender(packet, size or least, key)
