"""Everything the operator holds in memory about one check."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ipsecping_operator.api.conditions import ConditionType, ReadyReason
from ipsecping_operator.children import ChildRef
from ipsecping_operator.compile import CompiledCheck, InvalidSpec
from ipsecping_operator.faults import FaultKey, Standing
from ipsecping_operator.observe.projection import Child, Pod
from ipsecping_operator.results.measurements import Measurements
from ipsecping_operator.results.unreadable import Unreadable
from ipsecping_operator.status.conditions import Condition
from ipsecping_operator.status.extra import ExtraRound
from ipsecping_operator.status.stored import Told
from ipsecping_operator.verdict.judge import Verdict
from ipsecping_operator.verdict.outage import Outage


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
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
class Restored:
    """What an earlier run of the operator wrote into the status; holds until the windows have caught up."""

    figures: Mapping[str, Any]
    last_result: int


@dataclass(slots=True)
class CheckState:
    """One check: what was seen of it, what was made for it, what was measured, what was reported."""

    uid: str

    # Seen
    born: int = 0
    """When this run of the operator first saw the check."""
    body: Mapping[str, Any] | None = None
    """The custom resource without its status; None before it was seen and after it has gone.

    Its spec is empty once it was compiled.
    """
    children: dict[ChildRef, Child] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)

    # Made
    generation: int | None = None
    """The generation that `compiled` or `invalid` is about."""
    compiled: CompiledCheck | None = None
    """The last valid version."""
    invalid: InvalidSpec | None = None
    refused: str | None = None
    """What of the last valid version is not permitted."""
    applied: dict[ChildRef, Applied] = field(default_factory=dict)
    ensured: tuple[object, ...] | None = None
    """The generation, the tickets and the ports whose children are all in `applied`."""
    reported: int | None = None
    """The generation for which an earlier run of the operator reported its children as made."""
    verify: bool = False
    """It is time to apply the children of an earlier run again, to be sure of them."""
    nudges: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Path to the annotations of a plan that its pods have still to be told of."""
    extra: ExtraRound | None = None
    """What became of the newest annotation run-now."""
    extra_jobs: set[str] = field(default_factory=set)
    """Made for the annotation that is being carried out."""

    # Measured
    measurements: Measurements = field(default_factory=Measurements)
    owned: dict[str, bool] = field(default_factory=dict)
    """Pod UID to whether the pod is the check's own, once that is known for good."""
    counted: dict[str, str | None] = field(default_factory=dict)
    """UID of a finished pod to what was wrong with its message, None when it was counted."""
    unread: dict[str, Unreadable] = field(default_factory=dict)
    """UID of a pod to why its agent cannot be read."""
    podless: dict[tuple[str, int], int] = field(default_factory=dict)
    """CronJob and time of its newest round, while that has no pod, to when that was first seen."""
    expected_since: int = 0
    """No result can be missed before this instant."""

    # Reported
    ready: Readiness | None = None
    restored: Restored | None = None
    verdict: Verdict | None = None
    preferred: str | None = None
    """The path last reported as preferred, once all have been measured."""
    extra_told: ExtraRound | None = None
    conditions: dict[ConditionType, Condition] = field(default_factory=dict)
    outages: tuple[Outage, ...] = ()
    outages_begun: int = 0
    """Since the operator started."""
    outage_time: int = 0
    """Nanoseconds of outage that have ended since the operator started."""
    faults: dict[FaultKey, Standing] = field(default_factory=dict)
    """Of the operator, about this check."""
    figureless: bool = False
    """The last report was made without judging: the verdict is of an earlier time."""
    compared: float | None = None
    """When the windows were last compared with what is reported, on the steady clock (seconds)."""
    recheck: float | None = None
    """When time alone may change what is to be reported, on the same clock."""
    written: Told | None = None
    """What the operator last wrote into the status."""
    stored: Told | None = None
    """What the API holds in the status, as far as is known."""

    @property
    def own_pods(self) -> list[Pod]:
        """The pods that are known to be the check's: what others say of theirs is not listened to."""
        return [pod for uid, pod in self.pods.items() if self.owned.get(uid, False)]

    @property
    def namespace(self) -> str:
        """Of the check."""
        assert self.body is not None
        return str(self.body["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """Of the check."""
        assert self.body is not None
        return str(self.body["metadata"]["name"])

    @property
    def present(self) -> bool:
        """The check exists and is not being deleted."""
        return self.body is not None and "deletionTimestamp" not in self.body["metadata"]
