"""The agent's own health, for Prometheus. What it measures is in `outputs.series`."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .. import __version__
from ..serving.metrics import server_families
from ..serving.server import Server
from .agent import Agent
from .ring import Ring


class AgentCollector(Collector):
    """Reads the figures where they are kept, at the moment of the scrape."""

    def __init__(
        self, agent: Agent, ring: Ring, servers: Mapping[str, Server], *, plan_valid: Callable[[], bool]
    ) -> None:
        """`servers` by what they serve."""
        self._agent = agent
        self._ring = ring
        self._servers = servers
        self._plan_valid = plan_valid

    def collect(self) -> Iterator[Metric]:
        """One metric family after the other."""
        agent, ring = self._agent, self._ring
        info = GaugeMetricFamily("ipsecping_build_info", "Version of the prober.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        yield GaugeMetricFamily("ipsecping_agent_paths", "Paths that are measured.", value=agent.paths)
        yield CounterMetricFamily(
            "ipsecping_agent_rounds", "Rounds of a probe whose result was kept.", value=agent.rounds
        )
        invalid = CounterMetricFamily(
            "ipsecping_agent_rounds_invalid",
            "Rounds that say nothing about the path, for the prober was at fault.",
            labels=["reason"],
        )
        for reason, count in agent.invalid.items():
            invalid.add_metric([reason.value], count)
        yield invalid
        yield CounterMetricFamily(
            "ipsecping_agent_rounds_skipped",
            "Rounds left out because the prober was late by a whole interval.",
            value=agent.skipped,
        )
        yield CounterMetricFamily(
            "ipsecping_agent_round_failures", "Rounds that ended in an error.", value=agent.failures
        )
        yield GaugeMetricFamily("ipsecping_agent_ring_results", "Results held for readers.", value=len(ring))
        yield GaugeMetricFamily("ipsecping_agent_ring_bytes", "Bytes of results held.", value=ring.octets)
        yield CounterMetricFamily(
            "ipsecping_agent_ring_dropped", "Results that made room for newer ones.", value=ring.dropped
        )
        yield from server_families("ipsecping_agent", self._servers)
        yield GaugeMetricFamily(
            "ipsecping_agent_plan_valid",
            "1 when plan.json as it is now is being executed, 0 when it is broken and an older one is.",
            value=float(self._plan_valid()),
        )


def registry_of(collector: Collector) -> CollectorRegistry:
    """A registry with the given collector and the process's own figures."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    ProcessCollector(registry=registry)
    return registry
