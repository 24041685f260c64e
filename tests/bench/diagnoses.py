"""Asks an agent for one diagnosis after the other while it is measured."""

import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ipsecping.contract import Plan, PlannedCheck
from ipsecping.contract.token import authorization, verifier

TOKEN = "token-of-this-measurement"
HEADERS = {"Authorization": authorization(TOKEN)}


@dataclass(slots=True)
class Diagnoses:
    """What came of them."""

    outcomes: Counter[str] = field(default_factory=Counter)
    packets: int = 0
    seconds: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        took = ", ".join(f"{each:.1f}" for each in self.seconds)
        return f"{dict(self.outcomes)}, {self.packets} packets, took {took} s"


def opened(plan: Plan) -> Plan:
    """The plan with a token for who asks."""
    return replace(plan, verifiers=(verifier(TOKEN),))


@contextmanager
def diagnosing(port: int, plan: Plan) -> Iterator[Diagnoses]:
    """Have one path after the other diagnosed until the end of the block."""
    found, over = Diagnoses(), threading.Event()
    thread = threading.Thread(target=_diagnose, args=(port, plan, found, over))
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def _diagnose(port: int, plan: Plan, found: Diagnoses, over: threading.Event) -> None:
    for number, check in enumerate(plan.checks):
        if over.is_set():
            return
        begun = time.monotonic()
        report = _diagnosed(port, check, f"r{number}")
        found.seconds.append(time.monotonic() - begun)
        found.outcomes[str(report["outcome"])] += 1
        found.packets += int(str(report["packets"]))


def _diagnosed(port: int, check: PlannedCheck, request: str) -> dict[str, object]:
    url = f"http://127.0.0.1:{port}/v1/diagnoses"
    asked = {"check": check.uid, "path": check.path, "nonce": check.nonce, "request": request}
    _fetch(urllib.request.Request(url, data=json.dumps(asked).encode(), headers=HEADERS))
    while (text := _fetch(urllib.request.Request(f"{url}/{request}", headers=HEADERS))) is None:
        time.sleep(0.2)
    report: dict[str, object] = json.loads(text)
    return report


def _fetch(request: urllib.request.Request) -> str | None:
    """The body; None while it is under way."""
    with urllib.request.urlopen(request, timeout=60) as answer:
        text: str = answer.read().decode()
        return None if answer.status == 202 else text
