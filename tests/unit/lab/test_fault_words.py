"""What people may type behind `lab fault set`."""

import pytest

from ipsecping_lab.errors import LabError
from ipsecping_lab.ipsec.faults.model import Fault, read
from ipsecping_lab.ipsec.faults.types import TYPES


def words(text: str) -> list[Fault]:
    name, *rest = text.split()
    return read(TYPES, name, rest, now=0)


def test_a_fault_without_a_direction_is_set_in_both() -> None:
    assert [fault.direction for fault in words("delay a ms=40")] == ["out", "in"]


def test_both_means_one_fault_for_each_direction() -> None:
    assert words("loss b both percent=5") == words("loss b percent=5")


def test_path_a_is_meant_when_none_is_named() -> None:
    assert {fault.path for fault in words("loss percent=5")} == {"a"}


def test_the_first_argument_needs_no_name() -> None:
    assert words("delay b out 40") == words("delay b out ms=40")


def test_a_fault_is_written_as_it_would_be_typed() -> None:
    (fault,) = words("reorder b in 10")
    assert fault.text() == "reorder b in percent=10 ms=50"
    assert words(fault.text()) == [fault]


def test_a_fault_survives_being_stored() -> None:
    (fault,) = words("delay a out ms=40")
    assert Fault.from_data(fault.as_data()) == fault


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("los a percent=5", "los"),
        ("loss a percent=101", "percent"),
        ("loss a percent=nan", "percent"),
        ("loss a", "percent"),
        ("loss a percent=5 ms=3", "ms"),
        ("loss d percent=5", "d"),
        ("leak a family=IPv5", "family"),
        ("nat a out", "out"),
        ("responder-down a which=http", "which"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_word_in_the_message(typed: str, named: str) -> None:
    with pytest.raises(LabError, match=named):
        words(typed)
