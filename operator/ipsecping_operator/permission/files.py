"""Secrets and ConfigMaps that a check may have mounted. The operator reads none, so the name decides.

A prober sends what it makes of a key, and trusts whom a certificate names, at a target of the author's
choice: so not every Secret of the namespace is for it.
"""

from collections.abc import Iterator, Sequence

from ipsecping.contract import METHODS
from ipsecping_operator.api.names import MOUNTABLE_PREFIX
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.compile.compiled import NAME_FIELDS, KeyRef

from .scope import Refusal, listed, matches

OURS = (f"{MOUNTABLE_PREFIX}*",)


def files(check: CompiledCheck, *, secrets: Sequence[str], config_maps: Sequence[str]) -> Iterator[Refusal]:
    """Secrets and ConfigMaps of other names than those allowed."""
    for probe, refs in check.files.items():
        for path, ref in refs.items():
            is_secret = ref.kind == "Secret"
            names = (*OURS, *(secrets if is_secret else config_maps))
            flag = "--allow-secrets" if is_secret else "--allow-config-maps"
            if not matches(ref.name, names):
                yield Refusal(
                    field_of_file(check, probe, f"{path}.{NAME_FIELDS[ref.kind]}"),
                    f"{ref.name} is not a permitted {ref.kind} in namespace {check.namespace}: "
                    f"allowed is {listed(names)} ({flag} of the operator)",
                )


def not_a_marked_key(check: CompiledCheck, probe: str, ref: KeyRef) -> Refusal:
    """A key that a prober has found to be text."""
    return Refusal(
        field_of_file(check, probe, "auth.key"),
        f"key {ref.key} of {ref.kind} {ref.name} is not permitted in namespace {check.namespace}: "
        "allowed are keys of at least 32 bytes, written as hex:... or base64:... (--allow-text-keys of the "
        "operator)",
    )


def field_of_file(check: CompiledCheck, probe: str, field: str) -> str:
    """Where the spec has a field of the probe's type."""
    probes = check.paths[0].plan.probes
    index = [each.name for each in probes].index(probe)
    return f"spec.probes[{index}].{METHODS[probes[index].type].member}.{field}"
