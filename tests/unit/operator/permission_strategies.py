"""Checks that wish for much, and permissions that grant some of it."""

from typing import Any

import hypothesis.strategies as st

from ipsecping_operator.permission import Permissions

NAMESPACE = "network"
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
    every_node=namespaces,
    target_from=namespaces,
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
