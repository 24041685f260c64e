"""Kubelet and agents: pods that controllers made run, measure a weather that the test makes, and end.

The agents keep and hand out their results with the agent's own ring and server; only the results are made up.
"""

import asyncio
import contextlib
import itertools
import random
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus

from ipsecping.agent.ring import Ring, steady_clock
from ipsecping.contract import PlannedCheck, termination, token
from ipsecping.contract.result_stream import DEFAULT_PORT, RESULTS_PATH, Cursor, Hello, line_to_json
from ipsecping.serving.messages import BadRequest, Request, Response
from ipsecping.serving.server import Server
from ipsecping_operator.tokens.keys import TokenKeys

from ..hostile.author import HOSTILE_PREFIX
from ..hostile.lying_agent import KINDS, octets
from ..operator.cluster import RUNNING, ended
from ..operator.rounds import planned, round_of
from .api import FAULTS, Api, Object

TICK = 0.15
"""Seconds between two looks at the pods."""
CHECK_LABEL, PATH_LABEL = "ipsecping.dev/check", "ipsecping.dev/path"
Way = tuple[str, str]
"""Check and path, by name."""
LIES = {kind: KINDS[kind] for kind in ("garbage", "endless-line", "contradictions", "hasty")}
"""What the operator has to refuse. That an agent has made up the results of its own path, nobody can see."""
MOST_LINES = 50
"""Of one lie."""


@dataclass(slots=True)
class Weather:
    """Where nothing gets through at present."""

    dark: set[Way] = field(default_factory=set)

    def received(self, way: Way) -> int:
        """Of ten packets."""
        return 0 if way in self.dark else 10


class SimulatedAgent:
    """One pod's agent: a round of its plan each interval, kept in a ring, streamed to whoever asks."""

    def __init__(
        self,
        *,
        uid: str,
        controller: str,
        address: str,
        way: Way,
        plan: PlannedCheck,
        weather: Weather,
        keys: TokenKeys,
    ) -> None:
        """`controller`: the UID of what made its pod."""
        self.controller = controller
        self.plan = plan
        self._keys = keys
        self.way = way
        self._uid = uid
        self._address = address
        self._weather = weather
        self._ring = Ring(boot_id=secrets.token_hex(8), pod_uid=uid)
        self._server = Server({RESULTS_PATH: self._results})
        self._task: asyncio.Task[None] | None = None
        self._lies: str | None = None

    async def start(self) -> None:
        """Listen and measure."""
        await self._server.start(self._address, DEFAULT_PORT)
        self._task = asyncio.create_task(self._measure())

    async def stop(self) -> None:
        """End at once."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._ring.close()
        await self._server.stop(grace=0)

    async def crash(self) -> None:
        """Lose what was measured and start again, as a container does."""
        await self.stop()
        self._ring = Ring(boot_id=secrets.token_hex(8), pod_uid=self._uid)
        self._server = Server({RESULTS_PATH: self._results})
        await self.start()

    async def lie(self, kind: str) -> None:
        """Say nothing that is true to the next who asks, as one that somebody has taken over does."""
        await self._server.stop(grace=0)
        self._lies = kind
        self._server = Server({RESULTS_PATH: self._results})
        await self._server.start(self._address, DEFAULT_PORT)

    async def _measure(self) -> None:
        while True:
            assert self.plan.interval_ms is not None
            for result in round_of(self.plan, received=self._weather.received(self.way)):
                self._ring.append(result)
            await asyncio.sleep(self.plan.interval_ms / 1000)

    async def _results(self, request: Request) -> Response:
        verifiers = self._keys.verifiers(self.plan.uid, self.plan.path)
        if token.admitted(request.authorization, verifiers) is None:
            raise BadRequest(HTTPStatus.UNAUTHORIZED, "not the operator")
        if self._lies is not None:
            kind, self._lies = self._lies, None
            return Response(content_type="application/x-ndjson", body=self._told(kind), seconds=None)
        after = Cursor.parse(request.query["after"]) if request.query.get("after") else None
        return Response(content_type="application/x-ndjson", body=self._ring.follow(after), seconds=None)

    async def _told(self, kind: str) -> AsyncGenerator[bytes, None]:
        hello = Hello(boot_id=secrets.token_hex(8), pod_uid=self._uid, first=1, now=steady_clock())
        for line in itertools.islice(LIES[kind](octets(line_to_json(hello)), self.plan), MOST_LINES):
            yield line
            await asyncio.sleep(0)


class Nodes:
    """The kubelets of one namespace; belongs to one event loop."""

    def __init__(self, api: Api, namespace: str, keys: TokenKeys) -> None:
        self.weather = Weather()
        self.agents: dict[str, SimulatedAgent] = {}
        """By the UIDs of their pods."""
        self._api = api
        self._keys = keys
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._config_maps = f"/api/v1/namespaces/{namespace}/configmaps"
        # Networks of their own, so that runs beside each other on one machine do not meet.
        self._network = f"127.{random.randrange(64, 255)}.{random.randrange(1, 255)}"
        self._hosts = itertools.cycle(range(1, 255))

    async def run(self) -> None:
        """Look after the pods until cancelled."""
        try:
            while True:
                # While the API server is away, pods and agents go on as they are.
                with contextlib.suppress(*FAULTS):
                    await self._look()
                await asyncio.sleep(TICK)
        finally:
            for agent in self.agents.values():
                await agent.stop()

    async def _look(self) -> None:
        plans = {
            (labels[CHECK_LABEL], labels[PATH_LABEL], labels["ipsecping.dev/check-uid"]): planned(each)
            for each in await self._api.items(self._config_maps)
            if PATH_LABEL in (labels := each["metadata"].get("labels", {}))
            and each["data"].get("plan.json", "{}") != "{}"
        }
        pods = {each["metadata"]["uid"]: each for each in await self._api.items(self._pods)}
        for uid in self.agents.keys() - pods.keys():
            await self.agents.pop(uid).stop()
        for uid, pod in pods.items():
            labels = pod["metadata"]["labels"]
            way = (labels[CHECK_LABEL], labels[PATH_LABEL])
            plan = plans.get((*way, labels["ipsecping.dev/check-uid"]))
            if plan is not None and not way[0].startswith(HOSTILE_PREFIX):
                await self._tend(uid, pod, way, plan)

    async def _tend(self, uid: str, pod: Object, way: Way, plan: PlannedCheck) -> None:
        if pod["metadata"]["ownerReferences"][0]["kind"] == "Job":
            if pod["status"]["phase"] == "Pending":
                results = round_of(plan, received=self.weather.received(way))
                await self._set(pod, ended(termination.encode(results)))
        elif uid in self.agents:
            if plan.interval_ms is not None:
                self.agents[uid].plan = plan
        elif plan.interval_ms is not None:
            address = f"{self._network}.{next(self._hosts)}"
            agent = SimulatedAgent(
                uid=uid,
                controller=pod["metadata"]["ownerReferences"][0]["uid"],
                address=address,
                way=way,
                plan=plan,
                weather=self.weather,
                keys=self._keys,
            )
            await agent.start()
            self.agents[uid] = agent
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            ready = {"type": "Ready", "status": "True", "lastTransitionTime": now}
            await self._set(
                pod, RUNNING | {"podIP": address, "podIPs": [{"ip": address}], "conditions": [ready]}
            )

    async def _set(self, pod: Object, status: Object) -> None:
        await self._api("PATCH", f"{self._pods}/{pod['metadata']['name']}/status", {"status": status})
