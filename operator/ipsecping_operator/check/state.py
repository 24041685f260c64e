"""Everything the operator holds in memory about one check, in parts that own their changes.

Each part is changed only by its own methods, which are named after what happened; what concerns several
parts at once is a method here. Pure: the time is passed in.
"""

from collections.abc import Mapping
from typing import Any

from ipsecping_operator.api.names import RUN_NOW_ANNOTATION
from ipsecping_operator.compile import CompiledCheck, InvalidSpec
from ipsecping_operator.faults import StandingFaults

from .applied import Applied
from .earlier_run import earlier_run
from .measured import Measured
from .observed import Observed
from .reported import Reported

SECOND = 1_000_000_000
PLAN_DELIVERY = 90 * SECOND
"""Until an edited plan has certainly reached its agent: the kubelet refreshes volumes about once a minute."""

_KEPT = ("namespace", "name", "uid", "generation", "resourceVersion", "deletionTimestamp")


class CheckState:
    """One check: what was seen of it, what was made for it, what was measured, what was reported."""

    __slots__ = ("_applied", "_faults", "_measured", "_observed", "_reported", "_uid")

    def __init__(self, uid: str) -> None:
        self._uid = uid
        self._observed = Observed()
        self._applied = Applied()
        self._measured = Measured()
        self._reported = Reported()
        self._faults = StandingFaults()

    @property
    def uid(self) -> str:
        """Of the custom resource."""
        return self._uid

    @property
    def observed(self) -> Observed:
        """What the watches have shown."""
        return self._observed

    @property
    def applied(self) -> Applied:
        """What was made of it."""
        return self._applied

    @property
    def measured(self) -> Measured:
        """What was measured."""
        return self._measured

    @property
    def reported(self) -> Reported:
        """What was reported."""
        return self._reported

    @property
    def faults(self) -> StandingFaults:
        """Faults of the operator about this check."""
        return self._faults

    @property
    def metadata(self) -> Mapping[str, Any] | None:
        """Of the custom resource; None before it was seen and after it has gone."""
        return self._observed.metadata

    @property
    def namespace(self) -> str:
        """Of the check, which has been seen."""
        assert self._observed.metadata is not None
        return str(self._observed.metadata["namespace"])

    @property
    def name(self) -> str:
        """Of the check, which has been seen."""
        assert self._observed.metadata is not None
        return str(self._observed.metadata["name"])

    @property
    def generation(self) -> int:
        """The newest generation of the check, which has been seen."""
        assert self._observed.metadata is not None
        return int(self._observed.metadata["generation"])

    @property
    def present(self) -> bool:
        """The check exists and is not being deleted."""
        metadata = self._observed.metadata
        return metadata is not None and "deletionTimestamp" not in metadata

    def show(self, body: Mapping[str, Any]) -> None:
        """A watch shows the check; its status is not looked at."""
        metadata = body["metadata"]
        run_now = (metadata.get("annotations") or {}).get(RUN_NOW_ANNOTATION)
        self._observed.show_check(
            {key: metadata[key] for key in _KEPT if key in metadata}
            | {"annotations": {RUN_NOW_ANNOTATION: run_now} if run_now else {}},
            # What was compiled already is of no more use.
            {} if self._applied.generation == metadata["generation"] else body.get("spec") or {},
        )

    def inherit(self, status: Mapping[str, Any], *, now: int) -> None:
        """This run of the operator sees the check for the first time, with the status of an earlier run."""
        self._observed.see_first(now=now)
        self._measured.expect_since(now)
        earlier = earlier_run(status, now=now)
        self._applied.inherit(generation=earlier.made_generation, run_now=earlier.report.run_now)
        self._reported.inherit(earlier.report)

    def gone(self) -> "CheckState":
        """The check has gone, with all that was measured and reported: what is left until its children go."""
        left = CheckState(self._uid)
        left._observed = self._observed.check_gone()
        return left

    def take_up(self, check: CompiledCheck, *, generation: int, refused: str | None, now: int) -> bool:
        """The newest version is valid; whether the plan of any path has changed.

        `refused` says what of it is not permitted.
        """
        before = self._applied.compiled
        # First what may fail: then all is as it was, and tried again as a whole.
        changed = self._measured.follow(check)
        if before is not None and before.suspend and not check.suspend:
            # Measuring begins anew: no result is due from before the pause.
            self._reported.begin_anew()
            self._measured.expect_since(now)
        elif before is not None and changed:
            self._measured.expect_since(now + PLAN_DELIVERY)
        self._applied.compiled_as(check, generation=generation, refused=refused)
        self._observed.spec_compiled()
        return changed

    def reject(self, invalid: InvalidSpec, *, generation: int) -> None:
        """The newest version is invalid; the last valid one goes on."""
        self._applied.rejected(invalid, generation=generation)
        self._observed.spec_compiled()

    def shift(self, by: int) -> None:
        """The operator's clock was set forward by so many nanoseconds (back: negative).

        How long ago something was stays as it is. What was said already (transition times, events) stays as
        it was said.
        """
        for part in (self._observed, self._measured, self._reported):
            part.shift(by)
