"""Kubelets of a namespace: the pods of Deployments run real agents, or programs that pose as one."""

import asyncio
import contextlib
import itertools
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ipsecping.contract.result_stream import DEFAULT_PORT

from ..chaos.api import FAULTS, Api, Object
from ..operator.cluster import RUNNING

TICK = 0.5
"""Seconds between two looks at pods and plans."""
PATH_LABEL = "ipsecping.dev/path"
UID_LABEL = "ipsecping.dev/check-uid"
Words = Callable[[str, Path, str], list[str]]
"""The command of a pod's program: of its address, its plan and the pod's UID."""


def honest(address: str, plan: Path, pod_uid: str) -> list[str]:
    """An agent of ours."""
    health = f"{address}:{DEFAULT_PORT + 1}"
    return [
        "-m",
        "ipsecping",
        "agent",
        str(plan),
        "--listen",
        f"{address}:{DEFAULT_PORT}",
        "--health",
        health,
    ]


@dataclass(slots=True)
class Running:
    """A pod and the process behind it."""

    address: str
    plan: Path
    process: "subprocess.Popen[bytes]"


class Kubelets:
    """Belongs to one event loop. `words(check)` says what a check's pods run."""

    def __init__(self, api: Api, namespace: str, workdir: Path, words: Callable[[str], Words]) -> None:
        self.pods: dict[str, Running] = {}
        """By the UIDs of the pods."""
        self._api = api
        self._path = f"/api/v1/namespaces/{namespace}"
        self._workdir = workdir
        self._words = words
        self._network = f"127.{random.randrange(64, 255)}"
        self._hosts = itertools.count(1)

    async def run(self) -> None:
        """Look after the pods until cancelled."""
        try:
            while True:
                with contextlib.suppress(*FAULTS):
                    await self._look()
                await asyncio.sleep(TICK)
        finally:
            self.stop()

    def stop(self) -> None:
        """End all programs."""
        for running in self.pods.values():
            running.process.kill()
            running.process.wait()

    def ended(self) -> list[str]:
        """The addresses of programs that have ended by themselves."""
        return [each.address for each in self.pods.values() if each.process.poll() is not None]

    async def _look(self) -> None:
        plans = {
            (labels[UID_LABEL], labels[PATH_LABEL]): each["data"]["plan.json"]
            for each in await self._api.items(f"{self._path}/configmaps")
            if PATH_LABEL in (labels := each["metadata"].get("labels", {}))
        }
        pods = {each["metadata"]["uid"]: each for each in await self._api.items(f"{self._path}/pods")}
        for uid in self.pods.keys() - pods.keys():
            gone = self.pods.pop(uid)
            gone.process.kill()
            await asyncio.to_thread(gone.process.wait)
        for uid, pod in pods.items():
            labels = pod["metadata"]["labels"]
            plan = plans.get((labels[UID_LABEL], labels[PATH_LABEL]))
            if plan is None:
                continue
            if uid not in self.pods:
                await self._start(uid, pod, plan)
            elif self.pods[uid].plan.read_text() != plan:
                _put(self.pods[uid].plan, plan)

    async def _start(self, uid: str, pod: Object, plan: str) -> None:
        host = next(self._hosts)
        address = f"{self._network}.{host // 250}.{host % 250 + 1}"
        directory = self._workdir / uid
        directory.mkdir()
        _put(directory / "plan.json", plan)
        words = self._words(pod["metadata"]["labels"]["ipsecping.dev/check"])(
            address, directory / "plan.json", uid
        )
        process = await asyncio.to_thread(start, words, directory / "log", POD_UID=uid)
        self.pods[uid] = Running(address, directory / "plan.json", process)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": now}
        status = RUNNING | {"podIP": address, "podIPs": [{"ip": address}], "conditions": [ready]}
        path = f"{self._path}/pods/{pod['metadata']['name']}/status"
        await self._api("PATCH", path, {"status": status})


def start(words: list[str], log: Path, **environment: str) -> "subprocess.Popen[bytes]":
    """Run a Python program that ends with this one; its output goes to a file."""
    with log.open("wb") as output:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        )


def _put(file: Path, text: str) -> None:
    """As the kubelet does: at once."""
    fresh = file.with_suffix(".next")
    fresh.write_text(text)
    fresh.replace(file)
