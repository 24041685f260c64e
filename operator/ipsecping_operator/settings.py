"""What the operator is told by its command line or its environment: one table for both and for their docs."""

import argparse
import os
import re
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ipsecping_operator.api import durations
from ipsecping_operator.api.names import MOUNTABLE_PREFIX

from .notification_settings import NOTIFICATIONS, NotificationSettings, notifications_of
from .permission_settings import PERMISSIONS, permissions_of
from .probe_settings import PROBE_DEFAULTS
from .setting import NAMESPACE, Setting, add_settings, namespaces_served

if TYPE_CHECKING:
    from ipsecping_operator.api.probe_defaults import ProbeDefaults
    from ipsecping_operator.permission import Permissions

_SECRET_NAME = re.compile("[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of `ipsecping-operator run`."""

    probe_image: str
    image_pull_policy: str | None
    probe_defaults: "ProbeDefaults"
    """What probe pods have unless a check says otherwise."""
    namespaces: tuple[str, ...]
    """Empty: all."""
    permissions: "Permissions"
    """What checks may ask for."""
    kubeconfig: Path | None
    context: str | None
    api_tls_strict: bool
    """Ask the strict profile of RFC 5280 of the API server's certificates."""
    lease_name: str
    lease_namespace: str | None
    """None: the pod's own, and outside a cluster no Lease at all."""
    lease_identity: str
    lease_duration: float
    """Seconds."""
    key_secret: tuple[str | None, str] | None
    """Namespace (None: the Lease's) and name of the Secret with the key of the results' tokens."""
    metrics_address: tuple[str, int]
    healthz_address: tuple[str, int]
    status_interval: float
    """Seconds."""
    resync_interval: float
    """Seconds."""
    diagnosis: bool
    """Checks are diagnosed."""
    notifications: NotificationSettings
    """Whom the operator tells by itself."""
    log_level: str
    log_format: str


def address(text: str) -> tuple[str, int]:
    """`9090`, `127.0.0.1:9090` or `[::1]:9090`; without an address, all. Port 0 lets the system choose."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not PORT or ADDRESS:PORT")
    return host.strip("[]"), int(port)


def secret_name(text: str) -> tuple[str | None, str] | None:
    """`NAME` or `NAMESPACE/NAME`; None for an empty text."""
    namespace, separator, name = text.strip().rpartition("/")
    if not text.strip():
        return None
    if not _SECRET_NAME.fullmatch(name) or (separator and not NAMESPACE.fullmatch(namespace)):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME or NAMESPACE/NAME of a Secret")
    if name.startswith(MOUNTABLE_PREFIX):
        raise argparse.ArgumentTypeError(
            f"{text!r}: checks may have any Secret mounted whose name begins with {MOUNTABLE_PREFIX}: "
            "choose another name"
        )
    return namespace or None, name


def seconds(text: str) -> float:
    """A duration such as 30s or 1m30s, of at least one second."""
    try:
        value = durations.nanoseconds(text) / 1_000_000_000
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: at least 1s")
    return value


SETTINGS = (
    Setting("--probe-image", "image of the probe pods; the only required setting", "IMAGE"),
    Setting(
        "--probe-image-pull-policy",
        "pull policy of the probe pods; default: as Kubernetes chooses",
        choices=("Always", "IfNotPresent", "Never"),
    ),
    PROBE_DEFAULTS,
    Setting(
        "--namespaces",
        "namespaces to serve, separated by commas; default: all",
        "NAMES",
        default="",
        read=namespaces_served,
    ),
    *PERMISSIONS,
    Setting(
        "--kubeconfig",
        "file with the credentials, outside a cluster; default: the pod's service account. Tokens are "
        "renewed, client certificates are read once",
        "FILE",
    ),
    Setting("--context", "context of the kubeconfig; default: its current one", "NAME"),
    Setting(
        "--api-tls-strict",
        "true: the API server's certificates also have to meet the strict profile of RFC 5280, which those "
        "of AWS EKS, of older kubeadm clusters and others do not; trust and name are verified in any case",
        default="false",
        choices=("true", "false"),
    ),
    Setting(
        "--lease-name",
        "name of the Lease that one operator at a time holds, while others wait",
        "NAME",
        default="ipsecping-operator",
    ),
    Setting(
        "--lease-namespace",
        "namespace of the Lease; default: the pod's own, and no Lease outside a cluster",
        "NAME",
    ),
    Setting(
        "--lease-identity",
        "name of this operator in the Lease; two that run at the same time must not have the same name, "
        "and one that is restarted under its old name continues at once. Default: the host's name and a "
        "random part",
        "NAME",
    ),
    Setting(
        "--lease-duration",
        "for how long a Lease that is no longer renewed keeps others waiting; the operator renews it in "
        "time, and exits if it could not for two thirds of this time",
        "DURATION",
        default="15s",
        read=seconds,
    ),
    Setting(
        "--results-key-secret",
        "Secret with the key of the tokens by which agents recognise the operator, in the namespace of the "
        "Lease unless another is named; it has to exist, and is filled if it is empty. Default: a new key "
        "at each start, which is kept only in memory",
        "[NAMESPACE/]NAME",
        read=secret_name,
    ),
    Setting("--metrics-port", "[ADDRESS:]PORT of /metrics", "PORT", default="9090", read=address),
    Setting("--healthz-port", "[ADDRESS:]PORT of /healthz and /readyz", "PORT", default="8080", read=address),
    Setting(
        "--status-interval",
        "least time between two writes of a check's status without a transition; transitions are written "
        "at once",
        "DURATION",
        default="1m",
        read=seconds,
    ),
    Setting(
        "--resync-interval",
        "time between two comparisons of everything that is known with what the API holds, which find what "
        "was deleted during an outage, and a watch that no longer delivers",
        "DURATION",
        default="5m",
        read=seconds,
    ),
    Setting(
        "--diagnosis",
        "true: checks are diagnosed when they turn unhealthy, unless spec.diagnosis says otherwise, and "
        "when the annotation ipsecping.dev/diagnose asks for it; false: never",
        default="true",
        choices=("true", "false"),
    ),
    *NOTIFICATIONS,
    Setting(
        "--log-level",
        "lowest level to log",
        default="info",
        choices=("debug", "info", "warning", "error"),
    ),
    Setting("--log-format", "format of the log on standard error", default="text", choices=("text", "json")),
)


def add_arguments(parser: argparse.ArgumentParser, *, environ: Mapping[str, str] = os.environ) -> None:
    """Add every setting as a flag whose default comes from the environment."""
    add_settings(parser, SETTINGS, environ=environ)


def from_arguments(args: argparse.Namespace) -> Settings:
    """The settings; raises ValueError naming the flag that is missing or wrong."""
    if not args.probe_image:
        raise ValueError("--probe-image (or IPSECPING_PROBE_IMAGE) is needed: the image of the probe pods")
    for each in SETTINGS:
        # argparse checks the choices of what stands on the command line, not of what the environment holds.
        value = getattr(args, each.flag.removeprefix("--").replace("-", "_"))
        if each.choices and value and value not in each.choices:
            allowed = ", ".join(each.choices)
            raise ValueError(f"{each.flag} (or {each.variable}): {value!r} is not one of {allowed}")
    return Settings(
        probe_image=args.probe_image,
        image_pull_policy=args.probe_image_pull_policy or None,
        probe_defaults=args.probe_defaults,
        namespaces=args.namespaces,
        permissions=permissions_of(args),
        kubeconfig=Path(args.kubeconfig) if args.kubeconfig else None,
        context=args.context or None,
        api_tls_strict=args.api_tls_strict == "true",
        lease_name=args.lease_name,
        lease_namespace=args.lease_namespace or None,
        lease_identity=args.lease_identity or f"{socket.gethostname()}_{secrets.token_hex(4)}",
        lease_duration=args.lease_duration,
        key_secret=args.results_key_secret,
        metrics_address=args.metrics_port,
        healthz_address=args.healthz_port,
        status_interval=args.status_interval,
        resync_interval=args.resync_interval,
        diagnosis=args.diagnosis == "true",
        notifications=notifications_of(args),
        log_level=args.log_level,
        log_format=args.log_format,
    )
