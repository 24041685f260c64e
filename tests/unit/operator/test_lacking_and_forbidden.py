"""What a prober lacks or may not use, told by the field of the check."""

from dataclasses import replace

from ipsecping.contract import Invalidity, ProbeType, RoundResult
from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.check.applied import Readiness
from ipsecping_operator.compile.compiled import KeyRef

from .assessments import assessed, at, healthy, seen, take
from .builders import NOON, SECOND, check, plan, probe, result

KEY = KeyRef(kind="Secret", name="tunnel-keys", key="hq-dc1")


def test_a_missing_key_is_ready_false_until_the_first_round_that_has_it() -> None:
    state = seen(of=check(keys={"ping": KEY}))
    take(state, at(0, received=0, invalid=Invalidity.KEY_MISSING))
    made = assessed(state, at=5)
    ready = made.status["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("False", "KeyMissing")
    assert ready["message"].startswith(
        "Secret tunnel-keys has no usable key hq-dc1, which default/ping signs with: put it there"
    )
    assert healthy(made.status)["reason"] == "MeasurementInvalid"
    take(state, at(30))
    made = assessed(state, at=35)
    assert made.status["conditions"][0]["reason"] == "Reconciled"
    assert healthy(made.status)["reason"] == "WithinThresholds"


def test_missing_certificates_are_ready_false_too_and_count_what_else_is_missing() -> None:
    both = plan(probe("web", type=ProbeType.TCP, port=443, size=0), probe())
    ca = KeyRef(kind="ConfigMap", name="authorities", key="ca.crt", content="certificates", use="trusts")
    state = seen(of=replace(check(both), files={"ping": {"auth": KEY}, "web": {"tls.ca": ca}}))

    def missing(probe_name: str) -> RoundResult:
        return result(of=both, probe_name=probe_name, sent=0, invalid=Invalidity.KEY_MISSING)

    take(state, missing("web"))
    ready = assessed(state, at=5).status["conditions"][0]
    lacking = "ConfigMap authorities has no usable certificates ca.crt, which default/web trusts"
    assert (ready["status"], ready["reason"]) == ("False", "KeyMissing")
    assert ready["message"] == f"{lacking}: put it there, the prober takes it up within about a minute"
    take(state, missing("ping"))
    assert (
        assessed(state, at=5).status["conditions"][0]["message"].startswith(f"{lacking} (1 more is missing)")
    )
    for name in ("web", "ping"):
        take(state, result(of=both, probe_name=name, at=NOON + 30 * SECOND))
    assert assessed(state, at=35).status["conditions"][0]["reason"] == "Reconciled"


def test_a_name_with_an_address_that_is_not_permitted_is_told_by_field_until_it_has_another() -> None:
    limited = plan(target="far.example", allowed=("10.0.0.0/8",))
    state = seen(of=check(limited))
    take(state, result(of=limited, sent=0, invalid=Invalidity.NOT_PERMITTED, remote_ip="192.0.2.7"))
    made = assessed(state, at=5)
    ready = made.status["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("False", "NotPermitted")
    assert ready["message"] == (
        "spec.target: 192.0.2.7, the address of far.example on path default, is not a permitted target in "
        "namespace network: allowed is 10.0.0.0/8 (--allow-targets of the operator)"
    )
    assert healthy(made.status)["reason"] == "MeasurementInvalid"
    take(state, result(of=limited, at=NOON + 30 * SECOND))
    made = assessed(state, at=35)
    assert made.status["conditions"][0]["reason"] == "Reconciled"


def test_a_special_address_that_a_name_has_is_told_as_what_it_is() -> None:
    limited = plan(target="far.example", refused=("169.254.169.254/32", "10.96.0.1/32"))
    state = seen(of=check(limited))
    for address, kind, network in (
        ("169.254.169.254", "a cloud's metadata address", "169.254.169.254/32"),
        ("64:ff9b::a9fe:a9fe", "a cloud's metadata address", "169.254.169.254/32"),
        ("10.96.0.1", "an address of the API server", "10.96.0.1/32"),
    ):
        take(state, result(of=limited, sent=0, invalid=Invalidity.NOT_PERMITTED, remote_ip=address))
        ready = assessed(state, at=5).status["conditions"][0]
        assert (ready["status"], ready["reason"]) == ("False", "NotPermitted")
        assert ready["message"] == (
            f"spec.target: {address}, the address of far.example on path default, is {kind}, not a permitted "
            f"target in namespace network: --allow-targets of the operator has to name {network}, "
            "or a part of it"
        )


def test_a_key_that_is_text_is_not_permitted_by_its_field_until_it_is_marked() -> None:
    signing = plan(probe("datapath", type=ProbeType.STAMP, size=112, port=862))
    state = seen(of=check(signing, keys={"datapath": KEY}))
    take(
        state,
        result(of=signing, probe_name="datapath", sent=0, invalid=Invalidity.KEY_NOT_PERMITTED),
    )
    made = assessed(state, at=5)
    ready = made.status["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("False", "NotPermitted")
    assert ready["message"] == (
        "spec.probes[0].stamp.auth.key: key hq-dc1 of Secret tunnel-keys is not permitted in namespace "
        "network: allowed are keys of at least 32 bytes, written as hex:... or base64:... "
        "(--allow-text-keys of the operator)"
    )
    assert healthy(made.status)["reason"] == "MeasurementInvalid"
    take(state, result(of=signing, probe_name="datapath", at=NOON + 30 * SECOND))
    assert assessed(state, at=35).status["conditions"][0]["reason"] == "Reconciled"


def test_a_workload_that_does_not_run_is_told_before_a_key_that_is_missing() -> None:
    state = seen(of=check(keys={"ping": KEY}))
    take(state, at(0, received=0, invalid=Invalidity.KEY_MISSING))
    state.applied.reconciled(Readiness(reason=ReadyReason.WORKLOAD_UNAVAILABLE, message="no pod can be made"))
    assert assessed(state, at=5).status["conditions"][0]["reason"] == "WorkloadUnavailable"
