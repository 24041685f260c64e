"""A check that turns unhealthy says which layer is broken (all: `make catalogue THROUGH=operator`)."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ipsecping_lab import workbench
from ipsecping_lab.workbench import kubectl

from ..catalogue.cases import CASES
from ..catalogue.conditions import wrong
from ..catalogue.conditions_run import Through

CHOSEN = {"a": "esp-drop both", "b": "responder-down stamp"}
"""Told by silence, and by a refusal."""


@pytest.fixture(scope="module")
def through() -> Iterator[Through]:
    if workbench.existing_cluster():
        pytest.skip("LAB=existing: faults are only injected into the lab's own tunnels")
    with Through() as made:
        yield made


def test_a_user_asks_for_a_diagnosis_by_the_annotation_and_waits_for_it(through: Through) -> None:
    namespace, value = through.checks.bench.namespace, str(int(time.time()))
    kubectl("-n", namespace, "annotate", "itc", "c", f"ipsecping.dev/diagnose={value}", "--overwrite")
    request = f"--for=jsonpath={{.status.diagnosis.request}}={value}"
    kubectl("-n", namespace, "wait", "itc/c", request, "--timeout=60s")
    told = through.checks.bench.check("c")["status"]["diagnosis"]
    assert (told["outcome"], told["trigger"]) == ("NoFault", "Annotation")


def test_an_outage_is_told_and_its_layer_named_by_itself(through: Through) -> None:
    with ThreadPoolExecutor(len(CHOSEN)) as pool:
        found = list(pool.map(lambda letter: through.measure(CASES[CHOSEN[letter]], letter), CHOSEN))
    for outage in found:
        assert outage.reason in {"LossHigh", "Down"}
        assert outage.diagnosis is not None
        assert list(wrong(outage)) == [], outage.reported
        namespace = through.checks.bench.namespace
        assert "Diagnosed" in kubectl("-n", namespace, "events", "--for", f"itc/{outage.path}")
