"""The text of `/metrics` piece by piece: a fleet's takes megabytes, and many times as much in objects."""

from collections.abc import Iterable, Iterator
from itertools import islice

from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

PIECE = 200
"""Samples that are held at a time."""


class Family(Metric):
    """A family whose samples are made while they are written, and not before."""

    def __init__(self, name: str, text: str, kind: str, samples: Iterable[Sample]) -> None:
        super().__init__(name, text, kind)
        self.samples = samples  # type: ignore[assignment]  # nobody but `pieces` sees it


def pieces(collector: Collector) -> Iterator[bytes]:
    """Yield all families in the Prometheus text format, a few samples at a time."""
    for family in collector.collect():
        samples = iter(family.samples)
        yield generate_latest(_One(_part(family, islice(samples, PIECE))))
        while some := list(islice(samples, PIECE)):
            yield _without_head(generate_latest(_One(_part(family, some))))


class _One(Collector):
    """A registry of one family."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        return (self._family,)


def _part(family: Metric, samples: Iterable[Sample]) -> Metric:
    part = Metric(family.name, family.documentation, family.type)
    part.samples = list(samples)
    return part


def _without_head(text: bytes) -> bytes:
    """HELP and TYPE stand once, before the first sample."""
    _, _, samples = text.split(b"\n", 2)
    return samples
