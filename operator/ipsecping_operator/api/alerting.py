"""How alerts about a check are raised and routed."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from .rules import Model, Rule, Rules
from .scalars import Label

MAX_LABELS = 8
_KEY = "^[a-zA-Z][a-zA-Z0-9_]{0,62}$"
_RESERVED = (
    # What alerts of the rules bear themselves.
    *("alertname", "severity", "namespace", "check", "tunnel_name", "path", "probe", "type", "target"),
    *("remote_ip", "gateway", "status", "reason", "expect", "percentile"),
    # What a Prometheus, its targets or its external labels say.
    *("job", "instance", "pod", "container", "endpoint", "service", "node"),
    *("cluster", "prometheus", "prometheus_replica", "replica", "le", "quantile"),
)

AlertLabels: TypeAlias = Annotated[
    Mapping[str, Label],
    Field(max_length=MAX_LABELS),
    Rules(
        Rule(
            cel=f"self.all(key, key.matches('{_KEY}'))",
            holds=lambda self: all(re.fullmatch(_KEY, key) for key in self),
            message="every key must be a label of Prometheus: at most 63 letters, digits and _ that begin "
            "with a letter, such as team",
        ),
        Rule(
            cel=f"self.all(key, !(key in [{', '.join(repr(each) for each in _RESERVED)}]) && "
            "!key.startsWith('exported_'))",
            holds=lambda self: not any(key in _RESERVED or key.startswith("exported_") for key in self),
            reason="FieldValueForbidden",
            message=f"{', '.join(_RESERVED[:-1])}, {_RESERVED[-1]} and what begins with exported_ are set by "
            "the rules or by Prometheus: choose other keys",
        ),
    ),
]

_ALERT_LABELS = TypeAdapter[Mapping[str, str]](AlertLabels)


def can_label_alerts(key: str, value: str) -> bool:
    """Return whether the alerts about a check may have this label."""
    try:
        _ALERT_LABELS.validate_python({key: value})
    except ValidationError:
        return False
    return True


class Alerting(Model):
    """Severity and labels of the alerts about the check, by the rules of manifests/monitoring."""

    enabled: bool | None = None
    """False: no alert is raised about the check; it is still measured. Default: true."""
    severity: Literal["Critical", "Warning", "Info"] | None = None
    """Highest severity of alerts about the check; their label severity has it in lower case. Critical: a
    tunnel that is down and traffic that bypasses it are critical, everything else is a warning. Default:
    Critical."""
    labels: AlertLabels | None = None
    """Labels of the alerts about the check, for routing, such as team: network; at most 8."""
