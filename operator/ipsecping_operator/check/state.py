"""Everything the operator holds in memory about one check, in parts that own their changes.

Each part is changed only by its own methods, which are named after what happened; what concerns several
parts at once is a method here. Pure: the time is passed in.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ipsecping_operator.api.conditions import ConditionType, HealthyReason
from ipsecping_operator.api.names import DIAGNOSE_ANNOTATION, RUN_NOW_ANNOTATION
from ipsecping_operator.compile import CompiledCheck, InvalidSpec
from ipsecping_operator.fault_types import StandingFaults

from .applied import Applied, Selection
from .diagnosed import Diagnosed
from .earlier_run import earlier_run
from .measured import Measured
from .observed import Observed
from .reported import Reported

SECOND = 1_000_000_000
PLAN_DELIVERY = 90 * SECOND
"""Until an edited plan has certainly reached its agent: the kubelet refreshes volumes about once a minute."""
POD_START = 30 * SECOND
"""Until an agent that is to run elsewhere has begun, as a rule; no longer, for nothing is measured."""

_ANNOTATIONS = (RUN_NOW_ANNOTATION, DIAGNOSE_ANNOTATION)
_NOTHING: Mapping[str, Any] = {}
"""One for all checks: of thousands, an empty object each takes memory."""
_KEPT = ("namespace", "name", "uid", "generation", "resourceVersion", "deletionTimestamp")


class CheckState:
    """One check: what was seen of it, what was made for it, what was measured, what was reported."""

    __slots__ = ("applied", "diagnosed", "faults", "measured", "observed", "reported", "uid")

    def __init__(self, uid: str, *, observed: Observed | None = None) -> None:
        self.uid: Final = uid
        self.observed: Final = observed or Observed()
        self.applied: Final = Applied()
        self.measured: Final = Measured()
        self.diagnosed: Final = Diagnosed()
        self.reported: Final = Reported()
        self.faults: Final = StandingFaults()

    @property
    def metadata(self) -> Mapping[str, Any] | None:
        """Of the custom resource; None before it was seen and after it has gone."""
        return self.observed.metadata

    @property
    def namespace(self) -> str:
        """Of the check, which has been seen."""
        assert self.observed.metadata is not None
        return str(self.observed.metadata["namespace"])

    @property
    def name(self) -> str:
        """Of the check, which has been seen."""
        assert self.observed.metadata is not None
        return str(self.observed.metadata["name"])

    @property
    def generation(self) -> int:
        """The newest generation of the check, which has been seen."""
        assert self.observed.metadata is not None
        return int(self.observed.metadata["generation"])

    @property
    def present(self) -> bool:
        """The check exists and is not being deleted."""
        metadata = self.observed.metadata
        return metadata is not None and "deletionTimestamp" not in metadata

    def show(self, body: Mapping[str, Any]) -> None:
        """Take in the check, as a watch shows it, without its status."""
        metadata = body["metadata"]
        annotations = metadata.get("annotations") or {}
        of_ours = {key: annotations[key] for key in _ANNOTATIONS if annotations.get(key)}
        self.observed.show_check(
            {key: metadata[key] for key in _KEPT if key in metadata} | {"annotations": of_ours or _NOTHING},
            # What was compiled already is of no more use.
            _NOTHING if self.applied.generation == metadata["generation"] else body.get("spec") or _NOTHING,
        )

    def inherit(self, status: Mapping[str, Any], *, now: int) -> None:
        """Take over the status of an earlier run: this one sees the check for the first time."""
        self.observed.see_first(now=now)
        self.measured.expect_since(now)
        earlier = earlier_run(status, now=now)
        self.applied.inherit(generation=earlier.made_generation, run_now=earlier.report.run_now)
        self.diagnosed.inherit(earlier.report.diagnosis)
        self.reported.inherit(earlier.report, earlier.notified)
        restored = earlier.report.restored
        self.measured.path_changes.inherit(
            earlier.path_changes, known_until=0 if restored is None else restored.last_result
        )

    def gone(self) -> "CheckState":
        """Return what is left when the check has gone: its children, until they go as well."""
        return CheckState(self.uid, observed=self.observed.check_gone())

    def take_up(self, check: CompiledCheck, *, generation: int, refused: str | None, now: int) -> bool:
        """Take up the newest version, which is valid. Returns whether the plan of any path has changed.

        `refused` says what of it is not permitted.
        """
        before = self.applied.compiled
        # First what may fail: then all is as it was, and tried again as a whole.
        changed = self.measured.follow(check)
        if before is not None and before.suspend and not check.suspend:
            # Measuring begins anew: no result is due from before the pause.
            self.reported.begin_anew()
            self.measured.expect_since(now)
        elif before is not None and (changed or _moved(before, check)) and not self._is_stale():
            self.measured.expect_since(now + (PLAN_DELIVERY if changed else POD_START))
        if before is not None:
            self.diagnosed.follow(before, check)
        self.applied.compiled_as(check, generation=generation, refused=refused)
        self.observed.spec_compiled()
        return changed

    def _is_stale(self) -> bool:
        """An edit makes nothing known of what nobody has heard of."""
        healthy = self.reported.last.conditions.get(ConditionType.HEALTHY)
        return healthy is not None and healthy.reason == HealthyReason.STALE_RESULTS

    def aim(self, selections: Mapping[str, Selection]) -> None:
        """Put the targets that were looked up into the plans. What each has measured goes on."""
        check = self.applied.compiled
        assert check is not None
        paths = (
            replace(path, plan=replace(path.plan, targets=selections[path.plan.path].addresses))
            if path.plan.path in selections
            else path
            for path in check.paths
        )
        aimed = replace(check, paths=tuple(paths))
        if aimed != check:
            self.measured.follow(aimed)
            self.applied.targets_selected(selections, aimed)
        elif selections != self.applied.selections:
            self.applied.targets_selected(selections, check)

    def reject(self, invalid: InvalidSpec, *, generation: int) -> None:
        """Remember that the newest version is invalid; the last valid one goes on."""
        self.applied.rejected(invalid, generation=generation)
        self.observed.spec_compiled()

    def shift(self, by: int) -> None:
        """Follow the operator's clock, which was set forward by so many nanoseconds (back: negative).

        How long ago something was stays as it is. What was said already (transition times, events) stays as
        it was said.
        """
        for part in (self.observed, self.measured, self.diagnosed, self.reported):
            part.shift(by)


def _moved(before: CompiledCheck, after: CompiledCheck) -> bool:
    """Whether other pods are to measure some path than before: they have yet to start."""
    placements = {path.plan.path: path.placement for path in before.paths}
    return any(placements.get(path.plan.path, path.placement) != path.placement for path in after.paths)
