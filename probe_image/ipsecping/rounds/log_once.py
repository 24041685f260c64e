"""Logs what is wrong with a path when it changes, and not in every round."""

import logging

from ..contract import PlannedCheck

log = logging.getLogger(__name__)


class LogOnce:
    """The errors of one path: of each of its probes, and of looking up each of its names."""

    __slots__ = ("_logged",)

    def __init__(self) -> None:
        self._logged: dict[tuple[str, str], str] = {}

    def error(self, check: PlannedCheck, message: str | None, *, probe: str = "", host: str = "") -> None:
        """Log a message unless it was the last of this probe or host; None: there is no error any more."""
        if message is None and not self._logged:
            return
        if message is not None and message != self._logged.get((probe, host)):
            log.error(
                "%s/%s: %s%s", check.namespace, check.name, f"probe {probe}: " if probe else "", message
            )
        self._logged[probe, host] = message or ""
