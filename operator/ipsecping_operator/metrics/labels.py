"""The labels of every series of a check, and of a probe."""

from ipsecping_operator.check.series import Series
from ipsecping_operator.check.state import CheckState

CHECK_LABELS = ("namespace", "check", "tunnel_name")
PROBE_LABELS = (*CHECK_LABELS, "path", "probe", "type", "target")


def check_labels(state: CheckState) -> list[str]:
    """Return the values of CHECK_LABELS, of a check that was compiled."""
    assert state.applied.compiled is not None
    return [
        state.applied.compiled.namespace,
        state.applied.compiled.name,
        state.applied.compiled.tunnel_name,
    ]


def probe_labels(state: CheckState, key: tuple[str, str], series: Series) -> list[str]:
    """Return the values of PROBE_LABELS; `key` is path and probe."""
    return [*check_labels(state), *key, series.basis.probe.type, series.basis.target]
