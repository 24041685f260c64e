"""Results on their way out: each is looked at by its reader's own rules first."""

import logging

from ..contract import CheckRef, ContractError, Invalidity, RoundResult, check_result
from ..contract.bounds import MAX_DURATION, MAX_INSTANT
from ..contract.fields import canonical_address, is_text

log = logging.getLogger(__name__)

MAX_TOLD = 1024
"""Probes of which is remembered what was said of their results."""


class HandOut:
    """Hands out results that their reader accepts. One for each prober."""

    def __init__(self) -> None:
        self._told: dict[tuple[CheckRef, str], str] = {}
        """What is wrong with the newest result of a probe, by field."""

    def __call__(self, result: RoundResult) -> RoundResult:
        """The result; in place of one that would be refused an invalid one, and the log says why.

        So the check turns MeasurementInvalid, where a result that nobody accepts would leave it as it was.
        """
        try:
            check_result(result)
        except ContractError as error:
            self._tell(result, error)
            return refused(result)
        if self._told:
            self._told.pop((result.check, result.probe), None)
        return result

    def _tell(self, result: RoundResult, error: ContractError) -> None:
        key = result.check, result.probe
        if self._told.get(key) == error.field:
            return
        if len(self._told) >= MAX_TOLD:
            self._told.clear()
        self._told[key] = error.field
        log.error(
            "%s/%s: probe %s: the round does not count, what it measured breaks the rules for results: %s",
            result.check.namespace, result.check.name, result.probe, error,
        )  # fmt: skip


def refused(result: RoundResult) -> RoundResult:
    """What is said of a round instead of a result that breaks the rules; of the same time, or near to it."""
    return RoundResult(
        check=result.check,
        probe=result.probe,
        type=result.type,
        started_at=min(max(result.started_at, 0), MAX_INSTANT),
        duration=min(max(result.duration, 0), MAX_DURATION),
        sent=0,
        received=0,
        remote_ip=None if result.remote_ip is None else canonical_address(result.remote_ip),
        invalid=Invalidity.RESULT_REFUSED,
        run_now=result.run_now if result.run_now is not None and is_text(result.run_now) else None,
    )
