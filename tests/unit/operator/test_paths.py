"""Several paths: when the check is healthy, whose the fault is, how they differ."""

from dataclasses import replace
from typing import Any

import pytest

from ipsecping.contract import Expect
from ipsecping_operator.api.conditions import HealthyReason
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.metrics.checks import CheckCollector
from ipsecping_operator.metrics.exposition import pieces
from ipsecping_operator.report.assessment import Assessment
from ipsecping_operator.report.events import of_paths

from .assessments import assessed, healthy, seen, take
from .builders import NOON, SECOND, check, plan, probe, result
from .windows import filled, verdict

A, B = plan(path="a"), plan(path="b")
ALL = check(A, B)
ANY = replace(ALL, any_path=True)


def measure(state: CheckState, number: int, **paths: Any) -> None:
    """Round `number`, by path: so many answers of ten, a dict of values, or None: no round."""
    for of in state.applied.compiled.paths if state.applied.compiled else ():
        given = paths.get(of.plan.path, 10)
        values = {"received": given} if isinstance(given, int) else given
        if values is not None:
            take(state, result(of=of.plan, at=NOON + number * 30 * SECOND, **values))


def after(of: CompiledCheck, *rounds: dict[str, Any]) -> tuple[CheckState, Assessment]:
    state = seen(of=of)
    for number, given in enumerate(rounds):
        measure(state, number, **given)
        made = assessed(state, at=number * 30 + 5)
    return state, made


def test_one_path_that_fails_is_named_and_what_the_paths_share_works() -> None:
    _, made = after(ALL, *[{"b": 0}] * 3)
    condition = healthy(made.status)
    assert (condition["status"], condition["reason"]) == ("False", "Down")
    assert condition["message"].endswith("; path b of 2 fails and a is healthy: what they share works")


def test_all_paths_that_fail_at_once_are_a_fault_of_what_they_share() -> None:
    _, made = after(ALL, {}, *[{"a": 0, "b": 0}] * 3)
    assert healthy(made.status)["message"].endswith(
        "; all 2 paths fail at once: look first at what they share: the target 203.0.113.10, the network on "
        "this side, the probers"
    )
    _, later = after(ALL, *[{"a": 0}] * 9, *[{"a": 0, "b": 0}] * 3)
    assert "; all 2 paths fail: look first at what" in healthy(later.status)["message"]


def test_what_paths_share_is_said_of_these_paths() -> None:
    names = check(plan(path="a", target="one.example"), plan(path="b", target="two.example"))
    _, made = after(replace(names, gateway="198.51.100.1"), *[{"a": 0, "b": 0}] * 3)
    assert healthy(made.status)["message"].endswith(
        "what they share: the network behind the targets, name resolution, the gateway 198.51.100.1, the "
        "network on this side, the probers"
    )


def test_of_a_path_that_is_not_known_nothing_is_claimed() -> None:
    for of, status in ((ALL, "False"), (ANY, "Unknown")):
        _, made = after(of, *[{"a": 0, "b": None}] * 3)
        condition = healthy(made.status)
        assert condition["status"] == status
        assert condition["message"].endswith("path a of 2 fails, of b nothing is known")


def test_with_any_a_dead_backup_is_a_warning_an_event_and_no_outage() -> None:
    state, made = after(ANY, {}, *[{"b": 0}] * 3)
    condition = healthy(made.status)
    assert (condition["status"], condition["reason"]) == ("True", "WithinThresholds")
    assert "on a/ping; warning: path b of 2: Down: no answer" in condition["message"]
    assert [path["state"] for path in made.status["paths"]] == ["Healthy", "Unhealthy"]
    assert "outages" not in made.status
    measure(state, 4, b=0)
    assert of_paths(assessed(state, at=125).paths) == []


def test_with_any_a_path_is_told_once_when_it_fails_and_when_it_is_back() -> None:
    state = seen(of=replace(check(A, B, window_s=1, down_after=2), any_path=True))
    said = list[tuple[str, str, str]]()
    for number, answers in enumerate((10, 0, 0, 0, 0, 10, 10, 10, 10, 10)):
        measure(state, number, b=answers)
        for notice in of_paths(assessed(state, at=number * 30 + 5).paths):
            said.append((notice.type, notice.reason, notice.note.partition(":")[0]))
    assert said == [
        ("Warning", "PathUnhealthy", "path b of 2"),
        ("Normal", "PathHealthy", "path b of 2 is healthy again"),
    ]


def test_with_any_a_restart_does_not_tell_of_a_dead_path_again() -> None:
    _, made = after(ANY, *[{"b": 0}] * 4)
    again = seen(dict(made.status), now=NOON + 100 * SECOND, of=ANY)
    for number in range(5):
        measure(again, number, b=0)
    assert of_paths(assessed(again, at=125).paths) == []


def test_with_any_all_dead_is_an_outage_since_the_last_one_died() -> None:
    _, made = after(ANY, {}, *[{"a": 0}] * 4, *[{"a": 0, "b": 0}] * 3)
    assert healthy(made.status)["reason"] == "Down"
    (outage,) = made.status["outages"]
    assert outage["start"] == "2026-11-23T12:02:35Z"
    assert "end" not in outage


@pytest.mark.parametrize("of", [ALL, ANY])
def test_a_suspended_check_claims_nothing(of: CompiledCheck) -> None:
    found = verdict(filled(0, 0, 0), replace(of, suspend=True)).finding
    assert found.reason is HealthyReason.SUSPENDED


def test_any_of_one_path_is_that_path() -> None:
    for rounds in ((10, 10, 10), (0, 0, 0)):
        window = filled(*rounds)
        assert verdict(window, check()).finding == verdict(window, replace(check(), any_path=True)).finding


def test_with_any_a_leak_on_one_path_is_one_of_the_check() -> None:
    blocked = [plan(replace(of.probes[0], expect=Expect.BLOCKED), path=of.path) for of in (A, B)]
    _, made = after(replace(check(*blocked), any_path=True), *[{"a": 0, "b": 3}] * 3)
    condition = healthy(made.status)
    assert (condition["status"], condition["reason"]) == ("False", "UnexpectedlyReachable")


def test_paths_are_compared_with_the_preferred_one() -> None:
    _, made = after(ALL, *[{"a": {"rtt_ms": 12}, "b": {"rtt_ms": [30.5] * 9, "received": 9}}] * 3)
    a, b = made.status["paths"]
    assert "rttDifference" not in a
    assert "lossDifference" not in a
    assert (b["rttDifference"], b["lossDifference"]) == ("18.50ms", "10.00")
    _, other = after(ALL, *[{"a": {"rtt_ms": 30.5}, "b": {"rtt_ms": 12}}] * 3)
    assert (other.status["paths"][1]["rttDifference"], other.status["paths"][1]["lossDifference"]) == (
        "-18.50ms",
        "0.00",
    )
    _, silent = after(ALL, *[{"b": 0}] * 3)
    assert "rttDifference" not in silent.status["paths"][1]
    assert silent.status["paths"][1]["lossDifference"] == "100.00"


@pytest.mark.parametrize(
    ("forward", "reverse", "direction"),
    [(12, 0, "Forward"), (0, 12, "Reverse"), (11, 0, None), (10, 8, "Both"), (3, 30, "Reverse")],
)
def test_losses_on_one_way_alone_are_said_to_be_there(
    forward: int, reverse: int, direction: str | None
) -> None:
    lost = {"forward_lost": forward, "reverse_lost": reverse, "sent": 100}
    of = plan(probe(count=100))
    state, made = after(check(of), {"default": lost | {"received": 100 - forward - reverse}})
    assert made.status["paths"][0].get("lossDirection") == direction
    held = [each for each in exposed(state) if each.startswith("ipsecping_path_loss_direction{")]
    assert [f'direction="{direction}"' in each for each in held if each.endswith(" 1.0")] == (
        [] if direction is None else [True]
    )


def test_metrics_of_several_paths_and_none_of_one() -> None:
    state, _ = after(ANY, {}, *[{"b": 0}] * 3)
    text = exposed(state)

    def line(name: str, value: float, **labels: str) -> str:
        labels |= {"namespace": "network", "check": "hq", "tunnel_name": "hq-dc1"}
        return (
            "ipsecping_" + name + "{" + ",".join(f'{k}="{labels[k]}"' for k in sorted(labels)) + f"}} {value}"
        )

    for wanted in (
        line("path_state", 1.0, path="b", state="Unhealthy"),
        line("path_state", 0.0, path="b", state="Healthy"),
        line("path_state", 1.0, path="a", state="Healthy"),
        line("path_preferred", 1.0, path="a"),
        line("path_preferred", 0.0, path="b"),
        line("preferred_path_changes_total", 0.0),
        line("path_loss_difference_ratio", 0.75, path="b"),
        line("path_rtt_difference_seconds", 0.0, path="b"),
        line("path_changes_total", 0.0, path="b", sign="RTT"),
    ):
        assert wanted in text
    alone, _ = after(check(), {})
    names = ("path_state", "path_preferred", "preferred_path_changes_total", "path_changes_total")
    started = tuple(f"ipsecping_{name}{{" for name in names)
    assert [each for each in exposed(alone) if each.startswith(started)] == []


def exposed(state: CheckState) -> list[str]:
    collector = CheckCollector(
        {"u": state},
        failed=lambda state, error: pytest.fail(f"not exported: {error!r}"),
        exported=lambda state: None,
        clock=lambda: NOON,
    )
    return b"".join(pieces(collector)).decode().splitlines()


def test_statuses_of_any_follow_those_of_its_paths() -> None:
    """Any of three values is as the disjunction of logic has it."""
    values = {"True": 10, "False": 0, "Unknown": None}
    for first, one in values.items():
        for second, other in values.items():
            _, made = after(ANY, *[{"a": one, "b": other}] * 3)
            wanted = next(each for each in ("True", "Unknown", "False") if each in (first, second))
            assert healthy(made.status)["status"] == wanted, (first, second)
