"""Which IPv6 addresses of /proc/net/if_inet6 are this host's to send from."""

import pytest

from ipsecping.net.own_address import has_usable

OWN = """\
fd710005000000000000000000000001 03 40 00 c0       eth0
fd710005000000000000000000000002 03 40 00 80       eth0
fd710005000000000000000000000003 03 40 00 44     eth0
fd710005000000000000000000000004 03 40 00 c8       eth0
fd710005000000000000000000000005 03 40 00 21       eth0
fe800000000000000000000000000001 02 40 20 c0       vb
fe800000000000000000000000000001 0e 40 20 80  a name
00000000000000000000000000000001 01 80 10 80       lo
"""


@pytest.mark.parametrize(
    ("address", "zone", "usable"),
    [
        pytest.param("fd71:5::2", 0, True, id="its own"),
        pytest.param("fd71:5::1", 0, False, id="tentative"),
        pytest.param("fd71:5::3", 0, True, id="optimistic"),
        pytest.param("fd71:5::4", 0, False, id="another host has it"),
        pytest.param("fd71:5::5", 0, True, id="temporary and deprecated"),
        pytest.param("fd71:5::9", 0, False, id="not there"),
        pytest.param("fe80::1", 14, True, id="on this interface"),
        pytest.param("fe80::1", 2, False, id="tentative on this one"),
        pytest.param("fe80::1", 3, False, id="on others alone"),
        pytest.param("::1", 0, True, id="loopback"),
    ],
)
def test_an_address_is_own_once_no_other_host_can_have_it(address: str, zone: int, usable: bool) -> None:
    assert has_usable(OWN, address, zone=zone) == usable
