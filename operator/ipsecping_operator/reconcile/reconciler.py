"""Reconcile a check: make everything about it what it should be, whatever brought it about."""

from collections.abc import Callable, Mapping
from typing import Any

from ipsecping_operator import logs
from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.cache.store import Store
from ipsecping_operator.check.applied import Readiness
from ipsecping_operator.check.state import PLAN_DELIVERY, CheckState
from ipsecping_operator.children import ChildRef, ChildSettings, build_children
from ipsecping_operator.collect.collector import Collector
from ipsecping_operator.compile import InvalidSpec, compile_check
from ipsecping_operator.endpoints.sources import Sources
from ipsecping_operator.fault_types import Where
from ipsecping_operator.faults import Faults
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import ApiError, NamespaceTerminating, Refused, WebhookUnavailable
from ipsecping_operator.permission import Permissions
from ipsecping_operator.reconcile.contest import Contested, Overruled
from ipsecping_operator.report.hints import refused_by_api
from ipsecping_operator.report.readiness import readiness
from ipsecping_operator.status.conditions import MAX_MESSAGE
from ipsecping_operator.status.run_now import RunNowOutcome

from . import run_now
from .aiming import aim, is_aimed
from .applying import as_applied, changes_verifiers, ensure_children
from .extra_jobs import NameTaken
from .host_ports import host_ports
from .lingering import end_lingering
from .refused_pods import ask_why
from .work_queue import Outcome

DELETED = "the check is being deleted: nothing is measured any more"


class Reconciler:
    """`report(uid)` is called after every change of what there is to report.

    `postpone(uid)` is asked to have the children of an earlier run applied again when there is time: to call
    `request_reapply`, and to have the check reconciled.
    """

    def __init__(
        self,
        *,
        store: Store,
        client: KubeClient,
        collector: Collector,
        sources: Sources,
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
        self._sources = sources
        self._settings = settings
        self._permissions = permissions
        self._faults = faults
        self._report = report
        self._postpone = postpone
        self._clock = clock

    async def reconcile(self, uid: str) -> Outcome:
        """Reconcile the check. Returns whether it is done; if not, why, and this is to be called again."""
        state = self._store.checks.get(uid)
        if state is None or state.metadata is None:
            # Owner references and the garbage collector do the rest.
            self._collector.forget(uid)
            self._sources.forget(uid)
            return Outcome.DONE
        log = logs.for_check(__name__, state.metadata)
        if not state.present:
            return await self._wind_up(state, log)
        self._compile(state, log)
        unknown = aim(state, self._sources)
        value = self._value_to_run(state) if is_aimed(state) else None
        waits = unknown is not None  # something of which no event may tell
        try:
            # First what is measured already: after a restart that is what people look at.
            await self._collector.sync(state, log=log)
            await end_lingering(state, client=self._client, log=log)
            waits = await ask_why(state, now=self._clock(), client=self._client, log=log) or waits
            if (state.applied.invalid is None or state.applied.compiled is None) and is_aimed(state):
                await self._ensure(state, run_now.request_ids(state, value), log)
            if value is not None:
                waits = not await self._start_jobs(state, value, log) or waits
        except NamespaceTerminating as error:
            # The check goes as well, so there is nothing to try again and nobody to tell.
            log.debug("not reconciled: %s", error)
            return Outcome.DONE
        except ApiError as error:
            log.warning("not reconciled, will retry: %s", error)
            if isinstance(error, Refused | WebhookUnavailable) and state.applied.invalid is None:
                own = isinstance(error, Contested | Overruled)
                said = error.message if own else refused_by_api(error)
                self._conclude(state, Readiness(reason=ReadyReason.WORKLOAD_UNAVAILABLE, message=said))
            return _after(error)
        if unknown:
            self._conclude(state, Readiness(reason=ReadyReason.WORKLOAD_UNAVAILABLE, message=unknown))
        elif unknown is None:
            self._conclude(state, readiness(state))
        return Outcome.WAITING if waits else Outcome.DONE

    async def _wind_up(self, state: CheckState, log: logs.Log) -> Outcome:
        """End the measuring of a check that is being deleted.

        Somebody's finalizer may keep it for as long as they like, and the garbage collector waits for that:
        meanwhile nobody could stop what sends packets, nor take a permission back.
        """
        self._collector.forget(state.uid)
        self._sources.forget(state.uid)
        state.applied.wind_up()
        try:
            await ensure_children(state, (), store=self._store, client=self._client, log=log)
        except ApiError as error:
            log.warning("children of a check that is being deleted are still there, will retry: %s", error)
            return _after(error)
        self._compile(state, log)
        self._conclude(state, Readiness(reason=ReadyReason.WORKLOAD_UNAVAILABLE, message=DELETED))
        return Outcome.DONE

    def _conclude(self, state: CheckState, ready: Readiness) -> None:
        state.applied.reconciled(ready)
        self._report(state.uid)

    def _value_to_run(self, state: CheckState) -> str | None:
        """The value of the annotation run-now that is still to be carried out."""
        value = run_now.requested(state)
        if value is None:
            return None
        if (why := run_now.obstacle(state)) is not None:
            self._settle(state, value, why, started=False)
            return None
        if (done := run_now.measured(state, value)) is not None:
            self._settle(state, value, done, started=True)
            return None
        return value

    async def _start_jobs(self, state: CheckState, value: str, log: logs.Log) -> bool:
        """Whether there is nothing to wait for."""
        try:
            done = await run_now.start_jobs(state, value, self._settings, client=self._client, log=log)
        except NameTaken as taken:
            self._settle(state, value, str(taken), started=False)
            return True
        if done is not None:
            self._settle(state, value, done, started=True)
        return done is not None

    def _settle(self, state: CheckState, value: str, message: str, *, started: bool) -> None:
        now = self._clock()
        state.applied.settle_run_now(
            RunNowOutcome(value=value, started=started, at=now, message=message[:MAX_MESSAGE])
        )

    async def _ensure(self, state: CheckState, request_ids: Mapping[str, str], log: logs.Log) -> None:
        """Have the children of this generation, with these requests for an extra round in their plans."""
        ports = host_ports(state)
        targets = {path: selection.addresses for path, selection in state.applied.selections.items()}
        made_for = (
            state.applied.generation,
            *(tuple(sorted(each.items())) for each in (targets, request_ids, ports)),
        )
        if state.applied.complete_for == made_for and as_applied(state):
            return
        state.applied.begin_children()
        if request_ids:
            # Somebody waits for an extra round.
            state.applied.request_reapply()
        desired = self._desired(state, request_ids, ports)
        if any(_changes_readers(state, manifest) for manifest in desired):
            state.measured.expect_since(self._clock() + PLAN_DELIVERY)
        if await ensure_children(state, desired, store=self._store, client=self._client, log=log):
            state.applied.children_complete(made_for)
        else:
            self._postpone(state.uid)

    def _desired(
        self, state: CheckState, request_ids: Mapping[str, str], ports: Mapping[str, int]
    ) -> tuple[dict[str, Any], ...]:
        """What is not permitted has no children, whoever made them and when; nor what was never valid."""
        if state.applied.compiled is None or state.applied.refused is not None:
            return ()
        return build_children(state.applied.compiled, self._settings, request_ids=request_ids, ports=ports)

    def _compile(self, state: CheckState, log: logs.Log) -> None:
        if state.applied.generation == state.generation:
            return
        try:
            body = {"metadata": state.metadata, "spec": state.observed.spec}
            compiled = self._permissions.limited(compile_check(body))
            refused = self._permissions.refusal(compiled)
        except InvalidSpec as error:
            log.warning("invalid spec: %s", error)
            state.reject(error, generation=state.generation)
            return
        if refused is not None:
            log.warning("not permitted: %s", refused)
        if state.take_up(compiled, generation=state.generation, refused=refused, now=self._clock()):
            self._faults.over(state, Where.RESULT)


def _after(error: ApiError) -> Outcome:
    return Outcome.REFUSED if isinstance(error, Refused) else Outcome.UNREACHABLE


def _changes_readers(state: CheckState, manifest: Mapping[str, Any]) -> bool:
    """Whether the agent that runs has yet to learn the operator's token."""
    child = state.observed.children.get(ChildRef.of(manifest))
    return child is not None and changes_verifiers(child, manifest)
