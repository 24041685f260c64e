"""The verdict on one probe of one path. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice

from ipsecping.contract import (
    METHODS,
    Audit,
    CertificateExpiry,
    Expect,
    Flows,
    LossShape,
    PathMtu,
    PathMtuOptions,
    PlannedProbe,
)
from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason
from ipsecping_operator.compile.compiled import DAY, CompiledCheck, Thresholds

from . import hysteresis, messages, text
from .arrival import verify_arrival
from .finding import Finding, worst
from .flow_loss import FlowState, flow_loss, state_of_flows
from .hysteresis import Latch, Latches
from .instance import WHOLE, Instance
from .recovery import recover
from .source import verify_source
from .tally import Tally
from .window import Window

SEARCHES = 16
"""As many of the newest searches for the path MTU are looked at."""
_SILENT = (HealthyReason.NO_RESULTS, HealthyReason.STALE_RESULTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeVerdict:
    """One probe on one path: the finding and the figures it rests on."""

    path: str
    probe: PlannedProbe
    finding: Finding
    figures: Tally | None
    """The window added up; None when it holds no valid round."""
    measured: int | None
    """End of the newest round among the figures."""
    since: int | None = None
    """For rounds without one answer: when the first of them began."""
    silent: bool = False
    """It is not Down by its own `downAfter`, which is higher, but would be by the check's."""
    latches: Latches = field(default_factory=dict)
    """Limits that were exceeded and not released yet."""
    flows: FlowState | None = None
    """Of a probe with several flows, once it has measured."""
    version: int = 0
    """Of the window that was looked at."""
    due: int | None = None
    """When silence turns stale."""
    until: int | None = None
    """When time alone may change it; None: never."""
    instances: "Instances | None" = None
    """Where it has several: what is said here is said of all of them together."""

    def stands(self, window: Window, *, due: int | None, now: int) -> bool:
        """Whether another look, at the same check, would find the same."""
        return (
            window.version == self.version != 0
            and due == self.due
            and (self.until is None or now < self.until)
        )

    def shifted(self, by: int) -> "ProbeVerdict":
        """As the next verdict asks of this one, on a clock that was set forward by so many nanoseconds.

        That is since when a value has been back within its limit; all else is worked out anew.
        """
        return replace(
            self,
            latches={kind: latch.shifted(by) for kind, latch in self.latches.items()},
            instances=None if self.instances is None else self.instances.shifted(by),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Instances:
    """What is known of each instance of a probe."""

    verdicts: Mapping[Instance, ProbeVerdict]
    """Of those that are measured, or should be; the worst first."""
    gone: Mapping[Instance, Tally]
    """The figures of those that are there no more, until their rounds have left the window."""

    @property
    def unhealthy(self) -> int:
        """How many are not healthy, or not known to be."""
        return sum(each.finding.status is not ConditionStatus.TRUE for each in self.verdicts.values())

    @property
    def missing(self) -> int:
        """How many should give results and do not."""
        return sum(each.finding.reason in _SILENT for each in self.verdicts.values())

    def shifted(self, by: int) -> "Instances":
        """As `ProbeVerdict.shifted`."""
        return replace(self, verdicts={of: each.shifted(by) for of, each in self.verdicts.items()})


def judge_probe(
    check: CompiledCheck,
    path: str,
    probe: PlannedProbe,
    window: Window,
    *,
    latches: Latches,
    due: int | None,
    now: int,
    instance: Instance = WHOLE,
    measured: PlannedProbe | None = None,
) -> ProbeVerdict:
    """What the window says at `now`; `due` is when silence turns stale, `latches` those of the last look.

    `measured` is the probe as it was planned when it filled the window, if otherwise: after an edit the
    window stands until the first result of the new plan. It tells nothing of what only that one asks.
    """
    measured = measured or probe
    limits = check.thresholds_of(probe.name)
    where = f"{path}/{probe.name}{instance}"
    total = window.total()
    figures = total if total is not None and total.rounds else None
    newest = window.last_valid
    spread = probe.flows > 1 and probe.expect is Expect.REACHABLE and figures is not None
    flows = state_of_flows(window.figures(Flows)) if spread else None

    recovery = latches.get(hysteresis.RECOVERY)

    def found(
        finding: Finding, *, since: int | None = None, latches: Latches = latches, silent: bool = False
    ) -> ProbeVerdict:
        finding, kept = recover(
            finding,
            recovery,
            window,
            after=limits.recover_after,
            silence_is_good=probe.expect is Expect.BLOCKED,
        )
        latches = {kind: latch for kind, latch in latches.items() if kind != hysteresis.RECOVERY}
        if kept is not None:
            latches[hysteresis.RECOVERY] = kept
        return ProbeVerdict(
            path=path,
            probe=probe,
            finding=finding,
            figures=figures,
            measured=newest.end if newest else None,
            since=since,
            silent=silent,
            latches=latches,
            flows=flows,
            version=window.version,
            due=due,
            until=_until(check, probe, window, figures, due=due, now=now),
        )

    if check.suspend:
        message = "the check is suspended: nothing is measured"
        return found(Finding(reason=HealthyReason.SUSPENDED, message=message), latches={})
    if total is None and due is None:
        message = messages.no_results(where, check.schedule, now=now)
        return found(Finding(reason=HealthyReason.NO_RESULTS, message=message))
    if total is None or (due is not None and now >= due):
        last = window.last.end if window.last else None
        message = messages.stale(where, check.schedule, last=last)
        return found(Finding(reason=HealthyReason.STALE_RESULTS, message=message))
    if probe.expect is Expect.BLOCKED and total.reached:
        message = messages.unexpectedly_reachable(where, total, window=limits.window_ms * 1_000_000)
        return found(Finding(reason=HealthyReason.UNEXPECTEDLY_REACHABLE, message=message), latches={})
    verified = verify_source(check, measured, where, total)
    if verified is not None and verified.reason is HealthyReason.SOURCE_MISMATCH:
        return found(verified, latches={})
    if figures is None or window.invalid_run() >= limits.down_after:
        return found(_not_measured(where, total, run=window.invalid_run()))
    if probe.expect is Expect.BLOCKED:
        return found(_blocked(limits, where, figures), latches={})
    silent = window.silent_run()
    if silent is not None and silent.rounds >= limits.down_after:
        since = window.silent_since(silent)
        finding = (
            Finding(
                reason=HealthyReason.PROBE_FAILED,
                message=messages.failing(where, silent, since=since, now=now),
            )
            if _answered_wrongly(silent)
            else Finding(reason=HealthyReason.DOWN, message=messages.down(where, silent, since=since))
        )
        return found(finding, since=since)
    look = _Look(limits, probe, measured, where, figures, window, latches, now)
    findings = tuple(look.findings())
    within = messages.within(where, figures, window=look.span)
    healthy = Finding(reason=HealthyReason.WITHIN_THRESHOLDS, message=within)
    more = (each for each in (verified, flow_loss(where, flows)) if each is not None)
    arrived = verify_arrival(check, measured, where, total)
    return found(
        worst((*findings, *more, *arrived, healthy)),
        latches=look.latched,
        silent=silent is not None
        and silent.rounds >= check.thresholds.down_after
        and not _answered_wrongly(silent),
    )


def _until(
    check: CompiledCheck,
    probe: PlannedProbe,
    window: Window,
    figures: Tally | None,
    *,
    due: int | None,
    now: int,
) -> int | None:
    """The first instant after `now` at which time alone may change the verdict, or what it says."""
    instants = [due, window.expires(), *_certificate_news(check, probe, figures, now=now)]
    return min((instant for instant in instants if instant is not None and instant > now), default=None)


def _certificate_news(
    check: CompiledCheck, probe: PlannedProbe, figures: Tally | None, *, now: int
) -> Iterator[int]:
    """When the certificate will not be valid for long enough, when it is a day less, and when it ends."""
    certificate = None if figures is None else figures.figure(CertificateExpiry)
    if certificate is None:
        return
    left = certificate.nanoseconds - now
    yield certificate.nanoseconds
    least = check.thresholds.certificate_ns.get(probe.name)
    if least is not None:
        yield certificate.nanoseconds - least
        if left <= least and left >= 0:
            yield now + left % DAY + 1


def _answered_wrongly(figures: Tally) -> bool:
    """The path carries the packets, but what answers is not as asked for: half of the lost or more."""
    return 0 < figures.lost <= 2 * figures.wrong


def _not_measured(where: str, figures: Tally, *, run: int) -> Finding:
    """Whose fault it is that the newest rounds say nothing."""
    if figures.invalidity is not None and figures.invalidity.unresolved:
        message = messages.unresolved(where, figures.invalidity, run=run)
        return Finding(reason=HealthyReason.TARGET_UNRESOLVED, message=message)
    message = messages.invalid(where, figures, run=run)
    return Finding(reason=HealthyReason.MEASUREMENT_INVALID, message=message)


def _blocked(limits: Thresholds, where: str, figures: Tally) -> Finding:
    """Nothing got through."""
    message = messages.blocked(where, figures, window=limits.window_ms * 1_000_000)
    return Finding(reason=HealthyReason.WITHIN_THRESHOLDS, message=message)


@dataclass(slots=True)
class _Look:
    """One look at all limits of a probe; `latched` are the latches after it."""

    limits: Thresholds
    probe: PlannedProbe
    measured: PlannedProbe
    where: str
    figures: Tally
    window: Window
    latches: Latches
    now: int
    latched: dict[str, Latch] = field(default_factory=dict)

    @property
    def span(self) -> int:
        """Length of the window, nanoseconds."""
        return self.limits.window_ms * 1_000_000

    def findings(self) -> Iterator[Finding]:
        """Everything that is not as it should be."""
        yield from self._loss()
        yield from self._burst()
        yield from self._certificate()
        yield from self._path_mtu()
        yield from self._audit()
        if METHODS[self.probe.type].timed:
            yield from self._latency()
            yield from self._jitter()

    def _loss(self) -> Iterator[Finding]:
        figures, limit = self.figures, self.limits.loss_percent
        latch = self._exceeded(hysteresis.LOSS, Decimal(100 * figures.lost) / figures.sent, limit)
        if latch is None:
            return
        if _answered_wrongly(figures):
            reason = HealthyReason.PROBE_FAILED
            message = messages.failed(self.where, figures, limit=limit, window=self.span, now=self.now)
        else:
            reason = HealthyReason.LOSS_HIGH
            message = messages.loss_high(self.where, figures, limit=limit, window=self.span)
        release = f"{text.limit(hysteresis.release_at(limit))} %"
        yield Finding(reason=reason, message=message + messages.latched_note(latch, release))

    def _burst(self) -> Iterator[Finding]:
        limit, shape = self.limits.burst_ns, self.figures.figure(LossShape)
        if limit is not None and shape is not None and shape.duration > limit:
            message = messages.loss_burst(self.where, shape, limit=limit, window=self.span)
            yield Finding(reason=HealthyReason.LOSS_BURST, message=message)

    def _certificate(self) -> Iterator[Finding]:
        found = self.figures.figure(CertificateExpiry)
        expiry = None if found is None else found.nanoseconds
        least = self.limits.certificate_ns.get(self.probe.name)
        if least is None:
            return
        if expiry is None and self.figures.received and self.measured.options == self.probe.options:
            message = messages.certificate_unreadable(self.where, least=least)
            yield Finding(reason=HealthyReason.PROBE_FAILED, message=message)
        if expiry is not None and expiry - least <= self.now:
            message = messages.certificate(self.where, expiry, least=least, now=self.now)
            yield Finding(reason=HealthyReason.PROBE_FAILED, message=message)

    def _path_mtu(self) -> Iterator[Finding]:
        limit = self.limits.path_mtu
        if limit is None:
            return
        options, latch = self.measured.options, self.latches.get(hysteresis.PATH_MTU)
        counted = not isinstance(options, PathMtuOptions) or options.responder.counts
        found = [(each.size, each) for each in islice(self.window.figures(PathMtu), SEARCHES)]
        if isinstance(options, PathMtuOptions) and (latch is not None or any(size for size, _ in found)):
            # It has answered large packets: if none passes now, the path takes less than the smallest.
            found = [(options.min - 1 if size is None else size, each) for size, each in found]
        searches = [(size, each) for size, each in found if size is not None][:2]
        if not searches:
            return
        sizes = [size for size, _ in searches]
        latch = hysteresis.too_small(sizes, limit, latch)
        if latch is not None:
            self.latched[hysteresis.PATH_MTU] = latch
            size, search = min(searches, key=lambda each: each[0])
            message = messages.path_mtu_low(self.where, size, search, limit=limit, counted=counted)
            yield Finding(reason=HealthyReason.PATH_MTU_LOW, message=message)

    def _audit(self) -> Iterator[Finding]:
        audit = self.figures.figure(Audit)
        if audit is None:
            return
        accepted = self.limits.accepted.get(self.probe.name, ())
        found = [each for each in audit.found if each not in accepted]
        if found:
            message = messages.audit_failed(self.where, found)
            yield Finding(reason=HealthyReason.AUDIT_FAILED, message=message)

    def _latency(self) -> Iterator[Finding]:
        for name, limit in sorted(self.limits.rtt_ns.items(), key=lambda item: int(item[0][1:])):
            measured = self.figures.rtt.percentile(float(name[1:]))
            latch = None if measured is None else self._exceeded(name, measured, limit)
            if latch is not None and measured is not None:
                message = messages.latency_high(
                    self.where, self.figures, name=name, measured=measured, limit=limit, window=self.span
                )
                yield Finding(
                    reason=HealthyReason.LATENCY_HIGH, message=message + self._latched_note(latch, limit)
                )

    def _jitter(self) -> Iterator[Finding]:
        limit, measured = self.limits.jitter_ns, self.figures.jitter
        latch = None
        if limit is not None and measured is not None:
            latch = self._exceeded(hysteresis.JITTER, measured, limit)
        if latch is not None and limit is not None and measured is not None:
            message = messages.jitter_high(
                self.where, self.figures, measured=measured, limit=limit, window=self.span
            )
            yield Finding(
                reason=HealthyReason.JITTER_HIGH, message=message + self._latched_note(latch, limit)
            )

    def _exceeded(self, kind: str, value: int | Decimal, limit: int | Decimal) -> Latch | None:
        latch = hysteresis.exceeded(
            value, limit, self.latches.get(kind), oldest=self.figures.start, now=self.now
        )
        if latch is not None:
            self.latched[kind] = latch
        return latch

    @staticmethod
    def _latched_note(latch: Latch, limit: int) -> str:
        return messages.latched_note(latch, text.span(int(hysteresis.release_at(limit))))
