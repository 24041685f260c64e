"""A check of each path of the lab, as a user would declare it, and what the operator says of it."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from ipsecping.diagnosis import Evidence, evidence_from_json
from ipsecping_lab import existing, workbench
from ipsecping_lab.ipsec import topology
from ipsecping_lab.ipsec.responders import ECHO_PORT, STAMP_PORT
from ipsecping_lab.workbench import OPERATOR_NAMESPACE, GaveUp, kubectl, kubectl_going_on, wait_for
from ipsecping_operator.children.labels import CHECK_LABEL

from ..e2e.bench import Bench
from .conditions import INTERVAL
from .sight import Sight, read

_LINE = '{.metadata.name}={.status}{"\\n"}'
_METRICS = "ipsecping-operator-metrics:9090"
_SENT, _RECEIVED = "ipsecping_packets_sent_total", "ipsecping_packets_received_total"

Watcher = Callable[[float, str, Sight, Sight], None]
"""Gets the Unix time, the path's letter, what was seen before and what is seen now."""


def spec_of(letter: str, **more: Any) -> dict[str, Any]:
    """The spec of a check of a path, with all that helps a diagnosis; `more` replaces fields of it."""
    path, near = topology.PATHS[letter], topology.NEAR[4]
    inner, outer = path.addresses[4], path.between_gateways
    underlay = [str(each.network) for pair in path.addresses.values() for each in (pair.left, pair.right)]
    spec = {
        "target": str(inner.far.ip),
        "tunnel": {
            "name": f"path-{letter}",
            "gateway": str(outer.right.ip),
            "controls": {"farInside": str(inner.lan.ip), "nearInside": str(near.left.ip)},
            "networks": {"inside": [near.pods, str(inner.lan.network)], "underlay": underlay},
        },
        "schedule": {"interval": f"{INTERVAL:g}s"},
        "probes": [
            {"name": "datapath", "stamp": {"port": STAMP_PORT}},
            {"name": "echo", "udpEcho": {"port": ECHO_PORT}},
        ],
    }
    return spec | more


def install() -> None:
    """Bring the lab up with the operator of this very tree. Raises LabError and CommandFailed."""
    existing.require_own_lab("catalogue")
    workbench.install()


class Checks:
    """One check a path, each of its letter's name. `look` may be called from several threads."""

    def __init__(self, watcher: Watcher = lambda *_: None) -> None:
        self.bench = Bench(namespace=f"checks-{uuid.uuid4().hex[:8]}")
        self._watcher = watcher
        self._seen: dict[str, Sight] = {}
        self._changed = threading.Condition()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="checks", daemon=True)

    def start(self, specs: Mapping[str, Mapping[str, Any]]) -> None:
        """Declare a check for each letter, and wait until all are healthy. Raises GaveUp."""
        self.bench.create()
        for letter, spec in specs.items():
            self.bench.declare(letter, **spec)
        for letter in specs:
            self.bench.wait_for_reason(letter, "WithinThresholds", seconds=180)
        self._thread.start()
        for letter in specs:
            if self.wait_until(letter, lambda sight: sight.healthy == "True", seconds=60) is None:
                raise GaveUp(f"the watch tells nothing of the check of path {letter}")

    def stop(self) -> None:
        """Remove the checks."""
        self._over.set()
        self.bench.delete()

    def look(self, letter: str) -> Sight:
        """What was seen last."""
        return self._seen.get(letter, Sight())

    def wait_until(self, letter: str, holds: Callable[[Sight], bool], *, seconds: float) -> Sight | None:
        """Return the first sight, from the last on, of which it holds; None: none came in time."""
        with self._changed:
            if self._changed.wait_for(lambda: holds(self.look(letter)), timeout=seconds):
                return self.look(letter)
        return None

    def ask(self, letter: str) -> None:
        """Ask for a diagnosis as a user does."""
        value = f"ipsecping.dev/diagnose={uuid.uuid4().hex[:8]}"
        kubectl("-n", self.bench.namespace, "annotate", "itc", letter, value, "--overwrite")

    def forget(self, letter: str) -> None:
        """Have another agent measure the check, which knows nothing of what it was."""
        kubectl("-n", self.bench.namespace, "delete", "pod", "-l", f"{CHECK_LABEL}={letter}")

    def evidence(self, diagnosis: Mapping[str, Any]) -> Evidence:
        """The evidence of a diagnosis of the status, from the log of the pod that it names. Raises GaveUp."""
        words = f"evidence {diagnosis['evidenceDigest']}: "

        def logged() -> str:
            log = kubectl("-n", self.bench.namespace, "logs", diagnosis["pod"])
            return next((line.partition(words)[2] for line in log.splitlines() if words in line), "")

        text = wait_for(f"{words}in the log of {diagnosis['pod']}", logged, seconds=10)
        return evidence_from_json(json.JSONDecoder().raw_decode(text)[0])

    def packets(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Packets sent and received, by path and probe, since the operator has known the checks."""
        path = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/services/{_METRICS}/proxy/metrics"
        found: dict[str, dict[tuple[str, str], int]] = {_SENT: {}, _RECEIVED: {}}
        for family in text_string_to_metric_families(kubectl("get", "--raw", path)):
            for sample in family.samples:
                if sample.name in found and sample.labels["namespace"] == self.bench.namespace:
                    found[sample.name][sample.labels["check"], sample.labels["probe"]] = int(sample.value)
        return {key: (sent, found[_RECEIVED][key]) for key, sent in found[_SENT].items()}

    def warnings(self) -> dict[str, dict[str, Any]]:
        """The warnings about the checks among the namespace's events, by their names."""
        events = workbench.get("events", namespace=self.bench.namespace)
        return {
            event["metadata"]["name"]: event
            for event in events
            if event["type"] == "Warning" and event["involvedObject"]["kind"] == "IPsecTunnelCheck"
        }

    def _follow(self) -> None:
        words = ("-n", self.bench.namespace, "get", "itc", "--watch", "-o", f"jsonpath={_LINE}")
        while not self._over.is_set():
            # The API server ends a watch after a while, and each begins with what is.
            with kubectl_going_on(*words) as process:
                assert process.stdout is not None
                for line in process.stdout:
                    name, _, status = line.partition("=")
                    self._see(name, json.loads(status.strip() or "{}"))
                    if self._over.is_set():
                        return
            self._over.wait(1)

    def _see(self, letter: str, status: Mapping[str, Any]) -> None:
        now = read(status)
        with self._changed:
            before = self.look(letter)
            self._seen[letter] = now
            self._changed.notify_all()
        self._watcher(time.time(), letter, before, now)
