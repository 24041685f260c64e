"""spec.source: from where a check's packets are sent, path by path."""

from typing import Any

import pytest

from ipsecping.contract import Plan, plan_from_json, plan_to_json
from ipsecping_operator.compile import CompiledCheck, InvalidSpec, compile_check
from ipsecping_operator.compile.effective import effective_spec

METADATA = {"uid": "7d6e", "namespace": "network", "name": "hq-dc1", "generation": 3}
PROBES = [{"name": "a", "icmp": {}}, {"name": "b", "ike": {}}]


def compiled(**spec: Any) -> CompiledCheck:
    whole = {"target": "203.0.113.10", "tunnel": {"gateway": "198.51.100.2"}, "probes": PROBES} | spec
    return compile_check({"metadata": METADATA, "spec": whole})


def sources(check: CompiledCheck) -> list[list[str | None]]:
    return [[probe.source for probe in path.plan.probes] for path in check.paths]


def test_each_path_sends_from_its_own_source_else_from_that_of_the_check() -> None:
    check = compiled(
        source={"interface": "net1"},
        paths=[{"name": "dsl"}, {"name": "lte", "source": {"address": "10.1.0.1", "gateway": True}}],
    )
    assert sources(check) == [["net1", None], ["10.1.0.1", "10.1.0.1"]]
    plan = Plan(checks=(check.paths[1].plan,))
    assert plan_from_json(plan_to_json(plan)) == plan


@pytest.mark.parametrize(
    "spec",
    [
        {"source": {"interface": "eth0.100"}},
        {"source": {"address": "10.1.0.1", "gateway": True}},
        {"paths": [{"name": "a", "source": {"interface": "net1"}}, {"name": "b"}]},
    ],
)
def test_the_effective_spec_compiles_to_the_same_check(spec: dict[str, Any]) -> None:
    check = compiled(**spec)
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check


def test_an_address_that_cannot_send_to_the_target_is_refused_with_the_field_that_has_it() -> None:
    with pytest.raises(InvalidSpec, match=r"^spec\.source\.address: 2001:db8::1 cannot send to 203.0.113.10"):
        compiled(source={"address": "2001:db8::1"})
    with pytest.raises(InvalidSpec, match=r"^spec\.paths\[0\]\.source\.address: 10.1.0.1 cannot send to"):
        compiled(paths=[{"name": "a", "target": "2001:db8::10", "source": {"address": "10.1.0.1"}}])
    assert sources(compiled(target="db.example", source={"address": "10.1.0.1"})) == [["10.1.0.1", None]]
