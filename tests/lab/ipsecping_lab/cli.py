"""The words of the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from .commands import fault, flow, images, inside, lifecycle, logs, responders, status
from .errors import LabError
from .ipsec import topology
from .ipsec.flows import Flow

_PASSED_ON = {
    "kubectl": lambda words: inside.client("kubectl", words),
    "helm": lambda words: inside.client("helm", words),
}
"""Commands all of whose words belong to another program, --help included."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status says whether it did what it was asked to."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words and words[0] in _PASSED_ON:
            return _PASSED_ON[words[0]](words[1:])
        arguments = parser().parse_args(words)
        run: Callable[[argparse.Namespace], int] = arguments.run
        return run(arguments)
    except LabError as error:
        print(f"lab: {error.explain()}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nlab: interrupted; the same command goes on where it was", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def parser() -> argparse.ArgumentParser:
    """The parser of all commands but those that are passed on."""
    top = argparse.ArgumentParser(
        prog="lab",
        description="Real Kubernetes (one node) and real IPsec gateways on this machine, without an uplink.",
        epilog="environment: LAB_NAME (another lab beside the first), LAB=existing with KUBECONFIG and "
        "LAB_CONTEXT (kubectl and helm go to your own cluster), XDG_CACHE_HOME",
    )
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _lifecycle(commands)
    _inside(commands)
    _fault(commands)
    _flow(commands)
    return top


_Commands = argparse._SubParsersAction


def _command(
    commands: _Commands[argparse.ArgumentParser],
    name: str,
    summary: str,
    example: str,
    run: Callable[[argparse.Namespace], int] | None = None,
) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=summary, description=summary, epilog=f"example: {example}")
    if run is not None:
        made.set_defaults(run=run)
    return made


def _lifecycle(commands: _Commands[argparse.ArgumentParser]) -> None:
    up = _command(
        commands,
        "up",
        "bring the lab up, or finish what an interrupted run began",
        "lab up",
        lambda a: lifecycle.up(with_cluster=not a.ipsec_only, with_ipsec=not a.cluster_only),
    )
    parts = up.add_mutually_exclusive_group()
    parts.add_argument("--cluster-only", action="store_true", help="no IPsec gateways")
    parts.add_argument("--ipsec-only", action="store_true", help="no cluster")
    _command(
        commands,
        "images",
        "build the project's images and bring them to the cluster",
        "lab images",
        lambda _: images.build(),
    )
    _command(
        commands, "down", "remove all of the lab; the cache stays", "lab down", lambda _: lifecycle.down()
    )
    shown = _command(
        commands, "status", "what is up", "lab status --json", lambda a: status.show(as_json=a.json)
    )
    shown.add_argument("--json", action="store_true", help="as JSON")
    read = _command(
        commands,
        "logs",
        "list the logs, or print one",
        "lab logs kube-apiserver",
        lambda a: logs.show(a.component),
    )
    read.add_argument("component", nargs="?", metavar="COMPONENT")


def _inside(commands: _Commands[argparse.ArgumentParser]) -> None:
    commands.add_parser("kubectl", help="kubectl of the lab's cluster: lab kubectl get nodes")
    commands.add_parser("helm", help="helm of the lab's cluster: lab helm list -A")
    node = _command(
        commands,
        "exec",
        "run a command on the node (all its namespaces)",
        "lab exec ctr -n k8s.io images ls",
        lambda a: inside.on_node(a.command),
    )
    node.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    guest = _command(
        commands,
        "guest",
        "run a command on the gateways' machine",
        "lab guest --ns righta ip -s xfrm state",
        lambda a: inside.in_guest(a.ns, a.command),
    )
    guest.add_argument("--ns", choices=topology.NAMESPACES, default=topology.LEFT, help="namespace (left)")
    guest.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    swanctl = _command(
        commands,
        "swanctl",
        "strongSwan's swanctl against a gateway (left, righta, rightb, rightc)",
        "lab swanctl left --list-sas",
        lambda a: inside.swanctl(a.gateway, a.command),
    )
    swanctl.add_argument("gateway", metavar="GATEWAY")
    swanctl.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    answering = _command(
        commands, "responders", "what answers on the far host", "lab responders restart"
    ).add_subparsers(required=True, metavar="COMMAND")
    _command(
        answering,
        "restart",
        "copy the project's reflector anew and start all responders again",
        "lab responders restart",
        lambda _: responders.restart(),
    )
    signed = _command(
        answering,
        "sign",
        "have an authenticated STAMP reflector on port 8620 of path a accept these keys; end it without any",
        "lab responders sign hex:00112233445566778899aabbccddeeff",
        lambda a: responders.sign(a.keys),
    )
    signed.add_argument("keys", nargs="*", metavar="KEY")
    _command(answering, "list", "which run", "lab responders list", lambda _: responders.show())


def _fault(commands: _Commands[argparse.ArgumentParser]) -> None:
    kinds = _command(
        commands, "fault", "faults between the gateways", "lab fault set delay a both ms=40"
    ).add_subparsers(required=True, metavar="COMMAND")
    put = _command(
        kinds,
        "set",
        "set a fault; of a name, path and direction the last one counts",
        "lab fault set loss a in percent=5",
        lambda a: fault.put(a.name, a.words),
    )
    put.add_argument("name", metavar="NAME", help="see: lab fault types")
    put.add_argument(
        "words",
        nargs="*",
        metavar="PATH|DIRECTION|KEY=VALUE",
        help="path a (when absent), b or c; direction out, in or both (when absent); the fault's arguments",
    )
    listing = _command(
        kinds, "list", "faults in force", "lab fault list --json", lambda a: fault.show(as_json=a.json)
    )
    listing.add_argument("--json", action="store_true", help="as JSON")
    clear = _command(
        kinds,
        "clear",
        "clear all faults, or those of these names and paths, and bring the tunnels back",
        "lab fault clear loss b",
        lambda a: fault.clear(a.words),
    )
    clear.add_argument("words", nargs="*", metavar="NAME|PATH")
    _command(kinds, "types", "the table of faults", "lab fault types", lambda _: fault.types())


def _flow(commands: _Commands[argparse.ArgumentParser]) -> None:
    kinds = _command(
        commands,
        "flow",
        "exact packet counters on the gateways",
        "lab flow add ping --src 10.244.0.0/16 --dst 10.50.1.10/32 --proto icmp",
    ).add_subparsers(required=True, metavar="COMMAND")
    add = _command(
        kinds,
        "add",
        "count a flow from zero",
        "lab flow add stamp --src 10.244.0.0/16 --dst 10.50.1.10/32 --proto udp --dport 862",
        lambda a: flow.add(Flow(a.name, a.src, a.dst, a.proto, a.dport, a.size)),
    )
    add.add_argument("name", metavar="NAME")
    add.add_argument("--src", required=True, metavar="CIDR", help="where the flow comes from")
    add.add_argument(
        "--dst",
        required=True,
        metavar="CIDR",
        help="in a far network, such as 10.50.1.0/24 or fd00:10:50:1::/64",
    )
    add.add_argument("--proto", required=True, choices=("udp", "icmp"))
    add.add_argument("--dport", type=int, metavar="N", help="UDP port of the responder")
    add.add_argument("--size", type=int, metavar="B", help="only packets with this many bytes of payload")
    read = _command(
        kinds,
        "read",
        "the counters of a flow",
        "lab flow read stamp --json",
        lambda a: flow.read(a.name, as_json=a.json),
    )
    read.add_argument("name", metavar="NAME")
    read.add_argument("--json", action="store_true", help="as JSON")
    _command(kinds, "clear", "forget all flows", "lab flow clear", lambda _: flow.clear())
