"""What a check may ask for only where the operator was told to permit it."""

from dataclasses import replace

import pytest

from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.permission import Permissions

from .builders import check, plan


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
        "placement.hostNetwork of path backup is not permitted in namespace network: "
        "remove it, or have the operator run with --allow-host-network for the namespace"
    )


def test_a_check_that_asks_for_nothing_needs_no_permission() -> None:
    assert Permissions().refusal(check()) is None
