"""The agent's stream of results: lines of JSON (NDJSON) answering `GET /v1/results?after=CURSOR`.

The first line is a `Hello`; then come `Item`s in order of sequence, first those still in the ring, then each
new one as it is measured. An idle stream carries a `Heartbeat` every `HEARTBEAT_SECONDS`, so that the
reader can tell a quiet agent from a dead connection.

All instants in it are of the agent's steady clock (nanoseconds, CLOCK_BOOTTIME), which nobody sets: only the
differences between them mean something, and by them a reader puts the rounds on its own clock.

A cursor is `BOOT_ID:SEQUENCE`: all results up to and with SEQUENCE of that boot have been seen. A cursor of
another boot, or none, starts at the oldest result in the ring.

Lines are in order, so a reader passes over one that it cannot read and goes on with the next: an item takes
its place in the sequence also when nobody can read it.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

from . import fields, json_text
from .bounds import MAX_INTEGER
from .fields import ContractError
from .result import RoundResult
from .result_json import result_from_json, result_to_json

RESULTS_PATH = "/v1/results"
DEFAULT_PORT = 9109
HEALTH_PORT = 9110
"""Where agents in pods answer /healthz, and nothing else."""
HEARTBEAT_SECONDS = 10.0
MAX_LINE = 65_536  # bytes of one line; a longer one is not the agent's


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
        boot_id, _, digits = text.rpartition(":")
        if not (fields.is_token(boot_id) and digits.isascii() and digits.isdigit() and len(text) <= 100):
            raise ContractError(f"after: {fields.shown(text)} is not BOOT_ID:SEQUENCE")
        sequence = int(digits)
        if sequence > MAX_INTEGER:
            raise fields.out_of_range(sequence, "after", 0, MAX_INTEGER)
        return cls(boot_id=boot_id, sequence=sequence)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A line that breaks the contract."""

    error: ContractError
    sequence: int | None = None
    """Its place, where that much can be read of it."""
    item: bool = True
    """It takes a place in the sequence, or may well do so."""


Line: TypeAlias = Hello | Item | Heartbeat


def line_to_json(line: Line) -> dict[str, Any]:
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


def read_line(octets: bytes) -> Line | Refused:
    """Read one line as it came, without its line feed; raises nothing."""
    if len(octets) > MAX_LINE:
        return Refused(error=ContractError(f"line: longer than {MAX_LINE} bytes"))
    try:
        value = json_text.decode(octets, "line")
    except ContractError as error:
        return Refused(error=error)
    try:
        return line_from_json(value)
    except ContractError as error:
        return Refused(error=error, sequence=_place(value), item=_is_item(value))


def line_from_json(value: object) -> Line:
    """Read one line; raises ContractError."""
    source = fields.mapping(value, "line")
    if "hello" in source:
        hello = fields.mapping(source["hello"], "hello")
        return Hello(
            boot_id=fields.token(hello, "bootID", "hello"),
            pod_uid=None if hello.get("podUID") is None else fields.token(hello, "podUID", "hello"),
            now=fields.integer(hello, "now", "hello"),
            first=fields.integer(hello, "first", "hello", at_least=1),
        )
    if "heartbeat" in source:
        beat = fields.mapping(source["heartbeat"], "heartbeat")
        return Heartbeat(now=fields.integer(beat, "now", "heartbeat"))
    if not _is_item(source):
        raise ContractError("line: neither hello nor heartbeat nor item")
    return Item(
        sequence=fields.integer(source, "sequence", "line", at_least=1),
        ended=fields.integer(source, "ended", "line"),
        result=result_from_json(source.get("result")),
    )


def _is_item(value: object) -> bool:
    """Other kinds of lines may come one day, and take no place."""
    return not isinstance(value, dict) or "sequence" in value or "result" in value


def _place(value: object) -> int | None:
    if not isinstance(value, dict) or "hello" in value or "heartbeat" in value:
        return None
    try:
        return fields.integer(value, "sequence", "line", at_least=1)
    except ContractError:
        return None
