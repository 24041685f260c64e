"""Work out the condition Ready: whether everything that measures is there, and runs. Pure."""

from collections.abc import Iterable

from ipsecping.contract import Invalidity, destination
from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.check.applied import Readiness
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledCheck, CompiledPath, Cron
from ipsecping_operator.compile.compiled import KeyRef
from ipsecping_operator.kube.kinds import CRON_JOB, DAEMON_SET, DEPLOYMENT
from ipsecping_operator.observe.projection import Child, Pod
from ipsecping_operator.permission import field_of, not_a_marked_key, not_allowed

from .hints import no_pod, with_hint
from .nodes import waiting_for
from .targets import refused_target, remarks


def readiness(state: CheckState) -> Readiness:
    """Return Ready as the spec and the children, as last seen, have it."""
    check, invalid, refused = state.applied.compiled, state.applied.invalid, state.applied.refused
    if invalid is not None:
        return Readiness(reason=ReadyReason.INVALID_SPEC, message=str(invalid))
    if refused is not None:
        return Readiness(reason=ReadyReason.NOT_PERMITTED, message=refused)
    assert check is not None
    if check.suspend:
        return Readiness(reason=ReadyReason.SUSPENDED, message="spec.suspend is true; nothing is measured")
    problems = [problem for path in check.paths if (problem := _problem(state, check, path)) is not None]
    if problems:
        return Readiness(reason=ReadyReason.WORKLOAD_UNAVAILABLE, message="; ".join(problems))
    return Readiness(reason=ReadyReason.RECONCILED, message=_running(state, check))


def prober_fault(state: CheckState) -> Readiness | None:
    """Return what keeps a running prober from measuring, by its results; None where nothing does."""
    check, ready = state.applied.compiled, state.applied.readiness
    if check is None or ready is None or ready.reason is not ReadyReason.RECONCILED:
        return None
    foreign = refused_target(state, check) or _foreign_address(state, check)
    return foreign or _text_key(state, check) or _missing_key(state, check)


def _foreign_address(state: CheckState, check: CompiledCheck) -> Readiness | None:
    """A name has an address that the check may not send to."""
    for path in check.paths:
        for probe in path.plan.probes:
            series = state.measured.series.get((path.plan.path, probe.name))
            address = None if series is None else series.newest_of(Invalidity.NOT_PERMITTED)
            if address is None:
                continue
            host = destination(probe, path.plan.target)
            return Readiness(
                reason=ReadyReason.NOT_PERMITTED,
                message=f"{field_of(path, probe)}: {address}, the address of {host} on path "
                f"{path.plan.path}, is {not_allowed(path.plan, address)}",
            )
    return None


def _text_key(state: CheckState, check: CompiledCheck) -> Readiness | None:
    """A key is text, which may be anybody's password."""
    for (_, probe), series in state.measured.series.items():
        ref = check.files.get(probe, {}).get("auth")
        if ref is not None and series.ends_in(Invalidity.KEY_NOT_PERMITTED):
            said = str(not_a_marked_key(check, probe, ref))
            return Readiness(reason=ReadyReason.NOT_PERMITTED, message=said)
    return None


def _missing_key(state: CheckState, check: CompiledCheck) -> Readiness | None:
    lacking = {
        (path, probe)
        for (path, probe), series in state.measured.series.items()
        if series.ends_in(Invalidity.KEY_MISSING)
    }
    missing = sorted(
        {
            (f"no usable {ref.content} {ref.key}, which {path}/{probe} {ref.use}", ref)
            for path, probe in lacking
            if (ref := _needed(check, probe))
        }
    )
    if not missing:
        return None
    what, ref = missing[0]
    others = len({other for _, other in missing} - {ref})
    more = f" ({others} more {'is' if others == 1 else 'are'} missing)" if others else ""
    return Readiness(
        reason=ReadyReason.KEY_MISSING,
        message=f"{ref.kind} {ref.name} has {what}{more}: put it there, the prober takes it up within about "
        "a minute",
    )


def _needed(check: CompiledCheck, probe: str) -> KeyRef | None:
    """What the probe cannot measure without."""
    return next(iter(check.files.get(probe, {}).values()), None)


def _running(state: CheckState, check: CompiledCheck) -> str:
    return "; ".join((_workloads(check, state.observed.children.values()), *remarks(state, check)))


def _workloads(check: CompiledCheck, children: Iterable[Child]) -> str:
    kinds = {_kind(check, path) for path in check.paths}
    workloads = sorted(
        (child for child in children if child.meta.kind in kinds), key=lambda child: child.meta.name
    )
    if isinstance(check.schedule, Cron):
        names = ", ".join(child.meta.name for child in workloads)
        zone = check.schedule.time_zone or "UTC"
        return f'CronJob {names} runs a round at each "{check.schedule.line}" ({zone})'
    one = ", ".join(child.meta.name for child in workloads if child.meta.kind == DEPLOYMENT.name)
    on_nodes = (
        f"DaemonSet {child.meta.name} runs the agent on {child.nodes.desired} "
        f"node{'' if child.nodes.desired == 1 else 's'}"
        for child in workloads
        if child.nodes is not None
    )
    return "; ".join((*([f"Deployment {one} runs the agent"] if one else ()), *on_nodes))


def _kind(check: CompiledCheck, path: CompiledPath) -> str:
    if isinstance(check.schedule, Cron):
        return CRON_JOB.name
    return DAEMON_SET.name if path.placement.every_node else DEPLOYMENT.name


def _problem(state: CheckState, check: CompiledCheck, measured: CompiledPath) -> str | None:
    """Why nothing measures this path, or why not all nodes do; None where all do."""
    kind, path = _kind(check, measured), measured.plan.path
    workload = next(
        (c for c in state.observed.children.values() if c.meta.kind == kind and c.meta.path == path), None
    )
    if workload is None:
        return f"the {kind} of path {path} is not there yet"
    pods = sorted(
        (pod for pod in state.observed.own_pods if pod.meta.path == path),
        key=lambda pod: (pod.meta.created, pod.meta.resource_version),
    )
    if kind == CRON_JOB.name:
        rounds = [pod for pod in pods if not pod.diagnoses]
        return _round_problem(state, rounds[-1]) if rounds else None
    if workload.available:
        return None
    if kind == DAEMON_SET.name:
        refused = state.observed.refused_pods.get(workload.meta.name)
        return f"DaemonSet {workload.meta.name}: {waiting_for(workload, pods, refused=refused)}"
    staying = [pod for pod in reversed(pods) if not pod.meta.deleting]
    problems = [
        *(_pod_problem(pod) for pod in staying if not pod.finished),
        f"no pod can be made: {no_pod(workload.problem)}" if workload.problem else None,
        *(_pod_problem(pod) for pod in staying if pod.finished),
        "its pod is not available yet",
    ]
    return f"Deployment {workload.meta.name}: {next(filter(None, problems))}"


def _pod_problem(pod: Pod) -> str | None:
    """Why an agent's pod measures nothing, and what helps; None while it is on its way."""
    if pod.waiting:
        return f"pod {pod.meta.name} does not run: {with_hint(pod.waiting)}"
    if pod.finished:
        return f"pod {pod.meta.name} on node {pod.node} was told to end (evicted, or the node shut down)"
    if pod.phase == "Running" and not pod.ready:
        return (
            f"pod {pod.meta.name} on node {pod.node} is not ready: it has just started, its agent does not "
            "answer, or the node is lost; then another takes its place after 5 minutes, or sooner by "
            "tolerationSeconds in placement.tolerations"
        )
    return None


def _round_problem(state: CheckState, newest: Pod) -> str | None:
    """The newest round's pod cannot start, or ended without a result."""
    fault = state.observed.messages.get(newest.meta.uid)
    if fault is not None:
        return f"the newest round gave no result: pod {newest.meta.name}: {with_hint(fault)}"
    if not newest.finished and newest.phase == "Pending" and newest.waiting:
        return f"the newest round does not start: pod {newest.meta.name}: {with_hint(newest.waiting)}"
    return None
