"""An alert, and the words of PromQL and of templates that alerts are made of."""

from dataclasses import dataclass
from typing import Any

from ipsecping_operator.notify.alert_kinds import AlertKind

RUNBOOKS = "docs/runbooks"
"""Where runbook_url points, unless the chart's value says otherwise."""
PATH = "cluster, namespace, check, path"
"""`cluster` is there where one Prometheus looks at several."""
CHECK = "cluster, namespace, check"
PROBE = f"{PATH}, probe"
WORST = "{{ $labels.severity }}"
"""Severity of what stops or leaks traffic: the check's own."""
LESS = '{{ if eq $labels.severity "info" }}info{{ else }}warning{{ end }}'
"""Severity of all else: a warning, unless the check's own is less."""
WHERE = (
    "on {{ $labels.check }}/{{ $labels.path }} to {{ $labels.target }}"
    "{{ with $labels.remote_ip }} ({{ . }}){{ end }}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert: `summary` is its first line, `description` what the status says, as far as metrics know."""

    name: str
    expr: str
    wait: str
    severity: str
    summary: str
    description: str

    def rule(self) -> dict[str, Any]:
        """Return it as Prometheus has it."""
        return {
            "alert": self.name,
            "expr": self.expr.strip() + "\n",
            "for": self.wait,
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{RUNBOOKS}/{self.name}.md",
            },
        }


def on_paths(what: str) -> str:
    """An alert for each path that `what` (one series a path) tells of, with the labels of its check."""
    return f"ipsecping:alerting_info\n* on ({PATH}) group_left ()\n({what})"


def on_checks(what: str) -> str:
    """An alert for each check that `what` tells of."""
    info = "max without (path, target, remote_ip) (ipsecping:alerting_info)"
    return f"{info}\n* on ({CHECK}) group_left ()\n({what})"


_CHECK = "cluster=%q, namespace=%q, check=%q"
_PATH = f"{_CHECK}, path=%q"


def of_check(metric: str, shown: str, matching: str = "", by: str = "") -> str:
    """A template that shows each of the series that a metric has of the check, sorted by a label."""
    return _each(f"{metric}{{{_CHECK}{matching}}}", shown, "cluster", "namespace", "check", by=by)


def measured(metric: str, show: str, matching: str = "") -> str:
    """What a metric is on each probe of the path: ` ping 12ms echo 14ms`."""
    expr = f"max by (probe) ({metric}{{{_PATH}{matching}}})"
    return _of_path(expr, " {{ .Labels.probe }} {{ .Value | " + show + " }}")


def limit(kind: str, show: str, before: str = ", limit ", own: str = ", limit of ") -> str:
    """The check's limit of a kind, and that of each probe with one of its own, each with words before it.

    Nothing where there is none.
    """
    common = f'max(ipsecping_threshold{{{_CHECK}, kind="{kind}"}})'
    of_probes = f'max by (probe) (ipsecping_probe_threshold{{{_CHECK}, kind="{kind}"}})'
    labels = "cluster", "namespace", "check"
    return _each(common, before + "{{ .Value | " + show + " }}", *labels) + _each(
        of_probes, own + "{{ .Labels.probe }} {{ .Value | " + show + " }}", *labels, by="probe"
    )


def probes_with(reason: str) -> str:
    """Name the probes of the path that have this reason: ` Probes: ping (Down).`."""
    expr = f'ipsecping:probe_finding{{{_PATH}, reason=~"{reason}"}}'
    return " Probes:" + _of_path(expr, " {{ .Labels.probe }} ({{ .Labels.reason }})") + "."


def diagnosed() -> str:
    """Name the causes that the diagnosis of the outage found, and where the next step is.

    Nothing where there is no diagnosis (yet).
    """
    shown = (
        " Diagnosis: {{ .Labels.cause }} (direction {{ .Labels.direction }}, {{ .Labels.confidence }}); "
        "next step: kubectl -n {{ .Labels.namespace }} describe itc {{ .Labels.check }}."
    )
    return of_check("ipsecping_diagnosis_info", shown, by="cause")


def _of_path(expr: str, shown: str) -> str:
    return _each(expr, shown, "cluster", "namespace", "check", "path", by="probe")


def _each(expr: str, shown: str, *labels: str, by: str = "") -> str:
    """Show each of the series that a query finds; %q stands for the values of the labels.

    `by` is the label that they are sorted by: as they are, each evaluation may have another order.
    """
    quoted = expr.replace('"', '\\"')
    values = " ".join(f"$labels.{label}" for label in labels)
    sort = f' | sortByLabel "{by}"' if by else ""
    return f'{{{{ range query (printf "{quoted}" {values}){sort} }}}}{shown}{{{{ end }}}}'


def by_reason(kind: AlertKind, measured: str = "", *, but: str = "") -> Alert:
    """An alert for each path of which a probe has one of the kind's reasons, less what `but` says."""
    reason = "|".join(kind.reasons)
    return Alert(
        name=kind.alertname,
        expr=on_paths(f'count by ({PATH}) (ipsecping:probe_finding{{reason=~"{reason}"}}{but})'),
        wait=kind.wait,
        severity=WORST if kind.worst else LESS,
        summary=f"{{{{ $labels.tunnel_name }}}}: {kind.summary} {WHERE}",
        description=kind.meaning + measured + probes_with(reason) + (diagnosed() if kind.diagnosed else ""),
    )
