"""Settings of what the operator tells others by itself: Alertmanagers, and a webhook."""

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from ipsecping_operator.api import durations

from .setting import Setting, names

MOST_ALERTMANAGERS = 8
LEAST_REPEAT, MOST_REPEAT = 10.0, 600.0
"""Seconds."""
OWN_LABELS = (
    *("alertname", "severity", "namespace", "check", "tunnel_name", "path", "target", "remote_ip", "gateway"),
)
"""Labels that alerts bear by themselves; others are of spec.alerting.labels, and of all alerts."""
_HOST_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}$)({_HOST_LABEL}[.])*{_HOST_LABEL}|(?=[^:]*:)[0-9a-fA-F:.]{{2,45}}")
_PATH = re.compile(r"[!-~]*")
_API = re.compile(r"/api/v[12](/alerts)?/*$")
_LABEL = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where is posted to."""

    host: str
    port: int
    tls: bool
    target: str = field(repr=False)
    """Path and query, as in a request: either may be as good as a password."""

    @property
    def shown(self) -> str:
        """For logs, metrics and errors: scheme, host and port alone."""
        named = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{named}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Files that are read anew for each request, since they may be renewed meanwhile."""

    bearer_file: Path | None = None
    basic_auth_file: Path | None = None
    """One line, USER:PASSWORD."""
    ca_file: Path | None = None
    """PEM; None: the authorities that the system trusts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerSettings:
    """Alertmanagers of one cluster, each of which is told."""

    endpoints: tuple[Endpoint, ...]
    credentials: Credentials = field(default_factory=Credentials)
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Of all alerts, besides their own."""
    repeat: float = 60.0
    """Seconds."""
    runbooks: str = "docs/runbooks"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """Who gets an event for each transition."""

    endpoint: Endpoint | Path
    """A file holds the URL, and is read anew for each request."""
    keys_file: Path
    credentials: Credentials = field(default_factory=Credentials)
    source: str = "ipsecping-operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSettings:
    """Both are off unless they are named."""

    alertmanagers: AlertmanagerSettings | None = None
    webhook: WebhookSettings | None = None


def endpoint(url: str) -> Endpoint:
    """Read the URL of a receiver; without a scheme it is https. Raises argparse.ArgumentTypeError."""
    # A URL that is refused may hold a password: no message repeats it.
    whole = url if "://" in url else f"https://{url}"
    try:
        parts = urlsplit(whole)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        # What Python says of it repeats a part of it.
        raise argparse.ArgumentTypeError("not a URL, or one with a port beyond 65535") from None
    if parts.username is not None or parts.password is not None:
        raise argparse.ArgumentTypeError(
            "a URL with a user or password: credentials are given by a file (--alertmanager-basic-auth-file, "
            "--webhook-basic-auth-file)"
        )
    if parts.scheme not in ("https", "http") or not _HOST.fullmatch(host):
        raise argparse.ArgumentTypeError("not an http or https URL with a host of ASCII characters")
    if parts.fragment or not _PATH.fullmatch(parts.path + parts.query):
        raise argparse.ArgumentTypeError(
            "a URL with a fragment, blanks or characters beyond ASCII: escape them"
        )
    tls = parts.scheme == "https"
    port = (443 if tls else 80) if port is None else port
    return Endpoint(
        host=host,
        port=port,
        tls=tls,
        target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    )


def _endpoint(text: str) -> Endpoint | None:
    return endpoint(text.strip()) if text.strip() else None


def _alertmanagers(text: str) -> tuple[Endpoint, ...]:
    found = tuple(dict.fromkeys(endpoint(each) for each in names(text)))
    if len(found) > MOST_ALERTMANAGERS:
        raise argparse.ArgumentTypeError(f"more than {MOST_ALERTMANAGERS} Alertmanagers")
    if any("?" in each.target for each in found):
        raise argparse.ArgumentTypeError("the URL of an Alertmanager has no query")
    if named := next((each.shown for each in found if _API.search(each.target)), None):
        raise argparse.ArgumentTypeError(f"{named}: leave out what begins with /api, which the operator adds")
    return found


def _labels(text: str) -> Mapping[str, str]:
    found = dict[str, str]()
    for each in names(text):
        name, separator, value = each.partition("=")
        if not separator or not _LABEL.fullmatch(name) or not value or len(value) > 63:
            raise argparse.ArgumentTypeError(
                f"{each!r} is not NAME=VALUE with the name of a label of Prometheus and 1 to 63 characters"
            )
        if name in OWN_LABELS:
            raise argparse.ArgumentTypeError(
                f"{name}: alerts have that label already, of their check (spec.alerting.severity for "
                "severity): choose another name"
            )
        found[name] = value
    return MappingProxyType(found)


def _repeat(text: str) -> float:
    try:
        value = durations.nanoseconds(text) / 1_000_000_000
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not LEAST_REPEAT <= value <= MOST_REPEAT:
        raise argparse.ArgumentTypeError(f"{text}: from {LEAST_REPEAT:g}s to {MOST_REPEAT / 60:g}m")
    return value


def _file(text: str) -> Path | None:
    return Path(text) if text else None


def _files(whose: str) -> tuple[Setting, ...]:
    """The settings of credentials; `whose` begins their names."""
    return (
        Setting(
            f"--{whose}-bearer-file",
            "file with a token to send (Authorization: Bearer), read again each time; https only",
            "FILE",
            read=_file,
        ),
        Setting(
            f"--{whose}-basic-auth-file",
            "file with USER:PASSWORD for HTTP basic authentication, read again each time; https only",
            "FILE",
            read=_file,
        ),
        Setting(
            f"--{whose}-ca-file",
            "file with the certificate authorities to trust, in PEM form; default: those of the system",
            "FILE",
            read=_file,
        ),
    )


NOTIFICATIONS = (
    Setting(
        "--alertmanagers",
        "URLs of Alertmanagers, separated by commas, each of which gets alerts about checks, without a "
        "Prometheus (docs/notifications.md); https unless http:// is written; default: none",
        "URLS",
        read=_alertmanagers,
    ),
    *_files("alertmanager"),
    Setting(
        "--alertmanager-labels",
        "labels that are added to all these alerts, separated by commas, such as cluster=prod",
        "LABELS",
        read=_labels,
    ),
    Setting(
        "--alertmanager-repeat",
        "time after which a lasting alert is sent again, 10s to 10m; one that is not sent again ends after "
        "five times that, at least three minutes",
        "DURATION",
        default="1m",
        read=_repeat,
    ),
    Setting(
        "--runbook-url",
        "where the pages of docs/runbooks are, for the alerts' runbook_url and generatorURL",
        "URL",
        default="docs/runbooks",
    ),
    Setting(
        "--webhook-url",
        "URL that gets a signed CloudEvent for each transition of Healthy and each diagnosis "
        "(docs/notifications.md); https unless http:// is written; default: none",
        "URL",
        read=_endpoint,
    ),
    Setting(
        "--webhook-url-file",
        "file with that URL on one line, read again for each event; use it if the URL itself is a secret",
        "FILE",
        read=_file,
    ),
    Setting(
        "--webhook-keys-file",
        "file with the keys that sign events, each in base64 on its own line; required with a webhook",
        "FILE",
        read=_file,
    ),
    *_files("webhook"),
    Setting(
        "--webhook-source",
        "source that the events name: a URI reference that distinguishes this operator from others",
        "URI",
        default="ipsecping-operator",
    ),
)


def notifications_of(args: argparse.Namespace) -> NotificationSettings:
    """The settings; raises ValueError naming the flag that is missing or wrong."""
    alertmanagers, webhook = None, None
    if args.alertmanagers:
        credentials = _credentials(args, "alertmanager", args.alertmanagers)
        alertmanagers = AlertmanagerSettings(
            endpoints=args.alertmanagers,
            credentials=credentials,
            labels=args.alertmanager_labels or MappingProxyType({}),
            repeat=args.alertmanager_repeat,
            runbooks=args.runbook_url.rstrip("/"),
        )
    if args.webhook_url and args.webhook_url_file:
        raise ValueError("--webhook-url and --webhook-url-file: only one of them")
    if where := args.webhook_url or args.webhook_url_file:
        if args.webhook_keys_file is None:
            raise ValueError(
                "--webhook-keys-file (or IPSECPING_WEBHOOK_KEYS_FILE) is needed with --webhook-url and "
                "--webhook-url-file: events are signed"
            )
        if not args.webhook_source or not _PATH.fullmatch(args.webhook_source):
            raise ValueError("--webhook-source (or IPSECPING_WEBHOOK_SOURCE) is not a URI reference")
        webhook = WebhookSettings(
            endpoint=where,
            keys_file=args.webhook_keys_file,
            credentials=_credentials(args, "webhook", (args.webhook_url,) if args.webhook_url else ()),
            source=args.webhook_source,
        )
    return NotificationSettings(alertmanagers=alertmanagers, webhook=webhook)


def _credentials(args: argparse.Namespace, whose: str, endpoints: tuple[Endpoint, ...]) -> Credentials:
    bearer, basic, ca = (getattr(args, f"{whose}_{each}_file") for each in ("bearer", "basic_auth", "ca"))
    if bearer is not None and basic is not None:
        raise ValueError(f"--{whose}-bearer-file and --{whose}-basic-auth-file: only one of them")
    if (bearer is not None or basic is not None) and not all(each.tls for each in endpoints):
        flag = "bearer" if bearer is not None else "basic-auth"
        raise ValueError(f"--{whose}-{flag}-file: no credentials are sent over http, in the clear: use https")
    return Credentials(bearer_file=bearer, basic_auth_file=basic, ca_file=ca)
