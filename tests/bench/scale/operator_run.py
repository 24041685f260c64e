"""The operator's own part of the bench: create the fleet, watch it at work, kill the operator."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ipsecping_lab.apiserver import ApiServer

from ...api.operator.processes import OperatorProcess
from ..processes import cpu_seconds, pss_mib, rss_mib
from . import audit, fleet, report
from .onlooker import Onlooker, condition, is_true
from .plain import in_flight, plain_client, same_writes
from .report import Report
from .stand import OPERATOR, audit_log
from .started import running_operator

LOSSY_EVERY = 20
PATIENCE = 1800.0
"""Seconds after which a phase of the bench is given up."""
ABSENT = 95.0
"""Seconds that the killed operator stays away: three rounds of each agent."""
SETTLE = 15.0
"""Seconds after which a restarted operator has said everything that it has to say."""


@dataclass(slots=True, kw_only=True)
class Run:
    """One operator and its fleet."""

    report: Report
    fleet: Onlooker
    operator: OperatorProcess
    checks: int
    log: Path
    """The audit log."""

    @property
    def pid(self) -> int:
        """Of the operator."""
        assert self.operator.running is not None
        return self.operator.running.pid

    def memory(self) -> str:
        """Resident and proportional memory of the operator now."""
        return f"RSS {rss_mib(self.pid):.0f} MiB, PSS {pss_mib(self.pid):.0f} MiB"

    async def until(self, what: str, count: Callable[[], int], wanted: int) -> float:
        """Wait until so many; seconds that it took. Says how far it is every ten seconds."""
        started = said = time.monotonic()
        while (reached := count()) < wanted:
            self.fleet.check()
            now = time.monotonic()
            if now - started > PATIENCE:
                raise SystemExit(f"given up after {PATIENCE:.0f} s: {what}, {reached} of {wanted}")
            if now - said >= 10:
                said = now
                self.report.say(f"  {what}: {reached} of {wanted}; {self.fleet.pods} pods, {self.memory()}")
            await asyncio.sleep(0.1)
        return time.monotonic() - started


async def measure(
    api: ApiServer, workdir: Path, to: Report, *, checks: int, steady: int, profile: bool
) -> None:
    """All phases, one after the other; figures go to the report."""
    async with Onlooker(api) as seen, running_operator(api, workdir, profile=profile) as operator:
        run = Run(report=to, fleet=seen, operator=operator, checks=checks, log=audit_log(workdir))
        to.add("memory before the first check", run.memory())
        await _create(run, api)
        await _steady(run, steady)
        await _restart(run)


async def _create(run: Run, api: ApiServer) -> None:
    to, seen, checks = run.report, run.fleet, run.checks
    since, began, cpu = time.time(), time.monotonic(), cpu_seconds(run.pid)
    async with plain_client(api) as client:
        await in_flight(client.apply, map(fleet.check, range(checks)))
        applied = time.monotonic() - began
        to.add("checks applied, by the plain client", f"{applied:.1f} s")
        await run.until("children", lambda: seen.children, 2 * checks)
    children = seen.last_child - began
    bare, busy = same_writes(to.bare), same_writes(to.busy)
    to.add(
        "first apply to all children present, beside the controllers",
        f"{children:.1f} s, {children / busy:.2f} of the plain client's {busy:.1f} s beside them "
        f"({children / bare:.2f} of {bare:.1f} s without)",
    )
    await run.until("ready", lambda: seen.count(lambda each, _: _is(each, "Ready")), checks)
    to.add("first apply to all statuses written (Ready)", f"{time.monotonic() - began:.1f} s")
    interval = (checks + 1) // 2
    await run.until(
        "interval checks healthy",
        lambda: seen.count(lambda each, truth: bool(truth and not truth.cron) and _is(each, "Healthy")),
        interval,
    )
    to.add("first apply to all interval checks Healthy", f"{time.monotonic() - began:.1f} s")
    spent, until = cpu_seconds(run.pid) - cpu, time.time()
    to.add("CPU time until then", f"{spent:.1f} s, {spent * 1000 / checks:.1f} ms a check")
    made = audit.requests(run.log, user=OPERATOR, since=since, until=until)
    to.add("API requests until then", f"{made.total() / checks:.1f} a check ({_top(made)})")
    await run.until("healthy", lambda: seen.count(lambda each, _: _is(each, "Healthy")), checks)
    to.add("first apply to all cron checks Healthy, too", f"{time.monotonic() - began:.1f} s")
    to.add("memory then", run.memory())


def _is(check: dict[str, object], kind: str) -> bool:
    return condition(check, kind).get("status") == "True"


def _top(made: Counter[str]) -> str:
    return ", ".join(f"{what} {count}" for what, count in made.most_common(6))


async def _steady(run: Run, seconds: int) -> None:
    to, checks = run.report, run.checks
    cpu, own, since = cpu_seconds(run.pid), _own_count(run.operator), time.time()
    for _ in range(max(seconds // 30, 1)):
        await asyncio.sleep(min(seconds, 30))
        to.say(f"  steady: {run.fleet.pods} pods, {run.memory()}")
    spent, until = cpu_seconds(run.pid) - cpu, time.time()
    made = audit.requests(run.log, user=OPERATOR, since=since, until=until)
    hours = (until - since) / 3600
    each = made.total() / checks / hours
    to.add(
        "API requests per check and hour",
        f"{each:.1f} ({_top(made)} in {until - since:.0f} s)",
        goal=f"{report.REQUESTS_GOAL:.0f}",
        met=each <= report.REQUESTS_GOAL,
    )
    counted = (_own_count(run.operator) - own) / checks / hours
    to.add("the same by the operator's own metric, without watches", f"{counted:.1f}")
    to.add("CPU", f"{100 * spent / (until - since):.0f} % of a core")
    resident = rss_mib(run.pid)
    to.add(
        "resident memory",
        f"{resident:.0f} MiB (PSS {pss_mib(run.pid):.0f} MiB, peak {rss_mib(run.pid, 'VmHWM'):.0f} MiB)",
        goal=f"{report.MEMORY_GOAL:.0f} MiB",
        met=resident <= report.MEMORY_GOAL,
    )


def _own_count(operator: OperatorProcess) -> float:
    lines = operator.ask(operator.metrics)[1].splitlines()
    return sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith("ipsecping_operator_api_requests_total")
    )


async def _restart(run: Run) -> None:
    """Kill the operator; meanwhile some tunnels break. How long until every status tells the truth?"""
    to, seen = run.report, run.fleet
    before = await seen.snapshot()
    run.operator.end(signal.SIGKILL)
    broken = seen.agents.break_some(every=LOSSY_EVERY)
    to.say(f"  killed; {broken} tunnels break; {ABSENT:.0f} s without an operator")
    await asyncio.sleep(ABSENT)
    newest = {uid: truth.last_end for uid, truth in seen.agents.truths.items()}
    since = time.time()
    run.operator.launch()
    taken = await run.until(
        "true", lambda: seen.count(lambda each, truth: is_true(each, truth, newest)), run.checks
    )
    to.add(
        "kill -9 and restart: until every status is true again",
        f"{taken:.1f} s",
        goal=f"{report.RESTART_GOAL:.0f} s",
        met=taken <= report.RESTART_GOAL,
    )
    to.add("CPU time until then", f"{cpu_seconds(run.pid):.1f} s")
    await asyncio.sleep(SETTLE)
    made = audit.requests(run.log, user=OPERATOR, since=since, until=time.time())
    to.add(f"API requests from the restart to {SETTLE:.0f} s later", f"{made.total()} ({_top(made)})")
    after = await seen.snapshot()
    differing = before.children.items() ^ after.children.items()
    to.add(
        "children made, removed or changed by the restart",
        str(len({uid for uid, _ in differing})),
        goal="0",
        met=not differing,
    )
    told = after.events - before.events
    extra = told.total() - broken
    twice = sum(count > 1 for count in told.values())
    to.add(
        "events after the restart",
        f"{told.total()} for {broken} transitions, {twice} twice",
        goal="one each",
        met=extra == 0 and not twice,
    )
    resident = rss_mib(run.pid)
    to.add(
        "resident memory after the restart",
        f"{resident:.0f} MiB (peak {rss_mib(run.pid, 'VmHWM'):.0f} MiB)",
        goal=f"{report.MEMORY_GOAL:.0f} MiB",
        met=resident <= report.MEMORY_GOAL,
    )
