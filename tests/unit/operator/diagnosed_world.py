"""A whole operator that diagnoses, and agents that answer it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from unittest import mock

from ipsecping.contract.check import CheckRef
from ipsecping.contract.diagnosis_report import DiagnosisReport
from ipsecping_operator.collect.diagnosing import Question
from ipsecping_operator.collect.result_reader import Agent
from ipsecping_operator.diagnosis import diagnoses
from ipsecping_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, POD
from ipsecping_operator.observe.kinds import CHECK

from .virtual_time import run
from .whole_operator import World, fakes, loop_time, start

LABELS = {"namespace": "network", "check": "hq", "tunnel_name": "hq"}
TAKES = 20
"""Seconds of a diagnosis."""


class Agents:
    """In the place of `report_of`: what becomes of each request, the last answer for ever."""

    def __init__(self, *answers: Callable[..., DiagnosisReport] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[float, Question]] = []
        self.under_way = 0

    async def __call__(self, agent: Agent, question: Question, *, tokens: Sequence[str]) -> DiagnosisReport:
        del agent, tokens
        self.asked.append((loop_time(), question))
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(given, Exception):
            raise given
        self.under_way += 1
        await asyncio.sleep(TAKES)
        self.under_way -= 1
        ref = CheckRef(
            uid=question.uid,
            namespace=question.namespace,
            name=question.name,
            generation=1,
            nonce=question.nonce,
            path=question.path,
        )
        return given(ref=ref, request=question.request)


def diagnosing(agents: Agents, script: Callable[[World], Awaitable[None]], *, spec: Any = None) -> World:
    """What the script does to a world whose operator diagnoses; healthy for 70 s before it."""
    world = World()
    world.diagnosis = True
    world.check["spec"] |= {} if spec is None else {"diagnosis": spec}

    async def scenario() -> None:
        operator = await start(world)
        await asyncio.sleep(70)
        await script(world)
        await operator.stop()

    with fakes(world), mock.patch.object(diagnoses, "report_of", agents):
        run(scenario())
    return world


def annotate(world: World, value: str) -> None:
    """Somebody asks for a diagnosis."""
    meta = {**world.check["metadata"], "annotations": {"ipsecping.dev/diagnose": value}}
    world.check = {**world.check, "metadata": meta | world._stamp(meta["uid"])}
    world._show(CHECK, "MODIFIED", world.check)


async def start_again(world: World) -> None:
    """The operator ends, and the next one finds what there is."""
    assert world.operator is not None
    await world.operator.stop()
    await start(world)
    for kind in (CONFIG_MAP, DEPLOYMENT, POD):
        world._show(kind, None, world.objects[f"{kind.name}-uid"])


def said(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.check["status"].get("diagnosis", {})
    return found


def told(world: World) -> list[str]:
    return [reason for _, reason in world.events if reason.startswith("Diagnos")]


def info(world: World, **labels: str) -> float | None:
    return world.metric("ipsecping_diagnosis_info", **LABELS, **labels)


FOUND = {"cause": "UnderlayLoss", "direction": "Forward", "confidence": "OnlyOneLeft"}
