"""Flags and environment of `ipsecping-operator run`."""

import argparse
from pathlib import Path

import pytest

from ipsecping_operator import cli, settings
from ipsecping_operator.permission import Permissions


def parsed(*words: str, **environ: str) -> settings.Settings:
    parser = argparse.ArgumentParser()
    settings.add_arguments(parser, environ=environ)
    return settings.from_arguments(parser.parse_args(words))


def test_only_the_probe_image_is_needed() -> None:
    found = parsed("--probe-image=probe:1")
    assert found.namespaces == ()
    assert found.permissions == Permissions()
    assert (found.metrics_address, found.healthz_address) == (("", 9090), ("", 8080))
    assert (found.status_interval, found.resync_interval) == (60, 300)


def test_every_flag_has_its_variable_and_the_flag_wins() -> None:
    environ = {
        "IPSECPING_PROBE_IMAGE": "probe:env",
        "IPSECPING_NAMESPACES": "network, edge",
        "IPSECPING_ALLOW_HOST_NETWORK": "edge,lab",
        "IPSECPING_ALLOW_TARGETS": "network=10.0.0.0/8, 2001:db8::/32; edge=;*=10.50.0.0/16",
        "IPSECPING_METRICS_PORT": "[::1]:1",
        "IPSECPING_STATUS_INTERVAL": "1m30s",
        "IPSECPING_KUBECONFIG": "/etc/kubeconfig",
        "IPSECPING_LOG_FORMAT": "json",
    }
    found = parsed("--metrics-port=127.0.0.1:2", **environ)
    assert found.probe_image == "probe:env"
    assert found.namespaces == ("network", "edge")
    assert found.permissions.host_network == {"edge", "lab"}
    assert found.permissions.targets == {
        "network": ("10.0.0.0/8", "2001:db8::/32"),
        "edge": (),
        "*": ("10.50.0.0/16",),
    }
    assert found.metrics_address == ("127.0.0.1", 2)
    assert found.status_interval == 90
    assert found.kubeconfig == Path("/etc/kubeconfig")
    assert found.log_format == "json"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--probe-image (or IPSECPING_PROBE_IMAGE) is needed"),
        (["--probe-image=p", "--status-interval=3 days"], "'3 days' is not a duration"),
        (["--probe-image=p", "--status-interval=10ms"], "at least 1s"),
        (["--probe-image=p", "--namespaces=*"], "'*' is no name of a namespace"),
        (["--probe-image=p", "--namespaces=*"], "all are served where none is given"),
        (["--probe-image=p", "--namespaces=network;edge"], "'network;edge' is no name of a namespace"),
        (["--probe-image=p", "--allow-host-network=Network"], "'Network' is no name of a namespace"),
        (["--probe-image=p", "--max-packet-rate=net_work=5"], "'net_work' is no name of a namespace"),
        (["--probe-image=p", "--metrics-port=99999"], "'99999' is not PORT or ADDRESS:PORT"),
        (["--probe-image=p", "--log-format=xml"], "xml"),
        (["--probe-image=p", "--allow-targets=10.0.0.0/8"], "'10.0.0.0/8' is not NAMESPACE=CIDR,CIDR"),
        (
            ["--probe-image=p", "--allow-targets=a=10.0.0.1/8"],
            "a: 10.0.0.1/8 has host bits set: the network is 10.0.0.0/8",
        ),
        (["--probe-image=p", "--allow-secrets=tunnel-keys"], "'tunnel-keys' is not NAMESPACE=NAME,NAME"),
        (["--probe-image=p", "--allow-pod-labels=a=*app"], "a: '*app' is neither a name nor the beginning"),
        (["--probe-image=p", "--max-memory=a=64MB"], "a: '64MB' is not a quantity"),
        (["--probe-image=p", "--max-memory=a=64Mi"], "a: 64Mi is less than 128Mi, which is needed"),
        (["--probe-image=p", "--max-packet-rate=a=0"], "a: '0' is not a number from 1"),
        (["--probe-image=p", "--allow-targets=a=::/0;a=::/0"], "a namespace that is named once"),
        (["--probe-image=p", "--results-key-secret=a/b/c"], "'a/b/c' is not NAME or NAMESPACE/NAME"),
        (["--probe-image=p", "--results-key-secret=a/ipsecping-key"], "checks may have any Secret mounted"),
    ],
)
def test_a_wrong_setting_is_named_on_standard_error(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IPSECPING_PROBE_IMAGE", raising=False)
    try:
        status = cli.main(["run", *words])
    except SystemExit as end:
        status = int(end.code or 0)
    assert status == 2
    assert said in capsys.readouterr().err


def test_a_wrong_choice_in_the_environment_is_named() -> None:
    with pytest.raises(ValueError, match=r"--log-level \(or IPSECPING_LOG_LEVEL\): 'loud' is not one of"):
        parsed("--probe-image=p", IPSECPING_LOG_LEVEL="loud")


def test_what_checks_may_ask_for_is_read_by_namespace_and_defaults_stay_where_nothing_is_said() -> None:
    found = parsed(
        "--probe-image=p",
        "--allow-priority-classes=network=first, last-*; *=low",
        "--allow-tolerations=network=",
        "--allow-text-keys=a,b",
        "--max-cpu=network=2",
        "--max-packet-rate=network=5000",
        IPSECPING_MAX_MEMORY="network=1Gi;*=256Mi",
    ).permissions
    assert found.priority_classes == {"network": ("first", "last-*"), "*": ("low",)}
    assert found.tolerations == {"network": ()}
    assert found.text_keys == {"a", "b"}
    assert found.cpu == {"network": "2", "*": "1"}
    assert found.packet_rate == {"network": 5000, "*": 1000}
    assert found.memory == {"network": "1Gi", "*": "256Mi"}
    assert found.bit_rate == {"*": "10M"}
