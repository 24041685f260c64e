"""A number that is written with a point and is whole is an integer, by way of kubectl and offline alike.

What is written in Go (kubectl, Flux, Argo CD) sends 3.0 as 3. The API server's rules would not know what
to make of 3.0 itself.
"""

from typing import Any

import pytest

from ipsecping_operator.api import CheckSpec, InvalidModel
from ipsecping_operator.api.validation import read

from .kubectl import Kubectl, manifest

NUMBERS: tuple[tuple[dict[str, Any], bool], ...] = (
    ({"thresholds": {"downAfter": 3.0}}, True),
    ({"thresholds": {"downAfter": 3.5}}, False),
    ({"thresholds": {"downAfter": 1e3}}, False),
    ({"thresholds": {"lossPercent": 1.0}}, True),
    ({"thresholds": {"lossPercent": 2.5}}, False),
    ({"thresholds": {"lossPercent": 1e2}}, True),
    ({"probes": [{"name": "web", "count": 5.0, "tcp": {"port": 443.0}}]}, True),
    ({"probes": [{"name": 1.0, "icmp": {}}]}, False),
)


@pytest.mark.parametrize(("part", "taken"), NUMBERS, ids=lambda value: str(value))
def test_whole_numbers_with_a_point(dry: Kubectl, part: dict[str, Any], taken: bool) -> None:
    spec = {"target": "203.0.113.10", **part}
    done = dry.run("create", "--dry-run=server", "-f", "-", stdin=manifest(spec))
    assert (done.returncode == 0) is taken, done.stderr
    if taken:
        read(CheckSpec, spec)
    else:
        with pytest.raises(InvalidModel):
            read(CheckSpec, spec)
