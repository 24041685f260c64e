"""Compiling a manifest that no API server has seen yet."""

from collections.abc import Mapping
from typing import Any

from ipsecping_operator.api.check import IPsecTunnelCheck
from ipsecping_operator.api.metadata import Metadata
from ipsecping_operator.api.validation import FieldError, InvalidModel, read

from .compiled import CompiledCheck
from .compiler import compile_spec


def compile_manifest(manifest: Mapping[str, Any], *, uid: str) -> CompiledCheck:
    """Compile a manifest as a user writes it; `uid` stands in for the one the API server would give.

    Raises InvalidModel with every mistake that the API server would refuse it for, and InvalidSpec for one
    that only the operator can tell. A status is not looked at.
    """
    given = manifest.get("metadata")
    mistakes: tuple[FieldError, ...] = ()
    try:
        metadata = read(Metadata, given if isinstance(given, Mapping) else {}, path="metadata")
    except InvalidModel as error:
        mistakes = error.errors
    try:
        check = read(IPsecTunnelCheck, {key: value for key, value in manifest.items() if key != "status"})
    except InvalidModel as error:
        raise InvalidModel(mistakes + error.errors) from error
    if mistakes:
        raise InvalidModel(mistakes)
    identity = {
        "uid": uid,
        "namespace": metadata.namespace or "default",
        "name": metadata.name,
        "generation": 1,
    }
    return compile_spec(check.spec, metadata=identity)
