"""`ipsecping-operator render` and `crd`: what users see without a cluster."""

import json
from pathlib import Path

import pytest
import yaml

from ipsecping.contract import plan_from_json
from ipsecping_operator.cli import main

SAMPLES = sorted((Path(__file__).parents[3] / "manifests" / "samples").glob("*.yaml"))
SMALLEST = """\
apiVersion: ipsecping.dev/v1alpha1
kind: IPsecTunnelCheck
metadata: {name: hq-dc1, namespace: network}
spec: {target: 203.0.113.10}
"""


def write(directory: Path, text: str) -> str:
    path = directory / "check.yaml"
    path.write_text(text)
    return str(path)


def render(capsys: pytest.CaptureFixture[str], *names: str) -> tuple[int, str, list[str]]:
    status = main(["render", *(word for name in names for word in ("-f", name))])
    captured = capsys.readouterr()
    return status, captured.out, captured.err.splitlines()


def test_the_effective_spec_shows_every_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = render(capsys, write(tmp_path, SMALLEST))
    assert status == 0
    check, config_map, deployment = yaml.safe_load_all(out)
    assert check["spec"]["schedule"] == {"interval": "30s"}
    assert check["spec"]["probes"] == [
        {
            "name": "ping",
            "count": 10,
            "spacing": "500ms",
            "timeout": "2s",
            "size": 56,
            "dscp": 0,
            "expect": "Reachable",
            "icmp": {},
        }
    ]
    assert check["spec"]["thresholds"] == {
        "window": "5m",
        "lossPercent": "1",
        "downAfter": 3,
        "recoverAfter": 1,
        "preferAfter": 5,
    }
    assert (config_map["kind"], deployment["kind"]) == ("ConfigMap", "Deployment")


def plan_of(capsys: pytest.CaptureFixture[str], *names: str) -> tuple[int, str, list[str]]:
    status = main(["render", "--plan", *(word for name in names for word in ("-f", name))])
    captured = capsys.readouterr()
    return status, captured.out, captured.err.splitlines()


def test_a_plan_for_the_prober_alone_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As docs/standalone.md has it."""
    other = SMALLEST.replace("hq-dc1", "hq-dc2").replace("{target", "{paths: [{name: a}, {name: b}], target")
    off = SMALLEST.replace("hq-dc1", "idle").replace("{target", "{suspend: true, target")
    status, out, errors = plan_of(capsys, write(tmp_path, f"{SMALLEST}---\n{other}---\n{off}"))
    assert (status, errors) == (0, [])
    checks = plan_from_json(json.loads(out)).checks
    assert [(each.uid, each.path) for each in checks] == [
        ("network/hq-dc1", "default"),
        ("network/hq-dc2", "a"),
        ("network/hq-dc2", "b"),
    ]
    assert (checks[0].target, checks[0].interval_ms) == ("203.0.113.10", 30_000)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_whatever_a_check_asks_for_a_plan_can_have(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["render", "--plan", "--allow-targets", "*=0.0.0.0/0,::/0", "-f", str(sample)])
    assert plan_from_json(json.loads(capsys.readouterr().out)).checks


def test_what_no_plan_can_have_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = write(tmp_path, SMALLEST)
    assert plan_of(capsys, name, name) == (
        1,
        "",
        ["plan.checks: the same path of the same check appears twice"],
    )
    looked_up = SMALLEST.replace("target: 203.0.113.10", "targetFrom: {service: {name: a}}")
    status = main(["render", "--plan", "--allow-target-from", "*", "-f", write(tmp_path, looked_up)])
    assert (status, capsys.readouterr().err) == (
        1,
        "hq-dc1: spec.targetFrom: is looked up in a cluster: give target, for a plan\n",
    )


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_rendering_what_was_rendered_changes_nothing(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, once, _ = render(capsys, str(sample))
    assert status == 0
    effective = yaml.safe_dump(next(iter(yaml.safe_load_all(once))))
    status, twice, _ = render(capsys, write(tmp_path, effective))
    assert status == 0
    assert twice == once


def test_what_was_rendered_of_a_check_with_a_long_name_is_valid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, once, _ = render(capsys, write(tmp_path, SMALLEST.replace("hq-dc1", "a" * 64)))
    assert render(capsys, write(tmp_path, once.partition("\n---\n")[0])) == (0, once, [])


@pytest.mark.parametrize("field", ["probes", "paths", "placement: {imagePullSecrets: }", "thresholds"])
def test_a_field_with_nothing_in_it_is_as_one_that_is_left_out(
    field: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the API server has it, which takes a null away."""
    field = field if ":" in field else f"{field}: "
    given = write(tmp_path, SMALLEST.replace("203.0.113.10", f"203.0.113.10, {field}"))
    empty = render(capsys, given)
    assert empty == render(capsys, write(tmp_path, SMALLEST))


def test_each_mistake_is_one_line_with_file_check_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = write(tmp_path, SMALLEST.replace("203.0.113.10", "203.0.113.300, suspend: maybe"))
    status, out, errors = render(capsys, name)
    assert status == 1
    assert out == ""
    assert len(errors) == 2
    assert errors[0].startswith(f"{name}: hq-dc1: spec.target: must be")
    assert errors[1] == f"{name}: hq-dc1: spec.suspend: must be true or false"


def test_an_empty_field_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = write(tmp_path, SMALLEST.replace("203.0.113.10", '""'))
    assert render(capsys, name)[2] == [f"{name}: hq-dc1: spec.target: must not be empty"]


def test_what_only_the_operator_knows_is_told_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = SMALLEST.replace("10}", '10, schedule: {cron: "0 0 30 2 *"}}')
    status, _, errors = render(capsys, write(tmp_path, text))
    assert status == 1
    assert "spec.schedule.cron" in errors[0]
    assert "no month has such a day" in errors[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SMALLEST.replace("v1alpha1", "v1"), "apiVersion: must be 'ipsecping.dev/v1alpha1'"),
        (SMALLEST.replace("name: hq-dc1, ", ""), "metadata.name: is required"),
        (SMALLEST.replace("spec:", "spce:"), "spce: unknown field"),
        (SMALLEST + "spec: {target: a}\n", "the key 'spec' appears twice"),
        ("- a list\n", "a manifest is an object, not list"),
        ("a: [\n", "check.yaml: while parsing"),
        ("", "no IPsecTunnelCheck in it"),
    ],
)
def test_a_broken_manifest_is_told_apart(
    text: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, errors = render(capsys, write(tmp_path, text))
    assert status == 1
    assert any(expected in line for line in errors)


def test_a_file_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, errors = render(capsys, "/nonexistent/check.yaml")
    assert (status, errors) == (1, ["/nonexistent/check.yaml: No such file or directory"])


def test_other_kinds_are_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, notes = render(capsys, write(tmp_path, f"kind: Namespace\n---\n{SMALLEST}"))
    assert status == 0
    assert notes[0].endswith("passed over a Namespace")


def test_crd_prints_the_definition(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crd"]) == 0
    crd = yaml.safe_load(capsys.readouterr().out)
    assert crd["metadata"]["name"] == "ipsectunnelchecks.ipsecping.dev"
