"""Who has written what of a status."""

from typing import Any

from ipsecping_operator.cache.store import Store
from ipsecping_operator.kube.transport import FIELD_MANAGER
from ipsecping_operator.status.authors import written_by_others

from . import objects
from .assessments import assessed, at, seen, take
from .builders import NOON, SECOND, UID

HEALTHY = 'k:{"type":"Healthy"}'
READY = 'k:{"type":"Ready"}'


def entry(manager: str, **owned: Any) -> dict[str, Any]:
    fields = {"f:status": {f"f:{name}": below for name, below in owned.items()}}
    return {"manager": manager, "operation": "Update", "subresource": "status", "fieldsV1": fields}


def found(*entries: object) -> tuple[str, ...]:
    return written_by_others({"managedFields": list(entries)}, manager=FIELD_MANAGER)


def test_what_somebody_else_has_changed_is_told_by_its_field() -> None:
    whole: dict[str, Any] = {READY: {"f:status": {}}, HEALTHY: {"f:message": {}}}
    edited = entry("kubectl-patch", conditions={HEALTHY: {"f:status": {}}}, outages={})
    assert found(entry(FIELD_MANAGER, conditions=whole), edited) == ("conditions", "outages")


def test_what_somebody_has_written_as_it_was_is_ours_as_before() -> None:
    owned: dict[str, Any] = {HEALTHY: {".": {}, "f:status": {}, "f:reason": {}}}
    ours = (entry(FIELD_MANAGER, conditions=owned), entry(FIELD_MANAGER, outages={}))
    assert found(*ours, entry("backup", conditions={HEALTHY: {"f:status": {}}}, outages={})) == ()
    assert found(*ours, {"manager": "kubectl", "fieldsV1": {"f:spec": {"f:target": {}}}}) == ()


def test_who_once_put_a_whole_status_back_does_not_own_what_we_have_written_since() -> None:
    """As a backup does: an apply takes over values, but not that the object or list is there."""
    applied: dict[str, Any] = {
        "rtt": {"f:p50": {}},
        "conditions": {HEALTHY: {".": {}, "f:status": {}}},
    }
    there: dict[str, Any] = {"rtt": {".": {}}, "conditions": {".": {}, HEALTHY: {".": {}}}}
    assert found(entry(FIELD_MANAGER, **applied), entry("velero-server", **there)) == ()
    there["rtt"]["f:p99"] = {}
    there["conditions"][READY] = {".": {}}
    assert found(entry(FIELD_MANAGER, **applied), entry("velero-server", **there)) == ("conditions", "rtt")
    assert found(entry(FIELD_MANAGER), entry("velero-server", rtt={".": {}})) == ("rtt",)


def test_an_account_that_cannot_be_read_says_nothing() -> None:
    odd: Any
    for odd in (None, "text", {}, 7):
        assert written_by_others({"managedFields": odd}, manager=FIELD_MANAGER) == ()
        assert found(odd, {"fieldsV1": odd}, {"manager": odd, "fieldsV1": {"f:status": odd}}) == ()
    assert written_by_others({}, manager=FIELD_MANAGER) == ()


def test_an_outage_that_somebody_made_up_while_no_operator_ran_is_not_believed() -> None:
    state = seen()
    take(state, *(at(30 * n, received=0) for n in range(4)))
    left = dict(assessed(state, at=95).status)
    for edited, outages in (((), 1), (("outages",), 0)):
        metadata = objects.metadata("hq", uid=UID)
        metadata["managedFields"] = [
            entry(FIELD_MANAGER, conditions={}, **({} if edited else {"outages": {}})),
            *(entry("kubectl-edit", **{name: {}}) for name in edited),
        ]
        store = Store()
        body = {"metadata": metadata, "spec": {"target": "203.0.113.10"}, "status": left}
        store.put_check(body, now=NOON + 100 * SECOND)
        assert len(store.checks[UID].reported.last.outages) == outages
