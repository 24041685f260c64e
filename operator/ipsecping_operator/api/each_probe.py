"""Rules of a check that each of its probes has to keep: offline, what is refused names those that do not."""

from collections.abc import Callable
from typing import Any

from .rules import Reason, Rule


def each_probe(
    *,
    cel: str,
    holds: Callable[[Any, Any], bool],
    message: str,
    unless_cel: str = "false",
    unless: Callable[[Any], bool] = lambda _: False,
    field: str = ".probes",
    reason: Reason = "FieldValueInvalid",
) -> Rule:
    """Make such a rule: `cel` sees each as `probe` and the spec as `self`, `holds` gets the spec and a probe.

    Nothing is asked of a check for which `unless` holds, nor of the probe of one that names none.
    """
    return Rule(
        cel=f"!has(self.probes) || {unless_cel} || self.probes.all(probe, {cel})",
        holds=lambda self: unless(self) or all(holds(self, probe) for probe in self.probes or ()),
        field=field,
        reason=reason,
        message=message,
        culprits=lambda self: [probe.name for probe in self.probes or () if not holds(self, probe)],
    )
