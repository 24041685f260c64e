"""What is wrong with a path, logged when it changes and not in every round."""

import logging

from ..contract import PlannedCheck

log = logging.getLogger(__name__)


class Troubles:
    """Of one path: of each of its probes, and of the names of its far ends."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], str] = {}

    def tell(self, check: PlannedCheck, trouble: str | None, *, probe: str = "", host: str = "") -> None:
        """Log a trouble once; None: there is none (any more)."""
        if trouble is None and not self._told:
            return
        if trouble is not None and trouble != self._told.get((probe, host)):
            log.error(
                "%s/%s: %s%s", check.namespace, check.name, f"probe {probe}: " if probe else "", trouble
            )
        self._told[probe, host] = trouble or ""
