"""`make demo`: measure a real IPsec tunnel from a real cluster, degrade it, break it, heal it.

Every step waits for what it announces to appear in the check's status, and fails when it does not.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ipsecping_lab import workbench
from ipsecping_lab.errors import LabError
from ipsecping_lab.workbench import REPOSITORY, condition, kubectl, lab, wait_for

NAMESPACE = "network"
SAMPLES = REPOSITORY / "manifests" / "samples"
INTERVAL_CHECK = "hq-dc1"
CRON_CHECK = "hq-dc1-minutely"
LAB_TARGET = "10.50.1.10"
STARTED = time.monotonic()
EPILOG = """\
With LAB=existing the demo uses your own cluster and leaves the faults out; it needs
  KUBECONFIG and LAB_CONTEXT                   the cluster, named explicitly
  IPSECPING_IMAGE and IPSECPING_PROBE_IMAGE    images that the cluster can pull
  IPSECPING_TARGET                             a far-end host with a STAMP reflector on UDP port 862"""


def main() -> int:
    """Run the demo; 0 when every step showed what it announced."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EPILOG,
    )
    parser.parse_args()
    try:
        prepare()
        measured()
        if workbench.existing_cluster():
            say("LAB=existing: this tunnel is yours, so no faults are injected.")
        else:
            degraded()
            broken()
            healed()
    except (workbench.CommandFailed, workbench.GaveUp, LabError) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    farewell()
    return 0


def prepare() -> None:
    """Lab, images, operator, a namespace that enforces restricted pods, and the two samples."""
    if not workbench.existing_cluster():
        say("a single-node Kubernetes and two strongSwan tunnels, in a network namespace without uplink")
    workbench.install(progress=say)
    if not workbench.existing_cluster():
        lab("fault", "clear")
    say("apply manifests/samples/interval.yaml and cron.yaml")
    workbench.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": NAMESPACE,
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
            },
        }
    )
    for sample in ("interval.yaml", "cron.yaml"):
        text = (SAMPLES / sample).read_text().replace(LAB_TARGET, target())
        print(kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=text), end="")


def target() -> str:
    """The far end that the samples name: the lab's, or the user's own."""
    if not workbench.existing_cluster():
        return LAB_TARGET
    if not (named := os.environ.get("IPSECPING_TARGET")):
        raise LabError("LAB=existing: name the far end to measure, IPSECPING_TARGET=ADDRESS")
    return named


def measured() -> None:
    """Both kinds of schedule deliver figures."""
    say("measured: loss and round-trip time through the tunnel")
    watch("both checks healthy, with figures", both_measured, seconds=180)


def degraded() -> None:
    """40 ms and 5 % loss show in the status."""
    lab("fault", "set", "delay", "a", "out", "ms=40")
    lab("fault", "set", "loss", "a", "out", "percent=5")
    say("degraded: 40 ms of delay and 5 % loss between the gateways, on the way out")
    watch(
        "at least 40 ms and some loss in the status", lambda c: shows_delay(c) and shows_loss(c), seconds=120
    )


def broken() -> None:
    """A tunnel whose IKE session is up and whose data is dropped."""
    lab("fault", "clear")
    lab("fault", "set", "esp-drop", "a")
    say("broken: ESP is dropped on path a while IKE passes; the gateway still reports the tunnel as up:")
    print(indented(ike_state()))
    watch("Healthy=False, Down", lambda checks: reason(checks) == "Down", seconds=120)
    print(indented(condition(find(current(), INTERVAL_CHECK), "Healthy")["message"]))


def healed() -> None:
    """All faults gone: healthy again as soon as the window holds no loss."""
    lab("fault", "clear")
    say("healed: all faults cleared; healthy again once its window of 30 s has passed")
    watch("Healthy=True", lambda checks: reason(checks) == "WithinThresholds", seconds=180)


def farewell() -> None:
    """How to look around and how to remove everything."""
    program = "tests/lab/lab"
    print(
        f"""
Done in {time.monotonic() - STARTED:.0f} s. Look around:
  {program} kubectl -n {NAMESPACE} get itc -o wide
  {program} kubectl -n {NAMESPACE} describe itc {INTERVAL_CHECK}
  {program} fault types            # what can be broken; `fault set`, `fault list`, `fault clear`
Remove it all:
  make lab-down"""
        if not workbench.existing_cluster()
        else f"""
Done in {time.monotonic() - STARTED:.0f} s. Look around:
  kubectl -n {NAMESPACE} get itc -o wide
Remove it all:
  kubectl delete namespace {NAMESPACE} && helm -n {workbench.OPERATOR_NAMESPACE} uninstall ipsecping"""
    )


def watch(what: str, until: Callable[[list[dict[str, Any]]], bool], *, seconds: float) -> None:
    """Print each row of the table when it changes, until the checks satisfy `until`."""
    shown: set[str] = set()

    def show(_: list[dict[str, Any]]) -> None:
        nonlocal shown
        header, *rows = kubectl("-n", NAMESPACE, "get", "itc").splitlines()
        if not shown:
            print(f"  {'':>6}  {header}")
        elapsed = f"{time.monotonic() - STARTED:.0f} s"
        for row in rows:
            if without_age(row) not in shown:
                print(f"  {elapsed:>6}  {row}")
        shown = {without_age(row) for row in rows}

    wait_for(what, current, until, seconds=seconds, every=2, progress=show)


def without_age(row: str) -> str:
    """The row without its last two columns, which change all the time."""
    return " ".join(row.split()[:-2])


def current() -> list[dict[str, Any]]:
    """All checks of the demo's namespace."""
    checks: list[dict[str, Any]] = workbench.get("itc", namespace=NAMESPACE)
    return checks


def find(checks: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The check of that name."""
    return next(check for check in checks if check["metadata"]["name"] == name)


def both_measured(checks: list[dict[str, Any]]) -> bool:
    """Whether both samples are healthy and show a median."""
    return all(
        condition(find(checks, name), "Healthy").get("status") == "True"
        and "p50" in find(checks, name)["status"].get("rtt", {})
        for name in (INTERVAL_CHECK, CRON_CHECK)
    )


def shows_delay(checks: list[dict[str, Any]]) -> bool:
    """Whether the median has grown by the injected 40 ms."""
    p50 = find(checks, INTERVAL_CHECK)["status"].get("rtt", {}).get("p50", "0ms")
    return p50.endswith("ms") and Decimal(p50.removesuffix("ms")) >= 40


def shows_loss(checks: list[dict[str, Any]]) -> bool:
    """Whether loss shows, and with its direction."""
    status = find(checks, INTERVAL_CHECK)["status"]
    probe = status["probes"][0]
    return Decimal(status["lossPercent"]) > 0 and Decimal(probe.get("forwardLossPercent", "0")) > 0


def reason(checks: list[dict[str, Any]]) -> str:
    """Reason of the interval check's Healthy condition."""
    return str(condition(find(checks, INTERVAL_CHECK), "Healthy").get("reason"))


def ike_state() -> str:
    """What the near gateway says of path a's IKE session."""
    lines = lab("swanctl", "left", "--list-sas", "--ike", "a").splitlines()
    return "\n".join(line for line in lines if "ESTABLISHED" in line or "INSTALLED" in line)


def indented(text: str) -> str:
    """Text set in by four blanks."""
    return "\n".join(f"    {line.strip()}" for line in text.splitlines())


def say(text: str) -> None:
    """Announce a step."""
    print(f"\n==> {text}  ({time.monotonic() - STARTED:.0f} s)")


if __name__ == "__main__":
    sys.exit(main())
