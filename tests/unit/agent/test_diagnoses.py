"""Diagnoses that an agent is asked for over HTTP: who may ask, what is measured, and how often."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from ipsecping.agent import control_watch, diagnosing
from ipsecping.agent.diagnoses import KEPT
from ipsecping.collector.conclusion import Conclusion, conclude
from ipsecping.contract import (
    Control,
    Expect,
    PlannedCheck,
    PlannedProbe,
    ProbeType,
    StampOptions,
    controls,
)
from ipsecping.contract.diagnosis_report_json import report_from_text
from ipsecping.contract.diagnosis_terms import Outcome
from ipsecping.contract.token import authorization, verifier
from ipsecping.diagnosis import Part, evidence_from_bytes

from ..cli.conftest import Reflector
from .stage import CHECK, TOKEN, Stage, until, wanted

STAMP = PlannedProbe(
    name="stamp", type=ProbeType.STAMP, port=862, count=3, spacing_ms=10, timeout_ms=100, size=44,
    options=StampOptions(),
)  # fmt: skip


class Answer(NamedTuple):
    status: int
    text: str
    retry_after: int | None


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(tmp_path)
    yield made
    await made.end()


async def begin(stage: Stage, *checks: PlannedCheck) -> None:
    stage.write(*checks, verifiers=(verifier(TOKEN),))
    await stage.begin()


async def ask(
    stage: Stage, method: str, path: str, content: bytes | None = None, token: str | None = TOKEN
) -> Answer:
    shown = {} if token is None else {"Authorization": authorization(token)}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, stage.url + path, data=content, headers=shown) as answer,
    ):
        after = answer.headers.get("Retry-After")
        return Answer(answer.status, await answer.text(), None if after is None else int(after))


async def post(stage: Stage, content: bytes, token: str | None = TOKEN) -> Answer:
    return await ask(stage, "POST", "/v1/diagnoses", content, token)


async def concluded(stage: Stage, request: str = "r1") -> str:
    async with asyncio.timeout(40):
        while (answer := await ask(stage, "GET", f"/v1/diagnoses/{request}")).status == 202:
            assert answer.retry_after == 1
            await asyncio.sleep(0.1)
    assert answer.status == 200, answer.text
    return answer.text


async def test_nobody_asks_for_a_diagnosis_without_the_token_of_the_plan(stage: Stage) -> None:
    await begin(stage, CHECK)
    for token in (None, "wrong"):
        assert (await post(stage, wanted(), token)).status == 401
        assert (await ask(stage, "GET", "/v1/diagnoses/r1", token=token)).status == 401
    stage.service._verifiers = ()
    open_to_all = await post(stage, wanted(), None)
    assert (open_to_all.status, "no verifiers" in open_to_all.text) == (403, True)


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b"{", 400, "request: not JSON"),
        (b"[]", 400, "request: expected an object"),
        (wanted(extra=1), 400, "request: 'extra' is not a field of it"),
        (wanted(request="a/b"), 400, "request.request: 'a/b' is not 1 to 64 letters"),
        (b"{}", 400, "request.request: expected a non-empty string"),
        (wanted(rounds=[{"at": 1}]), 400, "request.rounds[0].sent: expected an integer"),
        (
            wanted(rounds=[{"at": 1, "sent": 2, "answers": "1", "spacing": 1}]),
            400,
            "request.rounds[0].answers: expected a 0 or 1 for each of the 2 packets sent",
        ),
        (
            wanted(baseline={"at": 1, "controls": ["Hops"]}),
            400,
            "request.baseline.controls: Hops is no control",
        ),
        (
            wanted(paths=[{"name": "b", "sent": 1, "answered": 2}]),
            400,
            "request.paths[0].answered: 2 is outside",
        ),
        (b" " * 65_537, 413, "more than 65536 bytes"),
        (wanted(nonce="0123456789abcdef"), 404, "no such path of a check with that nonce"),
        (wanted(path="other"), 404, "no such path of a check with that nonce"),
    ],
)
async def test_what_is_wrong_with_a_request_is_said(
    stage: Stage, content: bytes, status: int, said: str
) -> None:
    await begin(stage, CHECK)
    answer = await post(stage, content)
    assert answer.status == status
    assert answer.text.startswith(said)
    assert (await ask(stage, "GET", "/v1/diagnoses/r1")).status == 404


async def test_a_path_is_diagnosed_once_for_each_request_and_once_a_minute(
    stage: Stage, reflector: Reflector, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(control_watch, "AT_FIRST", 1)
    monkeypatch.setattr(controls, "SPACING_MS", 5)
    check = replace(
        CHECK, target="127.0.0.1", probes=(replace(STAMP, port=reflector.stamp),), inside=("127.0.0.0/8",),
        controls={Control.FAR_INSIDE: "127.0.0.9"},
    )  # fmt: skip
    other = replace(check, path="b")
    await begin(stage, check, other)
    watch = stage.service.controls
    assert watch is not None
    await until(lambda: watch.known(check.uid, check.path)[Control.FAR_INSIDE].answers)
    begun = await post(stage, wanted(check, outages=[{"start": 1, "end": 2}]))
    assert (begun.status, begun.retry_after) == (202, 1)
    assert (await post(stage, wanted(check))).status == 202
    meanwhile = await post(stage, wanted(other, "r2"))
    assert meanwhile.status == 429
    assert 1 <= (meanwhile.retry_after or 0) <= 30

    text = await concluded(stage)
    report = report_from_text(text)
    assert report.check == check.ref
    assert (report.request, report.outcome) in (("r1", Outcome.NO_FAULT), ("r1", Outcome.NOT_MEASURED))
    assert report.packets > 100
    evidence = evidence_from_bytes((await ask(stage, "GET", "/v1/diagnoses/r1/evidence")).text.encode())
    assert evidence.path == "default"
    assert {batch.type for batch in evidence.batches if batch.part is Part.METHODS} == {"STAMP", "ICMP"}
    assert sum(batch.answered for batch in evidence.batches if batch.part is Part.FAR_INSIDE) > 0
    assert evidence.outages is not None
    assert evidence.baseline is not None
    assert evidence.baseline.controls == evidence.baseline.answered_at.keys() == {Part.FAR_INSIDE}
    assert "spec.tunnel.gateway was not given" in evidence.not_tested[Part.IKE]
    assert [line for line in caplog.messages if text in line]
    assert [line for line in caplog.messages if f"evidence {report.evidence_digest}: {{" in line]

    assert (await post(stage, wanted(check))).text == text
    again = await post(stage, wanted(check, "r2"))
    assert again.status == 429
    assert 30 <= (again.retry_after or 0) <= 60


async def test_rounds_do_not_wait_for_the_verdict(
    stage: Stage, reflector: Reflector, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, others_had_a_turn = threading.Event(), threading.Event()

    def slow(*args: Any, **more: Any) -> Conclusion:
        begun.set()
        assert others_had_a_turn.wait(30)
        return conclude(*args, **more)

    monkeypatch.setattr(diagnosing, "conclude", slow)
    check = replace(CHECK, target="127.0.0.1", probes=(replace(STAMP, port=reflector.stamp),))
    await begin(stage, check)
    assert (await post(stage, wanted(check))).status == 202
    async with asyncio.timeout(40):
        while not begun.is_set():
            await asyncio.sleep(0.01)
    others_had_a_turn.set()
    assert report_from_text(await concluded(stage)).check == check.ref


async def test_only_the_newest_reports_are_kept(stage: Stage) -> None:
    blocked = replace(CHECK, probes=(replace(CHECK.probes[0], expect=Expect.BLOCKED),))
    checks = [replace(blocked, path=f"p{number}") for number in range(KEPT + 1)]
    await begin(stage, *checks)
    for number, check in enumerate(checks):
        assert (await post(stage, wanted(check, f"r{number}"))).status == 202
        report = report_from_text(await concluded(stage, f"r{number}"))
        assert report.outcome is Outcome.NOT_MEASURED
        assert "expects that nothing gets through" in report.summary
    assert (await ask(stage, "GET", "/v1/diagnoses/r0")).status == 404
    assert (await ask(stage, "GET", "/v1/diagnoses/r1/evidence")).status == 404
    assert (await ask(stage, "GET", "/v1/diagnoses/r1/else")).status == 404


async def test_nothing_is_sent_where_rounds_may_not_send(stage: Stage) -> None:
    check = replace(
        CHECK, target="127.0.0.1", refused=("127.0.0.0/8",), controls={Control.NEAR_INSIDE: "127.0.0.2"}
    )
    await begin(stage, check)
    await post(stage, wanted(check))
    report = report_from_text(await concluded(stage))
    assert (report.outcome, report.packets) == (Outcome.NOT_MEASURED, 0)
    assert "127.0.0.1 is not an allowed target of this path" in report.summary
    evidence = evidence_from_bytes((await ask(stage, "GET", "/v1/diagnoses/r1/evidence")).text.encode())
    assert evidence.not_tested[Part.NEAR_INSIDE] == "127.0.0.2 is not an allowed target of this path"


async def test_an_agent_ends_although_a_diagnosis_runs(stage: Stage) -> None:
    silent = replace(CHECK, target="192.0.2.1", probes=(STAMP,))
    await begin(stage, silent)
    assert (await post(stage, wanted(silent))).status == 202
    stage.stand_ins[0].let_go.set()
    stage.stop.set()
    async with asyncio.timeout(9):
        await stage.running
