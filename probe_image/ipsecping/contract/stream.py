"""The agent's stream of results: lines of JSON (NDJSON) answering `GET /v1/results?after=CURSOR`.

The first line is a `Hello`; then come `Item`s in order of sequence, first those still in the ring, then each
new one as it is measured. An idle stream carries a `Heartbeat` every `HEARTBEAT_SECONDS`, so that the
reader can tell a quiet agent from a dead connection.

All instants in it are of the agent's steady clock (nanoseconds, CLOCK_BOOTTIME), which nobody sets: only the
differences between them mean something, and by them a reader puts the rounds on its own clock.

A cursor is `BOOT_ID:SEQUENCE`: all results up to and with SEQUENCE of that boot have been seen. A cursor of
another boot, or none, starts at the oldest result in the ring.
"""

from dataclasses import dataclass
from typing import Any

from . import fields
from .fields import ContractError
from .result import RoundResult, result_from_json, result_to_json

RESULTS_PATH = "/v1/results"
DEFAULT_PORT = 9109
HEALTH_PORT = 9110
"""Where agents in pods answer /healthz, and nothing else."""
HEARTBEAT_SECONDS = 10.0
MAX_LINE = 65_536  # octets of one line; a longer one is not the agent's


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A place in one agent process's sequence of results."""

    boot_id: str
    sequence: int

    def __str__(self) -> str:
        return f"{self.boot_id}:{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Inverse of `str`; raises ContractError."""
        boot_id, separator, sequence = text.rpartition(":")
        if not separator or not boot_id or not (sequence.isascii() and sequence.isdigit()) or len(text) > 100:
            raise ContractError(f"after: {text[:100]!r} is not BOOT_ID:SEQUENCE")
        return cls(boot_id=boot_id, sequence=int(sequence))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Who answers: a reader compares `pod_uid` with the pod it meant to ask (pod addresses are reused)."""

    boot_id: str
    pod_uid: str | None
    """From the downward API (environment variable POD_UID); None outside Kubernetes."""
    now: int
    """The agent's steady clock when this was sent."""
    first: int
    """Sequence of the first item that follows or will follow: a gap after the cursor means lost results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One result with its place in the sequence (1, 2, ... within a boot)."""

    sequence: int
    ended: int
    """When the round ended, by the agent's steady clock."""
    result: RoundResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """Nothing new; the agent lives. `now` as in Hello."""

    now: int


def line_to_json(line: Hello | Item | Heartbeat) -> dict[str, Any]:
    """The JSON object of one line."""
    match line:
        case Hello():
            return {
                "hello": {
                    "bootID": line.boot_id,
                    "podUID": line.pod_uid,
                    "now": line.now,
                    "first": line.first,
                }
            }
        case Item():
            return {
                "sequence": line.sequence,
                "ended": line.ended,
                "result": result_to_json(line.result),
            }
        case Heartbeat():
            return {"heartbeat": {"now": line.now}}


def line_from_json(value: object) -> Hello | Item | Heartbeat:
    """Read one line; raises ContractError."""
    source = fields.mapping(value, "line")
    if "hello" in source:
        hello = fields.mapping(source["hello"], "hello")
        return Hello(
            boot_id=fields.text(hello, "bootID", "hello"),
            pod_uid=fields.optional_text(hello, "podUID", "hello"),
            now=fields.integer(hello, "now", "hello"),
            first=fields.integer(hello, "first", "hello"),
        )
    if "heartbeat" in source:
        beat = fields.mapping(source["heartbeat"], "heartbeat")
        return Heartbeat(now=fields.integer(beat, "now", "heartbeat"))
    return Item(
        sequence=fields.integer(source, "sequence", "line", at_least=1),
        ended=fields.integer(source, "ended", "line"),
        result=result_from_json(source.get("result")),
    )
