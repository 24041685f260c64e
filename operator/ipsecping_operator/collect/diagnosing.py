"""Ask an agent for a diagnosis, and read its report: bounded, strict, about nothing but what was asked."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ipsecping.contract import ContractError
from ipsecping.contract.diagnosis_report import MAX_REPORT_BYTES, DiagnosisReport
from ipsecping.contract.diagnosis_report_json import report_from_text
from ipsecping.contract.token import authorization
from ipsecping.printable import printable

from . import connection
from .result_reader import CONNECT_SECONDS, Agent

DIAGNOSES_PATH = "/v1/diagnoses"
RUN_SECONDS = 90.0
"""A diagnosis takes 30 s at most, and an agent with much to do may be late."""
MOST_PAUSE = 90.0
"""Seconds that an agent may put the operator off at a time."""
MAX_SAID = 150
"""Characters of what an agent says of a request that it does not carry out."""
SOON, LATER = 5.0, 20.0
"""Seconds after which what failed may go well: a connection; an edited plan, which takes up to a minute."""

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which path of which check is to be diagnosed, under which plan, and the name of the request."""

    uid: str
    namespace: str
    name: str
    path: str
    nonce: str
    request: str
    known: Mapping[str, Any] = field(default_factory=lambda: NOTHING, compare=False)
    """Parts of the evidence that the prober cannot know."""

    def content(self) -> bytes:
        """Return it as an agent reads it."""
        asked = {"check": self.uid, "path": self.path, "nonce": self.nonce, "request": self.request}
        return json.dumps({**asked, **self.known}).encode()

    def check_answer(self, report: DiagnosisReport) -> None:
        """Raise ReportRefused, with the field that shows it, for a report that answers another question."""
        of = report.check
        told = {
            "uid": (of.uid, self.uid),
            "namespace": (of.namespace, self.namespace),
            "name": (of.name, self.name),
            "path": (of.path, self.path),
            "nonce": (of.nonce, self.nonce),
            "request": (report.request, self.request),
        }
        for field_, (said, asked) in told.items():
            if said != asked:
                raise ReportRefused(f"its report is of another {field_} than was asked for")


class NotAnswered(Exception):
    """There is no report; the message says why. `again`: after so many seconds there may be one; None: no."""

    def __init__(self, message: str, *, again: float | None = None) -> None:
        super().__init__(printable(message, 2 * MAX_SAID))
        self.again = again


class ReportRefused(NotAnswered):
    """A report that breaks the contract, or is about something else than was asked."""


async def report_of(agent: Agent, question: Question, *, tokens: Sequence[str]) -> DiagnosisReport:
    """Have the agent diagnose, and return its report. Raises NotAnswered and ReportRefused.

    `tokens` are shown in that order until it takes one. The same request is never carried out twice.
    """
    try:
        token = await _begin(agent, question, tokens)
        return await _result(agent, question, token)
    except connection.NotConnected as error:
        why = (
            str(error.error)
            if error.error
            else "it does not answer: does a NetworkPolicy let the operator in?"
        )
        raise NotAnswered(f"cannot connect: {why}", again=SOON) from error
    except TimeoutError as error:
        raise NotAnswered("it says nothing", again=SOON) from error
    except (connection.BadAnswer, OSError) as error:
        raise NotAnswered(str(error) or type(error).__name__, again=SOON) from error


def read_report(content: bytes | str, question: Question) -> DiagnosisReport:
    """Read the report that answers this question. Raises ReportRefused."""
    try:
        report = report_from_text(content)
    except ContractError as error:
        raise ReportRefused(f"its report breaks the contract: {error}") from error
    question.check_answer(report)
    return report


async def _begin(agent: Agent, question: Question, tokens: Sequence[str]) -> str | None:
    """Have the diagnosis begun; returns the token that was taken."""
    for token in tokens or (None,):
        async with connection.post(
            agent.address,
            agent.port,
            DIAGNOSES_PATH,
            question.content(),
            fields=_fields(token),
            seconds=CONNECT_SECONDS,
        ) as answer:
            if answer.status == 401:
                continue
            if answer.status not in (200, 202):
                raise _not_begun(answer, await _said(answer))
            return token
    raise NotAnswered("it does not know the operator's token (yet)", again=LATER)


def _not_begun(answer: connection.Answer, said: str) -> NotAnswered:
    match answer.status:
        case 404:
            return NotAnswered(f"it does not know this plan (yet): {said}", again=LATER)
        case 405 | 501:
            return NotAnswered(
                "its image is older than the operator and knows no diagnosis: take the probe image of the "
                "operator's release (--probe-image)"
            )
        case 429:
            return NotAnswered(f"it is busy: {said}", again=_pause(answer, LATER))
        case 403:
            return NotAnswered(f"it refuses: {said}", again=LATER)
        case 503:
            return NotAnswered(f"it cannot now: {said}", again=_pause(answer, SOON))
    return NotAnswered(f"it answers {answer.status} {answer.reason}: {said}")


async def _result(agent: Agent, question: Question, token: str | None) -> DiagnosisReport:
    due = asyncio.get_running_loop().time() + RUN_SECONDS
    while True:
        async with connection.get(
            agent.address,
            agent.port,
            f"{DIAGNOSES_PATH}/{question.request}",
            fields=_fields(token),
            seconds=CONNECT_SECONDS,
            pace=connection.at_once,
        ) as answer:
            if answer.status == 200:
                return read_report(await _content(answer, MAX_REPORT_BYTES + 1), question)
            if answer.status == 404:
                raise NotAnswered("it was started again meanwhile", again=SOON)
            if answer.status != 202:
                raise NotAnswered(f"it answers {answer.status} {answer.reason}: {await _said(answer)}")
            pause = _pause(answer, 1.0)
        if asyncio.get_running_loop().time() + pause > due:
            raise NotAnswered(f"it came to no end within {RUN_SECONDS:.0f}s")
        await asyncio.sleep(pause)


def _fields(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": authorization(token)}


def _pause(answer: connection.Answer, otherwise: float) -> float:
    """Seconds that the agent asks for, within bounds."""
    asked = answer.retry_after or ""
    return min(max(float(asked), 1.0), MOST_PAUSE) if asked.isdecimal() and len(asked) < 6 else otherwise


async def _content(answer: connection.Answer, most: int) -> bytes:
    """Read the content, no more than `most` bytes of it. Raises TimeoutError, BadAnswer and OSError."""
    found = bytearray()
    async with asyncio.timeout(CONNECT_SECONDS):
        async for data in answer.content:
            found += data
            if len(found) >= most:
                break
    await answer.content.aclose()
    return bytes(found[:most])


async def _said(answer: connection.Answer) -> str:
    """Read what it says of a refusal."""
    said = (await _content(answer, 4 * MAX_SAID)).decode(errors="replace").strip()
    return printable(said, MAX_SAID) or answer.reason
