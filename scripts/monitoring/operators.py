"""Alerts about what measures."""

from collections.abc import Iterator

from .alert import Alert


def operator_alerts() -> Iterator[Alert]:
    """Yield the alerts about what measures."""
    yield Alert(
        name="IPsecPingOperatorDown",
        expr="absent(ipsecping_operator_leader)\n"
        "or max by (cluster, namespace, job, lease) (ipsecping_operator_leader) == 0",
        wait="5m",
        severity="critical",
        summary="No operator of IPsecPing works{{ with $labels.lease }} ({{ . }}){{ end }}",
        description="No status is written and nothing is known about any tunnel, whatever it said last.",
    )
    yield Alert(
        name="IPsecPingOperatorFault",
        expr="sum by (cluster, namespace, job) (increase(ipsecping_operator_faults_total[15m])) > 0\n"
        "or max by (cluster, namespace, job) (ipsecping_operator_faulty_checks) > 0",
        wait="0m",
        severity="warning",
        summary="The operator of IPsecPing met a fault of its own",
        description="Some checks may be Healthy=Unknown (InternalError); its log has the traceback.",
    )
    yield Alert(
        name="IPsecPingOperatorBehind",
        expr="\nor ".join(
            f"max by (cluster, namespace, job) ({metric}) > 0"
            for metric in (
                "ipsecping_operator_overdue_checks",
                "ipsecping_operator_unwritten_checks",
                "ipsecping_operator_watch_unseen_objects",
            )
        ),
        wait="5m",
        severity="warning",
        summary="The operator of IPsecPing is behind: what statuses say is old",
        description="Checks are not judged, not written, or not seen in time ({{ $value | humanize }}).",
    )
    yield Alert(
        name="IPsecPingAgentsUnreadable",
        expr="max by (cluster, namespace, job) (ipsecping_operator_agents_unreadable) > 0",
        wait="10m",
        severity="warning",
        summary="{{ $value | humanize }} agents of IPsecPing cannot be read",
        description="Their checks turn Healthy=Unknown; the message of each names pod, address and error.",
    )
    yield Alert(
        name="IPsecPingResultsRefused",
        expr="sum by (cluster, namespace, job, outcome) (increase("
        'ipsecping_operator_results_total{outcome=~"OffSchedule|ForeignPath|TooManyInstances"}[15m])) > 0',
        wait="0m",
        severity="warning",
        summary="Agents of IPsecPing send results that their plans do not make ({{ $labels.outcome }})",
        description="An agent is in the wrong hands or has gone astray; the operator's log names the pod.",
    )
