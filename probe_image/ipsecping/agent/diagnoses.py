"""Diagnoses that an agent is asked for: one at a time, each path once a minute, the newest few kept.

They run in the agent's own event loop, with sockets and sessions of their own, so that they see what rounds
see; the rounds go on meanwhile. What measures and judges is imported with the first of them: most agents are
never asked for any.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from ..contract import ContractError, PlannedCheck, token
from ..serving.messages import BadRequest, Request, Response
from .agent import Agent
from .control_watch import ControlWatch
from .lossy_rounds import LossyRounds
from .refused_rounds import RefusedRounds
from .ring import Ring

if TYPE_CHECKING:
    from ..collector.conclusion import Conclusion
    from .diagnosis_request import DiagnosisRequest

log = logging.getLogger(__name__)

DIAGNOSES_PATH = "/v1/diagnoses"
BELOW = f"{DIAGNOSES_PATH}/"
EVIDENCE = "evidence"
KEPT = 8
SECOND = 1_000_000_000
APART = 60 * SECOND
"""A path is diagnosed no more often."""
MAX_OCTETS = 65_536
"""Of what asks for one."""
LONGEST = 30 * SECOND
_MODULES = "diagnosing", "diagnosis_request"
_POLL_SECONDS = 1
_SOON_SECONDS = 5
WHO_MAY_ASK = "diagnoses are for who shows a token of the plan (Authorization: Bearer TOKEN)"
NOBODY_MAY_ASK = "the plan has no verifiers, so nobody can show who they are: nobody may ask for a diagnosis"
_JSON = "application/json"


class _Running(NamedTuple):
    """The diagnosis under way."""

    request: str
    task: "asyncio.Task[None]"
    begun: int


class Diagnoses:
    """Carries out diagnoses and hands them out. Belongs to one event loop."""

    def __init__(
        self,
        agent: Agent,
        ring: Ring,
        lossy: LossyRounds,
        refused: RefusedRounds,
        controls: ControlWatch | None = None,
        *,
        now: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._agent = agent
        self._ring = ring
        self._lossy = lossy
        self._refused = refused
        self._controls = controls
        self._now = now
        self._running: _Running | None = None
        self._kept: OrderedDict[str, Conclusion] = OrderedDict()
        self._ended: dict[tuple[str, str], int] = {}
        """When a path was diagnosed last (monotonic nanoseconds), within `APART`."""

    async def post(self, request: Request, verifiers: tuple[str, ...]) -> Response:
        """Begin a diagnosis, or say how far it is. Raises BadRequest."""
        _admit(request, verifiers)
        content = await request.content(MAX_OCTETS)
        # In a thread: packets do not wait for it.
        await asyncio.to_thread(_import)
        from .diagnosis_request import request_from_bytes

        try:
            asked = request_from_bytes(content)
        except ContractError as error:
            raise BadRequest(HTTPStatus.BAD_REQUEST, str(error)) from None
        known = self._answer(asked.request)
        if known is not None:
            return known
        check = self._agent.planned(asked.uid, asked.path)
        if check is None or check.nonce != asked.nonce:
            raise BadRequest(HTTPStatus.NOT_FOUND, "no such path of a check with that nonce is measured here")
        self._begin(asked, check)
        return _under_way()

    def get(self, request: Request, verifiers: tuple[str, ...]) -> Response:
        """Hand out a report or its evidence, by the path below `DIAGNOSES_PATH`. Raises BadRequest."""
        _admit(request, verifiers)
        word, _, rest = request.path.removeprefix(BELOW).partition("/")
        answer = self._answer(word) if rest in ("", EVIDENCE) else None
        if answer is None:
            raise BadRequest(
                HTTPStatus.NOT_FOUND, f"the newest {KEPT} diagnoses are kept, and this is none of them"
            )
        if not rest or word not in self._kept:
            return answer
        evidence = self._kept[word].evidence
        if evidence is None:
            raise BadRequest(HTTPStatus.NOT_FOUND, "nothing was measured: there is no evidence")
        return Response(content_type=_JSON, body=evidence.encode())

    async def stop(self) -> None:
        """Break off what runs."""
        if self._running is not None:
            self._running.task.cancel()
            await asyncio.gather(self._running.task, return_exceptions=True)

    def _answer(self, word: str) -> Response | None:
        if word in self._kept:
            return Response(content_type=_JSON, body=self._kept[word].text.encode())
        return _under_way() if self._running is not None and self._running.request == word else None

    def _begin(self, asked: "DiagnosisRequest", check: PlannedCheck) -> None:
        """Raises BadRequest where it is too soon."""
        now, key = self._now(), (asked.uid, asked.path)
        if self._running is not None:
            left = self._running.begun + LONGEST - now
            raise _too_soon("another diagnosis is under way", max(left // SECOND, _SOON_SECONDS))
        self._ended = {each: at for each, at in self._ended.items() if now - at < APART}
        if key in self._ended:
            left = self._ended[key] + APART - now
            raise _too_soon("this path was diagnosed less than a minute ago", -(-left // SECOND))
        self._ended[key] = now
        task = asyncio.create_task(self._carry_out(asked, check))
        self._running = _Running(asked.request, task, now)

    async def _carry_out(self, asked: "DiagnosisRequest", check: PlannedCheck) -> None:
        from .diagnosing import carried_out, log_conclusion, refuse

        named = f"{check.namespace}/{check.name} path {check.path}"
        log.info("%s: diagnosis %s begins", named, asked.request)
        try:
            controls = {} if self._controls is None else self._controls.known(asked.uid, asked.path)
            conclusion = await carried_out(asked, check, self._ring, self._lossy, self._refused, controls)
            self._kept[asked.request] = conclusion
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            log_conclusion(conclusion)
        except Exception as error:
            log.exception("%s: diagnosis %s failed: a fault of this program", named, asked.request)
            why = f"a fault of the prober ({type(error).__name__}), see its log"
            self._kept[asked.request] = refuse(
                check=check.ref, request=asked.request, at=time.time_ns(), why=why
            )
        finally:
            self._ended[asked.uid, asked.path] = self._now()
            self._running = None


def _import() -> None:
    for name in _MODULES:
        import_module(f".{name}", __package__)


def _admit(request: Request, verifiers: tuple[str, ...]) -> None:
    """Raises BadRequest unless a token of the plan is shown."""
    if not verifiers:
        raise BadRequest(HTTPStatus.FORBIDDEN, NOBODY_MAY_ASK)
    if token.admitted(request.authorization, verifiers) is None:
        headers = {"WWW-Authenticate": "Bearer"}
        raise BadRequest(HTTPStatus.UNAUTHORIZED, WHO_MAY_ASK, headers=headers)


def _under_way() -> Response:
    return Response(
        status=HTTPStatus.ACCEPTED, body=b"under way\n", headers={"Retry-After": str(_POLL_SECONDS)}
    )


def _too_soon(why: str, seconds: int) -> BadRequest:
    return BadRequest(HTTPStatus.TOO_MANY_REQUESTS, why, headers={"Retry-After": str(seconds)})
