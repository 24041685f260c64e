"""Quantities, as Kubernetes writes them."""

from decimal import Decimal

import pytest

from ipsecping_operator.api.resources import amount, is_quantity


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("100m", "0.1"),
        ("250u", "0.00025"),
        (".5", "0.5"),
        ("1.", "1"),
        ("+2", "2"),
        ("64Mi", "67108864"),
        ("1Ti", "1099511627776"),
        ("1E", "1e18"),
        ("1E3", "1000"),
        ("5e-1", "0.5"),
        (3, "3"),
    ],
)
def test_all_forms_of_kubernetes_are_read(text: int | str, units: str) -> None:
    assert is_quantity(text)
    assert amount(text) == Decimal(units)


@pytest.mark.parametrize(
    "text", ["", "-1", -1, "64MB", "64mib", "1K", "1 Gi", "1e999", ".", "1" * 17, "\u0661"]
)
def test_nothing_else_is_a_quantity(text: int | str) -> None:
    assert not is_quantity(text)
