"""Every mistake of tests/mistakes.yaml is refused without a cluster, by its field and in clear words."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ipsecping_operator.api import CheckSpec, InvalidModel
from ipsecping_operator.api.validation import read

MISTAKES = yaml.safe_load((Path(__file__).parents[2] / "mistakes.yaml").read_text())


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["mistake"].replace(" ", "-"))
def test_a_mistake_is_refused_by_its_field(mistake: dict[str, Any]) -> None:
    with pytest.raises(InvalidModel) as caught:
        read(CheckSpec, mistake["spec"], path="spec")
    (error,) = caught.value.errors
    assert error.field == mistake["field"]
    assert (mistake.get("says") or mistake["offline"]) in error.message


def test_every_mistake_in_a_spec_is_told_at_once() -> None:
    spec = {
        "target": "10.0.0.300",
        "schedule": {"interval": "0s"},
        "probes": [{"name": "a", "icmp": {}, "size": 1}, {"name": "B", "icmp": {}}],
    }
    with pytest.raises(InvalidModel) as caught:
        read(CheckSpec, spec, path="spec")
    assert [error.field for error in caught.value.errors] == [
        "spec.target",
        "spec.schedule.interval",
        "spec.probes[0].size",
        "spec.probes[1].name",
    ]
