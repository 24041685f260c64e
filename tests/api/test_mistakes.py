"""What is wrong is refused by the API server with a message that names the field; here and offline alike."""

import json
import random
import re
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ipsecping_operator.api import CheckSpec, InvalidModel
from ipsecping_operator.api.validation import read

from ..yaml_text import from_yaml
from .api_client import path_of
from .kubectl import Kubectl, manifest

MISTAKES = from_yaml((Path(__file__).parents[1] / "mistakes.yaml").read_text())


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["mistake"].replace(" ", "-"))
def test_a_mistake_is_refused_by_its_field(dry: Kubectl, mistake: dict[str, Any]) -> None:
    wrong = json.loads(manifest(mistake["spec"], **mistake.get("metadata", {})))
    said = dry.plain.refusal(path_of("itc", dry.namespace), wrong)
    field = mistake.get("server_field") or mistake["field"]
    (line,) = [line for line in said if field in line]
    assert re.search(rf"{re.escape(field)}[:\"]", line)
    assert (mistake.get("says") or mistake["server"]) in line
    assert "should match" not in line


Chance = random.Random


def a_duration(chance: Chance) -> str:
    number = chance.choice(
        ["0", "1", "9", "10", "59", "60", "61", "999999", "1000000", "0.0009", "0.001", "1.5"]
    )
    unit = chance.choice(["ms", "s", "m", "h", "us", "d", ""])
    return number + unit + chance.choice(["", "", "", "1ms", "0.5s", "24h", " "])


def an_address(chance: Chance) -> str:
    known = ["::", "::1", "fe80::1", "ff02::1", "2001:db8::10", "::ffff:10.0.0.1", "fc00::1", "2001:DB8::1"]
    known += ["0.0.0.0", "127.0.0.1", "169.254.1.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"]
    octets = ".".join(chance.choice(["0", "1", "10", "127", "255", "256", "01", ""]) for _ in range(4))
    labels = ".".join(
        "".join(chance.choices(string.ascii_lowercase + "09-_A", k=chance.choice([0, 1, 2, 62, 63, 64])))
        for _ in range(chance.randint(1, 3))
    )
    return chance.choice(
        [chance.choice(known), octets, labels, f"{labels}.", f"{labels}.example", f"{octets}%eth0"]
    )


def a_cron_line(chance: Chance) -> str:
    values = [
        "*",
        "?",
        "0",
        "7",
        "12",
        "31",
        "59",
        "60",
        "mon",
        "JAN",
        "1-5",
        "5-1",
        "*/2",
        "*/0",
        "0/15",
        "1,2",
        "L",
    ]
    fields = [chance.choice(values[:4] if chance.random() < 0.6 else values) for _ in range(5)]
    return chance.choice(
        [" ".join(fields)] * 8 + [" ".join(fields[:4]), "@daily", "@every 1m", "  ".join(fields)]
    )


def a_tunnel_name(chance: Chance) -> str:
    odd = "\x00\t\n\x7f\x85\xa0\xad\u200b\u2028\u2029\u202e\u3000\ufeff\ue000"
    usual = "aZ09-_. /\\\"'ü→漢"
    length = chance.choice([1, 5, 62, 63, 64])
    return "".join(chance.choice(odd if chance.random() < 0.02 else usual) for _ in range(length))


def a_toleration(chance: Chance) -> dict[str, Any]:
    fields: dict[str, list[Any]] = {
        "key": ["a", "example.com/a", "a b", "/a"],
        "operator": ["Exists", "Equal", "exists"],
        "value": ["", "a", "a b"],
        "effect": ["NoExecute", "NoSchedule"],
        "tolerationSeconds": [0, 60],
    }
    return {name: chance.choice(values) for name, values in fields.items() if chance.random() < 0.5}


def a_probe(chance: Chance) -> dict[str, Any]:
    made: dict[str, Any] = {"name": chance.choice(["a", "b", "b", "x-1"])}
    if chance.random() < 0.5:
        made["count"] = chance.choice([1, 2, 10, 11, 100, 101, 1000])
    if chance.random() < 0.5:
        made["spacing"] = chance.choice(["10ms", "100ms", "111ms", "1s", "1m"])
    if chance.random() < 0.3:
        made["size"] = chance.choice([23, 24, 43, 44, 71, 72, 112, 159, 160, 65507])
    if chance.random() < 0.2:
        made["expect"] = chance.choice(["Reachable", "Blocked", "Blocked", "blocked"])
    for member in chance.sample(list(MEMBERS), k=chance.choice([1] * 8 + [0, 2])):
        made[member] = chance.choice(MEMBERS[member])
    return made


AUTH = {"secretName": "s", "key": "k"}
MEMBERS: dict[str, list[dict[str, Any]]] = {
    "icmp": [{}],
    "udpEcho": [{"port": 7}, {"port": 0}],
    "stamp": [{}, {"auth": AUTH}],
    "tcp": [{"port": 22}, {"port": 443, "tls": {}}, {}],
    "http": [{"url": "http://a/"}, {"url": "http://a/", "tls": {}}, {"url": "https://a", "tls": {}}],
    "dns": [{"query": "a.example"}, {"query": "a..example"}],
    "pathMTU": [
        {},
        {"max": 1279},
        {"min": 1500, "max": 1500},
        {"max": 9000},
        {"auth": AUTH},
        {"icmp": {}},
        {"udpEcho": {"port": 7}},
        {"icmp": {}, "udpEcho": {"port": 7}},
        {"icmp": {}, "port": 862},
        {"udpEcho": {"port": 7}, "auth": AUTH},
    ],
    "ike": [
        {},
        {"ports": [4500]},
        {"ports": [500, 500]},
        {"plainPorts": [500], "require": "Any"},
        {"ports": [1], "plainPorts": [2]},
    ],
}


def a_url(chance: Chance) -> str:
    scheme = chance.choice(["http://", "https://", "http://", "HTTP://", "ftp://", "", "http:/"])
    hosts = ["a", "a.example", "203.0.113.10", "[2001:db8::1]", "A", "u:p@a", "", "a..b", "[a", "-a"]
    host = chance.choice(hosts)
    port = chance.choice(["", "", ":0", ":1", ":80", ":65535", ":65536", ":080", ":", ":99999"])
    path = chance.choice(["", "/", "/a?b=c&d", "/a#b", "/a b", "?a", "/\u00e4", "/'", "/(~)", '/"', "/%20"])
    return scheme + host + port + path


def some_labels(chance: Chance) -> dict[str, str]:
    keys = [
        "a",
        "ipsecping.dev/a",
        "xipsecping.dev/a",
        "ipsecpingxdev/a",
        "app.kubernetes.io/name",
        "a b",
        "b/c",
    ]
    return {chance.choice(keys): chance.choice(["", "x", "x y"])}


def some_thresholds(chance: Chance) -> dict[str, Any]:
    limits: dict[str, list[Any]] = {
        "rtt": [{"p50": "1s"}, {}],
        "jitter": ["20ms", "0ms"],
        "pathMTU": [575, 576, 1280, 1500, 1501],
    }
    return {name: chance.choice(values) for name, values in limits.items() if chance.random() < 0.3}


def a_whole_spec(chance: Chance) -> dict[str, Any]:
    schedules: list[dict[str, str]] = [{}, {"interval": "1s"}, {"interval": "1001ms"}, {"cron": "@hourly"}]
    probes = [a_probe(chance) for _ in range(chance.choice([1, 1, 2, 9]))]
    for index, probe in enumerate(probes[2:]):
        probe["name"] = f"p{index}"
    spec: dict[str, Any] = {"target": "a", "schedule": chance.choice(schedules), "probes": probes}
    if chance.random() < 0.7:
        spec["tunnel"] = chance.choice([{"gateway": "198.51.100.2"}] * 3 + [{}])
    if chance.random() < 0.5:
        spec["thresholds"] = some_thresholds(chance)
    if chance.random() < 0.3:
        spec["verify"] = what_is_verified(chance)
    return spec


def what_is_verified(chance: Chance) -> dict[str, Any]:
    choices: dict[str, list[Any]] = {
        "sourceSeen": [["10.244.0.0/16"]],
        "dscp": [{}, {"allowed": [46]}, {"allowed": [0, 63]}, {"allowed": [64]}, {"allowed": []}],
        "hops": [{}, {"min": 2}, {"max": 0}, {"min": 2, "max": 1}, {"min": 2, "max": 254}, {"max": 255}],
    }
    return {name: chance.choice(values) for name, values in choices.items() if chance.random() < 0.5}


def a_network(chance: Chance) -> str:
    prefix = chance.choice(
        ["0", "8", "16", "24", "32", "33", "64", "128", "129", "08", "", "+8", "255.0.0.0"]
    )
    return chance.choice([f"{an_address(chance)}/{prefix}", f"10.0.0.0/{prefix}", f"2001:db8::/{prefix}"])


def one_probe(chance: Chance) -> dict[str, Any]:
    spec: dict[str, Any] = {"target": "a", "tunnel": {"gateway": "a"}, "probes": [a_probe(chance)]}
    if chance.random() < 0.2:
        spec["verify"] = what_is_verified(chance)
    return spec | ({"thresholds": some_thresholds(chance)} if chance.random() < 0.5 else {})


MAKERS: dict[str, Callable[[Chance], dict[str, Any]]] = {
    "interval": lambda chance: {"target": "a", "schedule": {"interval": a_duration(chance)}},
    "latency": lambda chance: {"target": "a", "thresholds": {"rtt": {"p99": a_duration(chance)}}},
    "target": lambda chance: {"target": an_address(chance)},
    "cron": lambda chance: {"target": "a", "schedule": {"cron": a_cron_line(chance)}},
    "toleration": lambda chance: {"target": "a", "placement": {"tolerations": [a_toleration(chance)]}},
    "node-selector": lambda chance: {
        "target": "a",
        "placement": {"nodeSelector": {chance.choice(["a", "a/b", "a/b/c", "-a", "a" * 64, "A.b_c"]): "x"}},
    },
    "loss": lambda chance: {
        "target": "a",
        "thresholds": {
            "lossPercent": chance.choice([0, 100, -1, 101, "0", "99.9999", "100.0", "100.1", "1.", "", "1e1"])
        },
    },
    "whole": a_whole_spec,
    "probe": one_probe,
    "network": lambda chance: {
        "target": "a",
        "probes": [{"name": "a", "stamp": {}}],
        "verify": {"sourceSeen": [a_network(chance)]},
    },
    "url": lambda chance: {"target": "a", "probes": [{"name": "a", "http": {"url": a_url(chance)}}]},
    "tunnel": lambda chance: {"target": "a", "tunnel": {"name": a_tunnel_name(chance)}},
    "labels": lambda chance: {"target": "a", "placement": {"podLabels": some_labels(chance)}},
    "alert-labels": lambda chance: {
        "target": "a",
        "alerting": {
            "labels": {
                chance.choice(
                    [
                        "team",
                        "a" * 63,
                        "a" * 64,
                        "_a",
                        "a-b",
                        "A1_",
                        "1a",
                        "",
                        "check",
                        "le",
                        "exported_x",
                        "checks",
                    ]
                ): chance.choice(["x", "", "two words", "a\nb", "x" * 64, "\u202e", "\u00e9"])
            }
        },
    },
    "quantity": lambda chance: {
        "target": "a",
        "placement": {
            "resources": {
                "limits": {
                    "cpu": chance.choice(
                        [
                            0,
                            1,
                            -1,
                            "1",
                            "0.5",
                            "100m",
                            "1.",
                            "1e3",
                            "-1",
                            "64Mi",
                            "64MB",
                            "",
                            65,
                            "1n",
                            "+0",
                            "0Ki",
                        ]
                    ),
                    "memory": chance.choice(
                        [
                            0,
                            64,
                            1048576,
                            "1",
                            "64m",
                            "1M",
                            "1.1M",
                            "1024Ki",
                            "1e6",
                            "2e6",
                            "-1Gi",
                            "64MB",
                            "0m",
                            "1Ti",
                        ]
                    ),
                }
            }
        },
    },
}


@pytest.mark.parametrize("kind", MAKERS)
def test_the_rules_in_cel_and_in_python_judge_alike(dry: Kubectl, kind: str) -> None:
    chance = random.Random(kind)
    specs = {f"v{number}": MAKERS[kind](chance) for number in range(250)}
    documents = "\n---\n".join(manifest(spec, name=name) for name, spec in specs.items())
    done = dry.run("create", "--dry-run=server", "-f", "-", stdin=documents)
    accepted = set(re.findall(r"ipsectunnelcheck\.ipsecping\.dev/(v\d+) created", done.stdout))
    refused = set(re.findall(r'"(v\d+)" is invalid', done.stderr))
    assert accepted | refused == set(specs)
    ours = {name for name, spec in specs.items() if valid(spec)}
    assert ours == accepted, {name: specs[name] for name in ours ^ accepted}
    assert accepted
    assert refused


def valid(spec: dict[str, Any]) -> bool:
    try:
        read(CheckSpec, spec, path="spec")
    except InvalidModel:
        return False
    return True
