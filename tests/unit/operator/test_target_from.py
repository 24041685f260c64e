"""A check whose targets are looked up: its plans, what Ready and Healthy say, and what it may."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ipsecping_operator.api.conditions import HealthyReason, ReadyReason
from ipsecping_operator.api.probe_defaults import ProbeDefaults
from ipsecping_operator.cache.store import Store
from ipsecping_operator.check.applied import Selection
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.children import TARGETS_ANNOTATION, ChildSettings, build_children
from ipsecping_operator.compile import CompiledCheck, compile_check
from ipsecping_operator.compile.effective import effective_spec
from ipsecping_operator.endpoints.reading import Endpoint, Found
from ipsecping_operator.endpoints.sources import NotKnown, Sources
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.kinds import Kind
from ipsecping_operator.logs import for_check
from ipsecping_operator.observe.projection import read_child
from ipsecping_operator.permission import Permissions
from ipsecping_operator.reconcile.aiming import aim, is_aimed
from ipsecping_operator.reconcile.applying import ensure_children
from ipsecping_operator.report.readiness import prober_fault, readiness
from ipsecping_operator.report.silence import with_trouble
from ipsecping_operator.verdict.finding import Finding

from .builders import NOON, UID, result
from .objects import child, metadata
from .states import body, shown, take_up

METADATA = {"uid": UID, "namespace": "network", "name": "hq", "generation": 1}
FROM_SERVICE: dict[str, Any] = {"targetFrom": {"service": {"name": "db"}}}
FROM_PODS: dict[str, Any] = {"targetFrom": {"pods": {"matchLabels": {"tier": "a", "app": "db"}}}}
AVAILABLE = child(observedGeneration=1, availableReplicas=1)
RUNS = "Deployment hq runs the agent"


def compiled(spec: Mapping[str, Any] = FROM_SERVICE, **more: Any) -> CompiledCheck:
    return compile_check({"metadata": METADATA, "spec": {**spec, **more}})


def aimed(*addresses: str, found: int | None = None, refused: str | None = None) -> CheckState:
    state = shown(None, AVAILABLE)
    take_up(state, compiled())
    selection = Selection(
        addresses=addresses, found=len(addresses) if found is None else found, refused=refused
    )
    state.aim({"default": selection})
    return state


@pytest.mark.parametrize("spec", [FROM_SERVICE, FROM_PODS], ids=["Service", "pods"])
def test_the_plan_lists_addresses_and_the_effective_spec_says_whose(spec: dict[str, Any]) -> None:
    made = compiled(spec)
    assert made.paths[0].plan.targets == (), "until they are looked up"
    effective = effective_spec(made)
    assert effective["targetFrom"] == spec["targetFrom"]
    assert "target" not in effective
    assert compile_check({"metadata": METADATA, "spec": effective}) == made


def test_a_path_may_have_a_target_of_its_own() -> None:
    made = compiled(paths=[{"name": "a"}, {"name": "b", "target": "203.0.113.9"}])
    assert [(path.plan.target, path.plan.targets) for path in made.paths] == [
        ("db.network.svc", ()),
        ("203.0.113.9", None),
    ]
    assert compile_check({"metadata": METADATA, "spec": effective_spec(made)}) == made


def test_it_takes_permission_by_namespace() -> None:
    assert "--allow-target-from" in str(Permissions().refusal(compiled()))
    assert Permissions(target_from=frozenset({"network"})).refusal(compiled()) is None


def test_results_go_on_when_addresses_come_and_go() -> None:
    state = aimed("10.0.0.1")
    check = state.applied.compiled
    assert check is not None
    before = result(of=check.paths[0].plan)
    state.aim({"default": Selection(addresses=("10.0.0.1", "10.0.0.2"), found=2)})
    assert state.applied.compiled is not None
    assert state.applied.compiled.paths[0].plan.targets == ("10.0.0.1", "10.0.0.2")
    assert state.measured.accept(before, start=NOON, now=NOON + 10**10) is None


def test_ready_says_how_many_are_measured() -> None:
    assert readiness(aimed("10.0.0.1")).message == RUNS
    many = readiness(aimed("10.0.0.1", found=40))
    assert many.reason is ReadyReason.RECONCILED
    assert many.message == f"{RUNS}; Service db: 40 addresses, of which the first 1 are measured"


def test_without_any_address_the_check_is_ready_and_its_health_unknown() -> None:
    state = aimed()
    ready = readiness(state)
    assert ready.reason is ReadyReason.RECONCILED
    assert ready.message == f"{RUNS}; Service db: no ready address, so nothing is measured"
    finding = Finding(reason=HealthyReason.TARGET_UNRESOLVED, message="the last round could not")
    assert with_trouble(state, finding) == "Service db: no ready address, so nothing is measured"
    assert with_trouble(aimed("10.0.0.1"), finding) == finding.message


def test_an_address_that_may_not_be_probed_is_named_while_the_others_are_measured() -> None:
    state = aimed("10.0.0.1", found=2, refused="169.254.169.254")
    take_up_again = Permissions(target_from=frozenset({"*"})).limited(compiled())
    take_up(state, take_up_again)
    state.aim({"default": Selection(addresses=("10.0.0.1",), found=2, refused="169.254.169.254")})
    fault = prober_fault(state)
    assert fault is not None
    assert fault.reason is ReadyReason.NOT_PERMITTED
    assert fault.message.startswith(
        "spec.targetFrom: 169.254.169.254, an address of Service db, is a cloud's metadata address"
    )


class Known(Sources):
    """Knows these endpoints, or does not know for a reason."""

    def __init__(self, known: list[Endpoint] | str) -> None:
        self.known = known
        self.forgotten = False

    def follow(self, check: CompiledCheck) -> None:
        """Nothing to follow."""

    def forget(self, uid: str) -> None:
        self.forgotten = True

    def found(self, namespace: str, source: object) -> Found:
        if isinstance(self.known, str):
            raise NotKnown(self.known)
        return Found(self.known)


def test_a_starting_operator_leaves_the_children_alone_until_it_knows() -> None:
    state = shown(None, AVAILABLE)
    take_up(state, compiled(), ready=None)
    assert aim(state, Known("")) == ""
    assert not is_aimed(state), "an empty list would end what is being measured"
    assert aim(state, Known("may not list")) == "spec.targetFrom: Service db: may not list"
    assert aim(state, Known([Endpoint(("10.0.0.1",))])) is None
    assert is_aimed(state)
    assert aim(state, Known("may not list any more")) == "spec.targetFrom: Service db: may not list any more"
    assert is_aimed(state), "those of before go on"


def test_an_edit_of_what_is_looked_up_waits_for_its_own_targets() -> None:
    state = aimed("10.0.0.1")
    take_up(state, compiled(FROM_PODS))
    assert not is_aimed(state)


def test_what_is_not_permitted_is_not_followed() -> None:
    state = shown(None, AVAILABLE)
    take_up(state, compiled(), refused="spec.targetFrom: no")
    sources = Known([])
    assert aim(state, sources) is None
    assert sources.forgotten


def test_what_ends_measuring_waits_for_no_target() -> None:
    state = aimed("10.0.0.1")
    take_up(state, compiled(), refused="spec.targetFrom: no")
    assert is_aimed(state), "its pods are to go"
    take_up(state, replace(compiled(), suspend=True))
    sources = Known([])
    assert aim(state, sources) is None
    assert sources.forgotten
    assert is_aimed(state), "its pods are to go, whether or not targets can be looked up"
    take_up(state, compiled())
    assert not is_aimed(state)


class Applying(KubeClient):
    """Notes what is applied."""

    def __init__(self) -> None:
        self.applied: list[Mapping[str, Any]] = []

    async def apply(self, body: Mapping[str, Any], kind: Kind, *, force: bool = True) -> Any:
        self.applied.append(body)
        made = {"uid": "made", "resourceVersion": "50", "creationTimestamp": "2026-11-23T12:00:00Z"}
        return {**body, "metadata": {**body["metadata"], **made}}


def test_children_of_an_earlier_run_are_not_taken_as_they_are_if_they_aim_elsewhere() -> None:
    store = Store()
    status = {"observedGeneration": 1, "conditions": []}
    state = shown(body(), store=store, status=status)
    take_up(state, compiled())
    state.applied.inherit(generation=1, run_now=None)
    state.aim({"default": Selection(addresses=("10.0.0.1",), found=1)})
    settings = ChildSettings(probe_image="probe:1", defaults=ProbeDefaults(annotations={"a.example/b": "c"}))
    assert state.applied.compiled is not None
    config_map, deployment = build_children(state.applied.compiled, settings)
    for kind, manifest in (("ConfigMap", config_map), ("Deployment", deployment)):
        name = manifest["metadata"]["name"]
        meta = metadata(name, uid=kind, owner=("IPsecTunnelCheck", "hq", UID))
        meta["annotations"] = {**manifest["metadata"]["annotations"]}
        if kind == "ConfigMap":
            meta["annotations"][TARGETS_ANNOTATION] = "of yesterday"
        store.put_child(_read(kind, meta))
    client = Applying()
    log = for_check(__name__, METADATA)
    asyncio.run(ensure_children(state, (config_map, deployment), store=store, client=client, log=log))
    assert [each["kind"] for each in client.applied] == ["ConfigMap"]


def _read(kind: str, meta: dict[str, Any]) -> Any:
    return read_child(kind, {"metadata": meta, "spec": {}, "status": {}})
