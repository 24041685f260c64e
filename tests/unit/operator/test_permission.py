"""What a check may ask for only where the operator was told to permit it."""

from dataclasses import replace

import pytest

from ipsecping.contract import HttpOptions, IkeOptions, ProbeType
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.compile.compiled import KeyRef
from ipsecping_operator.permission import Permissions

from .builders import check, plan, probe


def asking() -> CompiledCheck:
    """A check of two paths, the second of which wants the node's own network."""
    made = check(plan(path="primary"), plan(path="backup"))
    primary, backup = made.paths
    return replace(
        made, paths=(primary, replace(backup, placement=replace(backup.placement, host_network=True)))
    )


@pytest.mark.parametrize("namespaces", [{"network"}, {"*"}, {"other", "network"}])
def test_what_is_permitted_in_the_namespace_may_be_asked_for(namespaces: set[str]) -> None:
    assert Permissions(host_network=frozenset(namespaces)).refusal(asking()) is None


@pytest.mark.parametrize("namespaces", [set(), {"other"}])
def test_anywhere_else_the_field_is_named_with_the_remedy(namespaces: set[str]) -> None:
    said = Permissions(host_network=frozenset(namespaces)).refusal(asking())
    assert said == (
        "spec.placement.hostNetwork: true is not permitted in namespace network: remove it, or "
        "have the operator run with --allow-host-network for the namespace"
    )


def test_a_check_that_asks_for_nothing_needs_no_permission() -> None:
    assert Permissions().refusal(check()) is None


def refused(of: CompiledCheck, **targets: tuple[str, ...]) -> str | None:
    permissions = Permissions(
        targets={name.replace("everywhere", "*"): each for name, each in targets.items()}
    )
    return permissions.refusal(permissions.limited(of))


@pytest.mark.parametrize(
    "targets",
    [
        {"network": ("203.0.113.0/24",)},
        {"everywhere": ("2001:db8::/32", "203.0.113.10/32")},
        {"everywhere": ("10.0.0.0/8",), "network": ("0.0.0.0/0",)},
    ],
)
def test_a_target_within_the_networks_of_its_namespace_is_permitted(
    targets: dict[str, tuple[str, ...]],
) -> None:
    assert refused(check(), **targets) is None


@pytest.mark.parametrize(
    ("targets", "allowed"),
    [
        ({"network": ("10.0.0.0/8", "2001:db8::/32")}, "10.0.0.0/8, 2001:db8::/32"),
        ({"other": ("203.0.113.0/24",)}, "nothing"),
        ({"everywhere": ("203.0.113.0/24",), "network": ()}, "nothing"),
        (
            {"everywhere": tuple(f"10.{n}.0.0/16" for n in range(5))},
            "10.0.0.0/16, 10.1.0.0/16, 10.2.0.0/16 and 2 more networks",
        ),
    ],
)
def test_any_other_is_named_with_what_is_allowed(targets: dict[str, tuple[str, ...]], allowed: str) -> None:
    assert refused(check(), **targets) == (
        "spec.target: 203.0.113.10 is not a permitted target in namespace network: allowed is "
        f"{allowed} (--allow-targets of the operator)"
    )


def test_every_field_that_packets_are_sent_by_is_looked_at() -> None:
    web = probe("web", type=ProbeType.HTTP, size=0, options=HttpOptions(url="https://192.0.2.7:8443/"))
    ike = probe("ike", type=ProbeType.IKE, size=0, options=IkeOptions(gateway="192.0.2.8"))
    made = check(plan(probe(), path="a"), plan(probe(), path="b", target="192.0.2.9"))
    first, second = made.paths
    backup = replace(made, paths=(first, replace(second, target_field="spec.paths[1].target")))
    networks = ("203.0.113.0/24",)
    for of, said in (
        (check(plan(probe(), web)), "spec.probes[1].http.url: 192.0.2.7 is not a permitted target"),
        (check(plan(probe(), ike)), "spec.tunnel.gateway: 192.0.2.8 is not a permitted target"),
        (backup, "spec.paths[1].target: 192.0.2.9 is not a permitted target"),
    ):
        assert str(refused(of, network=networks)).startswith(said)
    several = str(refused(check(plan(probe(), web, ike)), network=networks))
    assert several.endswith("(and 1 more field)")


def test_credentials_are_sent_only_where_the_operator_names_networks() -> None:
    options = HttpOptions(url="https://app.example/", token_file="/etc/token")
    sending = check(plan(probe(), probe("web", type=ProbeType.HTTP, size=0, options=options)))
    assert Permissions().refusal(Permissions().limited(sending)) == (
        "spec.probes[1].http: credentials are not permitted in namespace network: they are sent only to "
        "networks that the operator names for it (--allow-targets)"
    )
    named = Permissions(targets={"*": ("203.0.113.0/24",)})
    assert named.refusal(named.limited(sending)) is None


def test_every_secret_that_is_mounted_needs_a_name_that_is_permitted() -> None:
    web = probe("web", type=ProbeType.HTTP, size=0, options=HttpOptions(url="https://a/"))
    for path in ("bearerToken", "tls.clientKey", "basicAuth.password"):
        mounting = replace(
            check(plan(web)), files={"web": {path: KeyRef(kind="Secret", name="database", key="k")}}
        )
        assert Permissions().refusal(mounting) == (
            f"spec.probes[0].http.{path}.secretName: database is not a permitted Secret in namespace "
            "network: allowed is ipsecping-* (--allow-secrets of the operator)"
        )


def test_names_are_left_to_the_prober_which_is_told_the_networks() -> None:
    permissions = Permissions(targets={"*": ("10.0.0.0/8",)})
    made = permissions.limited(check(plan(target="far.example")))
    assert permissions.refusal(made) is None
    assert made.paths[0].plan.allowed == ("10.0.0.0/8",)
    assert Permissions().limited(check()).paths[0].plan.allowed is None
