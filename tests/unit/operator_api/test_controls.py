"""Control addresses and networks of a tunnel: from the spec into each path's plan, and back."""

import inspect
from typing import Any

import pytest

from ipsecping.collector.plan import next_stage
from ipsecping.collector.planned import asked_of
from ipsecping.collector.steps import IkeStep, Train
from ipsecping.contract import Control, Plan, ProbeType, plan_from_json, plan_to_json
from ipsecping.diagnosis.evidence import Evidence, Part
from ipsecping.probes.ike_exchange import ask_ports
from ipsecping_operator.compile import CompiledCheck, InvalidSpec, compile_check
from ipsecping_operator.compile.effective import effective_spec
from ipsecping_operator.permission import Permissions
from ipsecping_operator.permission.rates import busiest_second

METADATA = {"uid": "u", "namespace": "network", "name": "hq", "generation": 1}
TUNNEL = {
    "gateway": "vpn.example",
    "controls": {"farInside": "10.50.1.1", "nearInside": "2001:DB8:0::2"},
    "networks": {"inside": ["10.244.0.0/16", "10.50.1.0/24"], "underlay": ["198.51.100.0/24"]},
}


def compiled(**spec: Any) -> CompiledCheck:
    return compile_check({"metadata": METADATA, "spec": {"target": "10.50.1.10", "tunnel": TUNNEL} | spec})


def test_a_plan_has_the_controls_and_the_networks_of_its_tunnel() -> None:
    (path,) = compiled().paths
    assert path.plan.controls == {
        Control.FAR_INSIDE: "10.50.1.1",
        Control.NEAR_INSIDE: "2001:db8::2",
        Control.GATEWAY: "vpn.example",
    }
    assert (path.plan.inside, path.plan.underlay) == (
        ("10.244.0.0/16", "10.50.1.0/24"),
        ("198.51.100.0/24",),
    )
    plan = Plan(checks=(path.plan,))
    assert plan_from_json(plan_to_json(plan)) == plan


def test_a_path_replaces_the_controls_that_it_gives() -> None:
    first, second = compiled(
        paths=[{"name": "a"}, {"name": "b", "target": "10.60.1.10", "controls": {"farInside": "10.60.1.1"}}]
    ).paths
    assert first.plan.controls[Control.FAR_INSIDE] == "10.50.1.1"
    assert second.plan.controls == {**first.plan.controls, Control.FAR_INSIDE: "10.60.1.1"}
    assert second.control_fields[Control.FAR_INSIDE] == "spec.paths[1].controls.farInside"
    assert second.control_fields[Control.NEAR_INSIDE] == "spec.tunnel.controls.nearInside"


@pytest.mark.parametrize(
    "paths", [None, [{"name": "a"}, {"name": "b", "controls": {"nearInside": "10.99.1.2"}}]]
)
def test_the_effective_spec_compiles_to_the_same_controls(paths: list[dict[str, Any]] | None) -> None:
    check = compiled(**({"paths": paths} if paths else {}))
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check


def test_new_controls_leave_the_results_of_a_check_as_they_are() -> None:
    assert compiled().paths[0].plan.nonce == compiled(tunnel={}).paths[0].plan.nonce


def test_a_gateway_that_is_measured_itself_is_no_control_of_it() -> None:
    (path,) = compiled(target="2001:db8:0::1", tunnel={"gateway": "2001:db8::1"}).paths
    assert not path.plan.controls


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"paths": [{"name": "a", "target": "10.50.1.1"}]},
            r"spec\.tunnel\.controls\.farInside: 10\.50\.1\.1 is the target as well",
        ),
        (
            {"paths": [{"name": "a", "controls": {"farInside": "2001:db8:0:0::2"}}]},
            r"2001:db8::2 is spec\.paths\[0\]\.controls\.farInside as well",
        ),
        (
            {"tunnel": {"gateway": "2001:db8::1", "controls": {"farInside": "2001:db8:0::1"}}},
            r"spec\.tunnel\.controls\.farInside: 2001:db8::1 is spec\.tunnel\.gateway as well",
        ),
    ],
)
def test_a_host_that_stands_for_two_places_is_refused(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidSpec, match=said):
        compiled(**spec)


def test_a_control_outside_of_the_permitted_networks_is_refused_by_its_field() -> None:
    permissions = Permissions(targets={"*": ("10.50.1.0/24", "2001:db8::/32")})
    check = permissions.limited(compiled(paths=[{"name": "a", "controls": {"nearInside": "10.99.0.2"}}]))
    assert permissions.refusal(check) == (
        "spec.paths[0].controls.nearInside: 10.99.0.2 is not a permitted target in namespace network: "
        "allowed is 10.50.1.0/24, 2001:db8::/32 (--allow-targets of the operator)"
    )


def test_controls_count_in_the_busiest_second_of_an_interval_and_not_of_a_cron_line() -> None:
    """Of a cron check no agent runs that would ask them."""
    plain, asked = busiest_second(compiled(tunnel={})), busiest_second(compiled())
    assert (asked.packets - plain.packets, asked.octets - plain.octets) == (3, 3 * (56 + 48))
    assert busiest_second(compiled(schedule={"cron": "@hourly"})) == plain


def test_a_diagnosis_asks_the_gateway_by_icmp_and_by_ike_on_both_ports() -> None:
    (path,) = compiled(tunnel=TUNNEL | {"gateway": "192.0.2.1"}).paths
    asked = asked_of(path.plan)
    known = Evidence(at=1, path=path.plan.path, target=asked.host, address=asked.host)
    stage = next_stage(asked, known, [], sent=0, elapsed=0)
    assert stage is not None
    trains = {step.part: step for step in stage.steps if isinstance(step, Train)}
    assert (trains[Part.GATEWAY].address, trains[Part.GATEWAY].method.type) == ("192.0.2.1", ProbeType.ICMP)
    assert {Part.FAR_INSIDE, Part.NEAR_INSIDE} < trains.keys()
    assert [step.address for step in stage.steps if isinstance(step, IkeStep)] == ["192.0.2.1"]
    assert {500, 4500} == set(inspect.signature(ask_ports).parameters["ports"].default)
    assert (asked.inside, asked.underlay) == (path.plan.inside, path.plan.underlay)
