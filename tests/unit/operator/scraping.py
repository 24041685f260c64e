"""What Prometheus scrapes of checks."""

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.metrics.checks import CheckCollector
from ipsecping_operator.metrics.exposition import pieces

from .builders import NOON, SECOND

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def exporter(
    *states: CheckState, now: int = NOON + 200 * SECOND, failed: list[CheckState] | None = None
) -> CheckCollector:
    """Exports these checks; those that it cannot export are added to `failed`."""
    met = [] if failed is None else failed
    return CheckCollector(
        {state.uid: state for state in states},
        failed=lambda state, error: met.append(state),
        exported=lambda state: None,
        clock=lambda: now,
    )


def scraped(*states: CheckState, now: int = NOON + 200 * SECOND) -> Samples:
    registry = CollectorRegistry()
    registry.register(exporter(*states, now=now))
    families = text_string_to_metric_families(b"".join(pieces(registry)).decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]
