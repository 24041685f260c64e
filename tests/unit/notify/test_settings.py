"""Whom the operator notifies: flags, environment, and what is refused of them."""

import argparse
from pathlib import Path

import pytest

from ipsecping_operator import cli, settings
from ipsecping_operator.notification_settings import NotificationSettings, endpoint


def parsed(*words: str) -> NotificationSettings:
    parser = argparse.ArgumentParser()
    settings.add_arguments(parser, environ={})
    return settings.from_arguments(parser.parse_args(["--probe-image=p", *words])).notifications


def test_nobody_is_notified_unless_somebody_is_named() -> None:
    assert parsed() == NotificationSettings()


def test_https_is_the_default_and_ports_and_paths_are_kept() -> None:
    found = parsed(
        "--alertmanagers=am-0.monitoring, http://am-1:9093/prefix/,https://[2001:db8::1]:9093",
        "--alertmanager-labels=cluster=prod,region=eu",
        "--alertmanager-repeat=30s",
        "--runbook-url=https://git.example.com/runbooks/",
        "--alertmanager-ca-file=/etc/ca.crt",
    ).alertmanagers
    assert found is not None
    assert [each.shown for each in found.endpoints] == [
        "https://am-0.monitoring:443",
        "http://am-1:9093",
        "https://[2001:db8::1]:9093",
    ]
    assert [(each.host, each.port, each.tls) for each in found.endpoints] == [
        ("am-0.monitoring", 443, True),
        ("am-1", 9093, False),
        ("2001:db8::1", 9093, True),
    ]
    assert (dict(found.labels), found.repeat) == ({"cluster": "prod", "region": "eu"}, 30)
    assert found.runbooks == "https://git.example.com/runbooks"
    assert found.credentials.ca_file == Path("/etc/ca.crt")


def test_what_may_be_a_secret_of_the_webhooks_url_is_not_shown() -> None:
    at = endpoint("https://hooks.example.com/services/T00-secret?token=secret")
    assert at.shown == "https://hooks.example.com:443"
    assert "secret" not in repr(at)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--alertmanagers=https://me:hunter2@am"], "a URL with a user or password"),
        (["--alertmanagers=ftp://am"], "not an http or https URL"),
        (["--alertmanagers=https://"], "not an http or https URL"),
        (["--alertmanagers=a..b"], "not an http or https URL"),
        (["--alertmanagers=" + 64 * "a" + ".b"], "not an http or https URL"),
        (["--alertmanagers=am:99999"], "not a URL"),
        (["--alertmanagers=am?x=1"], "has no query"),
        (["--alertmanagers=am:9093/api/v2/alerts"], "leave out what begins with /api"),
        (["--alertmanagers=ok,http://am/prefix/api/v2/"], "http://am:80: leave out"),
        (["--alertmanagers=" + ",".join(f"am-{n}" for n in range(9))], "more than 8 Alertmanagers"),
        (
            ["--alertmanagers=http://am", "--alertmanager-bearer-file=/t"],
            "--alertmanager-bearer-file: no cred",
        ),
        (
            ["--alertmanagers=am", "--alertmanager-bearer-file=/t", "--alertmanager-basic-auth-file=/b"],
            "--alertmanager-bearer-file and --alertmanager-basic-auth-file: only one",
        ),
        (["--alertmanager-labels=cluster=a,severity=page"], "severity: alerts have that label already"),
        (["--alertmanager-labels=cluster"], "'cluster' is not NAME=VALUE"),
        (["--alertmanager-repeat=1s"], "1s: from 10s to 10m"),
        (
            ["--webhook-url=https://hooks.example.com/x"],
            "--webhook-keys-file (or IPSECPING_WEBHOOK_KEYS_FILE)",
        ),
        (["--webhook-url=https://me:hunter2/x@hooks.example.com"], "not a URL"),
        (["--webhook-url=https://hunter2\u2100@hooks.example.com"], "not a URL"),
        (["--alertmanagers=am:9093/hunter2/api/v2"], "https://am:9093: leave out"),
        (["--webhook-url=h", "--webhook-url-file=/u", "--webhook-keys-file=/k"], "only one of them"),
        (["--webhook-url-file=/u"], "--webhook-keys-file (or IPSECPING_WEBHOOK_KEYS_FILE)"),
        (["--webhook-url=https://hooks.example.com/#x"], "a URL with a fragment"),
        (["--webhook-url=https://höoks.example.com/"], "a host of ASCII characters"),
        (["--webhook-url=h", "--webhook-keys-file=/k", "--webhook-source=a b"], "--webhook-source"),
        (["--webhook-uri=https://h/hunter2"], "unrecognized arguments: --webhook-uri"),
        (["--webhook-url=", "https://h/hunter2", "--webhook-uri", "hunter2"], "VALUE --webhook-uri VALUE"),
    ],
)
def test_a_wrong_setting_is_named_and_its_password_is_not_repeated(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = cli.main(["run", "--probe-image=p", *words])
    except SystemExit as end:
        status = int(end.code or 0)
    printed = capsys.readouterr().err
    assert status == 2
    assert said in printed
    assert "hunter2" not in printed
