"""What the reference calls a field's default is what the field means where it is absent."""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest
import yaml

from ipsecping_operator.api.check import IPsecTunnelCheck
from ipsecping_operator.api.schema import structural_schema
from ipsecping_operator.compile import compile_check
from ipsecping_operator.compile.effective import effective_check

REQUIRED: dict[str, Any] = {
    "schedule.timeZone": {"schedule": {"cron": "*/5 * * * *"}},
    "schedule.startTimeout": {"schedule": {"cron": "*/5 * * * *"}},
    "schedule.history": {"schedule": {"cron": "*/5 * * * *"}},
    "paths": {"paths": [{"name": "a"}]},
    "maintenance": {"maintenance": [{"name": "a", "schedule": "0 2 * * *", "duration": "1h"}]},
    "verify.hops.min": {"verify": {"hops": {"max": 3}}, "probes": [{"name": "a", "stamp": {}}]},
    "verify.hops.max": {"verify": {"hops": {"min": 3}}, "probes": [{"name": "a", "stamp": {}}]},
    "probes": {"probes": [{"name": "a", "icmp": {}}]},
    "probes.stamp": {"probes": [{"name": "a", "stamp": {}}]},
    "probes.pathMTU": {"probes": [{"name": "a", "pathMTU": {}}]},
    "probes.udpEcho": {"probes": [{"name": "a", "udpEcho": {"port": 7}}]},
    "probes.tcp": {"probes": [{"name": "a", "tcp": {"port": 22}}]},
    "probes.tcp.tls": {"probes": [{"name": "a", "tcp": {"port": 22, "tls": {}}}]},
    "probes.http": {"probes": [{"name": "a", "http": {"url": "https://203.0.113.10/"}}]},
    "probes.dns": {"probes": [{"name": "a", "dns": {"query": "a.example"}}]},
    "probes.ike": {"tunnel": {"gateway": "198.51.100.2"}, "probes": [{"name": "a", "ike": {}}]},
    "probes.audit": {"schedule": {"interval": "1h"}, "probes": [{"name": "a", "audit": {}}]},
}
"""What a field, or what is in it, needs beside it."""
OF_KUBERNETES = "tolerations"
"""Goes to the API server as it was written, which has the default."""


def defaults(schema: Mapping[str, Any], *path: str) -> Iterator[tuple[str, Any]]:
    """Fields with one word for their default, and that word as YAML reads it."""
    said = re.search(r"Default: ([\w/]+)\.$", schema.get("description", ""))
    if said is not None and schema.get("type") not in ("array", "object"):
        yield ".".join(path), said[1] if schema.get("type") == "string" else yaml.safe_load(said[1])
    for name, inner in schema.get("properties", {}).items():
        if name == OF_KUBERNETES:
            continue
        yield from defaults(inner, *path, name)
    if "items" in schema:
        yield from defaults(schema["items"], *path)


def spec_for(path: str) -> dict[str, Any]:
    """A spec that may have the field, without it."""
    needed = [each for each in REQUIRED if path == each or path.startswith(f"{each}.")]
    beside: dict[str, Any] = deepcopy(REQUIRED[max(needed, key=len)]) if needed else {}
    return {"target": "203.0.113.10"} | beside


def holder_of(path: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Where the field stands."""
    place: Any = spec
    for name in path.split(".")[:-1]:
        place = place.setdefault(name, {})
        place = place[0] if isinstance(place, list) else place
    assert isinstance(place, dict)
    return place


def meaning(spec: Mapping[str, Any]) -> tuple[object, ...]:
    """Of a check: its effective spec, what is judged, and the plans that probers get."""
    metadata = {"uid": "u", "namespace": "network", "name": "hq", "generation": 1}
    check = compile_check({"metadata": metadata, "spec": spec})
    plans = tuple(path.plan for path in check.paths)
    return effective_check(check), check.thresholds, check.alerting, check.diagnosis, plans


DEFAULTS = dict(defaults(structural_schema(IPsecTunnelCheck)["properties"]["spec"]))


@pytest.mark.parametrize("path", DEFAULTS)
def test_a_default_is_what_an_absent_field_means(path: str) -> None:
    spec = spec_for(path)
    holder = holder_of(path, spec)
    absent = meaning(deepcopy(spec))
    holder[path.rpartition(".")[2]] = DEFAULTS[path]
    assert meaning(spec) == absent


def test_defaults_are_found() -> None:
    assert len(DEFAULTS) >= 40
