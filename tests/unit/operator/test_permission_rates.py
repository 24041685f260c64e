"""What a check sends in its busiest second."""

from typing import Any

import pytest

from ipsecping_operator.compile import CompiledCheck, compile_check
from ipsecping_operator.permission import Permissions
from ipsecping_operator.permission.rates import busiest_second


def compiled(*probes: dict[str, Any], paths: int = 1, **spec: Any) -> CompiledCheck:
    named = [{"name": f"p{index}"} | probe for index, probe in enumerate(probes)]
    several = {"paths": [{"name": f"w{index}"} for index in range(paths)]} if paths > 1 else {}
    metadata = {"uid": "u", "namespace": "network", "name": "hq", "generation": 1}
    return compile_check(
        {"metadata": metadata, "spec": {"target": "192.0.2.1", "probes": named} | several | spec}
    )


@pytest.mark.parametrize(
    ("probe", "packets", "octets"),
    [
        ({"icmp": {}}, 10, 10 * (56 + 48)),
        ({"icmp": {}, "count": 3, "spacing": "10ms"}, 3, 3 * (56 + 48)),
        ({"icmp": {}, "count": 1000, "spacing": "20ms"}, 50, 50 * (56 + 48)),
        ({"icmp": {}, "count": 5, "spacing": "2s"}, 1, 56 + 48),
        ({"icmp": {}, "count": 50, "spacing": "300ms"}, 4, 4 * (56 + 48)),
        ({"udpEcho": {"port": 7}, "size": 1400, "count": 1}, 1, 1448),
        ({"dns": {"query": "db.example"}, "count": 2}, 2, 2 * (48 + 18 + 10)),
        ({"tcp": {"port": 22}, "count": 2}, 8, 640),
        ({"tcp": {"port": 22, "tls": {}}, "count": 1}, 10, 1820),
        ({"http": {"url": "http://192.0.2.7/"}, "count": 1}, 12, 1820),
        ({"http": {"url": "https://192.0.2.7/"}, "count": 1}, 18, 3320),
        ({"pathMTU": {"max": 9000}}, 64, 64 * 9000),
    ],
)
def test_of_a_probe(probe: dict[str, Any], packets: int, octets: int) -> None:
    assert busiest_second(compiled(probe, schedule={"interval": "10m"})) == (packets, octets)


def test_of_all_probes_on_all_paths_together() -> None:
    assert busiest_second(compiled({"icmp": {}}, {"stamp": {}}, paths=3)).packets == 60


def test_the_largest_round_that_an_api_takes_is_refused_by_default_and_half_of_it_is_not() -> None:
    most = compiled(*[{"icmp": {}}] * 16, paths=8)
    assert "up to 1280 packets/s are more than permitted" in str(Permissions().refusal(most))
    half = compiled(*[{"icmp": {}}] * 8, paths=8)
    assert Permissions().refusal(half) is None


def test_a_second_namespace_s_setting_is_not_the_first_one_s() -> None:
    ten = compiled({"icmp": {}})
    assert Permissions(packet_rate={"network": 10, "*": 1}).refusal(ten) is None
    assert Permissions(packet_rate={"other": 10, "*": 1}).refusal(ten) is not None
