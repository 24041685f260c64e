"""`ipsecping-operator wait`: ends when a check is healthy, or says why it is not."""

import asyncio
from typing import Any

import pytest

from ipsecping_operator.cli import main
from ipsecping_operator.commands.wait import Sight, sight, until_settled


def check(*conditions: tuple[str, str, str], observed: int = 2, **status: Any) -> dict[str, Any]:
    told = [
        {"type": kind, "status": value, "reason": reason, "message": f"{kind} says {reason}"}
        for kind, value, reason in conditions
    ]
    return {
        "metadata": {"generation": 2},
        "status": {"observedGeneration": observed, "conditions": told, **status},
    }


READY = ("Ready", "True", "Reconciled")


def test_a_healthy_check_is_the_end() -> None:
    seen = sight(check(READY, ("Healthy", "True", "WithinThresholds")))
    assert seen == Sight(True, True, "Healthy=True (WithinThresholds): Healthy says WithinThresholds")


def test_an_edited_status_steers_no_terminal() -> None:
    seen = sight(check(READY, ("Healthy", "False", "Down\nHealthy=True\x1b[2J")))
    assert seen.text.isprintable()
    assert r"(Down\nHealthy=True\x1b[2J)" in seen.text


@pytest.mark.parametrize("healthy", ["True", "False"])
def test_a_window_of_maintenance_is_said_while_it_is_open(healthy: str) -> None:
    told = ("Healthy", healthy, "Down")
    seen = sight(check(READY, told, ("Maintenance", "True", "WindowOpen")))
    assert (seen.well, seen.final) == (healthy == "True", healthy == "True")
    assert seen.text.endswith("\n  Maintenance=True (WindowOpen): Maintenance says WindowOpen")
    assert "Maintenance" not in sight(check(READY, told, ("Maintenance", "False", "WindowClosed"))).text


@pytest.mark.parametrize(
    ("found", "final", "said"),
    [
        (None, True, "no such IPsecTunnelCheck"),
        ({"metadata": {"generation": 1}}, False, "no operator has looked at it"),
        (check(("Healthy", "True", "WithinThresholds"), observed=1), False, "no operator has looked at it"),
        (check(READY), False, "Healthy is not known yet"),
        (check(READY, ("Healthy", "False", "Down")), False, "Healthy=False (Down): Healthy says Down"),
        (check(READY, ("Healthy", "Unknown", "NoResults")), False, "Healthy=Unknown (NoResults)"),
        (
            check(("Ready", "False", "NotPermitted")),
            True,
            "Ready=False (NotPermitted): Ready says NotPermitted",
        ),
        (check(("Ready", "False", "InvalidSpec")), True, "Ready=False (InvalidSpec)"),
        (check(("Ready", "True", "Suspended"), ("Healthy", "Unknown", "Suspended")), True, "Suspended"),
        (check(("Ready", "False", "WorkloadUnavailable")), False, "Ready=False (WorkloadUnavailable)"),
        (
            check(READY, ("Healthy", "False", "Down"), probes=[{"name": "stamp", "sent": 5, "received": 0}]),
            False,
            "probe stamp: 0 of 5 packets were answered",
        ),
        (
            check(
                READY, ("Healthy", "False", "Down"), diagnosis={"outcome": "Fault", "summary": "a firewall"}
            ),
            False,
            "diagnosis: a firewall",
        ),
    ],
)
def test_what_is_not_healthy_says_why(found: dict[str, Any] | None, final: bool, said: str) -> None:
    seen = sight(found)
    assert (seen.well, seen.final) == (False, final)
    assert said in seen.text


class Clock:
    """Time that passes only while somebody sleeps."""

    now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def settled(sights: list[Sight], timeout: float) -> tuple[Sight, float]:
    """What comes of these looks (the last one again and again), and after how many seconds."""
    clock, left = Clock(), list(sights)

    async def look() -> Sight:
        return left.pop(0) if len(left) > 1 else left[0]

    seen = asyncio.run(until_settled(look, timeout=timeout, clock=clock, sleep=clock.sleep))
    return seen, clock.now - 100


def test_it_looks_until_the_check_is_healthy() -> None:
    well = Sight(True, True, "healthy")
    assert settled([Sight(False, False, "down")] * 3 + [well], 90) == (well, 3)


def test_it_gives_up_in_time_and_says_what_was_seen_last() -> None:
    seen, took = settled([Sight(False, False, "early"), Sight(False, False, "down")], 90)
    assert (seen.well, took) == (False, 90)
    assert seen.text == "not healthy within 90 s. down"


def test_it_does_not_wait_for_what_cannot_come() -> None:
    refused = Sight(False, True, "not permitted")
    assert settled([refused], 90) == (refused, 0)


@pytest.mark.parametrize("name", ["hq", "/hq", "network/", "a/b/c"])
def test_a_check_is_named_with_its_namespace(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["wait", name])
    assert ended.value.code == 2
    assert f"'{name}' is not NAMESPACE/NAME" in capsys.readouterr().err


def test_without_a_cluster_it_says_what_to_give(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert main(["wait", "network/hq"]) == 1
    assert "give --kubeconfig FILE" in capsys.readouterr().err
