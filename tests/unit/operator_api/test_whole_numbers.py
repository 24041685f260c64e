"""Numbers of YAML that are written with a point."""

from typing import Any

import pytest

from ipsecping_operator.api import CheckSpec, InvalidModel
from ipsecping_operator.api.validation import read


def test_a_whole_number_is_an_integer_however_it_is_written() -> None:
    probe = {"name": "web", "count": 5.0, "tcp": {"port": 443.0}}
    thresholds = {"downAfter": 3.0, "lossPercent": 1.0}
    spec = read(CheckSpec, {"target": "203.0.113.10", "probes": [probe], "thresholds": thresholds})
    assert spec.thresholds is not None
    assert (spec.thresholds.down_after, spec.thresholds.loss_percent) == (3, 1)


@pytest.mark.parametrize(
    ("thresholds", "said"),
    [
        ({"downAfter": 3.5}, "spec.thresholds.downAfter: must be an integer"),
        ({"downAfter": 1e300}, "spec.thresholds.downAfter: must be at most 100"),
        ({"lossPercent": 2.5}, 'spec.thresholds.lossPercent: must be an integer or a string: write "2.5"'),
        ({"lossPercent": 1e300}, "spec.thresholds.lossPercent: must be"),
    ],
)
def test_what_is_no_integer_is_refused_as_ever(thresholds: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidModel) as refused:
        read(CheckSpec, {"target": "203.0.113.10", "thresholds": thresholds}, path="spec")
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("given", [float("inf"), float("nan")])
def test_nobody_is_told_to_write_what_is_no_number_in_quotes(given: float) -> None:
    with pytest.raises(InvalidModel) as refused:
        read(CheckSpec, {"target": "203.0.113.10", "thresholds": {"lossPercent": given}}, path="spec")
    assert str(refused.value) == "spec.thresholds.lossPercent: must be an integer or a string"
