"""What the chart refuses of its values: whatever no pod of it would start with, or mean nothing."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ipsecping.addresses import network_of
from ipsecping_operator.notification_settings import OWN_LABELS

from ..yaml_text import from_yaml
from .chart import CHART, IMAGES, PREVIOUS, REFLECTOR, objects, of, template

WRONG = {
    "/global/imagePullSecrets": {},
    "/commonLabels": "team=network",
    "/fullnameOverride": "x" * 46,
    "/probeDefaults/resources/requests/cpu": 0.5,
    "/probeDefaults/tolerations": [{"key": "a", "effect": "NoScheduled"}],
    "/reflector/allow": ["0" * 65],
    "/reflector/allowSourcePorts": [0],
    "/reflector/enabled": "yes",
    "/reflector/limits/maxOctets": 40,
    "/reflector/limits/rate": -1,
    "/reflector/ports/stamp": 70000,
    "/reflector/resources/limits/memory": True,
    "/reflector/service/ipFamilies": ["IPv5"],
    "/reflector/service/type": "ExternalName",
    "/resources/limits": "512Mi",
}
UNKNOWN = {"/keys", "/limits", "/ports", "/service", "/service/nodePorts", "/test", ""}
"""Maps of the reflector, in which other names than the chart's are mistakes."""


def refused(directory: Path, wrong: Mapping[str, Any]) -> str:
    """What is said of a file with these values, by the path of each."""
    values: dict[str, Any] = {}
    for path, value in wrong.items():
        *parents, name = path.split("/")[1:]
        inner = values
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[name] = value
    file = directory / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    done = template("--values", str(file))
    assert done.returncode != 0
    return done.stderr


def test_each_wrong_value_is_refused_with_its_path(tmp_path: Path) -> None:
    said = refused(tmp_path, WRONG | {f"/reflector{path}/misspelt": 1 for path in UNKNOWN})
    for path in WRONG:
        assert f"- at '{path}" in said, path
    unknown = set(re.findall(r"- at '/reflector(.*)': additional properties 'misspelt'", said))
    assert unknown == UNKNOWN
    assert "pattern" not in said


MISFORMED = {
    "/commonAnnotations/a": (
        1,
        'is a number, and text is needed: put it in quotes ("1"), or give it by --set-string',
    ),
    "/commonLabels/team": ("a b", "is not the value of a label, which has at most 63 letters"),
    "/commonLabels/a b": ("x", 'commonLabels: key "a b" is not a key such as team or example.com/team'),
    "/fullnameOverride": ("1x", "a letter first and a letter or digit last"),
    "/global/imageRegistry": ("https://registry.example.com", "(without https://)"),
    "/image/tag": (1.1, "is a number, and text is needed"),
    "/imagePullSecrets": ([{"name": "A b"}], '[0].name: "A b" is not the name of an object'),
    "/monitoring/podMonitor/interval": ("30", "each number has its unit"),
    "/monitoring/prometheusRule/runbookURL": ('a"b', "is not where docs/runbooks are, such as https://"),
    "/nameOverride": ("Watch", "cannot be part of the names of objects"),
    "/notifications/alertmanagers/labels/a-b": ("x", 'key "a-b" is not the name of a label of Prometheus'),
    "/notifications/alertmanagers/labels/a": ("x,y", "1 to 63 characters without blanks and commas"),
    "/notifications/alertmanagers/caKey": ("../ca", "is not a key of a Secret"),
    "/notifications/webhook/source": ("a b", "is not a URI reference"),
    "/operator/allowHostNetwork": (["A"], '[0]: "A" is neither the name of a namespace'),
    "/operator/allowSecrets": ({"network": ["a-"]}, '.network[0]: "a-" is not a name of letters'),
    "/operator/allowTargets/A_b": ([], 'key "A_b" is neither the name of a namespace'),
    "/operator/maxCPU/-": (1, 'key "-" is neither the name of a namespace'),
    "/operator/namespaces": ("a", 'is no list, which is needed: ["a"] in a file, {a} in --set'),
    "/podAnnotations/a": (True, "true is a boolean, and text is needed"),
    "/podLabels/example": ({"com/team": "x"}, "each dot is written \\. (example\\.com/team)"),
    "/probeDefaults/labels/a": ("b\n", '"b\\n" is not the value of a label'),
    "/probeDefaults/priorityClassName": ("A b", "is not the name of an object"),
    "/probeImage/repository": ("registry.example.com/x:1.0", "without a tag, which has a value of its own"),
    "/probeImage/tag": ("sha256:1111", "or one with its digest behind it"),
    "/reflector/keys/secretName": ("A_b", "is not the name of an object"),
    "/reflector/podLabels/a": ("\x1b[2J" * 99, '"\\x1b[2J'),
    "/reflector/test/namespace": ("A", "is not the name of a namespace"),
    "/priorityClassName": ("high\n", '"high\\n" is not the name of an object'),
    "/notifications/alertmanagers/runbookURL": ("@docs", "is not where docs/runbooks are"),
    "/serviceAccount/name": ("a: b", "is not the name of an object"),
}


def test_text_of_another_form_is_refused_in_words_all_of_it_at_once(tmp_path: Path) -> None:
    said = refused(tmp_path, {path: value for path, (value, _) in MISFORMED.items()})
    lines = [re.sub(r"^Error: .*?\): ", "", line) for line in said.splitlines()]
    for path, (_, words) in MISFORMED.items():
        name = path[1:].replace("/", ".")
        begins = (
            f"{name}:",
            f"{name}[",
            f"{name}.",
            f'{name.rpartition(".")[0]}: key "{name.rpartition(".")[2]}"',
        )
        (line,) = (each for each in lines if each.startswith(begins))
        assert words in line, path
        assert len(line) < 500
    assert "^" not in said, "nobody reads a regular expression"
    assert "\x1b" not in said


def test_no_value_is_held_against_a_pattern_by_the_schema() -> None:
    schema = (CHART / "values.schema.json").read_text()
    assert "pattern" not in schema


def needed(values: Mapping[str, Any], before: Mapping[str, Any] | None, at: str = "") -> Iterator[str]:
    """Maps and defaults without which nothing could be made; not of maps whose keys are the user's.

    What the chart before did not have may be missing: --reuse-values keeps its values.
    """
    for name, value in values.items():
        known = before is None or name in before
        if known and not isinstance(value, list) and value not in ("", {}, 0):
            yield f"{at}{name}"
        if isinstance(value, dict) and name not in ("resources", "nodeSelector", "labels", "global", "ports"):
            inner = before[name] if known and before is not None else None
            yield from needed(value, inner, f"{at}{name}.")


def test_null_is_refused_where_it_takes_away_what_is_needed(tmp_path: Path) -> None:
    values, before = (from_yaml((chart / "values.yaml").read_text()) for chart in (CHART, PREVIOUS))
    paths = {*needed(values, before)} - {"replicas", "resources", "nodeSelector", "reflector.resources"}
    paths -= {"reflector.nodeSelector", "dashboards.labels"}
    leaves = {each for each in paths if not any(other.startswith(f"{each}.") for other in paths)}
    maps = paths - leaves
    outermost = {each for each in maps if not any(each.startswith(f"{other}.") for other in maps)}
    for wrong in (leaves, outermost, maps - outermost):
        said = refused(tmp_path, {f"/{path.replace('.', '/')}": None for path in sorted(wrong)})
        listed, _, remedy = said.partition(
            ": not there, for null takes away what the chart has: leave it out"
        )
        assert "--reset-then-reuse-values" in remedy
        assert {*listed.rpartition("): ")[2].split(", ")} == wrong


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("reflector.ports.stamp=0,reflector.ports.udpEcho=0,reflector.ports.tcpEcho=0", "reflector.ports"),
        ("reflector.ports.udpEcho=862", "reflector.ports.udpEcho are the same UDP port"),
        ("reflector.ports.tcpEcho=9110", "reflector.ports.tcpEcho: 9110"),
        ("reflector.ports.stamp=0,reflector.keys.secretName=k", "reflector.keys.secretName is for STAMP"),
        ("reflector.keys.forTLVs=true", "reflector.keys.forTLVs needs reflector.keys.secretName"),
        ("reflector.service.nodePorts.stamp=30862", "reflector.service.nodePorts.stamp needs"),
        ("reflector.service.loadBalancerClass=x", "reflector.service.loadBalancerClass needs"),
        ("operator.namespaces={a},reflector.test.namespace=b", "reflector.test.namespace: b is not served"),
        ("reflector.service=null", "--reset-then-reuse-values"),
        ("operator.namespaces[1]=a", "operator.namespaces[0]: is null, and text is needed"),
        ("reflector.allow=null", "reflector.allow is empty"),
        ("commonLabels.app\\.kubernetes\\.io/name=x", "commonLabels: app.kubernetes.io/name"),
        ("reflector.podLabels.app\\.kubernetes\\.io/version=x", "reflector.podLabels: app.kubernetes.io/v"),
        ("operator.statusInterval=0s", "operator.statusInterval: 0s is too short: at least 1s"),
        ("operator.resyncInterval=999.9ms", "operator.resyncInterval: 999.9ms is too short"),
        ("operator.resyncInterval=2d", 'operator.resyncInterval: "2d" is not a duration such as 30s'),
        ("reflector.test.timeout=long", 'reflector.test.timeout: "long" is not a duration such as 30s'),
        ("reflector.test.timeout=500ms", "reflector.test.timeout: 500ms is too short: at least 1s"),
        ("operator.leaseDuration=1ms", "operator.leaseDuration: 1ms is too short"),
        ("probeDefaults.dnsPolicy=None", "probeDefaults.dnsConfig.nameservers are needed"),
        ("operator.maxCPU.network=5m", "operator.maxCPU.network: 5m is less than 10m"),
        ("operator.maxMemory.network=64Mi", "operator.maxMemory.network: 64Mi is less than 128Mi"),
        ("operator.maxBitRate.network=999", "operator.maxBitRate.network: 999 is less than 1k"),
        ("operator.leaseDuration=15", 'operator.leaseDuration: "15" is not a duration such as 30s'),
        ("reflector.test.timeout=30", 'reflector.test.timeout: "30" is not a duration such as 30s'),
        ("operator.maxMemory.network=1GB", 'operator.maxMemory.network: "1GB" is not a quantity such as'),
        ("operator.maxCPU.network=half", 'operator.maxCPU.network: "half" is not a quantity such as'),
        ("operator.maxBitRate.network=-1k", 'operator.maxBitRate.network: "-1k" is not a quantity'),
        (
            "probeDefaults.resources.limits.memory=64MB",
            'probeDefaults.resources.limits.memory: "64MB" is not a quantity such as',
        ),
        (
            "probeDefaults.resources.limits.memory=64Mi,probeDefaults.resources.requests.memory=1e8",
            "probeDefaults.resources.requests.memory: must be at most the limit of 64Mi, and is 1e",
        ),
        ("probeDefaults.resources.limits.cpu=0m", "probeDefaults.resources.limits.cpu: 0 is no limit"),
        ("probeDefaults.resources.limits.memory=0", "probeDefaults.resources.limits.memory: 0 is no limit"),
        ("operator.maxPacketRate.network=1000000000", "at '/operator/maxPacketRate/network': maximum"),
        (
            "resources.limits.memory=512",
            "resources.limits.memory: 512 is less than 1Mi: without a unit it is bytes",
        ),
        (
            "reflector.resources.requests.memory=64m",
            "reflector.resources.requests.memory: 64m is less than 1Mi",
        ),
        (
            "probeDefaults.resources.requests.cpu=100",
            "requests.cpu: 100 is more than 64 processors: a thousandth",
        ),
        ("resources.requests.cpu=1u", "resources.requests.cpu: 1u is less than a thousandth of a processor"),
        ("resources.limits.cpu=half", 'resources.limits.cpu: "half" is not a quantity such as'),
        (
            "reflector.resources.limits.memory=32Mi",
            "reflector.resources.requests.memory: must be at most the limit",
        ),
        (
            "monitoring.podMonitor.enabled=true,monitoring.serviceMonitor.enabled=true",
            "scraped twice: choose",
        ),
    ],
)
def test_values_that_contradict_each_other(values: str, said: str) -> None:
    done = template(*IMAGES, *REFLECTOR, "--set", values)
    assert done.returncode != 0
    assert said in done.stderr


@pytest.mark.parametrize(
    "name",
    [
        *("crds", "rbac", "serviceAccount", "operator", "probeDefaults", "fixedUser", "networkPolicies"),
        *("admissionPolicy", "dashboards", "metrics", "metrics.service"),
        *("monitoring", "monitoring.podMonitor", "monitoring.serviceMonitor", "monitoring.prometheusRule"),
        *("notifications.alertmanagers", "notifications.webhook", "reflector.service.nodePorts"),
        *("monitoring.prometheusRule.runbookURL", "notifications.alertmanagers.runbookURL"),
    ],
)
def test_a_key_with_nothing_below_it_is_named(name: str, tmp_path: Path) -> None:
    """Helm takes it for null, and that for the wish to be without the default."""
    lines = [f"{'  ' * depth}{part}:" for depth, part in enumerate(name.split("."))]
    (tmp_path / "values.yaml").write_text("\n".join([*lines, "    # all by default", ""]))
    done = template(*IMAGES, *REFLECTOR, "--values", str(tmp_path / "values.yaml"))
    assert re.search(rf"(^|[ ,(]){re.escape(name)}(, |: not there, for null takes away)", done.stderr), (
        done.stderr
    )


@pytest.mark.parametrize("name", ["1e3", "true"])
def test_a_secret_that_is_called_like_a_number_or_a_truth_value(name: str) -> None:
    webhook = {"urlKey": "url", "secretName": name}
    both = {"webhook": webhook, "alertmanagers": {"urls": ["https://a.example"], "secretName": name}}
    made = objects("--set-json", f"notifications={json.dumps(both)}")
    volumes = of("Deployment", "ipsecping-operator", made)["spec"]["template"]["spec"]["volumes"]
    assert [each["secret"]["secretName"] for each in volumes if "secret" in each] == [name, name]


NETWORKS = {
    "10.0.0.1/8": "10.0.0.1/8 has bits set beyond its prefix: the network is 10.0.0.0/8",
    "10.255.255.255/12": "the network is 10.240.0.0/12",
    "2001:db8::1/32": "the network is 2001:db8::/32",
    "fd00::1:0:0:5/125": "the network is fd00:0:0:0:1::/125",
    "64:FF9B::10.0.0.1/100": "the network is 64:ff9b::/100",
    "8000::/0": "the network is ::/0",
    "10.0.0.0/33": "10.0.0.0/33 has a prefix longer than the 32 bits of its address",
    "::1/129": "longer than the 128 bits",
    "10.0.0.1": "is not a network in CIDR notation, such as 10.244.0.0/16",
    "10.0.0.01/32": "is not a network",
    "10.0.0.0/08": "is not a network",
    "10.0.0/8": "is not a network",
    "fe80::1%eth0/128": "is not a network",
    "1::2::/32": "is not a network",
    ":::/0": "is not a network",
    "1:::/16": "is not a network",
    "1:2:3:4:5:6:7:8::/128": "is not a network",
    "1:2:3/128": "is not a network",
    "everybody": "is not a network",
    "": "is not a network",
}


STRICTER = {"10.0.0.0/08", "fe80::1%eth0/128"}
"""What a pod would read, and nobody means: no check has a target with a zone."""


@pytest.mark.parametrize("network", NETWORKS)
def test_what_no_pod_takes_for_a_network_is_refused_with_the_one_that_was_meant(network: str) -> None:
    if network not in STRICTER:
        with pytest.raises(ValueError):  # noqa: PT011 - that it is refused is what matters
            network_of(network if "/" in network else f"{network}/")
    given = json.dumps({"network": ["10.0.0.0/8", network]})
    done = template(*IMAGES, "--set-json", f"operator.allowTargets={given}")
    assert done.returncode != 0
    assert "operator.allowTargets.network: " in done.stderr
    assert NETWORKS[network] in done.stderr


@pytest.mark.parametrize("value", ["reflector.allow", "reflector.service.loadBalancerSourceRanges"])
def test_the_networks_of_the_reflector_are_looked_at_as_well(value: str) -> None:
    values = f"reflector.service.type=LoadBalancer,{value}={{10.0.0.1/8}}"
    done = template(*IMAGES, *REFLECTOR, "--set", values)
    assert done.returncode != 0
    assert f"{value}: 10.0.0.1/8 has bits set beyond its prefix: the network is 10.0.0.0/8" in done.stderr


def test_networks_of_all_forms_are_taken() -> None:
    taken = [
        "0.0.0.0/0",
        "10.0.0.1/32",
        "::/0",
        "2001:DB8::/32",
        "::ffff:10.0.0.0/104",
        "1:2:3:4:5:6:7:8/128",
    ]
    taken += ["1:2:3:4:5:6:7::/112", "::2:3:4:5:6:7:8/128", "fe80::/10", "255.255.255.255/32"]
    assert all(network_of(each) for each in taken)
    objects("--set", f"operator.allowTargets.network={{{','.join(taken)}}}")


@pytest.mark.parametrize("label", OWN_LABELS)
def test_no_label_that_alerts_have_of_their_own_is_given_to_all(label: str) -> None:
    done = template(*IMAGES, "--set", f"notifications.alertmanagers.labels.{label}=x")
    assert done.returncode != 0
    assert f"notifications.alertmanagers.labels.{label}: alerts have that label already" in done.stderr
