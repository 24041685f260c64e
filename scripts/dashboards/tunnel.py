"""The dashboard of one tunnel."""

from .fleet import health, percentile
from .panels import (
    ALERTING,
    GREEN,
    LIMIT,
    RED,
    STATES,
    YELLOW,
    Column,
    Look,
    Panel,
    Query,
    dashboard,
    heatmap,
    stat,
    states,
    table,
    timeseries,
    variable,
)

CHECK = 'namespace="$namespace", check="$check"'
PROBES = f'{CHECK}, path=~"$path", probe=~"$probe"'
BY = "path, probe"
NAMED = "{{path}}/{{probe}}"
RECENT = "$__rate_interval"


def tunnel() -> Panel:
    """Return the dashboard."""
    of_check = 'ipsecping_last_result_timestamp_seconds{namespace="$namespace", check="$check"}'
    return dashboard(
        "tunnel",
        "IPsecPing: tunnel",
        "One check: loss, round-trip time and all else that is measured of its paths.",
        [
            variable("namespace", "Namespace", "ipsecping_check_condition, namespace", several=False),
            variable(
                "check", "Check", 'ipsecping_check_condition{namespace="$namespace"}, check', several=False
            ),
            variable("path", "Path", f"{of_check}, path", several=True),
            variable("probe", "Probe", f"{of_check}, probe", several=True),
        ],
        [
            ("", 4, _now()),
            ("", 4, [_history()]),
            ("", 4, [_maintenance()]),
            ("", 6, [_alerts(), _findings(), _diagnosis()]),
            ("Round-trip time and loss", 9, [_rtt(), _loss()]),
            ("", 9, [_histogram(), _packets()]),
            ("Beside the last week", 8, [_rtt_of_week(), _loss_of_week()]),
            ("Variation and bursts", 8, [_jitter(), _burst()]),
            ("The path", 8, [_mtu(), _hops(), _addresses()]),
            ("What else is measured", 8, [_flows(), _refused(), _certificate()]),
            ("By node and address", 8, _instances()),
        ],
    )


def limits(kind: str) -> tuple[Query, Query]:
    """Lines at what the check is judged by, and at what chosen probes are that have limits of their own."""
    own = f'{CHECK}, probe=~"$probe", kind=~"{kind}"'
    return (
        Query(f'max by (kind) (ipsecping_threshold{{{CHECK}, kind=~"{kind}"}})', f"{LIMIT} {{{{kind}}}}"),
        Query(
            f"max by (probe, kind) (ipsecping_probe_threshold{{{own}}})",
            f"{LIMIT} {{{{probe}}}} {{{{kind}}}}",
        ),
    )


def worst(name: str) -> str:
    """The greatest value of the chosen probes."""
    return f"max(ipsecping_{name}{{{PROBES}}})"


def each(name: str) -> Query:
    """A gauge of each chosen probe."""
    return Query(f"max by ({BY}) (ipsecping_{name}{{{PROBES}}})", NAMED)


def _now() -> list[Panel]:
    seconds = Look(unit="s", decimals=1, text="Of the slowest probe, of 15 minutes.")
    well = f'max(ipsecping_check_condition{{type="Healthy", status="True", {CHECK}}})'
    return [
        stat(
            "State",
            Query(health(CHECK, "check")),
            Look(unit="none", least=None, mappings=STATES),
            background=True,
        ),
        stat(
            "Loss now",
            Query(worst("loss_ratio")),
            Look(
                unit="percentunit",
                decimals=2,
                steps=[(None, GREEN), (0.01, YELLOW), (0.05, RED)],
                text="Of the worst probe, over the check's window.",
            ),
        ),
        stat("RTT p50", Query(f"max({percentile(0.5, PROBES, BY, '15m')})"), seconds),
        stat("RTT p99", Query(f"max({percentile(0.99, PROBES, BY, '15m')})"), seconds),
        stat(
            "Healthy",
            Query(f"avg_over_time(({well})[$__range:$__interval])"),
            Look(unit="percentunit", decimals=2, text="Part of the time shown in which it was healthy."),
        ),
        stat(
            "In outage",
            Query(f"max(increase(ipsecping_outage_seconds_total{{{CHECK}}}[$__range]))"),
            Look(unit="s", decimals=0, text="Of the time shown, while the operator ran."),
        ),
    ]


def _history() -> Panel:
    return states(
        "State over time", Query(health(CHECK, "check"), "{{check}}"), "Healthy, unhealthy or unknown."
    )


def _maintenance() -> Panel:
    query = Query(f"2 * (max by (check) (ipsecping_check_maintenance{{{CHECK}}}) == 1)", "{{check}}")
    return states("Maintenance", query, "When a window of spec.maintenance was open: no outage, no alert.")


def _alerts() -> Panel:
    firing, any_state = (
        f"max by (alertname, path) (ALERTS{{{CHECK}, {of}}})"
        for of in ('alertstate="firing"', 'alertstate=~".+"')
    )
    text = "Pending: what an alert is about lasts, but not yet long enough (docs/alerts.md)."
    query = Query(f"2 * {firing} or {any_state}", "{{alertname}} {{path}}")
    return states("Alerts", query, text, ALERTING)


def _findings() -> Panel:
    labels = [("path", "Path"), ("probe", "Probe"), ("status", "Healthy"), ("reason", "Reason")]
    query = f"max by (path, probe, status, reason) (ipsecping_probe_finding{{{PROBES}}})"
    text = "What the check's limits say of each probe now; alerts go by it."
    return table("Findings", labels, [Column("Now", query, Look(unit="none"))], text)


def _diagnosis() -> Panel:
    labels = [("cause", "Cause"), ("direction", "Direction"), ("confidence", "Confidence")]
    query = f"max by (cause, direction, confidence) (ipsecping_diagnosis_info{{{CHECK}}})"
    text = "What the diagnosis of the outage that lasts has found (docs/diagnosis.md)."
    return table("Diagnosis", labels, [Column("Found", query, Look(unit="none"))], text)


def _beside_the_week(name: str, title: str, look: Look) -> Panel:
    """Show the last hour, and what is usual at this time of day, as the rules record them."""
    queries = [
        Query(f"max by ({BY}) (ipsecping:{name}:{span}{{{PROBES}}})", f"{NAMED} {shown}")
        for span, shown in (("avg1h", "last hour"), ("week", "usual at this time"))
    ]
    return timeseries(title, queries, look)


def _rtt_of_week() -> Panel:
    text = "Mean of the median round-trip time; IPsecPingLatencyDegraded compares the two."
    return _beside_the_week("rtt_p50_seconds", "RTT p50 beside the week", Look(unit="s", text=text))


def _loss_of_week() -> Panel:
    text = "Loss of an hour; IPsecPingLossDegraded compares the two."
    return _beside_the_week("loss_ratio", "Loss beside the week", Look(unit="percentunit", text=text))


def _rtt() -> Panel:
    queries = [
        Query(percentile(share, PROBES, BY, RECENT), f"{NAMED} {name}")
        for share, name in ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"))
    ]
    text = "Of the rounds since the point before; limits are judged over the check's window."
    return timeseries("RTT over time", [*queries, *limits("rtt_.*")], Look(unit="s", text=text))


def _loss() -> Panel:
    return timeseries(
        "Loss over time",
        [each("loss_ratio"), *limits("loss_ratio")],
        Look(unit="percentunit", text="Packets lost over the check's window."),
    )


def _histogram() -> Panel:
    expr = f"sum by (le) (increase(ipsecping_rtt_seconds_bucket{{{PROBES}}}[{RECENT}]))"
    return heatmap(
        "RTT histogram",
        Query(expr, "{{le}}", format="heatmap"),
        Look(unit="s", text="All chosen probes together."),
    )


def _packets() -> Panel:
    sent, received = (
        f"sum by ({BY}) (rate(ipsecping_packets_{name}_total{{{PROBES}}}[{RECENT}]))"
        for name in ("sent", "received")
    )
    return timeseries(
        "Packets",
        [Query(sent, f"{NAMED} sent"), Query(f"{sent} - {received}", f"{NAMED} not answered")],
        Look(unit="pps", text="Sent, and not answered in time."),
    )


def _jitter() -> Panel:
    text = "Mean difference of successive round-trip times over the check's window."
    return timeseries(
        "Jitter", [each("jitter_seconds"), *limits("jitter_seconds")], Look(unit="s", text=text)
    )


def _burst() -> Panel:
    text = "How long packets were lost one after the other, at most, in one round of the window."
    queries = [each("longest_loss_seconds"), *limits("burst_seconds")]
    return timeseries("Longest loss", queries, Look(unit="s", text=text))


def _mtu() -> Panel:
    text = "Largest IP packet that passes, by the newest search (probes of type pathMTU)."
    look = Look(unit="bytes", least=None, decimals=0, text=text)
    return timeseries("Path MTU", [each("path_mtu_bytes"), *limits("path_mtu_bytes")], look)


def _hops() -> Panel:
    text = "Routers that packets passed on the way there, where verify asks for it."
    return timeseries("Hops", [each("hops_seen")], Look(unit="none", text=text))


def _addresses() -> Panel:
    labels = [("path", "Path"), ("target", "Target"), ("remote_ip", "Address")]
    query = f"max by (path, target, remote_ip) (ipsecping_path_info{{{CHECK}}})"
    return table("Addresses", labels, [Column("In use", query, Look(unit="none"))], "As last resolved.")


def _flows() -> Panel:
    dead = f'max by ({BY}) (ipsecping_flows{{{PROBES}, state="dead"}})'
    text = "Flows that lose every packet while others live: a dead member of what traffic is spread over."
    return timeseries("Dead flows", [Query(dead, NAMED)], Look(unit="none", text=text))


def _refused() -> Panel:
    expr = f"sum by ({BY}, reason) (increase(ipsecping_answers_refused_total{{{PROBES}}}[{RECENT}]))"
    text = "Answers that came and were not the protocol, too short, wrongly signed and the like."
    return timeseries(
        "Refused answers", [Query(expr, f"{NAMED} {{{{reason}}}}")], Look(unit="none", text=text)
    )


def _certificate() -> Panel:
    expr = f"min by ({BY}) (ipsecping_certificate_expiry_timestamp_seconds{{{PROBES}}}) - time()"
    text = "Until the target's certificate ends (probes with TLS)."
    return timeseries("Certificate", [Query(expr, NAMED)], Look(unit="s", least=None, text=text))


def _instances() -> list[Panel]:
    by = f"{BY}, node, remote_ip"
    legend = f"{NAMED} {{{{node}}}} {{{{remote_ip}}}}"
    return [
        timeseries(
            title,
            [Query(f"max by ({by}) (ipsecping_instance_{name}{{{PROBES}}})", legend)],
            Look(unit=unit, text="Where nodes, or the addresses of a name, are measured each by itself."),
        )
        for title, name, unit in (
            ("Loss by node and address", "loss_ratio", "percentunit"),
            ("RTT p50 by node and address", "rtt_median_seconds", "s"),
        )
    ]
