"""Whatever a check asks for and whatever is permitted: no child has what the settings do not allow.

The children are looked at as a cluster would see them, by rules that are written down here once more.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import given, settings

from ipsecping_operator.children import ChildSettings, build_children
from ipsecping_operator.children.defaults import NO_MESH_ANNOTATIONS, NO_MESH_LABELS
from ipsecping_operator.compile import InvalidSpec, compile_check
from ipsecping_operator.permission import Permissions

from .permission_strategies import METADATA, NAMESPACE, permissions, specs

OWN_LABELS = {
    "app.kubernetes.io/name", "app.kubernetes.io/managed-by",
    "ipsecping.dev/check", "ipsecping.dev/check-uid", "ipsecping.dev/path",
}  # fmt: skip


@given(spec=specs, permitted=permissions)
@settings(max_examples=300, deadline=None)
def test_no_child_has_what_the_settings_do_not_allow(spec: dict[str, Any], permitted: Permissions) -> None:
    metadata = {"uid": "u", "namespace": NAMESPACE, "name": "hq", "generation": 1}
    try:
        check = permitted.limited(compile_check({"metadata": metadata, "spec": spec}))
    except InvalidSpec:
        return
    if permitted.refusal(check) is not None:
        return
    children = build_children(check, ChildSettings(probe_image="probe:1"))
    allowed = Allowed(permitted)
    plans = [json.loads(each["data"]["plan.json"]) for each in children if each["kind"] == "ConfigMap"]
    for child in children:
        if child["kind"] != "ConfigMap":
            allowed.inspect_pod(template_of(child), own={each["metadata"]["name"] for each in children})
    for plan in plans:
        allowed.inspect_plan(plan["checks"][0])
    allowed.inspect_rates([plan["checks"][0] for plan in plans])


def template_of(workload: dict[str, Any]) -> dict[str, Any]:
    spec = workload["spec"]
    template: dict[str, Any] = (
        spec["jobTemplate"]["spec"]["template"] if "jobTemplate" in spec else spec["template"]
    )
    return template


@dataclass
class Allowed:
    """What the settings mean, in words of this test's own."""

    permitted: Permissions

    def names(self, field: str, default: tuple[str, ...] | None = ()) -> tuple[str, ...] | None:
        given_ = getattr(self.permitted, field)
        found: tuple[str, ...] | None = given_.get(NAMESPACE, given_.get("*", default))
        return found

    def has(self, field: str) -> bool:
        return bool(getattr(self.permitted, field) & {NAMESPACE, "*"})

    def most(self, field: str, default: Any) -> Any:
        given_ = getattr(self.permitted, field)
        return given_.get(NAMESPACE, given_.get("*", default))

    def inspect_pod(self, template: dict[str, Any], *, own: set[str]) -> None:
        spec = template["spec"]
        assert not spec.get("hostNetwork") or self.has("host_network")
        if "priorityClassName" in spec:
            name, listed = spec["priorityClassName"], self.names("priority_classes") or ()
            assert any(fnmatchcase(name, p) for p in listed)
            assert not name.startswith("system-") or "system-*" in listed
        for toleration in spec.get("tolerations", ()):
            self.inspect_toleration(toleration)
        for field, given_ in (
            ("pod_labels", template["metadata"]["labels"].items() - NO_MESH_LABELS.items()),
            ("pod_annotations", template["metadata"]["annotations"].items() - NO_MESH_ANNOTATIONS.items()),
        ):
            keys = {key for key, _ in given_} - OWN_LABELS
            assert all(any(fnmatchcase(key, p) for p in self.names(field) or ()) for key in keys)
        if "shop" in json.dumps(spec.get("affinity", {})):
            assert self.has("cross_namespace_affinity")
        self.inspect_resources(spec["containers"][0]["resources"])
        for kind, name in mounted(spec["volumes"]):
            more = self.names("secrets" if kind == "secret" else "config_maps") or ()
            assert name in own or any(fnmatchcase(name, p) for p in ("ipsecping-*", *more))

    def inspect_toleration(self, toleration: dict[str, Any]) -> None:
        listed = self.names("tolerations", None)
        key = toleration.get("key", "")
        if toleration.get("tolerationSeconds", 301) <= 300 and key == "node.kubernetes.io/not-ready":
            return
        if listed is None:
            assert key
            assert not key.startswith(("node.kubernetes.io/", "k8s.io/"))
            assert toleration.get("effect") in ("NoSchedule", "PreferNoSchedule")
        else:
            assert any(fnmatchcase(key, p) for p in listed)

    def inspect_resources(self, resources: dict[str, dict[str, Any]]) -> None:
        cpu, memory = octets(self.most("cpu", "1")), octets(self.most("memory", "512Mi"))
        for amounts_ in resources.values():
            assert octets(amounts_.get("cpu", 0)) <= cpu
            assert octets(amounts_.get("memory", 0)) <= memory
        assert octets(resources["limits"]["memory"]) > 0, "there is always a limit"
        assert octets(resources["limits"]["memory"]) <= memory

    def inspect_plan(self, check: dict[str, Any]) -> None:
        assert {"127.0.0.0/8", "::1/128", f"{METADATA}/32", "10.96.0.1/32"} <= set(check["refusedTargets"])
        for probe in check["probes"]:
            options = probe.get("options", {})
            self.inspect_host(url_host(options["url"]) if "url" in options else check["target"])
            if "keyFile" in options:
                assert options.get("markedKeys") or self.has("text_keys")

    def inspect_host(self, host: str) -> None:
        """Of the special addresses in disguise, each was put down here with what it stands for."""
        hidden = {
            "64:ff9b::a9fe:a9fe": METADATA, "2002:7f00:1::": "127.0.0.1", "2130706433": "127.0.0.1",
            "0x7f.1": "127.0.0.1", "::ffff:10.96.0.1": "10.96.0.1",
        }  # fmt: skip
        listed = None if self.permitted.targets is None else self.names("targets")
        special = hidden.get(host, host)
        smallest = {"127.0.0.1": 8, "::1": 128, METADATA: 32, "100.100.100.200": 32, "10.96.0.1": 32}
        networks = [ip_network(each) for each in listed or ()]
        if special in smallest:
            assert any(
                ip_address(special) in network and network.prefixlen >= smallest[special]
                for network in networks
            )
        elif listed is not None and host != "far.example":
            assert any(ip_address(host) in network for network in networks)

    def inspect_rates(self, planned: list[dict[str, Any]]) -> None:
        """Let all of them send two rounds, as close together as the schedule has them, and count."""
        sent = sorted(
            (at + begin, size)
            for each in planned
            for begin in {0, each.get("intervalMs") or 0}
            for probe in each["probes"]
            for at, size in sending(probe)
        )
        packets = octets_ = 0
        window: list[tuple[int, int]] = []
        for at, size in sent:
            window = [each for each in window if each[0] > at - 1000] + [(at, size)]
            packets = max(packets, len(window))
            octets_ = max(octets_, sum(each[1] for each in window))
        assert packets <= self.most("packet_rate", 1000)
        assert octets_ * 8 <= octets(self.most("bit_rate", "10M"))


def sending(probe: dict[str, Any]) -> Iterator[tuple[int, int]]:
    """When (ms) a probe sends how many bytes of payload; of conversations, their beginnings."""
    size = probe["size"] if probe["type"] in ("ICMP", "UDPEcho", "STAMP") else 0
    count = 1 if probe["type"] == "PathMTU" else probe["count"]
    yield from ((index * probe["spacingMs"], size) for index in range(count))


def url_host(url: str) -> str:
    host = url.partition("://")[2].partition("/")[0]
    return host.partition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]


def mounted(volumes: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Kind and name of each object that is mounted."""
    for volume in volumes:
        for source in volume.get("projected", {}).get("sources", [volume]):
            for kind in ("secret", "configMap"):
                if kind in source:
                    yield kind, source[kind].get("name") or source[kind]["secretName"]


def octets(quantity: int | str) -> Decimal:
    """A quantity as a number."""
    text = str(quantity)
    for suffix, factor in (
        ("Ki", 2**10), ("Mi", 2**20), ("Gi", 2**30), ("m", Decimal("0.001")),
        ("k", 10**3), ("M", 10**6), ("G", 10**9),
    ):  # fmt: skip
        if text.endswith(suffix):
            return Decimal(text.removesuffix(suffix)) * factor
    return Decimal(text)
