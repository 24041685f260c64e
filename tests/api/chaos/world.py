"""A cluster with everything but nodes, an operator in it, and all that can befall the two."""

import contextlib
import json
import random
import signal
import time
import uuid
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from ipsecping_lab.apiserver import ApiServer
from ipsecping_operator.children import CHILD_SELECTOR
from ipsecping_operator.tokens.keys import CURRENT, encoded

from ...ports import free_port
from ..hostile.author import HOSTILE_PREFIX, HOSTILE_SPECS, checks
from ..operator.cluster import KEY_SECRET
from ..operator.processes import OperatorProcess, operator_process
from .api import APPLY, FAULTS, Api, Object, Refused
from .background import Background
from .diary import Diary
from .model import KEYS, Tally, Wish
from .nodes import CHECK_LABEL, LIES, Nodes
from .proxy import Proxy

CONTROLLERS = (
    "deployment-controller",
    "replicaset-controller",
    "job-controller",
    "garbage-collector-controller",
)
AUTHORED = tuple(islice(checks(), len(HOSTILE_SPECS)))
"""Name and spec of each check that the hostile author writes."""
CHILDREN = ("/api/v1/{}/configmaps", "/apis/apps/v1/{}/deployments", "/apis/batch/v1/{}/cronjobs")


class World:
    """One namespace of a running API server (with `CONTROLLERS`), which holds our CRD."""

    def __init__(self, server: ApiServer, workdir: Path, tally: Tally) -> None:
        self.server = server
        self.namespace = f"chaos-{uuid.uuid4().hex[:8]}"
        self.tally = tally
        self._background = Background()
        self._scope = f"namespaces/{self.namespace}"
        self.checks_path = f"/apis/ipsecping.dev/v1alpha1/{self._scope}/ipsectunnelchecks"
        self.api, self.proxy, self.nodes, self.diary = self._background.do(self._make())
        self.operator = self._operator(workdir)

    async def _make(self) -> tuple[Api, Proxy, Nodes, Diary]:
        api = Api(self.server.url, self.server.tls)
        await api("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        key = {CURRENT: encoded(KEYS.keys[0])}
        secret = {"metadata": {"name": KEY_SECRET}, "data": key}
        await api("POST", f"/api/v1/namespaces/{self.namespace}/secrets", secret)
        port = urlsplit(self.server.url).port
        assert port is not None
        proxy = Proxy(free_port(), port)
        await proxy.start()
        return api, proxy, Nodes(api, self.namespace, KEYS), Diary(api, self.checks_path)

    def _operator(self, workdir: Path) -> OperatorProcess:
        config = json.loads(self.server.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.proxy.port}"
        kubeconfig = workdir / f"{self.namespace}.kubeconfig"
        kubeconfig.write_text(json.dumps(config))
        flags = (
            f"--namespaces={self.namespace}",
            f"--results-key-secret={self.namespace}/{KEY_SECRET}",
            # The garbage collector may forget a child over a restart of the API server: two sweeps find it.
            "--resync-interval=15s",
        )
        return operator_process(kubeconfig, workdir, *flags)

    def __enter__(self) -> "World":
        self._background.spawn(self.nodes.run())
        self._background.spawn(self.diary.run())
        try:
            self.operator.start()
        except BaseException:
            self.close()  # its thread would keep the whole run from ending
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything that was started."""
        self.operator.stop_if_running()
        self._background.do(self.proxy.stop())
        try:
            self._background.end_spawned()  # before the connection that they use is closed
        finally:
            self._background.do(self.api.close())
            self._background.close()

    # The user

    def declare(self, name: str, wish: Wish) -> str:
        """`kubectl apply --server-side`; the check's UID."""
        manifest = {
            "apiVersion": "ipsecping.dev/v1alpha1",
            "kind": "IPsecTunnelCheck",
            "metadata": {"name": name},
            "spec": wish.spec(),
        }
        stored = self.ask("PATCH", f"{self.checks_path}/{name}", manifest, kind=APPLY, fieldManager="user")
        return str(stored["metadata"]["uid"])

    def delete(self, name: str) -> None:
        """Of a check."""
        self.ask("DELETE", f"{self.checks_path}/{name}")

    def run_round(self, cron_job: Object) -> None:
        """`kubectl create job --from`."""
        meta = cron_job["metadata"]
        reference = {"apiVersion": "batch/v1", "kind": "CronJob", "name": meta["name"], "uid": meta["uid"]}
        job = {
            "metadata": {
                "name": f"{meta['name']}-{uuid.uuid4().hex[:8]}",
                "labels": cron_job["spec"]["jobTemplate"]["metadata"]["labels"],
                "ownerReferences": [reference | {"controller": True}],
            },
            "spec": cron_job["spec"]["jobTemplate"]["spec"],
        }
        self.ask("POST", f"/apis/batch/v1/{self._scope}/jobs", job)

    # What is there

    def ask(self, method: str, path: str, body: Object | None = None, **options: Any) -> Object:
        """A request, repeated while the API server is being restarted."""
        for pause in (0.2, 0.5, 1, 2, 4):
            try:
                return self._background.do(self.api(method, path, body, **options))
            except FAULTS as error:
                if getattr(error, "status", 500) < 500:
                    raise
                time.sleep(pause)
        return self._background.do(self.api(method, path, body, **options))

    def checks(self) -> list[Object]:
        """All checks but those of the hostile author."""
        found: list[Object] = self.ask("GET", self.checks_path)["items"]
        return [each for each in found if not each["metadata"]["name"].startswith(HOSTILE_PREFIX)]

    def children(self) -> list[Object]:
        """All ConfigMaps, Deployments and CronJobs of those checks."""
        kinds = {"configmaps": ("v1", "ConfigMap"), "deployments": ("apps/v1", "Deployment")}
        found = []
        for path in CHILDREN:
            api_version, kind = kinds.get(path.rpartition("/")[2], ("batch/v1", "CronJob"))
            listed = self.ask("GET", path.format(self._scope), labelSelector=CHILD_SELECTOR)
            found += [
                each | {"apiVersion": api_version, "kind": kind}
                for each in listed["items"]
                if not each["metadata"]["labels"][CHECK_LABEL].startswith(HOSTILE_PREFIX)
            ]
        return found

    def pods(self) -> list[Object]:
        """All pods."""
        found: list[Object] = self.ask("GET", f"/api/v1/{self._scope}/pods")["items"]
        return found

    def replica_sets(self) -> set[str]:
        """The UIDs of all ReplicaSets."""
        listed = self.ask("GET", f"/apis/apps/v1/{self._scope}/replicasets")
        return {each["metadata"]["uid"] for each in listed["items"]}

    def events(self, uid: str) -> list[Object]:
        """The events on a check, oldest first."""
        listed = self.ask("GET", f"/apis/events.k8s.io/v1/{self._scope}/events")
        mine = [each for each in listed["items"] if each["regarding"].get("uid") == uid]
        return sorted(mine, key=lambda each: str(each["eventTime"]))

    def path_of(self, child: Object) -> str:
        """Where the API serves it."""
        plural = child["kind"].lower() + "s"
        (collection,) = (path for path in CHILDREN if path.endswith(f"/{plural}"))
        return f"{collection.format(self._scope)}/{child['metadata']['name']}"

    # Faults

    def inflict(self, fault: str, chance: random.Random) -> None:
        """One of `FAULT_NAMES`; what the dice decide (which child, for how long) they decide by `chance`."""
        if INFLICT[fault](self, chance):
            self.tally.add(fault)

    def calm(self) -> None:
        """No more faults: the operator runs and reaches the API server."""
        self.proxy.refusing, self.proxy.delay, self.proxy.to_lose = False, 0.0, 0
        if self.operator.running is None:
            self.operator.start()

    def kill(self, chance: random.Random) -> bool:
        """SIGKILL; started again at once or a little later, so that a next one may hit it starting."""
        if self.operator.running is None:
            return False
        self.operator.end(signal.SIGKILL)
        time.sleep(chance.choice((0, 0, 0.5, 2)))
        self.operator.launch()
        return True

    def terminate(self, chance: random.Random) -> bool:
        """SIGTERM once it has started, and a new one."""
        if self.operator.running is None or self.operator.ask(self.operator.health)[0] != 200:
            return False
        # 1: Kopf 1.45 raises AssertionError when its connections break just while it stops.
        assert self.operator.end(signal.SIGTERM, seconds=60) in (0, 1), self.operator.log
        self.operator.launch()
        return True

    def cut(self, chance: random.Random) -> bool:
        """All connections to the API server, watches too."""
        return self._background.do(self.proxy.cut()) > 0

    def lose(self, chance: random.Random) -> bool:
        """The answer to a request that was carried out."""
        self.proxy.to_lose += chance.choice((1, 1, 2))
        return True

    def delay(self, chance: random.Random) -> bool:
        """A slow way to the API server, or a fast one again."""
        self.proxy.delay = 0.0 if self.proxy.delay else chance.choice((0.05, 0.3))
        return True

    def api_outage(self, chance: random.Random) -> bool:
        """The operator does not reach the API server for a while."""
        self.proxy.refusing = True
        self._background.do(self.proxy.cut())
        time.sleep(chance.choice((0.3, 1, 3)))
        self.proxy.refusing = False
        return True

    def api_restart(self, chance: random.Random) -> bool:
        """The API server itself killed and started."""
        if chance.random() < 0.8:  # it takes long
            return False
        self.server.restart()
        return True

    def remove_child(self, chance: random.Random) -> bool:
        """A child deleted by hand."""
        children = self.children()
        if not children:
            return False
        self._on_child("DELETE", chance.choice(children), None)
        return True

    def tamper(self, chance: random.Random) -> bool:
        """A child edited by hand."""
        children = self.children()
        if not children:
            return False
        child = chance.choice(children)
        edits: dict[str, list[Object]] = {
            "ConfigMap": [{"data": {"plan.json": "{}"}}],
            "Deployment": [
                {"spec": {"replicas": 3}},
                {"spec": {"template": {"spec": {"automountServiceAccountToken": True}}}},
            ],
            "CronJob": [{"spec": {"suspend": True}}, {"spec": {"schedule": "1 1 1 1 *"}}],
        }
        self._on_child("PATCH", child, chance.choice(edits[child["kind"]]))
        return True

    def crash_agent(self, chance: random.Random) -> bool:
        """An agent loses what it holds."""
        agents = list(self.nodes.agents.values())
        if not agents:
            return False
        self._background.do(chance.choice(agents).crash())
        return True

    def delete_pod(self, chance: random.Random) -> bool:
        """An agent's pod deleted by hand."""
        pods = [each for each in self.pods() if each["metadata"]["uid"] in self.nodes.agents]
        if not pods:
            return False
        path = f"/api/v1/{self._scope}/pods/{chance.choice(pods)['metadata']['name']}"
        self._though_gone("DELETE", path, None)
        return True

    def lying_agent(self, chance: random.Random) -> bool:
        """An agent says to the operator what nobody can have measured, once."""
        agents = list(self.nodes.agents.values())
        if not agents:
            return False
        self._background.do(chance.choice(agents).lie(chance.choice(sorted(LIES))))
        return True

    def hostile_author(self, chance: random.Random) -> bool:
        """Somebody writes a check that asks for what it may not have, or for as much as it may."""
        name, spec = chance.choice(AUTHORED)
        manifest = {
            "apiVersion": "ipsecping.dev/v1alpha1",
            "kind": "IPsecTunnelCheck",
            "metadata": {"name": name},
            "spec": {"probes": [{"name": "ping", "icmp": {}}], **spec},
        }
        path = f"{self.checks_path}/{name}"
        with contextlib.suppress(Refused):
            self.ask("PATCH", path, manifest, kind=APPLY, fieldManager="author")
        if chance.random() < 0.3:
            self._though_gone("DELETE", path, None)
        return True

    def _on_child(self, method: str, child: Object, body: Object | None) -> None:
        self._though_gone(method, self.path_of(child), body)

    def _though_gone(self, method: str, path: str, body: Object | None) -> None:
        try:
            self.ask(method, path, body)
        except FAULTS as error:
            if getattr(error, "status", 500) != 404:
                raise


INFLICT: dict[str, Callable[[World, random.Random], bool]] = {
    "kill": World.kill,
    "terminate": World.terminate,
    "cut": World.cut,
    "lose": World.lose,
    "delay": World.delay,
    "api_outage": World.api_outage,
    "api_restart": World.api_restart,
    "remove_child": World.remove_child,
    "tamper": World.tamper,
    "crash_agent": World.crash_agent,
    "delete_pod": World.delete_pod,
    "lying_agent": World.lying_agent,
    "hostile_author": World.hostile_author,
}
FAULT_NAMES = tuple(INFLICT)
