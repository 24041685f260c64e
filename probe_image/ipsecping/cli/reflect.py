"""`ipsecping reflect`: be the far side."""

import argparse
import asyncio
import logging
import signal
from typing import TYPE_CHECKING

from .arguments import listen_address, network, positive
from .errors import SUCCESS, CommandError

if TYPE_CHECKING:
    from ..reflector.server import Listener

NAME = "reflect"
HELP = "answer STAMP and UDP echo probes of allowed peers"
EPILOG = """examples:
  ipsecping reflect --stamp 10.50.1.10:862 --allow 10.244.0.0/16
  ipsecping reflect --stamp 0.0.0.0:862 --stamp [::]:862 --udp-echo 0.0.0.0:55055 \\
      --allow 10.244.0.0/16 --allow 2001:db8:1::/48 --rate 2000

Ports below 1024 need root, CAP_NET_BIND_SERVICE, or the sysctl net.ipv4.ip_unprivileged_port_start.
An answer never has more octets than its request; nothing of a packet's content is logged.
Counters are logged on SIGUSR1 and at the end (SIGTERM, SIGINT).
"""
DEFAULT_RATE = 10_000

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--stamp",
        metavar="ADDR:PORT",
        type=listen_address,
        action="append",
        default=[],
        help="answer STAMP (RFC 8762, stateful, unauthenticated) here; may be repeated",
    )
    parser.add_argument(
        "--udp-echo",
        metavar="ADDR:PORT",
        type=listen_address,
        action="append",
        default=[],
        help="echo UDP here; may be repeated",
    )
    parser.add_argument(
        "--allow",
        metavar="CIDR",
        type=network,
        action="append",
        required=True,
        help="answer sources in this network only; may be repeated (0.0.0.0/0 for all)",
    )
    parser.add_argument(
        "--rate",
        metavar="N",
        type=positive,
        default=DEFAULT_RATE,
        help=f"packets a second answered per source address (default: {DEFAULT_RATE})",
    )


def execute(options: argparse.Namespace) -> int:
    """Answer until SIGTERM or SIGINT."""
    if not options.stamp and not options.udp_echo:
        raise CommandError("reflect: nothing to answer, give --stamp ADDR:PORT or --udp-echo ADDR:PORT")
    asyncio.run(_reflect(options))
    return SUCCESS


async def _reflect(options: argparse.Namespace) -> None:
    from ..reflector.admission import Admission
    from ..reflector.responder import EchoResponder, StampResponder
    from ..reflector.server import Listener
    from ..reflector.sessions import SessionTable

    admission = Admission(allow=options.allow, rate=options.rate)
    sessions = SessionTable()
    ports: set[int] = set()

    def stamp(port: int) -> StampResponder:
        ports.add(port)
        return StampResponder(admission=admission, sessions=sessions, own_ports=ports)

    def echo(port: int) -> EchoResponder:
        ports.add(port)
        return EchoResponder(admission=admission, own_ports=ports)

    listeners: list[tuple[str, Listener]] = []
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGUSR1, lambda: _log_counters(listeners))
    try:
        for protocol, addresses, make in (
            ("STAMP", options.stamp, stamp),
            ("UDP echo", options.udp_echo, echo),
        ):
            for address, port in addresses:
                try:
                    listener = Listener(address, port, make)
                except OSError as error:
                    raise CommandError(_cannot_listen(address, port, error)) from error
                listeners.append((protocol, listener))
                log.info("answering %s on %s port %d", protocol, listener.address, listener.port)
        await stopped.wait()
    finally:
        _log_counters(listeners)
        for _, listener in listeners:
            listener.close()


def _cannot_listen(address: str, port: int, error: OSError) -> str:
    message = f"reflect: cannot listen on {address} port {port}: {error.strerror}"
    if isinstance(error, PermissionError):
        message += (
            " (ports below 1024 need root, CAP_NET_BIND_SERVICE or net.ipv4.ip_unprivileged_port_start)"
        )
    return message


def _log_counters(listeners: "list[tuple[str, Listener]]") -> None:
    for protocol, listener in listeners:
        fields = {"protocol": protocol, "address": listener.address, "port": listener.port}
        log.info("counters", extra={"fields": fields | listener.counters.to_json()})
