"""What asks an agent for a diagnosis: the content of a POST, read strictly. Pure."""

from dataclasses import dataclass

from ..contract import ContractError
from ..contract import fields as read
from ..contract.diagnosis_report import check_request
from ..contract.json_text import decode
from ..diagnosis.evidence import Known
from ..diagnosis.evidence_json import KNOWN_KEYS, read_known
from ..diagnosis.evidence_rules import check_known

_KEYS = frozenset({"check", "path", "nonce", "request"}) | KNOWN_KEYS


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisRequest:
    """Who asks for a diagnosis of which path, and what they know of it."""

    uid: str
    """Of the check."""
    path: str
    nonce: str
    request: str
    """The word that the answer is asked for by."""
    known: Known


def request_from_bytes(content: bytes) -> DiagnosisRequest:
    """Read the JSON text; raises ContractError, which names the field and its mistake."""
    source = read.mapping(decode(content, "request"), "request")
    for key in sorted(source):
        if key not in _KEYS:
            raise ContractError(f"request: {read.shown(key)} is not a field of it")
    word = read.text(source, "request", "request")
    check_request(word, "request.request")
    known = read_known(source, "request")
    check_known(known, "request")
    return DiagnosisRequest(
        uid=read.text(source, "check", "request"),
        path=read.text(source, "path", "request"),
        nonce=read.text(source, "nonce", "request"),
        request=word,
        known=known,
    )
