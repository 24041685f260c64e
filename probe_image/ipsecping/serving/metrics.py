"""What servers tell of themselves, for Prometheus."""

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from .server import Refusal, Server


def server_families(prefix: str, servers: Mapping[str, Server]) -> Iterator[Metric]:
    """Families `PREFIX_connections` and `PREFIX_connections_refused_total` of servers by what they serve."""
    connections = GaugeMetricFamily(f"{prefix}_connections", "Open connections.", labels=["server"])
    refused = CounterMetricFamily(
        f"{prefix}_connections_refused",
        "Connections that did not end well, by reason: Displaced ones made room for others.",
        labels=["server", "reason"],
    )
    for name, server in servers.items():
        connections.add_metric([name], server.connections)
        for reason in Refusal:
            refused.add_metric([name, reason.value], server.refused[reason])
    yield connections
    yield refused
