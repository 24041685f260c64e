"""One result as a flat set of labels and fields, for databases and logs."""

import re
from typing import NamedTuple

from ..contract import PlannedCheck, RoundResult
from ..contract.figure import Field
from ..contract.methods import ordered

SECOND = 1_000_000_000
LABELS = ("namespace", "check", "tunnel_name", "path", "probe", "type", "target")
"""What names a series, in the order of documentation."""
ADDRESS_LABEL = "remote_ip"
"""One more, where each address of the target is measured by itself."""
PERCENTILES = (50, 90, 99)


class Measured(NamedTuple):
    """A result and the plan it was measured under, which knows the names that the result does not carry."""

    check: PlannedCheck
    result: RoundResult

    @property
    def labels(self) -> dict[str, str]:
        """All of `LABELS`, and `ADDRESS_LABEL` where that tells series apart."""
        labels = dict(zip(LABELS, self.series, strict=False))
        return labels | {ADDRESS_LABEL: self.address} if self.address else labels

    @property
    def series(self) -> tuple[str, ...]:
        """The values of `LABELS`."""
        check, result = self.check, self.result
        return (
            check.namespace,
            check.name,
            check.tunnel_name,
            check.path,
            result.probe,
            result.type,
            check.target,
        )

    @property
    def address(self) -> str:
        """The address, where each is measured by itself; else empty."""
        return self.result.remote_ip or "" if self.result.addresses is not None else ""

    @property
    def ended_at(self) -> int:
        """When the round was over, nanoseconds since the Unix epoch."""
        return self.result.started_at + self.result.duration


def fields(result: RoundResult) -> dict[str, Field]:
    """The figures of one round: counts as integers, times in seconds. What is unknown is left out.

    An invalid round says why and nothing else: whoever averages over all rows must not take its losses for
    the path's.
    """
    said: dict[str, Field | None] = {
        "clock": result.clock.value,
        "remote_ip": result.remote_ip,
        "duration_seconds": result.duration / SECOND,
    }
    if result.invalid is not None:
        said["invalid"] = result.invalid.value
    else:
        said |= _counts(result) | _times(result)
        for figure in ordered(result.figures):
            said |= figure.fields()
    return {name: value for name, value in said.items() if value is not None}


def _counts(result: RoundResult) -> dict[str, Field | None]:
    lost = result.sent - result.received
    return {
        "sent": result.sent,
        "received": result.received,
        "lost": lost,
        "loss_ratio": lost / result.sent if result.sent else None,
        "forward_lost": result.forward_lost,
        "reverse_lost": result.reverse_lost,
        "min_forward_lost": result.min_forward_lost or None,
        "min_reverse_lost": result.min_reverse_lost or None,
        "duplicates": result.duplicates,
        "reordered": result.reordered,
        **{f"lost_{_snake(reason)}": count for reason, count in result.losses.items()},
    }


def _times(result: RoundResult) -> dict[str, Field | None]:
    rtt = result.rtt
    times: dict[str, float | None] = {
        "rtt_min": rtt.min,
        "rtt_mean": rtt.sum / rtt.count if rtt.count else None,
        **{f"rtt_p{percent}": rtt.percentile(percent) for percent in PERCENTILES},
        "rtt_max": rtt.max,
        "jitter": result.jitter_sum / result.jitter_count if result.jitter_count else None,
    }
    return {f"{name}_seconds": None if time is None else time / SECOND for name, time in times.items()}


def _snake(name: str) -> str:
    """`TLSFailed` as `tls_failed`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
