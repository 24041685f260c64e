"""Counters of an earlier run, read back from the text that it wrote."""

from collections.abc import Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families

from ..contract import Refusal
from ..contract.buckets import BOUNDS
from .figures import ADDRESS_LABEL, LABELS, SECOND
from .series import REFUSED, Counters, Labels

_BUCKET = "ipsecping_rtt_seconds_bucket"
_REASONS = frozenset(map(str, Refusal))
_PLACES = {str(bound / SECOND): place for place, bound in enumerate(BOUNDS)} | {"+Inf": len(BOUNDS)}


def counters_in(exposition: str) -> dict[Labels, Counters]:
    """The counters of each series. Raises ValueError for text that is not in the format."""
    found: dict[Labels, Counters] = {}
    cumulative: dict[Labels, dict[int, int]] = {}
    for name, labels, value in _samples(exposition):
        if any(label not in labels for label in LABELS):
            continue
        key = tuple(labels[label] for label in LABELS)
        if ADDRESS_LABEL in labels:
            key = (*key, labels[ADDRESS_LABEL])
        counters = found.setdefault(key, Counters())
        if name == "ipsecping_packets_sent_total":
            found[key] = counters._replace(sent=int(value))
        elif name == "ipsecping_packets_received_total":
            found[key] = counters._replace(received=int(value))
        elif name == "ipsecping_rtt_seconds_sum":
            found[key] = counters._replace(rtt_sum=round(value * SECOND))
        elif name == REFUSED and labels.get("reason") in _REASONS:
            more = {**dict(counters.refused), labels["reason"]: int(value)}
            found[key] = counters._replace(refused=tuple(sorted(more.items())))
        elif name == _BUCKET:
            # A bound that is not ours leaves the row short, and the row is not taken.
            place = _PLACES.get(labels.get("le", ""), -1)
            cumulative.setdefault(key, {})[place] = int(value)
    for key, row in cumulative.items():
        if sorted(row) == list(range(len(BOUNDS) + 1)):
            counts = [row[place] for place in sorted(row)]
            buckets = tuple(b - a for a, b in zip([0, *counts], counts, strict=False))
            found[key] = found[key]._replace(buckets=buckets)
    return found


def _samples(exposition: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            if not 0 <= sample.value < 2**63:
                continue
            yield sample.name, sample.labels, sample.value
