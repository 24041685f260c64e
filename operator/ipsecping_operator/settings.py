"""What the operator is told by its command line or its environment."""

import argparse
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipsecping_operator.api import durations

PREFIX = "IPSECPING_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of `ipsecping-operator run`."""

    probe_image: str
    image_pull_policy: str | None
    namespaces: tuple[str, ...]
    """Empty: all."""
    host_network: frozenset[str]
    """Namespaces whose checks may ask for the node's own network; `*`: all."""
    kubeconfig: Path | None
    context: str | None
    metrics_address: tuple[str, int]
    healthz_address: tuple[str, int]
    status_interval: float
    """Seconds."""
    resync_interval: float
    """Seconds."""
    log_level: str
    log_format: str


def add_arguments(parser: argparse.ArgumentParser, *, environ: Mapping[str, str] = os.environ) -> None:
    """Add every setting as a flag whose default comes from the environment."""

    def add(flag: str, text: str, *, default: str | None = None, **options: Any) -> None:
        variable = variable_of(flag)
        shown = f"; default {default}" if default else ""
        # argparse passes a default that is a string through `type`, so both sources are checked alike.
        parser.add_argument(
            flag, default=environ.get(variable, default), help=f"{text} [{variable}{shown}]", **options
        )

    add("--probe-image", "image of the probe pods", metavar="IMAGE")
    add(
        "--probe-image-pull-policy",
        "pull policy of the probe pods; the API server's choice when not given",
        choices=("Always", "IfNotPresent", "Never"),
    )
    add(
        "--namespaces",
        "namespaces to serve, separated by commas; all when not given",
        metavar="NAMES",
    )
    add(
        "--allow-host-network",
        "namespaces whose checks may ask for placement.hostNetwork, separated by commas, * for all; "
        "none when not given",
        metavar="NAMES",
    )
    add(
        "--kubeconfig",
        "credentials outside a cluster; the pod's service account when not given",
        metavar="FILE",
    )
    add("--context", "context of the kubeconfig; its current one when not given", metavar="NAME")
    add("--metrics-port", "[ADDRESS:]PORT of /metrics", type=address, metavar="PORT", default="9090")
    add("--healthz-port", "[ADDRESS:]PORT of /healthz", type=address, metavar="PORT", default="8080")
    add(
        "--status-interval",
        "least time between two writes of a check's status that no transition hastens",
        type=seconds,
        metavar="DURATION",
        default="1m",
    )
    add(
        "--resync-interval",
        "time between two comparisons of everything seen with what the API holds",
        type=seconds,
        metavar="DURATION",
        default="5m",
    )
    add("--log-level", "least level to log", choices=("debug", "info", "warning", "error"), default="info")
    add("--log-format", "form of the log on standard error", choices=("text", "json"), default="text")


def from_arguments(args: argparse.Namespace) -> Settings:
    """The settings; raises ValueError naming the flag that is missing or wrong."""
    if not args.probe_image:
        raise ValueError(
            f"--probe-image (or {variable_of('--probe-image')}) is needed: the image of the probe pods"
        )
    for flag, value, allowed in (
        ("--probe-image-pull-policy", args.probe_image_pull_policy, ("Always", "IfNotPresent", "Never")),
        ("--log-level", args.log_level, ("debug", "info", "warning", "error")),
        ("--log-format", args.log_format, ("text", "json")),
    ):
        # argparse checks what stands on the command line, not what comes from the environment.
        if value and value not in allowed:
            raise ValueError(f"{flag} (or {variable_of(flag)}): {value!r} is not one of {', '.join(allowed)}")
    return Settings(
        probe_image=args.probe_image,
        image_pull_policy=args.probe_image_pull_policy or None,
        namespaces=_names(args.namespaces),
        host_network=frozenset(_names(args.allow_host_network)),
        kubeconfig=Path(args.kubeconfig) if args.kubeconfig else None,
        context=args.context or None,
        metrics_address=args.metrics_port,
        healthz_address=args.healthz_port,
        status_interval=args.status_interval,
        resync_interval=args.resync_interval,
        log_level=args.log_level,
        log_format=args.log_format,
    )


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name for name in re.split(r"[\s,]+", text or "") if name)


def variable_of(flag: str) -> str:
    """The environment variable that stands for a flag."""
    return PREFIX + flag.removeprefix("--").replace("-", "_").upper()


def address(text: str) -> tuple[str, int]:
    """`9090`, `127.0.0.1:9090` or `[::1]:9090`; without an address, all. Port 0 lets the system choose."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not PORT or ADDRESS:PORT")
    return host.strip("[]"), int(port)


def seconds(text: str) -> float:
    """A duration such as 30s or 1m30s, of at least one second."""
    try:
        value = durations.nanoseconds(text) / 1_000_000_000
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: at least 1s")
    return value
