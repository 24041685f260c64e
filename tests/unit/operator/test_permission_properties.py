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

import hypothesis.strategies as st
from hypothesis import given, settings

from ipsecping_operator.children import ChildSettings, build_children
from ipsecping_operator.compile import InvalidSpec, compile_check
from ipsecping_operator.permission import Permissions

NAMESPACE = "network"
OWN_LABELS = {
    "app.kubernetes.io/name", "app.kubernetes.io/managed-by",
    "ipsecping.dev/check", "ipsecping.dev/check-uid", "ipsecping.dev/path",
}  # fmt: skip
METADATA = "169.254.169.254"

CLASSES = st.sampled_from(["system-node-critical", "system-cluster-critical", "network", "network-first"])
KEYS = st.sampled_from(["app", "edge", "example.com/edge", "node.kubernetes.io/not-ready", "k8s.io/a"])
LABELS = st.sampled_from(["app", "role", "istio.io/rev", "example.com/edge"])
OBJECTS = st.sampled_from(["ipsecping-keys", "ipsecping", "database", "tunnel-keys", "ipsec-ping-keys"])
CPU = st.sampled_from([1, 2, "10m", "500m", "1.5", "64", "0"])
MEMORY = st.sampled_from(["32Mi", "128Mi", "512Mi", "513Mi", "1G", "64Gi", 2**30, "0", "200M"])
HOSTS = st.sampled_from(
    ["203.0.113.10", "10.96.0.1", "127.0.0.1", METADATA, "169.254.7.9", "far.example", "2001:db8::1",
     "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::1", "100.100.100.200"]
)  # fmt: skip
URLS = st.sampled_from(
    ["http://203.0.113.10/", f"http://{METADATA}/", "https://[::1]:6443/", "http://2130706433/",
     "http://[::ffff:10.96.0.1]/", "http://far.example/", "http://0x7f.1/"]
)  # fmt: skip


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A map with any of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


tolerations = st.one_of(
    some(
        key=KEYS,
        effect=st.sampled_from(["NoSchedule", "PreferNoSchedule", "NoExecute"]),
    ).map(lambda made: made | {"operator": "Exists"}),
    st.integers(0, 600).map(
        lambda seconds: {
            "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute",
            "tolerationSeconds": seconds,
        }
    ),
)  # fmt: skip
amounts = some(cpu=CPU, memory=MEMORY)
terms = st.sampled_from(
    [[{"topologyKey": "a"}], [{"topologyKey": "a"}, {"topologyKey": "a", "namespaces": ["network", "shop"]}]]
)
required = "requiredDuringSchedulingIgnoredDuringExecution"
wishes = st.one_of(
    CLASSES.map(lambda name: {"priorityClassName": name}),
    st.lists(tolerations, min_size=1, max_size=2).map(lambda listed: {"tolerations": listed}),
    LABELS.map(lambda key: {"podLabels": {key: "a"}}),
    LABELS.map(lambda key: {"podAnnotations": {key: "a"}}),
    st.fixed_dictionaries({"resources": some(requests=amounts, limits=amounts)}),
    st.just({"hostNetwork": True}),
    terms.map(lambda listed: {"affinity": {"podAffinity": {required: listed}}}),
    terms.map(lambda listed: {"affinity": {"podAntiAffinity": {required: listed}}}),
)
kinds = st.one_of(
    st.just({"icmp": {}}),
    st.sampled_from([56, 1400, 65_507]).map(lambda size: {"udpEcho": {"port": 7}, "size": size}),
    OBJECTS.map(lambda name: {"stamp": {"auth": {"secretName": name, "key": "k"}}}),
    OBJECTS.map(lambda name: {"pathMTU": {"auth": {"secretName": name, "key": "k"}}}),
    OBJECTS.map(lambda name: {"tcp": {"port": 443, "tls": {"ca": {"configMapName": name, "key": "k"}}}}),
    URLS.map(lambda url: {"http": {"url": url}}),
)
paces = st.sampled_from(
    [{}, {"count": 1}, {"count": 100, "spacing": "10ms"}, {"count": 300, "spacing": "15ms"}]
)
probes = st.lists(st.tuples(kinds, paces).map(lambda both: both[0] | both[1]), min_size=1, max_size=2).map(
    lambda made: [each | {"name": f"p{index}"} for index, each in enumerate(made)]
)
HARMLESS = "203.0.113.10"
schedules = st.sampled_from(
    [
        {"interval": "5s"},
        {"interval": "1s"},
        {"interval": "4486ms"},
        {"interval": "1m"},
        {"cron": "0 * * * *"},
    ]
)
paths = st.lists(some(target=HOSTS, placement=wishes), min_size=1, max_size=4).map(
    lambda made: [each | {"name": f"w{index}"} for index, each in enumerate(made)]
)
# One wish as a rule: of a check that asks for much, hardly ever all is permitted, and nothing is seen.
specs = st.one_of(
    wishes.map(lambda wish: {"placement": wish}),
    wishes.map(lambda wish: {"paths": [{"name": "a"}, {"name": "b", "placement": wish}]}),
    HOSTS.map(lambda host: {"target": host}),
    HOSTS.map(lambda host: {"paths": [{"name": "a"}, {"name": "b", "target": host}]}),
    probes.map(lambda listed: {"probes": listed}),
    some(placement=wishes, probes=probes, paths=paths, schedule=schedules),
).map(lambda made: {"target": HARMLESS} | made)

namespaces = st.sampled_from([frozenset(), frozenset({NAMESPACE}), frozenset({"*"}), frozenset({"other"})])


def by_namespace(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from([NAMESPACE, "other", "*"]), values, max_size=2)


def patterns(*given_: str) -> st.SearchStrategy[dict[str, Any]]:
    return by_namespace(st.lists(st.sampled_from(given_), max_size=2).map(tuple))


permissions = st.builds(
    Permissions,
    host_network=namespaces,
    cross_namespace_affinity=namespaces,
    text_keys=namespaces,
    priority_classes=patterns("network", "network-*", "*", "system-*"),
    tolerations=patterns("edge", "node.kubernetes.io/*", "*"),
    pod_labels=patterns("app", "istio.io/*", "*"),
    pod_annotations=patterns("role", "example.com/*"),
    secrets=patterns("database", "tunnel-*"),
    config_maps=patterns("database", "tunnel-*"),
    cpu=by_namespace(st.sampled_from(["500m", "2", "64"])),
    memory=by_namespace(st.sampled_from(["128Mi", "1Gi", "64Gi"])),
    packet_rate=by_namespace(st.sampled_from([20, 400, 5000])),
    bit_rate=by_namespace(st.sampled_from(["100k", "10M", "1G"])),
    targets=st.none()
    | by_namespace(
        st.lists(
            st.sampled_from(
                ["0.0.0.0/0", "::/0", "127.0.0.0/8", "169.254.0.0/16", f"{METADATA}/32", "::1/128"]
            ),
            max_size=4,
        ).map(tuple)
    ),
    api_server=st.just(("10.96.0.1",)),
)


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
        for field, keys in (
            ("pod_labels", template["metadata"]["labels"].keys() - OWN_LABELS),
            ("pod_annotations", template["metadata"].get("annotations", {}).keys()),
        ):
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
            for begin in {0, each.get("intervalMs", 0)}
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
    """When (ms) a probe sends how many octets of payload; of conversations, their beginnings."""
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
