"""Which packets the newest rounds have lost. Of a path that is well, or silent, nothing is kept."""

from ..contract import PlannedCheck, RoundResult

MAX_LOSSY = 4096
"""Rounds, of all paths together: about a megabyte."""

_Key = tuple[str, str, str, str | None, int]


class LossyRounds:
    """An observer of results (see Agent)."""

    def __init__(self) -> None:
        self._answers: dict[_Key, str] = {}

    def __call__(self, check: PlannedCheck, result: RoundResult) -> None:
        """Remember which, if some packets were lost and others were not."""
        if result.answers is not None and result.received:
            if len(self._answers) >= MAX_LOSSY:
                del self._answers[next(iter(self._answers))]
            self._answers[_key(result)] = result.answers

    def answers(self, result: RoundResult) -> str | None:
        """Return one character a packet, 1 answered; None: it is not known."""
        if result.received in (0, result.sent):
            return ("1" if result.received else "0") * result.sent
        return self._answers.get(_key(result))


def _key(result: RoundResult) -> _Key:
    return result.check.uid, result.check.path, result.probe, result.remote_ip, result.started_at
