"""What the catalogue does in the lab: break, diagnose from pods, mend. One file's worth of edges."""

import json
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ipsecping.diagnosis import Evidence, evidence_from_json
from ipsecping_lab import workbench
from ipsecping_lab.errors import LabError
from ipsecping_lab.host import commands, namespaces
from ipsecping_lab.host.waiting import wait_until
from ipsecping_lab.ipsec import faults, topology
from ipsecping_lab.ipsec.control import Command, Control
from ipsecping_lab.ipsec.faults import model
from ipsecping_lab.ipsec.faults.types import TYPES
from ipsecping_lab.ipsec.responders import ECHO_PORT, STAMP_PORT
from ipsecping_lab.layout import Layout
from ipsecping_lab.workbench import CommandFailed, kubectl

from ..bench.prober_pod import POD, ProberPod
from .cases import LONG, WRONG_NAME, Case

LETTERS = tuple(topology.PATHS)
SECONDS, LONG_SECONDS = 60, 330
"""Within which a diagnosis has to be there; it takes 30 at most, with pauses 4 minutes more."""
NOBODY = 99
"""A host number that nobody has on the far networks."""
_COLLECT = """
import json, subprocess, sys
file = f"/tmp/{sys.argv[1]}.json"
words = [sys.executable, "-m", "ipsecping", "diagnose", *sys.argv[2:], "--json", "--evidence", file]
done = subprocess.run(words, capture_output=True, text=True)
evidence = open(file).read() if done.returncode in (0, 1, 3) else "null"
print(json.dumps({"status": done.returncode, "said": done.stdout, "err": done.stderr, "evidence": evidence}))
"""
"""In the pod: a fault is told by the exit status, which is none of kubectl's."""


class Laboratory:
    """The lab with a pod for each path. `diagnose` may be called from several threads.

    A pod of its own, for hosts limit how many ICMP errors they send to one address. Without `pods` there is
    nobody to ask.
    """

    def __init__(self, *, pods: bool = True) -> None:
        self._layout = Layout.from_environment()
        name = f"catalogue-{uuid.uuid4().hex[:8]}"
        self._pods = {letter: ProberPod(f"{name}-{letter}") for letter in LETTERS if pods}

    def start(self) -> None:
        """Mend what is broken, start the pods, and let them out by the left gateway."""
        self.mend()
        self._route("replace")
        for letter, pod in self._pods.items():
            pod.start()
            _name(pod.namespace, topology.PATHS[letter].addresses[4].lan.network[NOBODY])

    def stop(self) -> None:
        """Mend what is broken, and remove the pods and their way out."""
        for pod in self._pods.values():
            pod.delete()
        self._route("delete")
        self.mend()

    def _route(self, verb: str) -> None:
        for path in topology.PATHS.values():
            for version, each in path.addresses.items():
                way = ("via", str(topology.NEAR[version].left.ip))
                words = ["ip", f"-{version}", "route", verb, str(each.right.network), *way]
                commands.run([*namespaces.in_network(self._layout.netns), *words], check=verb == "replace")

    def mend(self) -> None:
        """Clear all faults; raises LabError when a tunnel does not carry packets again."""
        faults.clear(self._layout)

    def break_(self, case: Case, letter: str) -> None:
        """Set the faults of a case on a path."""
        for words in case.faults:
            self._set(words, letter)

    def heal(self, letters: Sequence[str]) -> None:
        """Clear the faults of these paths; at return all answers again, or LabError is raised."""
        faults.clear(self._layout, paths=letters)
        control = Control(self._layout)
        wait_until(lambda: self._listening(control), what="responders", seconds=30)

    def _listening(self, control: Control) -> bool:
        """Whether every responder of the far host is there; after a start it takes them a moment."""
        heard = control.check(Command(("ss", "-lnuH"), namespace=topology.FAR))
        hosts = [str(path.addresses[4].far.ip) for path in topology.PATHS.values()]
        return all(f"{host}:{port}" in heard for host in hosts for port in (STAMP_PORT, ECHO_PORT))

    def diagnose(self, case: Case, letter: str) -> Evidence:
        """Run `ipsecping diagnose` in the pod while the case goes on. Raises CommandFailed and LabError."""
        with self.going_on(case, letter):
            return self.ask(case, letter)

    def ask(self, case: Case, letter: str) -> Evidence:
        """Run `ipsecping diagnose` in the pod. Raises CommandFailed."""
        words = ("python3", "-c", _COLLECT, uuid.uuid4().hex, *words_of(case, letter))
        seconds = LONG_SECONDS if case.options == LONG else SECONDS
        answer = json.loads(
            kubectl("-n", self._pods[letter].namespace, "exec", POD, "--", *words, timeout=seconds)
        )
        evidence = json.loads(answer["evidence"])
        if evidence is None:
            raise CommandFailed(f"ipsecping diagnose: exit {answer['status']}\n{answer['err'][-2000:]}")
        return evidence_from_json(evidence)

    def _set(self, words: str, letter: str) -> None:
        other = LETTERS[(LETTERS.index(letter) + 1) % len(LETTERS)]
        name, *rest = words.format(path=letter, other=other).split()
        faults.inject(self._layout, model.read(TYPES, name, rest, now=time.time()))

    @contextmanager
    def going_on(self, case: Case, letter: str) -> Iterator[None]:
        """Set the case's faults of a moment meanwhile; raises LabError at the end if one fails."""
        over = threading.Event()
        failed: list[LabError] = []

        def repeat(pause: float, words: str, *, once: bool) -> None:
            while not over.wait(pause):
                try:
                    self._set(words, letter)
                except LabError as error:
                    failed.append(error)
                if once:
                    return

        threads = [
            threading.Thread(target=repeat, args=each, kwargs={"once": once})
            for once, several in ((False, case.meanwhile), (True, case.moments))
            for each in several
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()
        if failed:
            raise LabError(f"{case.name}: {len(failed)} times not set: {failed[0]}")


def _name(namespace: str, address: object) -> None:
    """Have the cluster's DNS say, to pods of the namespace, that a name stands for an address."""
    metadata = {"name": WRONG_NAME, "namespace": namespace}
    ports = [{"name": "any", "port": 9, "protocol": "UDP"}]
    service = {"clusterIP": "None", "ports": ports}
    subsets = [{"addresses": [{"ip": str(address)}], "ports": ports}]
    workbench.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service})
    workbench.apply({"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets})


def words_of(case: Case, letter: str) -> tuple[str, ...]:
    """What is typed behind `ipsecping diagnose` for a path, with all controls there are."""
    path = topology.PATHS[letter]
    inner, outer, near = path.addresses[4], path.between_gateways, topology.NEAR[4]
    underlay = [each.network for all_ in path.addresses.values() for each in (all_.left, all_.right)]
    return (
        case.target or str(inner.far.ip),
        *("--stamp", str(STAMP_PORT), "--udp-echo", str(ECHO_PORT), "--gateway", str(outer.right.ip)),
        *("--far-inside", str(inner.lan.ip), "--near-inside", str(near.left.ip)),
        *("--inside", near.pods, "--inside", str(inner.lan.network)),
        *(word for network in underlay for word in ("--underlay", str(network))),
        *case.options,
    )
