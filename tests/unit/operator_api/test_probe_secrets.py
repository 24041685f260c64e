"""Keys, credentials and certificates of probes: mounted, and named in the plan."""

import pytest

from ipsecping.contract import (
    HttpOptions,
    PathMtuOptions,
    Plan,
    StampOptions,
    TcpOptions,
    TlsOptions,
    plan_from_json,
    plan_to_json,
)
from ipsecping_operator.compile import InvalidSpec, compile_check
from ipsecping_operator.compile.compiled import KeyRef
from ipsecping_operator.compile.effective import effective_spec

from .probe_plans import HTTPS, METADATA, compiled


def test_authenticated_stamp_is_as_long_as_its_packet_and_names_the_file_of_its_keys() -> None:
    check = compiled({"stamp": {"auth": {"secretName": "tunnel-keys", "key": "hq-dc1"}}})
    (made,) = check.paths[0].plan.probes
    key = KeyRef(kind="Secret", name="tunnel-keys", key="hq-dc1")
    assert made.size == 112
    assert made.options == StampOptions(key_file=key.file, marked_keys=True)
    assert dict(check.files) == {"p0": {"auth": key}}


def test_an_authenticated_search_for_the_path_mtu_names_the_file_of_its_keys() -> None:
    check = compiled({"pathMTU": {"auth": {"secretName": "tunnel-keys", "key": "hq-dc1"}}}, {"pathMTU": {}})
    key = KeyRef(kind="Secret", name="tunnel-keys", key="hq-dc1")
    options = [probe.options for probe in check.paths[0].plan.probes]
    assert options == [PathMtuOptions(key_file=key.file, marked_keys=True), PathMtuOptions()]
    assert dict(check.files) == {"p0": {"auth": key}}
    assert check.mounted == (key,)
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check


def test_authorities_of_one_s_own_are_mounted_and_named_in_the_plan() -> None:
    tls = {"ca": {"configMapName": "dc1-ca", "key": "ca.crt"}}
    check = compiled({"tcp": {"port": 443, "tls": tls}}, {"http": {"url": HTTPS, "tls": tls}})
    authority = KeyRef(kind="ConfigMap", name="dc1-ca", key="ca.crt")
    tcp, http = (probe.options for probe in check.paths[0].plan.probes)
    assert tcp == TcpOptions(tls=TlsOptions(ca_file=authority.file))
    assert http == HttpOptions(url=HTTPS, tls=TlsOptions(ca_file=authority.file))
    assert check.mounted == (authority,)
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check


def test_credentials_and_a_client_certificate_are_mounted_and_named_in_the_plan() -> None:
    password, certificate, key = (
        {"secretName": "ipsecping-app", "key": each} for each in ("password", "tls.crt", "tls.key")
    )
    check = compiled(
        {
            "http": {
                "url": HTTPS,
                "basicAuth": {"username": "probe", "password": password},
                "tls": {"clientCertificate": certificate, "clientKey": key},
            }
        },
        {"http": {"url": "http://a/", "bearerToken": password, "insecureCredentials": True}},
    )
    refs = {path: ref.key for path, ref in check.files["p0"].items()}
    assert refs == {
        "basicAuth.password": "password", "tls.clientCertificate": "tls.crt", "tls.clientKey": "tls.key"
    }  # fmt: skip
    first, second = (probe.options for probe in check.paths[0].plan.probes)
    assert first == HttpOptions(
        url=HTTPS,
        username="probe",
        password_file=check.files["p0"]["basicAuth.password"].file,
        tls=TlsOptions(
            certificate_file=check.files["p0"]["tls.clientCertificate"].file,
            certificate_key_file=check.files["p0"]["tls.clientKey"].file,
        ),
    )
    assert second is not None
    assert second.discloses_secret
    assert len(check.mounted) == 3
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check


def test_a_secret_and_a_config_map_of_the_same_name_do_not_collide() -> None:
    secret, config_map = (KeyRef(kind=kind, name="a", key="b") for kind in ("Secret", "ConfigMap"))
    assert secret.file != config_map.file


@pytest.mark.parametrize("name", [1, 253])
@pytest.mark.parametrize("key", ["k" * 253, "k" * 128, ".k", "_k-", "-k."])
def test_what_kubernetes_takes_as_the_key_of_a_secret_fits_into_the_plan(name: int, key: str) -> None:
    check = compiled({"stamp": {"auth": {"secretName": "s" * name, "key": key}}})
    plan = Plan(checks=(check.paths[0].plan,))
    assert plan_from_json(plan_to_json(plan)) == plan


def test_keys_whose_names_are_too_long_for_a_path_are_mounted_apart() -> None:
    refs = [KeyRef(kind="Secret", name="s" * 253, key="k" * 252 + end) for end in "ab"]
    assert len({ref.path for ref in refs}) == 2
    assert {len(ref.path.split("/")) for ref in refs} == {2}


@pytest.mark.parametrize("key", [".", "..", "..data", "a/b", "a b", "", "k" * 254])
def test_what_kubernetes_does_not_take_as_a_key_is_refused_by_its_field(key: str) -> None:
    with pytest.raises(InvalidSpec, match=r"stamp\.auth\.key"):
        compiled({"stamp": {"auth": {"secretName": "s", "key": key}}})
