"""What the chart refuses of its values: whatever no pod of it would start with, or mean nothing."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ipsecping.addresses import network_of
from ipsecping_operator.notification_settings import OWN_LABELS

from .chart import IMAGES, REFLECTOR, objects, of, template

WRONG = {
    "/commonAnnotations/a": 1,
    "/commonLabels/team": "a b",
    "/fullnameOverride": "1x",
    "/global/imagePullSecrets": {},
    "/global/imageRegistry": "https://registry.example.com",
    "/image/repository": "registry.example.com/operator:1.0",
    "/monitoring/prometheusRule/runbookURL": "@docs",
    "/nameOverride": "Watch",
    "/priorityClassName": "high\n",
    "/probeDefaults/labels/a": "b c",
    "/probeDefaults/priorityClassName": "A b",
    "/probeDefaults/resources/requests/cpu": 0.5,
    "/probeImage/tag": "sha256:1111",
    "/reflector/allow": ["0" * 65],
    "/reflector/allowSourcePorts": [0],
    "/reflector/enabled": "yes",
    "/reflector/keys/secretName": "A_b",
    "/reflector/limits/maxOctets": 40,
    "/reflector/limits/rate": -1,
    "/reflector/podLabels/a": "b c",
    "/reflector/priorityClassName": "A",
    "/reflector/ports/stamp": 70000,
    "/reflector/service/ipFamilies": ["IPv5"],
    "/reflector/service/type": "ExternalName",
    "/reflector/test/namespace": "A",
    "/serviceAccount/name": "a: b",
}
UNKNOWN = {"/keys", "/limits", "/ports", "/service", "/service/nodePorts", "/test", ""}
"""Maps of the reflector, in which other names than the chart's are mistakes."""


def test_each_wrong_value_is_refused_with_its_path(tmp_path: Path) -> None:
    values: dict[str, Any] = {}
    for path, value in [*WRONG.items(), *((f"/reflector{path}/misspelt", 1) for path in UNKNOWN)]:
        *parents, name = path.split("/")[1:]
        inner = values
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[name] = value
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    done = template("--values", str(file))
    assert done.returncode != 0
    for path in WRONG:
        assert f"- at '{path}" in done.stderr, path
    unknown = set(re.findall(r"- at '/reflector(.*)': additional properties 'misspelt'", done.stderr))
    assert unknown == UNKNOWN


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
        ("operator.allowSecrets.network={a-}", "at '/operator/allowSecrets/network/0'"),
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
    assert f"{name} has no value, not even its default" in done.stderr


@pytest.mark.parametrize("name", ["1e3", "true"])
def test_a_secret_that_is_called_like_a_number_or_a_truth_value(name: str) -> None:
    webhook = {"url": None, "urlKey": "url", "secretName": name}
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
