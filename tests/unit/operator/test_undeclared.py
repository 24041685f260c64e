"""A CRD older than the operator: what it does not know is left out, the rest is told."""

from ipsecping_operator.kube.wording import undeclared_fields
from ipsecping_operator.report.undeclared import without

REFUSAL = """failed to create typed patch object (n/hq; ipsecping.dev/v1alpha1, Kind=C): errors:
  .status.paths[name="north.a"].reason: field not declared in schema
  .status.probes[name="ping",path="north.a"].rtt.p50: field not declared in schema
  .status.preferredPath: field not declared in schema"""


def test_what_the_refusal_names_is_left_out_and_nothing_else() -> None:
    status = {
        "preferredPath": "north.a",
        "paths": [{"name": "north.a", "reason": "Down"}, {"name": "south"}],
        "probes": [{"name": "ping", "path": "north.a", "rtt": {"p50": "1ms", "p99": "2ms"}}],
    }
    fields = undeclared_fields(REFUSAL)
    assert without(fields, status) == {
        "paths": [{"name": "north.a"}, {"name": "south"}],
        "probes": [{"name": "ping", "path": "north.a", "rtt": {"p99": "2ms"}}],
    }
    assert without(fields, {"conditions": []}) == {"conditions": []}


def test_another_refusal_names_nothing() -> None:
    assert undeclared_fields("exceeded quota: none") == frozenset()
