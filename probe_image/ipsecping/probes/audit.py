"""Audit probe: does a reflector answer what it should not?

`sent` and `received` are those of the right packets (controls): what gets no answer because it should not is
not lost. Where none of them is answered, the path is down and nothing was tested.
"""

import logging
import time
from collections import Counter

from ..contract import (
    Audit,
    AuditFinding,
    AuditOptions,
    AuditProtocol,
    Expect,
    Invalidity,
    LossReason,
    PlannedCheck,
    PlannedProbe,
)
from .audit_cases import Dialect, EchoDialect, StampDialect
from .audit_run import AuditRun, NoHost, check_host, spacing_for
from .audit_verdict import Outcome as Tested
from .audit_verdict import Verdict, judge
from .base import Outcome, RoundInvalid, RoundMethod
from .sending import sender_of
from .stamp import keys_now

log = logging.getLogger(__name__)
_MS = 1_000_000


async def measure(check: PlannedCheck, probe: PlannedProbe, address: str) -> Outcome:
    """See RoundMethod. Raises RoundInvalid while the key file is not usable, and for a group's address."""
    options = probe.options
    assert probe.port is not None
    assert isinstance(options, AuditOptions)
    try:
        check_host(address)
    except NoHost as error:
        raise RoundInvalid(Invalidity.NOT_PERMITTED, str(error)) from None
    dialect, fallback = dialects(options.protocol, keys_now(options.key_file, marked=options.marked_keys))
    own_time = ((probe.count - 1) * probe.spacing_ms + probe.timeout_ms) * _MS
    run = AuditRun(
        address=address,
        port=probe.port,
        dialect=dialect,
        fallback=fallback,
        timeout=probe.timeout_ms * _MS,
        spacing=spacing_for(options.rate, probe.spacing_ms * _MS),
        until=time.monotonic_ns() + own_time - probe.timeout_ms * _MS,
        sender=sender_of(probe),
        rate=options.rate,
    )
    try:
        record = await run.run(controls_only=probe.expect is Expect.BLOCKED)
    finally:
        run.close()
    verdicts = {} if probe.expect is Expect.BLOCKED else judge(record)
    for finding, verdict in verdicts.items():
        level = logging.WARNING if verdict.outcome is Tested.FOUND else logging.INFO
        log.log(
            level, "%s/%s: probe %s: %s: %s: %s",
            check.namespace, check.name, probe.name, finding, verdict.outcome.value, verdict.evidence,
        )  # fmt: skip
    return Outcome(
        received=len(record.controls) - record.lost,
        losses=losses(record.lost, run.channel.refusals),
        invalid=Invalidity.LOCAL_SEND_FAILED if run.channel.failed_here else None,
        figures=(figure_of(verdicts),) if verdicts else (),
    )


def dialects(protocol: AuditProtocol, keys: tuple[bytes, ...]) -> tuple[Dialect, StampDialect | None]:
    """Return what is spoken to the reflector, and what is where it does not answer that."""
    if protocol is AuditProtocol.UDP_ECHO:
        return EchoDialect(), None
    return StampDialect(keys), StampDialect() if keys else None


def figure_of(verdicts: dict[AuditFinding, Verdict]) -> Audit:
    """Return the verdicts as the figure of a round."""

    def those(outcome: Tested) -> tuple[AuditFinding, ...]:
        return tuple(each for each, verdict in verdicts.items() if verdict.outcome is outcome)

    return Audit(found=those(Tested.FOUND), closed=those(Tested.CLOSED), not_tested=those(Tested.NOT_TESTED))


def losses(lost: int, refusals: Counter[LossReason]) -> dict[LossReason, int]:
    """Return why so many controls were lost: those that were refused, the others had no answer in time."""
    reasons = list(refusals.elements())[:lost]
    reasons += [LossReason.TIMEOUT] * (lost - len(reasons))
    return dict(Counter(reasons))


METHOD = RoundMethod(measure=measure)
