"""Which endpoints are targets, and what a path measures of them."""

from typing import Any

import pytest

from ipsecping.contract import Family, PlannedCheck
from ipsecping_operator.compile import CompiledPath, TargetSource
from ipsecping_operator.endpoints.reading import Endpoint, Found, read_pod, read_slice, select

from .builders import check, plan

SERVICE, PODS = TargetSource(service="db"), TargetSource(pod_labels=(("app", "db"),))


def path(source: TargetSource = SERVICE, **changes: Any) -> CompiledPath:
    placement = check().paths[0].placement
    made = plan(target=source.host("network"), targets=(), **changes)
    return CompiledPath(plan=made, placement=placement, target_from=source)


def endpoint(*addresses: str, uid: str | None = None, **conditions: bool | None) -> dict[str, Any]:
    target = {} if uid is None else {"targetRef": {"kind": "Pod", "name": "a", "uid": uid}}
    return {"addresses": list(addresses), "conditions": conditions, **target}


def target_pod(*addresses: str, ready: str = "True", deleting: bool = False) -> dict[str, Any]:
    meta: dict[str, Any] = {"uid": "t-1", "labels": {"app": "db"}}
    if deleting:
        meta["deletionTimestamp"] = "2026-11-23T12:00:00Z"
    conditions = [{"type": "Ready", "status": ready}]
    return {
        "metadata": meta,
        "status": {"conditions": conditions, "podIPs": [{"ip": each} for each in addresses]},
    }


def test_endpoints_are_targets_while_they_are_ready() -> None:
    found = read_slice(
        {
            "endpoints": [
                endpoint("10.0.0.1", uid="a", ready=True),
                endpoint("10.0.0.2", ready=False, serving=True, terminating=True),
                endpoint("10.0.0.3"),
                {"addresses": ["10.0.0.4"]},
                endpoint("2001:DB8:0::5", ready=None),
                endpoint("db.example", ready=True),
                {"addresses": None},
            ]
        }
    )
    assert found == (
        Endpoint(("10.0.0.1",), "a"),
        Endpoint(("10.0.0.3",)),
        Endpoint(("10.0.0.4",)),
        Endpoint(("2001:db8::5",)),
    )
    assert read_slice({"endpoints": None}) == ()


def test_pods_are_targets_while_they_are_ready_and_stay() -> None:
    assert read_pod(target_pod("10.0.0.1", "2001:db8::1")) == (Endpoint(("10.0.0.1", "2001:db8::1"), "t-1"),)
    assert read_pod(target_pod("10.0.0.1", ready="False")) == ()
    assert read_pod(target_pod("10.0.0.1", deleting=True)) == ()
    assert read_pod(target_pod()) == ()
    assert read_pod({"metadata": {"uid": "t-1"}, "spec": {}}) == ()


def test_a_pod_that_measures_is_no_target() -> None:
    measuring = target_pod("10.0.0.1")
    measuring["metadata"]["labels"] = {"app": "db", "ipsecping.dev/check-uid": "of any check"}
    assert read_pod(measuring) == ()
    selection = select(
        Found([Endpoint(("10.0.0.1",), "p-1"), Endpoint(("10.0.0.2",), "t-1")]), path(), own_pods={"p-1"}
    )
    assert selection.addresses == ("10.0.0.2",)


def test_addresses_are_in_the_order_of_numbers_and_each_is_there_once() -> None:
    given = [Endpoint((each,)) for each in ("10.0.0.10", "10.0.0.9", "10.0.0.10")]
    assert select(Found(given), path(), own_pods=()).addresses == ("10.0.0.9", "10.0.0.10")


@pytest.mark.parametrize(
    ("family", "addresses"),
    [(None, ("10.0.0.1",)), (Family.IPV4, ("10.0.0.1",)), (Family.IPV6, ("2001:db8::1",))],
)
def test_a_pod_of_both_families_is_one_target(family: Family | None, addresses: tuple[str, ...]) -> None:
    pods = [Endpoint(("10.0.0.1", "2001:db8::1"), "t-1")]
    assert select(Found(pods), path(PODS, family=family), own_pods=()).addresses == addresses
    apart = [Endpoint(("10.0.0.1",), "t-1"), Endpoint(("2001:db8::1",), "t-1")]
    assert select(Found(apart), path(family=family), own_pods=()).addresses == addresses


def test_where_there_is_ipv6_only_it_is_measured() -> None:
    assert select(Found([Endpoint(("2001:db8::1",))]), path(), own_pods=()).addresses == ("2001:db8::1",)
    assert select(Found([Endpoint(("2001:db8::1",))]), path(family=Family.IPV4), own_pods=()).found == 0
    v6_first = [Endpoint(("2001:db8::1", "10.0.0.1"), "t-1")]
    assert select(Found(v6_first), path(PODS), own_pods=()).addresses == ("2001:db8::1",)


def test_of_more_than_a_plan_takes_the_first_are_measured_and_the_number_is_known() -> None:
    many = [Endpoint((f"10.0.{number // 250}.{number % 250 + 1}",)) for number in range(1000)]
    selection = select(Found(many), path(), own_pods=())
    assert (len(selection.addresses), selection.found, selection.refused) == (32, 1000, None)


def test_a_slice_is_read_soon_whatever_its_author_puts_into_it() -> None:
    hundred = [f"10.0.0.{number}" for number in range(1, 101)]
    assert read_slice({"endpoints": [endpoint(*hundred)]}) == (Endpoint(("10.0.0.1", "10.0.0.2")),)


def test_what_is_permitted_is_worked_out_once_for_all_checks_and_paths(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, permits = list[str](), PlannedCheck.permits

    def counted(plan: PlannedCheck, address: str) -> bool:
        asked.append(address)
        return permits(plan, address)

    monkeypatch.setattr(PlannedCheck, "permits", counted)
    found = Found([Endpoint((f"10.0.0.{number}",), f"t-{number}") for number in range(1, 101)])
    for number in range(1, 51):
        selection = select(found, path(), own_pods={f"t-{number}"})
        assert (selection.found, f"10.0.0.{number}" in selection.addresses) == (99, False)
    assert len(asked) == 100


def test_an_address_that_may_not_be_probed_is_left_out_and_told() -> None:
    given = [Endpoint((each,)) for each in ("10.0.0.1", "10.96.0.1", "192.0.2.1")]
    limited = path(refused=("10.96.0.1/32",), allowed=("10.0.0.0/8",))
    selection = select(Found(given), limited, own_pods=())
    assert (selection.addresses, selection.refused) == (("10.0.0.1",), "10.96.0.1")


def test_sources_are_named_for_people_and_for_certificates() -> None:
    assert (str(SERVICE), SERVICE.host("network")) == ("Service db", "db.network.svc")
    assert (str(PODS), PODS.host("network")) == ("pods with app=db", "pods/app=db")
    long = TargetSource(pod_labels=tuple((f"example.com/{n}{'k' * 60}", "v" * 63) for n in range(4)))
    assert len(long.host("network")) < 256
