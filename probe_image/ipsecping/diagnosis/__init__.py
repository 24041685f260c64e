"""Which layer is broken: evidence, facts and findings of an IPsec path. Pure data and pure functions.

`diagnose(evidence)` is all there is to it; how evidence is collected is the business of `collector`.
"""

from ..contract.diagnosis_terms import Confidence, Outcome
from .diagnose import diagnose
from .evidence import Evidence, Part
from .evidence_json import evidence_from_bytes, evidence_from_json
from .evidence_text import evidence_digest, evidence_to_json
from .facts import facts
from .finding import Diagnosis, Finding

__all__ = [
    "Confidence",
    "Diagnosis",
    "Evidence",
    "Finding",
    "Outcome",
    "Part",
    "diagnose",
    "evidence_digest",
    "evidence_from_bytes",
    "evidence_from_json",
    "evidence_to_json",
    "facts",
]
