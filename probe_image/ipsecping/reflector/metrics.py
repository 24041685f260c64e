"""The reflector's counters, for Prometheus. The only file of the reflector that needs prometheus-client."""

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from .. import __version__
from ..serving.metrics import server_families
from ..serving.server import Server
from .admission import Admission, Drop
from .keys import KeyRing
from .server import Listener
from .sessions import SessionTable
from .tcp_echo import Refusal, TcpEcho

CONTENT_TYPE = CONTENT_TYPE_LATEST
ADMISSION_DROPS = (
    Drop.NOT_ALLOWED,
    Drop.RATE_LIMITED,
    Drop.OCTET_RATE_LIMITED,
    Drop.TOTAL_RATE_LIMITED,
    Drop.TOTAL_OCTET_RATE_LIMITED,
    Drop.TOO_MANY_SOURCES,
)
"""Why a connection, too, may be refused."""
_LABELS = ("protocol", "address", "port")


class ReflectorCollector(Collector):
    """Reads the figures where they are kept, at the moment of the scrape."""

    def __init__(
        self,
        *,
        datagram: Sequence[tuple[str, Listener]],
        tcp: Sequence[TcpEcho],
        sessions: SessionTable,
        admission: Admission,
        keys: KeyRing | None,
        http: Server,
    ) -> None:
        """`datagram` with the name of the protocol each listener answers."""
        self._datagram = datagram
        self._tcp = tcp
        self._sessions = sessions
        self._admission = admission
        self._keys = keys
        self._http = http

    def collect(self) -> Iterator[Metric]:
        """One metric family after the other."""
        info = GaugeMetricFamily("ipsecping_build_info", "Version of the reflector.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        yield from self._packets()
        yield from self._connections()
        yield from server_families("ipsecping_reflector_http", {"metrics": self._http})
        yield GaugeMetricFamily(
            "ipsecping_reflector_sessions", "STAMP sessions that are remembered.", value=len(self._sessions)
        )
        yield CounterMetricFamily(
            "ipsecping_reflector_sessions_evicted",
            "STAMP sessions forgotten for want of room.",
            value=self._sessions.evicted,
        )
        yield GaugeMetricFamily(
            "ipsecping_reflector_sources", "Sources whose rate is remembered.", value=self._admission.sources
        )
        if self._keys is not None:
            yield GaugeMetricFamily(
                "ipsecping_reflector_keys", "Keys that are accepted.", value=len(self._keys.keys)
            )
            yield GaugeMetricFamily(
                "ipsecping_reflector_key_file_valid",
                "1 when the key file as it is now is in force, 0 when it is broken and older keys are.",
                value=float(self._keys.trouble is None),
            )

    def _packets(self) -> Iterator[Metric]:
        families = {
            "received": _counter("packets_received", "Packets received."),
            "answered": _counter("packets_answered", "Packets answered."),
            "octets_received": _counter("received_octets", "Bytes of UDP payload received."),
            "octets_answered": _counter("answered_octets", "Bytes of UDP payload answered."),
            "queue_drops": _counter("queue_drops", "Packets the kernel dropped, for we were too slow."),
        }
        dropped = _counter("packets_dropped", "Packets not answered, by reason.", "reason")
        for protocol, listener in self._datagram:
            labels, counters = [protocol, listener.address, str(listener.port)], listener.counters
            for name, family in families.items():
                family.add_metric(labels, getattr(counters, name))
            for reason in Drop:
                dropped.add_metric([*labels, reason.value], counters.dropped[reason])
        yield from families.values()
        yield dropped

    def _connections(self) -> Iterator[Metric]:
        accepted = _counter("connections_accepted", "TCP connections served.")
        timed_out = _counter("connections_timed_out", "TCP connections closed for silence or age.")
        octets = _counter("tcp_octets", "Bytes echoed over TCP.")
        refused = _counter("connections_refused", "TCP connections closed at once, by reason.", "reason")
        opened = GaugeMetricFamily(
            "ipsecping_reflector_connections", "TCP connections open now.", labels=_LABELS
        )
        for listener in self._tcp:
            labels = ["TCPEcho", listener.address, str(listener.port)]
            counters = listener.counters
            accepted.add_metric(labels, counters.accepted)
            timed_out.add_metric(labels, counters.timed_out)
            octets.add_metric(labels, counters.octets)
            opened.add_metric(labels, counters.open)
            for refusal in (*ADMISSION_DROPS, *Refusal):
                refused.add_metric([*labels, refusal.value], counters.refused[refusal])
        yield from (accepted, timed_out, octets, opened, refused)


class Exposition:
    """The text of a scrape."""

    def __init__(self, collector: Collector) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(collector)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """In Prometheus text format, of content type `CONTENT_TYPE`."""
        return generate_latest(self._registry)


def _counter(name: str, help_text: str, *more_labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"ipsecping_reflector_{name}", help_text, labels=[*_LABELS, *more_labels])
