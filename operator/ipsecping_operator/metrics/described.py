"""A family of metrics of checks: its name, and how one check's samples of it are made."""

from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import Metric
from prometheus_client.samples import Sample

from ipsecping_operator.check.state import CheckState

from .exposition import Family

Failed = Callable[[CheckState, Exception], None]


@dataclass(frozen=True, slots=True)
class Described:
    """A family, and how the samples of one check (at an instant) are added to it."""

    kind: Callable[..., Metric]
    name: str
    text: str
    labels: tuple[str, ...]
    add: Callable[[Any, CheckState, int], None]
    instead: Callable[["Described", CheckState], list[Sample]] | None = None
    """Makes the samples of a check that cannot be exported; None: it has none."""

    def of(self, states: Sequence[CheckState], now: int, out: Set[str], failed: Failed) -> Metric:
        """Make the family with the samples of all these checks but those that are `out` (by UID)."""
        samples = (sample for state in states for sample in self._guarded(state, now, out, failed))
        return Family(self.name, self.text, self.kind(self.name, self.text).type, samples)

    def samples(self, state: CheckState, now: int) -> list[Sample]:
        """Make the samples of one check. Raises also where a sample could be made and not be written."""
        few = self.kind(self.name, self.text, labels=self.labels)
        self.add(few, state, now)
        for sample in few.samples:
            "".join(sample.labels.values()).encode()
            float(sample.value)
        made: list[Sample] = few.samples
        return made

    def _guarded(self, state: CheckState, now: int, out: Set[str], failed: Failed) -> Iterable[Sample]:
        if state.uid not in out:
            try:
                return self.samples(state, now)
            except Exception as error:
                failed(state, error)
        if self.instead is not None:
            with suppress(Exception):
                return self.instead(self, state)
        return ()
