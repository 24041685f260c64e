"""The dashboard of all tunnels."""

from .panels import (
    GREEN,
    RED,
    STATES,
    YELLOW,
    Column,
    Look,
    Panel,
    Query,
    dashboard,
    stat,
    states,
    table,
    timeseries,
    variable,
)

CHECK = "namespace, check, tunnel_name"
PROBE = f"{CHECK}, path, probe"
CHOSEN = 'namespace=~"$namespace", tunnel_name=~"$tunnel"'
MOST = 10
"""Series of a panel that shows the worst."""


def health(chosen: str, by: str = CHECK) -> str:
    """Return a query that is 1 for healthy, 0 for unhealthy, -1 for unknown."""
    true, unknown = (
        f'max by ({by}) (ipsecping_check_condition{{type="Healthy", status="{status}", {chosen}}})'
        for status in ("True", "Unknown")
    )
    return f"{true} - {unknown}"


def percentile(share: float, chosen: str, by: str, over: str) -> str:
    """Return a query for a percentile of the round-trip time of each probe."""
    buckets = f"rate(ipsecping_rtt_seconds_bucket{{{chosen}}}[{over}])"
    return f"histogram_quantile({share}, sum by ({by}, le) ({buckets}))"


def fleet() -> Panel:
    """Return the dashboard."""
    return dashboard(
        "fleet",
        "IPsecPing: fleet",
        "Every tunnel that is checked: which are well, which are not, and which nobody knows of.",
        [
            variable("namespace", "Namespace", "ipsecping_check_condition, namespace", several=True),
            variable(
                "tunnel",
                "Tunnel",
                'ipsecping_check_condition{namespace=~"$namespace"}, tunnel_name',
                several=True,
            ),
        ],
        [
            ("", 4, _counts()),
            ("", 7, [_alerts()]),
            ("", 11, [_checks()]),
            ("", 9, [_history()]),
            ("The worst", 9, _worst()),
            ("The operator", 8, _operator()),
        ],
    )


def _counts() -> list[Panel]:
    state = health(CHOSEN)
    maintained = f"count(max by ({CHECK}) (ipsecping_check_maintenance{{{CHOSEN}}}) == 1) or vector(0)"
    text = "A window of spec.maintenance is open: whatever their state, there is no outage and no alert."
    counted = [
        stat(
            title, Query(f"count(({state}) {value}) or vector(0)"), Look(unit="none", text=text, steps=steps)
        )
        for title, value, text, steps in (
            ("Checks", ">= -1", "Checks that the operator exports.", [(None, "blue")]),
            ("Healthy", "== 1", "Within their thresholds.", [(None, GREEN)]),
            ("Unhealthy", "== 0", "Down, or beyond a threshold.", [(None, GREEN), (1, RED)]),
            (
                "Unknown",
                "== -1",
                "No results, stale ones, or a prober that was itself at fault: silence is no health.",
                [(None, GREEN), (1, YELLOW)],
            ),
        )
    ]
    return [
        *counted,
        stat("In maintenance", Query(maintained), Look(unit="none", text=text, steps=[(None, "blue")])),
    ]


def _alerts() -> Panel:
    labels = [
        ("alertname", "Alert"),
        ("severity", "Severity"),
        ("namespace", "Namespace"),
        ("check", "Check"),
        ("tunnel_name", "Tunnel"),
        ("path", "Path"),
    ]
    by = ", ".join(name for name, _ in labels)
    ours = f'alertname=~"IPsecPing.+", {CHOSEN}'
    since = f"max by ({by}) (ALERTS_FOR_STATE{{{ours}}})"
    firing = f'max by ({by}) (ALERTS{{{ours}, alertstate="firing"}})'
    column = Column("For", f"(time() - {since}) and on ({by}) {firing}", Look(unit="s", decimals=0))
    text = "What fires, of checks and of the operator (docs/alerts.md); for how long its cause has lasted."
    return table("Alerts that fire", labels, [column], text)


def _checks() -> Panel:
    seconds = Look(unit="s", decimals=1)
    columns = [
        Column("State", health(CHOSEN), Look(unit="none", mappings=STATES), colored=True),
        Column(
            "Loss",
            f"max by ({CHECK}) (ipsecping_loss_ratio{{{CHOSEN}}})",
            Look(unit="percentunit", decimals=2, steps=[(None, GREEN), (0.01, YELLOW), (0.05, RED)]),
            colored=True,
        ),
        Column("RTT p50", f"max by ({CHECK}) ({percentile(0.5, CHOSEN, PROBE, '15m')})", seconds),
        Column("RTT p99", f"max by ({CHECK}) ({percentile(0.99, CHOSEN, PROBE, '15m')})", seconds),
        Column(
            "Outages, 24 h",
            f"max by ({CHECK}) (increase(ipsecping_outages_total{{{CHOSEN}}}[24h]))",
            Look(unit="none", decimals=0),
        ),
        Column(
            "Newest result",
            f"time() - min by ({CHECK}) (ipsecping_last_result_timestamp_seconds{{{CHOSEN}}})",
            Look(unit="s", decimals=0),
        ),
    ]
    link = {
        "title": "Show this tunnel",
        "url": "/d/ipsecping-tunnel?var-datasource=${datasource}&var-namespace=${__data.fields.Namespace}"
        "&var-check=${__data.fields.Check}&${__url_time_range}",
    }
    labels = [("check", "Check"), ("namespace", "Namespace"), ("tunnel_name", "Tunnel")]
    text = "Of several probes the worst. Loss is that of the check's window, times are those of 15 minutes."
    return table("All checks", labels, columns, text, link)


def _history() -> Panel:
    return states(
        "State",
        Query(health(CHOSEN), "{{namespace}}/{{check}}"),
        "Healthy, unhealthy or unknown, of each check.",
    )


def _worst() -> list[Panel]:
    legend = "{{namespace}}/{{check}}"
    loss = f"max by (namespace, check) (ipsecping_loss_ratio{{{CHOSEN}}})"
    rtt = f"max by (namespace, check) ({percentile(0.99, CHOSEN, PROBE, '$__rate_interval')})"
    return [
        timeseries(
            "Greatest loss",
            [Query(f"topk({MOST}, {loss})", legend)],
            Look(unit="percentunit", most=1, text=f"Of the window; the {MOST} checks that lose most."),
        ),
        timeseries(
            "Greatest RTT p99",
            [Query(f"topk({MOST}, {rtt})", legend)],
            Look(unit="s", text=f"Of the slowest probe; the {MOST} slowest checks."),
        ),
    ]


def _operator() -> list[Panel]:
    return [
        timeseries(
            "Results by outcome",
            [
                Query(
                    "sum by (outcome) (rate(ipsecping_operator_results_total[$__rate_interval]))",
                    "{{outcome}}",
                )
            ],
            Look(unit="ops", text="All but Accepted are refused; docs/operation.md says why."),
        ),
        timeseries(
            "Not well",
            [
                Query("max(ipsecping_operator_overdue_checks)", "comparison overdue"),
                Query("max(ipsecping_operator_unwritten_checks)", "status not written"),
                Query("max(ipsecping_operator_faulty_checks)", "InternalError"),
                Query("max(ipsecping_operator_agents_unreadable)", "agents unreadable"),
            ],
            Look(unit="none", text="Checks, and agents, that the operator fails at: 0 is right."),
        ),
        stat(
            "Operators that work",
            Query("sum(ipsecping_operator_leader)"),
            Look(unit="none", steps=[(None, RED), (1, GREEN), (2, RED)], text="One holds the Lease."),
        ),
    ]
