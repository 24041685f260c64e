"""What ESP leaves of a link's MTU, and what else is so large. Pure.

A gateway states the same number of an interface or a route that has it for its MTU, whatever becomes of the
SA. Tunnels of other kinds, overlays of clouds and lines of carriers have theirs: GRE 1476 and GRETAP 1462,
VXLAN 1450, Geneve 1442 and 1400, WireGuard 1420, PPPoE 1492, DSL 1454, Google's network 1460. So a number
counts only if a suite in use leaves just that of a link in use.
"""

from itertools import product

_LINKS = 1500, 1492, 1460
"""Of Ethernet, PPPoE (RFC 2516), Google's network. No larger packets than those of Ethernet are sent."""
_OUTER, _UDP, _ESP, _TRAILER = (20, 40), (0, 8), 8, 2
"""Bytes of the outer header, of the encapsulation for NAT (RFC 3948), of ESP's header and of what follows its
padding (RFC 4303 section 2)."""
_SUITES = (8, 16, 4), (16, 12, 16), (16, 16, 16), (16, 24, 16), (16, 32, 16)
"""Bytes of the IV, of the ICV and of what padding fills up to, of the algorithms that RFC 8221 asks for:
AES-GCM and ChaCha20-Poly1305, AES-CBC with HMAC-SHA1, -SHA256, -SHA384 and -SHA512."""
_OF_INTERFACES = frozenset({1358, 1438})
"""Of what ESP leaves, what interfaces have as well: of mobile networks (3GPP TS 23.060 annex C), and IPsec
interfaces of several vendors, which keep it without an SA."""


def may_be_of_esp(mtu: int) -> bool:
    """Whether ESP leaves so much of a link, and no interface has it, nor would a person write it: tens."""
    return mtu in _LEFT and mtu not in _OF_INTERFACES and mtu % 10 != 0


_LEFT = frozenset(
    (link - outer - udp - _ESP - iv - icv) // block * block - _TRAILER
    for link, outer, udp, (iv, icv, block) in product(_LINKS, _OUTER, _UDP, _SUITES)
)
