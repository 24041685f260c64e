"""`reconcile(check)`: make everything about one check what it should be, whatever brought it about."""

from collections.abc import Callable, Mapping
from typing import Any

from ipsecping_operator import logs
from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.children import ChildRef, ChildSettings, build_children
from ipsecping_operator.compile import CompiledCheck, InvalidSpec, compile_check
from ipsecping_operator.faults import Faults, Where
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import ApiError, NamespaceTerminating, Refused, WebhookUnavailable
from ipsecping_operator.permission import Permissions
from ipsecping_operator.reconcile.contest import Contested
from ipsecping_operator.results.collector import Collector
from ipsecping_operator.state import CheckState, Readiness
from ipsecping_operator.status.conditions import MAX_MESSAGE
from ipsecping_operator.status.extra import ExtraRound

from . import run_now as extra
from .applying import as_applied, changes_verifiers, ensure_children
from .host_ports import host_ports
from .readiness import readiness
from .remedies import refused_by_api
from .serial import Outcome
from .store import Store

SECOND = 1_000_000_000
PLAN_DELIVERY = 90 * SECOND
"""Until an edited plan has certainly reached its agent: the kubelet refreshes volumes about once a minute."""
DELETED = "the check is being deleted: nothing is measured any more"


class Reconciler:
    """`report(uid)` is called after every change of what there is to report.

    `postpone(uid)` is asked to set the check's `verify` and to have it reconciled when there is time.
    """

    def __init__(
        self,
        *,
        store: Store,
        client: KubeClient,
        collector: Collector,
        settings: ChildSettings,
        permissions: Permissions,
        faults: Faults,
        report: Callable[[str], None],
        postpone: Callable[[str], None],
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._client = client
        self._collector = collector
        self._settings = settings
        self._permissions = permissions
        self._faults = faults
        self._report = report
        self._postpone = postpone
        self._clock = clock

    async def reconcile(self, uid: str) -> Outcome:
        """Whether everything is as it should be; if not, why, and it is to be called again."""
        state = self._store.checks.get(uid)
        if state is None or state.body is None:
            # Owner references and the garbage collector do the rest.
            self._collector.forget(uid)
            return Outcome.DONE
        log = logs.for_check(__name__, state.body["metadata"])
        if not state.present:
            return await self._wind_up(state, log)
        self._compile(state, log)
        run_now = self._run_now(state)
        waits = False
        try:
            # First what is measured already: after a restart that is what people look at.
            await self._collector.sync(state, log=log)
            if state.invalid is None or state.compiled is None:
                await self._ensure(state, extra.tickets(state, run_now), log)
            if run_now is not None:
                waits = not await self._start_jobs(state, run_now, log)
        except NamespaceTerminating as error:
            # The check goes as well, so there is nothing to try again and nobody to tell.
            log.debug("not reconciled: %s", error)
            return Outcome.DONE
        except ApiError as error:
            log.warning("not reconciled, will retry: %s", error)
            if isinstance(error, Refused | WebhookUnavailable) and state.invalid is None:
                said = error.message if isinstance(error, Contested) else refused_by_api(error)
                state.ready = Readiness(reason=ReadyReason.WORKLOAD_UNAVAILABLE, message=said)
                self._report(uid)
            return _after(error)
        if state.invalid is not None:
            state.ready = Readiness(reason=ReadyReason.INVALID_SPEC, message=str(state.invalid))
        elif state.refused is not None:
            state.ready = Readiness(reason=ReadyReason.NOT_PERMITTED, message=state.refused)
        else:
            state.ready = readiness(state)
        self._report(uid)
        return Outcome.WAITING if waits else Outcome.DONE

    async def _wind_up(self, state: CheckState, log: logs.Log) -> Outcome:
        """End the measuring of a check that is being deleted.

        Somebody's finalizer may keep it for as long as they like, and the garbage collector waits for that:
        meanwhile nobody could stop what sends packets, nor take a permission back.
        """
        self._collector.forget(state.uid)
        state.ensured = None
        state.nudges.clear()
        try:
            await ensure_children(state, (), store=self._store, client=self._client, log=log)
        except ApiError as error:
            log.warning("children of a check that is being deleted are still there, will retry: %s", error)
            return _after(error)
        self._compile(state, log)
        state.ready = Readiness(reason=ReadyReason.WORKLOAD_UNAVAILABLE, message=DELETED)
        self._report(state.uid)
        return Outcome.DONE

    def _run_now(self, state: CheckState) -> str | None:
        """What the annotation asks for and is still to be done."""
        value = extra.asked(state)
        if value is None:
            return None
        if (why := extra.obstacle(state)) is not None:
            self._settle(state, value, why, started=False)
            return None
        if (done := extra.measured(state, value)) is not None:
            self._settle(state, value, done, started=True)
            return None
        return value

    async def _start_jobs(self, state: CheckState, value: str, log: logs.Log) -> bool:
        """Whether there is nothing to wait for."""
        try:
            done = await extra.start_jobs(state, value, self._settings, client=self._client, log=log)
        except extra.NameTaken as taken:
            self._settle(state, value, str(taken), started=False)
            return True
        if done is not None:
            self._settle(state, value, done, started=True)
        return done is not None

    def _settle(self, state: CheckState, value: str, message: str, *, started: bool) -> None:
        now = self._clock()
        state.extra = ExtraRound(value=value, started=started, at=now, message=message[:MAX_MESSAGE])

    async def _ensure(self, state: CheckState, tickets: Mapping[str, str], log: logs.Log) -> None:
        """Have the children of this generation, with these tickets in their plans."""
        ports = host_ports(state)
        made_for = (state.generation, *sorted(tickets.items()), *sorted(ports.items()))
        if state.ensured == made_for and as_applied(state):
            return
        state.ensured = None
        # Somebody waits for an extra round.
        state.verify = state.verify or bool(tickets)
        desired = self._desired(state, tickets, ports)
        if any(_changes_readers(state, manifest) for manifest in desired):
            state.expected_since = self._clock() + PLAN_DELIVERY
        if await ensure_children(state, desired, store=self._store, client=self._client, log=log):
            state.ensured = made_for
        else:
            self._postpone(state.uid)

    def _desired(
        self, state: CheckState, tickets: Mapping[str, str], ports: Mapping[str, int]
    ) -> tuple[dict[str, Any], ...]:
        """What is not permitted has no children, whoever made them and when; nor what was never valid."""
        if state.compiled is None or state.refused is not None:
            return ()
        return build_children(state.compiled, self._settings, tickets=tickets, ports=ports)

    def _compile(self, state: CheckState, log: logs.Log) -> None:
        assert state.body is not None
        generation = int(state.body["metadata"]["generation"])
        if state.generation == generation:
            return
        try:
            compiled = self._permissions.limited(compile_check(state.body))
            invalid, refused = None, self._permissions.refusal(compiled)
        except InvalidSpec as error:
            log.warning("invalid spec: %s", error)
            compiled, invalid, refused = None, error, state.refused
        if compiled is not None:
            if refused is not None:
                log.warning("not permitted: %s", refused)
            self._take_up(state, compiled)
        # Last of all, and the spec goes only now: a fault on the way must not pass for done.
        state.invalid, state.refused, state.generation = invalid, refused, generation
        state.body = {**state.body, "spec": {}}

    def _take_up(self, state: CheckState, compiled: CompiledCheck) -> None:
        now = self._clock()
        changed = state.measurements.follow(compiled)
        before, state.compiled = state.compiled, compiled
        if before is None:
            return
        if before.suspend and not compiled.suspend:
            # Measuring begins anew: no result is due from before the pause.
            state.restored = None
            state.expected_since = now
        elif changed:
            state.expected_since = now + PLAN_DELIVERY
        if changed:
            self._faults.over(state, Where.RESULT)


def _after(error: ApiError) -> Outcome:
    return Outcome.REFUSED if isinstance(error, Refused) else Outcome.UNREACHABLE


def _changes_readers(state: CheckState, manifest: Mapping[str, Any]) -> bool:
    """Whether the agent that runs has yet to learn the operator's token."""
    child = state.children.get(ChildRef.of(manifest))
    return child is not None and changes_verifiers(child, manifest)
