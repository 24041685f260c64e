"""The chart's values of whom the operator notifies: what becomes of them, and what is refused."""

import argparse
import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ipsecping_operator import settings
from ipsecping_operator.notification_settings import Endpoint
from ipsecping_operator.notify.signature import read_keys
from ipsecping_operator.settings import Settings

from .chart import IMAGES, objects, template
from .kubectl import Kubectl

BOTH = {
    "notifications": {
        "alertmanagers": {
            "urls": ["am-0.monitoring.svc:9093", "https://am-1/pre-fix"],
            "labels": {"cluster": "prod"},
            "runbookURL": "https://git.example.com/runbooks",
            "secretName": "am",
            "bearerTokenKey": "token",
            "caKey": "ca.crt",
        },
        "webhook": {"url": "https://hooks.example.com/a-b?x=1", "secretName": "hook", "basicAuthKey": "user"},
    }
}


def rendered(tmp_path: Path, values: dict[str, Any]) -> tuple[dict[str, Any], Settings]:
    """The pod spec of the operator, and what it reads of its flags."""
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    (pod,) = (
        each["spec"]["template"]["spec"] for each in objects("-f", str(file)) if each["kind"] == "Deployment"
    )
    parser = argparse.ArgumentParser()
    settings.add_arguments(parser, environ={})
    return pod, settings.from_arguments(parser.parse_args(pod["containers"][0]["args"][1:]))


def test_values_become_flags_and_the_files_they_name_are_mounted(tmp_path: Path) -> None:
    pod, found = rendered(tmp_path, BOTH)
    alertmanagers, webhook = found.notifications.alertmanagers, found.notifications.webhook
    assert alertmanagers is not None
    assert webhook is not None
    assert [each.shown for each in alertmanagers.endpoints] == [
        "https://am-0.monitoring.svc:9093",
        "https://am-1:443",
    ]
    assert dict(alertmanagers.labels) == {"cluster": "prod"}
    assert isinstance(webhook.endpoint, Endpoint)
    assert webhook.endpoint.target == "/a-b?x=1"
    mounts = {each["name"]: each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
    secrets = {each["name"]: each["secret"]["secretName"] for each in pod["volumes"]}
    assert secrets == {"alertmanager": "am", "webhook": "hook"}
    assert [
        str(each) for each in (alertmanagers.credentials.bearer_file, alertmanagers.credentials.ca_file)
    ] == [
        f"{mounts['alertmanager']}/token",
        f"{mounts['alertmanager']}/ca.crt",
    ]
    assert str(webhook.keys_file) == f"{mounts['webhook']}/keys"
    assert str(webhook.credentials.basic_auth_file) == f"{mounts['webhook']}/user"


def test_a_url_that_is_a_secret_stands_in_no_object_of_the_release(tmp_path: Path) -> None:
    webhook = {"urlKey": "url", "secretName": "hook", "bearerTokenKey": "token"}
    pod, found = rendered(tmp_path, {"notifications": {"webhook": webhook}})
    (mount,) = pod["containers"][0]["volumeMounts"]
    assert found.notifications.webhook is not None
    assert str(found.notifications.webhook.endpoint) == f"{mount['mountPath']}/url"
    assert [each["secret"]["secretName"] for each in pod["volumes"]] == ["hook"]


def test_nothing_is_mounted_or_sent_by_default(tmp_path: Path) -> None:
    pod, found = rendered(tmp_path, {})
    assert "volumes" not in pod
    assert (found.notifications.alertmanagers, found.notifications.webhook) == (None, None)


def test_the_documented_secret_holds_a_key_that_events_can_be_signed_with(kubectl: Kubectl) -> None:
    made = subprocess.run(["openssl", "rand", "-base64", "32"], capture_output=True, text=True, check=True)
    literal = f"--from-literal=keys={made.stdout.rstrip()}"
    kubectl("create", "secret", "generic", "ipsecping-webhook", literal)
    stored = kubectl.get("secret", "ipsecping-webhook")["data"]["keys"]
    (key,) = read_keys(base64.b64decode(stored).decode())
    assert len(key) == 32


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("webhook.url=https://hooks.example.com", "notifications.webhook.secretName is needed"),
        ("webhook.urlKey=url", "notifications.webhook.secretName is needed"),
        (
            "webhook.urlKey=url,notifications.webhook.url=hook,notifications.webhook.secretName=s",
            "notifications.webhook.url and notifications.webhook.urlKey: only one",
        ),
        ("webhook.urlKey=a/b", "notifications.webhook.urlKey: "),
        (
            "webhook.url=https://me:hunter2@hooks.example.com",
            "notifications.webhook.url has a user or password in it",
        ),
        ("webhook.url=ftp://hooks.example.com", "notifications.webhook.url is not an http or https URL"),
        (
            "alertmanagers.urls={am,https://me:hunter2@am}",
            "alertmanagers.urls[1] has a user or password in it",
        ),
        ("alertmanagers.labels.a-b=c", "notifications.alertmanagers.labels: "),
        ("alertmanagers.repeat=soon", 'notifications.alertmanagers.repeat: "soon" is not a duration'),
        ("alertmanagers.repeat=9s999ms", "repeat: 9s999ms is too short: at least 10s"),
        ("alertmanagers.repeat=10m1s", "repeat: 10m1s is too long: at most 10m"),
        (
            "alertmanagers.urls={am?x=hunter2}",
            "alertmanagers.urls[0]: am: the URL of an Alertmanager has no query",
        ),
        ("webhook.url=hook/hunter2#a", "notifications.webhook.url: hook: there is a fragment"),
        ("webhook.url=hook/hunter 2", "notifications.webhook.url is not an http or https URL"),
        ("alertmanagers.urls={https://[::1]:65536/}", "https://[::1]:65536: there is no port 65536"),
        ("alertmanagers.urls={am:9093/api/v2/alerts}", "am:9093: leave out"),
        (
            "alertmanagers.urls={http://am},notifications.alertmanagers.secretName=s,"
            "notifications.alertmanagers.bearerTokenKey=token",
            "notifications.alertmanagers: no credentials are sent over http",
        ),
        (
            "webhook.url=http://hook,notifications.webhook.secretName=s,notifications.webhook.basicAuthKey=u",
            "notifications.webhook: no credentials are sent over http",
        ),
        (
            "webhook.url=hook,notifications.webhook.secretName=s,notifications.webhook.basicAuthKey=u,"
            "notifications.webhook.bearerTokenKey=t",
            "notifications.webhook.bearerTokenKey and notifications.webhook.basicAuthKey: only one",
        ),
        ("webhook.secretName=Not_A_Name", "notifications.webhook.secretName: "),
        ("webhook.keyKey=keys", "'keyKey' not allowed"),
    ],
)
def test_wrong_values_are_refused_by_their_path(value: str, said: str) -> None:
    done = template(*IMAGES, "--set", f"notifications.{value}")
    assert done.returncode != 0
    assert said in done.stderr
    assert "hunter" not in done.stderr, "it may be a password"
