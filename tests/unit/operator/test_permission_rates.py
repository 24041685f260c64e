"""What a check sends in its busiest second."""

from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.rounds.flow_order import FlowOrder
from ipsecping_operator.compile import CompiledCheck, compile_check
from ipsecping_operator.permission import Permissions
from ipsecping_operator.permission.rates import (
    busiest_second,
    busiest_turns,
)

MS = 1_000_000
OWN = {"secretName": "ipsecping-own", "key": "tls.key"}
SHOWN = {"clientCertificate": {"secretName": "ipsecping-own", "key": "tls.crt"}, "clientKey": OWN}


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
        ({"icmp": {}}, 2, 2 * (56 + 48)),
        ({"udpEcho": {"port": 7}}, 10, 10 * (56 + 48)),
        ({"icmp": {}, "count": 3, "spacing": "10ms"}, 3, 3 * (56 + 48)),
        ({"icmp": {}, "count": 1000, "spacing": "20ms"}, 50, 50 * (56 + 48)),
        ({"icmp": {}, "count": 5, "spacing": "2s"}, 1, 56 + 48),
        ({"icmp": {}, "count": 50, "spacing": "300ms"}, 4, 4 * (56 + 48)),
        ({"udpEcho": {"port": 7}, "size": 1400, "count": 1}, 1, 1448),
        ({"dns": {"query": "db.example"}, "count": 2}, 2, 2 * (48 + 41 + 10)),
        ({"tcp": {"port": 22}, "count": 2}, 8, 640),
        ({"udpEcho": {"port": 7}, "size": 1400, "count": 2, "flows": 8}, 16, 16 * 1448),
        ({"tcp": {"port": 22}, "flows": 4}, 16, 1280),
        # A keepalive may come in the second in which a round begins.
        ({"stamp": {}, "count": 5, "flows": 2, "keepalive": "20s"}, 12, 12 * (44 + 48)),
        ({"icmp": {}, "count": 5, "spacing": "2s", "keepalive": "5s"}, 2, 2 * (56 + 48)),
        ({"tcp": {"port": 22, "tls": {}}, "count": 1}, 10, 1820),
        ({"http": {"url": "http://192.0.2.7/"}, "count": 1}, 12, 1820),
        ({"http": {"url": "https://192.0.2.7/"}, "count": 1}, 18, 3320),
        # What redirects may lead to, what a Secret may hold.
        ({"http": {"url": "http://192.0.2.7/", "maxRedirects": 1}, "count": 1}, 36, 2 * 3320),
        ({"http": {"url": "https://192.0.2.7/", "bearerToken": OWN}, "count": 1}, 26, 3320 + 12_000),
        ({"http": {"url": "https://192.0.2.7/", "tls": SHOWN}, "count": 1}, 38, 3320 + 24_576),
        ({"tcp": {"port": 22, "tls": SHOWN}, "count": 1}, 30, 1820 + 24_576),
        ({"pathMTU": {"max": 9000}}, 64, 64 * 9000),
        # Where nothing answers, small packets are all that is sent.
        ({"pathMTU": {}, "count": 200, "spacing": "10ms"}, 100, 64 * 1500),
    ],
)
def test_of_a_probe(probe: dict[str, Any], packets: int, octets: int) -> None:
    assert busiest_second(compiled(probe, schedule={"interval": "10m"})) == (packets, octets)


def test_the_last_packet_of_a_round_and_the_first_of_the_next_may_be_in_one_second() -> None:
    probe = {"udpEcho": {"port": 7}, "size": 1400, "count": 5, "spacing": "1s"}
    assert busiest_second(compiled(probe, schedule={"interval": "4001ms"})) == (2, 2 * 1448)
    assert busiest_second(compiled(probe, schedule={"interval": "5s"})) == (1, 1448)


@given(
    count=st.integers(1, 60),
    spacing=st.integers(10, 1500),
    more=st.integers(1, 1500),
)
def test_the_busiest_second_is_that_of_a_schedule_carried_out(count: int, spacing: int, more: int) -> None:
    interval = max((count - 1) * spacing + more, 1000)
    probe = {"icmp": {}, "count": count, "spacing": f"{spacing}ms"}
    (path,) = compiled(probe, schedule={"interval": f"{interval}ms"}).paths
    sent = [round_ * interval + index * spacing for round_ in range(4) for index in range(count)]
    most = max(sum(start <= each < start + 1000 for each in sent) for start in sent)
    assert busiest_turns(path.plan.probes[0], path.plan.interval_ms) == most


@given(
    flows=st.integers(2, 16),
    count=st.integers(1, 12),
    spacing=st.integers(10, 1500),
    more=st.integers(1, 1500),
    seed=st.integers(0, 2**32),
)
def test_no_order_of_flows_sends_more_in_a_second(
    flows: int, count: int, spacing: int, more: int, seed: int
) -> None:
    interval = max((count - 1) * spacing + more, 1000)
    probe = {"udpEcho": {"port": 7}, "count": count, "spacing": f"{spacing}ms", "flows": flows}
    check = compiled(probe, schedule={"interval": f"{interval}ms"})
    sent = []
    for round_ in range(3):
        order = FlowOrder(flows, spacing * MS, seed + round_)
        for flow in range(flows):
            delay, place = order.place(flow)
            at = round_ * interval * MS + delay
            for step in (*islice(place.steps, count - 1), 0):
                sent.append(at)
                at += step
    most = max(sum(start <= each < start + 1000 * MS for each in sent) for start in sent)
    assert most <= busiest_second(check).packets


def test_of_all_probes_on_all_paths_together() -> None:
    assert busiest_second(compiled({"icmp": {}}, {"stamp": {}}, paths=3)).packets == 36


def test_the_largest_round_that_an_api_takes_is_refused_by_default_and_half_of_it_is_not() -> None:
    most = compiled(*[{"stamp": {}}] * 16, paths=8)
    assert "up to 1280 packets/s are more than permitted" in str(Permissions().refusal(most))
    half = compiled(*[{"stamp": {}}] * 8, paths=8)
    assert Permissions().refusal(half) is None


def test_a_second_namespace_s_setting_is_not_the_first_one_s() -> None:
    ten = compiled({"icmp": {}})
    assert Permissions(packet_rate={"network": 10, "*": 1}).refusal(ten) is None
    assert Permissions(packet_rate={"other": 10, "*": 1}).refusal(ten) is not None


def test_each_address_that_a_name_may_have_counts_but_not_of_what_is_asked_elsewhere() -> None:
    ping: dict[str, Any] = {"icmp": {}}
    one = busiest_second(compiled(ping, target="far.example"))
    assert busiest_second(compiled(ping, target="far.example", addresses="All")) == one.times(32)
    elsewhere: dict[str, Any] = {"ike": {}}
    asked = busiest_second(compiled(elsewhere, tunnel={"gateway": "198.51.100.2"}))
    both = compiled(
        ping, elsewhere, target="far.example", addresses="All", tunnel={"gateway": "198.51.100.2"}
    )
    assert busiest_second(both) == one.times(32) + asked


def test_nothing_is_diagnosed_where_a_diagnosis_sends_more_than_is_permitted() -> None:
    permissions = Permissions(
        packet_rate={"*": 1000, "slow": 33, "enough": 34}, bit_rate={"*": "1M", "thin": "999k"}
    )
    assert permissions.no_diagnosis("enough") is permissions.no_diagnosis("any") is None
    assert "namespace slow: at most 33 and 1Mbit/s (--max-packet-rate" in str(
        permissions.no_diagnosis("slow")
    )
    assert "namespace thin: at most 1000 and 999kbit/s" in str(permissions.no_diagnosis("thin"))
