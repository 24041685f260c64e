"""A real API server with controllers, an operator, honest checks with real agents, and everybody hostile."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from ipsecping.contract.result_stream import DEFAULT_PORT
from ipsecping_lab.apiserver import ApiServer

from ...peers.hostile import datagrams, http, tls
from ...peers.hostile.kinds import KINDS
from ...ports import free_port
from ..chaos.api import APPLY, FAULTS, Api, Object
from ..operator.processes import OperatorProcess, operator_process
from ..operator.reflectors import Reflector, stamp_reflector
from . import author, lying_agent
from .agents import Kubelets, Words, honest, start
from .watched import Watched, faults_of

FAR_ENDS = (datagrams, http, tls)
"""Their kinds are in `KINDS` once they are imported."""
HONEST, HOSTILE = "honest", "hostile"
INTERVAL = 10.0
STRANGERS = 1000
AUTHOR_PAUSE = 0.2
"""Seconds between two writes of the hostile author."""
HEALTH_PAUSE = 1.0
_CHECKS = "/apis/ipsecping.dev/v1alpha1/namespaces/{}/ipsectunnelchecks"
_MEMBERS: dict[str, Callable[[int], Object]] = {
    "http": lambda port: {"http": {"url": f"http://127.0.0.1:{port}/"}},
    "tls": lambda port: {"tcp": {"port": port, "tls": {"insecureSkipVerify": True}}},
    "tcp": lambda port: {"tcp": {"port": port}},
    "echo": lambda port: {"udpEcho": {"port": port}},
    "stamp": lambda port: {"stamp": {"port": port}},
    "dns": lambda port: {"dns": {"query": "db.example", "port": port}},
}
"""First word of a hostile target's kind to the probe that meets it."""


@dataclass(slots=True)
class HealthLog:
    """How /healthz of one program answered."""

    asked: int = 0
    unanswered: int = 0
    slowest: float = 0.0
    """Seconds."""


@dataclass
class World:
    """Everything there is; made by `make`, ended by `close`."""

    server: ApiServer
    workdir: Path
    count: int
    watched: dict[str, Watched] = field(default_factory=dict)
    health: dict[str, HealthLog] = field(default_factory=dict)
    refused: int = 0
    """Writes of the hostile author that the API server refused."""
    written: int = 0

    def __post_init__(self) -> None:
        self.api = Api(self.server.url, self.server.tls)
        self.reflector: Reflector = stamp_reflector(self.workdir / "reflector.log")
        self._echo, self._scraped = free_port(), free_port()
        self.reflector.stop_if_running()
        self.reflector.words += [
            f"--tcp-echo=127.0.0.1:{self._echo}",
            f"--metrics=127.0.0.1:{self._scraped}",
        ]
        self.reflector.launch()
        self.operator: OperatorProcess = operator_process(
            self.server.kubeconfig,
            self.workdir,
            f"--namespaces={HONEST},{HOSTILE}",
        )
        self.honest = Kubelets(self.api, HONEST, self.workdir / HONEST, lambda _: honest)
        self.hostile = Kubelets(self.api, HOSTILE, self.workdir / HOSTILE, self._posing)
        self._programs: list[Popen[bytes]] = []

    async def make(self) -> None:
        """Start the honest part, and wait until all of it is healthy."""
        for namespace in (HONEST, HOSTILE):
            (self.workdir / namespace).mkdir()
            await self.api("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        await asyncio.to_thread(self.operator.start)
        for number in range(self.count):
            name = f"honest-{number}"
            self.watched[name] = Watched(name=name, interval=INTERVAL)
            await self._apply(HONEST, name, self._honest_spec())

    def _honest_spec(self) -> Object:
        return {
            "target": "127.0.0.1",
            "schedule": {"interval": f"{INTERVAL:g}s"},
            "probes": [
                {"name": "datapath", "count": 5, "spacing": "50ms", "stamp": {"port": self.reflector.port}},
            ],
            "thresholds": {"window": "1m"},
        }

    async def all_healthy(self) -> bool:
        """Whether every honest check says so."""
        now = time.time()
        return not any(
            fault for check in await self._honest() for fault in faults_of(check, now=now, interval=INTERVAL)
        )

    async def _honest(self) -> list[Object]:
        return await self.api.items(_CHECKS.format(HONEST))

    async def unleash(self) -> None:
        """Start everybody who is hostile."""
        for name in KINDS:
            member = _MEMBERS.get(name.partition("-")[0])
            if member is not None:
                await self._meet(name, member)
        for kind in lying_agent.KINDS:
            await self._apply(
                HOSTILE, f"agent-{kind}", self._honest_spec() | {"schedule": {"interval": "1s"}}
            )
        ports = [f"127.0.0.1:{self._port(url)}" for url in (self.operator.health, self.operator.metrics)]
        ports += [f"127.0.0.1:{port}" for port in (self._echo, self._scraped)]
        ports += [
            f"{pod.address}:{port}"
            for pod in self.honest.pods.values()
            for port in (DEFAULT_PORT, DEFAULT_PORT + 1)
        ]
        self._run("strangers", ["-m", "tests.api.hostile.strangers", str(STRANGERS), *ports])
        self._run("noise", ["-m", "tests.api.hostile.noise", str(self.reflector.port)])

    async def _meet(self, kind: str, member: Callable[[int], Object]) -> None:
        port = free_port()
        self._run(f"far-end-{kind}", ["-m", "tests.peers.hostile", kind, str(port)])
        probe = {"name": "a", "count": 2, "spacing": "100ms", "timeout": "1s", **member(port)}
        spec = {"target": "127.0.0.1", "schedule": {"interval": "5s"}, "probes": [probe]}
        await self._apply(HOSTILE, f"meets-{kind}", spec)

    def _run(self, name: str, words: Sequence[str]) -> None:
        self._programs.append(start(list(words), self.workdir / f"{name}.log"))

    @staticmethod
    def _port(url: str) -> int:
        return int(url.rsplit(":", 1)[1].partition("/")[0])

    def _posing(self, check: str) -> Words:
        kind = check.removeprefix("agent-")
        if kind == check or kind not in lying_agent.KINDS:
            return honest

        def words(address: str, plan: Path, pod_uid: str) -> list[str]:
            module = "tests.api.hostile.lying_agent"
            return ["-m", module, kind, address, str(DEFAULT_PORT), str(plan), pod_uid]

        return words

    async def write_as_author(self) -> None:
        """Apply one hostile check after the other, until cancelled."""
        for name, spec in author.checks():
            try:
                await self._apply(HOSTILE, name, spec)
                self.written += 1
            except FAULTS:
                self.refused += 1
            await asyncio.sleep(AUTHOR_PAUSE)

    async def watch(self) -> None:
        """Look at every honest check once in an interval, until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL / 2)
            for check in await self._honest():
                self.watched[check["metadata"]["name"]].look(check, now=time.time())

    async def ask_health(self) -> None:
        """Ask operator and agents for their health, until cancelled."""
        while True:
            scraped = f"http://127.0.0.1:{self._scraped}/metrics"
            asked = {"operator": self.operator.health, "reflector": scraped}
            for uid, pod in list(self.honest.pods.items())[:5]:
                asked[f"agent {uid[:8]}"] = f"http://{pod.address}:{DEFAULT_PORT + 1}/healthz"
            for name, url in asked.items():
                log = self.health.setdefault(name, HealthLog())
                began = time.monotonic()
                status, _ = await asyncio.to_thread(self.operator.ask, url)
                log.asked += 1
                log.unanswered += status != 200
                log.slowest = max(log.slowest, time.monotonic() - began)
            await asyncio.sleep(HEALTH_PAUSE)

    async def _apply(self, namespace: str, name: str, spec: Object) -> None:
        body = {
            "apiVersion": "ipsecping.dev/v1alpha1",
            "kind": "IPsecTunnelCheck",
            "metadata": {"name": name},
            "spec": spec,
        }
        path = f"{_CHECKS.format(namespace)}/{name}"
        await self.api("PATCH", path, body, kind=APPLY, fieldManager="user", force="true")

    async def hostile_states(self) -> dict[str, str]:
        """What the checks of everybody hostile say in the end."""
        found = {}
        for check in await self.api.items(_CHECKS.format(HOSTILE)):
            conditions = {each["type"]: each for each in check.get("status", {}).get("conditions", [])}
            said = [f"{kind}={each['status']} {each['reason']}" for kind, each in sorted(conditions.items())]
            found[check["metadata"]["name"]] = ", ".join(said)
        return found

    async def close(self) -> None:
        """End everything that was started."""
        for program in self._programs:
            program.kill()
            program.wait()
        self.honest.stop()
        self.hostile.stop()
        self.reflector.stop_if_running()
        self.operator.stop_if_running()
        with contextlib.suppress(*FAULTS):
            await self.api.close()

    def wrong(self) -> Iterator[str]:
        """Everything that may not have happened."""
        for each in self.watched.values():
            if not each.looks:
                yield f"{each.name}: never seen"
            for what, times in each.wrong.items():
                yield f"{each.name}: {what} ({times} of {each.looks} looks)"
        for name, log in self.health.items():
            if log.unanswered:
                yield f"{name}: {log.unanswered} of {log.asked} health questions without a good answer"
        for address in self.honest.ended():
            yield f"the agent at {address} has ended"
        if self.operator.running is None or self.operator.running.poll() is not None:
            yield "the operator has ended"
