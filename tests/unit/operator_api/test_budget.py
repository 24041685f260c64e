"""How much one check may ask for, to the last round and packet."""

from typing import Any

import pytest

from ipsecping_operator.api.defaults import MAX_ROUNDS_A_SECOND
from ipsecping_operator.compile import InvalidSpec, compile_check
from ipsecping_operator.compile.budget import MAX_OUTSTANDING


def compiled(*, paths: int, probes: int, interval_ms: int, **probe: Any) -> None:
    compile_check(
        {
            "metadata": {"uid": "u", "namespace": "n", "name": "hq", "generation": 1},
            "spec": {
                "target": "203.0.113.10",
                "schedule": {"interval": f"{interval_ms}ms"},
                "paths": [{"name": f"p{number}"} for number in range(paths)],
                "probes": [
                    {"name": f"a{number}", "icmp": {}, "spacing": "10ms", **probe} for number in range(probes)
                ],
            },
        }
    )


@pytest.mark.parametrize(("paths", "probes"), [(8, 16), (2, 16), (8, 5), (1, 16)])
def test_a_check_makes_as_many_rounds_a_second_as_it_may_and_no_more(paths: int, probes: int) -> None:
    shortest = max(-(-paths * probes * 1000 // MAX_ROUNDS_A_SECOND), 1000)
    compiled(paths=paths, probes=probes, interval_ms=shortest)
    if shortest > 1000:
        with pytest.raises(InvalidSpec, match=r"spec\.schedule\.interval.* 32 rounds a second"):
            compiled(paths=paths, probes=probes, interval_ms=shortest - 1)


@pytest.mark.parametrize("interval_ms", [5000, 7001, 12_000])
def test_an_agent_has_room_for_all_packets_that_nobody_answers(interval_ms: int) -> None:
    rounds = -(-60_000 // interval_ms)
    most = MAX_OUTSTANDING // rounds // 16
    compiled(paths=1, probes=16, interval_ms=interval_ms, timeout="1m", count=min(most, 500))
    if most < 1000 and most * 10 < interval_ms:
        with pytest.raises(InvalidSpec, match=rf"spec\.probes.* at most {MAX_OUTSTANDING} may"):
            compiled(paths=1, probes=16, interval_ms=interval_ms, timeout="1m", count=most + 1)


def test_each_address_that_a_name_may_have_counts_as_a_round() -> None:
    spec = {"target": "far.example", "probes": [{"name": "a", "icmp": {}, "spacing": "10ms"}]}
    metadata = {"uid": "u", "namespace": "n", "name": "hq", "generation": 1}

    def with_interval(interval: str, **more: Any) -> None:
        compile_check(
            {
                "metadata": metadata,
                "spec": spec | {"schedule": {"interval": interval}, "addresses": "All"} | more,
            }
        )

    with_interval("1s")
    paths = [{"name": "a"}, {"name": "b", "addresses": "First"}]
    with_interval("1032ms", paths=paths)
    with pytest.raises(InvalidSpec, match=r"spec\.schedule\.interval.* 32 rounds a second"):
        with_interval("1031ms", paths=paths)
    slow = [{"name": "a", "icmp": {}, "count": 500, "spacing": "10ms", "timeout": "1m"}]
    with_interval("1m", probes=slow)
    with pytest.raises(InvalidSpec, match=r"spec\.probes.*up to 160000 packets"):
        with_interval("6s", probes=slow)


def test_a_packet_between_rounds_waits_for_an_answer_as_well() -> None:
    probes = [{"name": f"a{n}", "stamp": {}, "count": 682, "spacing": "10ms"} for n in range(3)]
    body = {"target": "far.example", "addresses": "All", "schedule": {"interval": "1m"}}
    metadata = {"uid": "u", "namespace": "n", "name": "hq", "generation": 1}
    compile_check({"metadata": metadata, "spec": body | {"probes": probes}})
    kept = [{**each, "keepalive": "20s"} for each in probes]
    with pytest.raises(InvalidSpec, match=rf"up to {3 * 32 * 683} packets"):
        compile_check({"metadata": metadata, "spec": body | {"probes": kept}})


def test_each_node_counts_as_rounds_beside_each_address() -> None:
    def with_interval(milliseconds: int, **more: Any) -> None:
        spec = {"target": "far.example", "schedule": {"interval": f"{milliseconds}ms"}} | more
        compile_check(
            {"metadata": {"uid": "u", "namespace": "n", "name": "hq", "generation": 1}, "spec": spec}
        )

    everywhere = {"placement": {"everyNode": True}}
    some = [{"name": "a"}, {"name": "b", "placement": {"everyNode": False}}]
    for least, more in (
        (1000, everywhere),
        (1032, {"paths": some, "probes": [{"name": "p", "icmp": {}, "spacing": "10ms"}]} | everywhere),
        (32_000, {"addresses": "All"} | everywhere),
        (33_000, {"addresses": "All", "paths": [{"name": "a"} | everywhere, {"name": "b"}]}),
    ):
        with_interval(least, **more)
        if least > 1000:
            with pytest.raises(InvalidSpec, match=r"spec\.schedule\.interval.* 32 rounds a second"):
                with_interval(least - 1, **more)
