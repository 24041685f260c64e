"""`make demo`: measure a real IPsec tunnel from a real cluster, degrade it, break it, heal it.

Every step waits for what it announces to appear in the check's status, and fails when it does not.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ipsecping_lab import existing, workbench
from ipsecping_lab.errors import LabError
from ipsecping_lab.workbench import REPOSITORY, condition, kubectl, lab, wait_for

SAMPLES = REPOSITORY / "manifests" / "samples"
INTERVAL_CHECK = "hq-dc1"
CRON_CHECK = "hq-dc1-minutely"
LAB_TARGET = "10.50.1.10"
FOREIGN_NAMESPACE = "ipsecping-demo"
CRD = "ipsectunnelchecks.ipsecping.dev"
STARTED = time.monotonic()
EPILOG = """\
With LAB=existing the demo uses your own cluster and leaves the faults out. All of it, an operator for one
namespace included, is in the namespace ipsecping-demo; an operator that serves every namespace already is
used as it is. It needs
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
        demo = lab_demo() if not workbench.existing_cluster() else foreign_demo()
        prepare(demo)
        measured(demo)
        if demo.foreign:
            say("LAB=existing: this tunnel is yours, so no faults are injected.")
        else:
            degraded(demo)
            broken(demo)
            healed(demo)
    except (workbench.CommandFailed, workbench.GaveUp, LabError) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    farewell(demo)
    return 0


@dataclass(frozen=True, slots=True)
class Demo:
    """Where it takes place."""

    namespace: str
    """Of the checks."""
    target: str
    foreign: bool = False
    """The cluster is not the lab's."""
    brought: tuple[str, ...] = ()
    """What the demo has put into the cluster outside of its namespace, by `kubectl delete`'s words."""


def lab_demo() -> Demo:
    """In the lab: the operator as `make test-lab` has it, which serves every namespace."""
    say("a single-node Kubernetes and two strongSwan tunnels, in a network namespace without uplink")
    workbench.install(progress=say)
    lab("fault", "clear")
    return Demo(namespace="network", target=LAB_TARGET)


def foreign_demo() -> Demo:
    """In a cluster of the user's: nothing that is there already is changed.

    Raises:
        LabError: what has to be named is not.
    """
    target = existing.far_end()
    for deployment in workbench.get(
        "deployments", selector="app.kubernetes.io/name=ipsecping", everywhere=True
    ):
        where = deployment["metadata"]["namespace"]
        if where != FOREIGN_NAMESPACE and existing.serves(deployment, FOREIGN_NAMESPACE):
            say(f"the operator in {where} serves every namespace already: it is used, and nothing installed")
            return Demo(namespace=FOREIGN_NAMESPACE, target=target, foreign=True)
    values = ["--set", f"operator.namespaces={{{FOREIGN_NAMESPACE}}},rbac.aggregate=false"]
    brought: tuple[str, ...] = (f"crd {CRD}",)
    if not ours(kubectl("get", "crd", CRD, "--ignore-not-found", "-o", "json")):
        say("the CustomResourceDefinition is in the cluster already and stays as it is")
        values += ["--set", "crds.install=false"]
        brought = ()
    workbench.install(namespace=FOREIGN_NAMESPACE, values=values, progress=say)
    return Demo(namespace=FOREIGN_NAMESPACE, target=target, foreign=True, brought=brought)


def ours(definition: str) -> bool:
    """Whether the CustomResourceDefinition is the demo's to install: missing, or from a demo before."""
    annotations = json.loads(definition or "{}").get("metadata", {}).get("annotations", {})
    return not definition or annotations.get("meta.helm.sh/release-namespace") == FOREIGN_NAMESPACE


def prepare(demo: Demo) -> None:
    """A namespace that enforces restricted pods, and the two samples in it."""
    say("apply manifests/samples/interval.yaml and cron.yaml, and ask for the first round by cron at once")
    workbench.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": demo.namespace,
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
            },
        }
    )
    for sample in ("interval.yaml", "cron.yaml"):
        text = (SAMPLES / sample).read_text().replace(LAB_TARGET, demo.target)
        print(kubectl("apply", "-n", demo.namespace, "-f", "-", stdin=text), end="")
    annotation = f"ipsecping.dev/run-now={time.time():.0f}"
    print(kubectl("annotate", "-n", demo.namespace, "itc", CRON_CHECK, annotation, "--overwrite"), end="")


def measured(demo: Demo) -> None:
    """Both kinds of schedule deliver figures."""
    say("measured: loss and round-trip time through the tunnel")
    watch(demo, "both checks healthy, with figures", both_measured, seconds=180)


def degraded(demo: Demo) -> None:
    """40 ms and 5 % loss show in the status."""
    lab("fault", "set", "delay", "a", "out", "ms=40")
    lab("fault", "set", "loss", "a", "out", "percent=5")
    say("degraded: 40 ms of delay and 5 % loss between the gateways, on the way out")
    watch(
        demo,
        "at least 40 ms and some loss in the status",
        lambda c: shows_delay(c) and shows_loss(c),
        seconds=120,
    )


def broken(demo: Demo) -> None:
    """A tunnel whose IKE session is up and whose data is dropped."""
    lab("fault", "clear")
    lab("fault", "set", "esp-drop", "a")
    say("broken: ESP is dropped on path a while IKE passes; the gateway still reports the tunnel as up:")
    print(indented(ike_state()))
    watch(demo, "Healthy=False, Down", lambda checks: reason(checks) == "Down", seconds=120)
    print(indented(condition(find(current(demo), INTERVAL_CHECK), "Healthy")["message"]))


def healed(demo: Demo) -> None:
    """All faults gone: healthy again as soon as the window holds no loss."""
    lab("fault", "clear")
    say("healed: all faults cleared; healthy again once its window of 30 s has passed")
    watch(demo, "Healthy=True", lambda checks: reason(checks) == "WithinThresholds", seconds=180)


def farewell(demo: Demo) -> None:
    """How to look around and how to remove everything."""
    seconds = f"{time.monotonic() - STARTED:.0f} s"
    if demo.foreign:
        on = " ".join(existing.command("kubectl")[1:])
        remove = [f"kubectl {on} delete {what}" for what in (f"namespace {demo.namespace}", *demo.brought)]
        print(
            f"""
Done in {seconds}. Look around:
  kubectl {on} -n {demo.namespace} get itc -o wide
Remove it all:
  {" && ".join(remove)}"""
        )
        return
    program = "tests/lab/lab"
    print(
        f"""
Done in {seconds}. Look around:
  {program} kubectl -n {demo.namespace} get itc -o wide
  {program} kubectl -n {demo.namespace} describe itc {INTERVAL_CHECK}
  {program} fault types            # what can be broken; `fault set`, `fault list`, `fault clear`
Remove it all:
  make lab-down"""
    )


def watch(demo: Demo, what: str, until: Callable[[list[dict[str, Any]]], bool], *, seconds: float) -> None:
    """Print each row of the table when it changes, until the checks satisfy `until`."""
    shown: set[str] = set()

    def show(_: list[dict[str, Any]]) -> None:
        nonlocal shown
        header, *rows = kubectl("-n", demo.namespace, "get", "itc").splitlines()
        if not shown:
            print(f"  {'':>6}  {header}")
        elapsed = f"{time.monotonic() - STARTED:.0f} s"
        for row in rows:
            if without_age(row) not in shown:
                print(f"  {elapsed:>6}  {row}")
        shown = {without_age(row) for row in rows}

    wait_for(what, lambda: current(demo), until, seconds=seconds, every=2, progress=show)


def without_age(row: str) -> str:
    """The row without its last two columns, which change all the time."""
    return " ".join(row.split()[:-2])


def current(demo: Demo) -> list[dict[str, Any]]:
    """All checks of the demo's namespace."""
    checks: list[dict[str, Any]] = workbench.get("itc", namespace=demo.namespace)
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
