"""The check and the probe that the books of these tests are about."""

from ipsecping.contract import CheckRef, PlannedProbe, ProbeType

MS = 1_000_000


TIMEOUT = 20 * MS


CHECK = CheckRef(uid="u", namespace="n", name="c", generation=1, nonce="x", path="p")


PROBE = PlannedProbe(
    name="probe", type=ProbeType.STAMP, count=1, spacing_ms=10, timeout_ms=20, size=44, port=862
)
