"""Part of a check's state: what the operator has made of it. Pure.

Nothing in it is an instant on the operator's clock, so nothing of it is shifted when that is set: when an
extra round was told of stays as it was told.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from itertools import islice

from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.children import ChildRef
from ipsecping_operator.compile import CompiledCheck, InvalidSpec
from ipsecping_operator.status.run_now import RunNowOutcome

MOST_TOLD = 8
"""Fields that others changed, of which is told."""
_NO_JOBS: frozenset[str] = frozenset()
"""One for all checks: of thousands, an empty set each takes memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedChild:
    """What the API server stored when a child was last applied."""

    digest: str
    uid: str
    version: int
    """Changes with every edit of what was applied, and with nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Reason and message of the condition Ready."""

    reason: ReadyReason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The targets that were looked up for a path."""

    addresses: tuple[str, ...]
    """Those that are measured."""
    found: int
    """How many there are."""
    more: bool = False
    """There are further ones, which are not looked at."""
    refused: str | None = None
    """One that the check may not have probed."""


class Applied:
    """The compiled spec, the children applied, the extra round asked for, and how reconciling has ended."""

    __slots__ = (
        "_children",
        "_compiled",
        "_complete_for",
        "_edited",
        "_edits",
        "_generation",
        "_inherited_generation",
        "_invalid",
        "_pods_to_refresh",
        "_readiness",
        "_reapply",
        "_refused",
        "_run_now",
        "_selections",
        "_started_jobs",
    )

    def __init__(self) -> None:
        self._generation: int | None = None
        self._compiled: CompiledCheck | None = None
        self._invalid: InvalidSpec | None = None
        self._refused: str | None = None
        self._children: dict[ChildRef, AppliedChild] = {}
        self._complete_for: tuple[object, ...] | None = None
        self._edits: tuple[float, ...] = ()
        self._edited: tuple[tuple[str, str], ...] = ()
        self._inherited_generation: int | None = None
        self._reapply = False
        self._pods_to_refresh: dict[str, Mapping[str, str]] = {}
        self._run_now: RunNowOutcome | None = None
        self._selections: Mapping[str, Selection] = {}
        self._started_jobs = _NO_JOBS
        self._readiness: Readiness | None = None

    @property
    def generation(self) -> int | None:
        """The generation that `compiled` or `invalid` is about."""
        return self._generation

    @property
    def compiled(self) -> CompiledCheck | None:
        """The last valid version of the check."""
        return self._compiled

    @property
    def invalid(self) -> InvalidSpec | None:
        """What is wrong with the newest version, if that is invalid."""
        return self._invalid

    @property
    def refused(self) -> str | None:
        """What of the last valid version is not permitted."""
        return self._refused

    @property
    def children(self) -> Mapping[ChildRef, AppliedChild]:
        """Children that this run of the operator has applied."""
        return self._children

    @property
    def selections(self) -> Mapping[str, Selection]:
        """Path to its targets, where these were looked up."""
        return self._selections

    @property
    def complete_for(self) -> tuple[object, ...] | None:
        """The generation, targets, request identifiers and ports whose children are all in `children`."""
        return self._complete_for

    @property
    def inherited_generation(self) -> int | None:
        """The generation for which an earlier run of the operator reported its children as made."""
        return self._inherited_generation

    @property
    def reapply(self) -> bool:
        """Children of an earlier run are applied again as well, to be sure of them."""
        return self._reapply

    @property
    def pods_to_refresh(self) -> Mapping[str, Mapping[str, str]]:
        """Path to the annotations of its plan that its pods have still to be given."""
        return self._pods_to_refresh

    @property
    def edited(self) -> tuple[tuple[str, str], ...]:
        """Fields of a child that were changed last, with who did so, as far as the API has said."""
        return self._edited

    @property
    def run_now(self) -> RunNowOutcome | None:
        """What became of the newest annotation run-now."""
        return self._run_now

    @property
    def started_jobs(self) -> Set[str]:
        """Names of the Jobs made for the annotation that is being carried out."""
        return self._started_jobs

    @property
    def readiness(self) -> Readiness | None:
        """How the last reconcile ended; None before the first."""
        return self._readiness

    def inherit(self, *, generation: int | None, run_now: RunNowOutcome | None) -> None:
        """Take over what an earlier run of the operator reported in the status."""
        self._inherited_generation, self._run_now = generation, run_now

    def compiled_as(self, compiled: CompiledCheck, *, generation: int, refused: str | None) -> None:
        """Take up the newest version of the check, which is valid, whether permitted or not."""
        self._compiled, self._invalid = compiled, None
        self._refused, self._generation = refused, generation
        self._selections = {}

    def targets_selected(self, selections: Mapping[str, Selection], compiled: CompiledCheck) -> None:
        """Take up the targets that were looked up: `compiled` is the check with these in its plans."""
        self._selections, self._compiled = selections, compiled

    def rejected(self, invalid: InvalidSpec, *, generation: int) -> None:
        """Remember that the newest version of the check is invalid: the last valid one goes on."""
        self._invalid, self._generation = invalid, generation

    def begin_children(self) -> None:
        """Count the children as incomplete until applying them has ended well."""
        self._complete_for = None

    def children_complete(self, made_for: tuple[object, ...]) -> None:
        """Remember that all children are applied for this: see `complete_for`."""
        self._complete_for = made_for

    def child_applied(self, ref: ChildRef, stored: AppliedChild) -> None:
        """Remember a child as the API server has stored it."""
        self._children[ref] = stored

    def edits_since(self, instant: float) -> int:
        """How often children were not as they had been applied, since then; forgets what was before."""
        self._edits = tuple(at for at in self._edits if at > instant)
        return len(self._edits)

    def note_edit(self, *, at: float) -> None:
        """Remember that a child was not as it had been applied; steady clock, seconds."""
        self._edits += (at,)

    def edited_by(self, managers: Iterable[tuple[str, str]]) -> None:
        """Remember who has changed which fields of a child."""
        self._edited = tuple(islice(managers, MOST_TOLD))

    def child_deleted(self, ref: ChildRef) -> None:
        """Forget a child that was deleted, as it is not needed any more."""
        self._children.pop(ref, None)

    def request_reapply(self) -> None:
        """Have the children of an earlier run applied again."""
        self._reapply = True

    def refresh_pods(self, path: str, annotations: Mapping[str, str]) -> None:
        """Have the pods of this path told of a plan with these annotations."""
        self._pods_to_refresh[path] = annotations

    def pods_refreshed(self, path: str) -> None:
        """Remember that the pods of this path were told."""
        del self._pods_to_refresh[path]

    def wind_up(self) -> None:
        """Let the children go: the check is being deleted, and no pod has to be told of anything."""
        self._complete_for = None
        self._pods_to_refresh.clear()

    def job_started(self, name: str) -> None:
        """Remember that a Job is there for the annotation that is being carried out."""
        self._started_jobs |= {name}

    def settle_run_now(self, outcome: RunNowOutcome) -> None:
        """Remember how the annotation run-now was carried out, or why it cannot be."""
        self._run_now = outcome
        self._started_jobs = _NO_JOBS

    def reconciled(self, readiness: Readiness) -> None:
        """Remember what a reconcile that has ended says of Ready."""
        self._readiness = readiness
