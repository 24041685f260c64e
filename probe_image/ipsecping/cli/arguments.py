"""Values on the command line, read or refused with a message that says what is expected."""

import argparse
import re
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from ..addresses import is_address, network_of, parse_address
from .errors import CommandError

if TYPE_CHECKING:
    from ..contract import Family
    from ..net.sender import Sender

MAX_HOSTS = 256
"""Of one command."""
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def add_family_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare -4 and -6; see `family_of`."""
    family = parser.add_mutually_exclusive_group()
    family.add_argument("-4", "--ipv4", action="store_true", help="IPv4 addresses of names only")
    family.add_argument("-6", "--ipv6", action="store_true", help="IPv6 addresses of names only")


def family_of(options: argparse.Namespace) -> "Family | None":
    """The family that is asked for."""
    from ..contract import Family

    return Family.IPV4 if options.ipv4 else Family.IPV6 if options.ipv6 else None


def add_sender_arguments(parser: argparse.ArgumentParser, *, source_port: str) -> None:
    """Declare -I, --source-port (with its help), --ttl and --dscp; see `sender_of`."""
    parser.add_argument(
        "-I", "--source", metavar="SOURCE", help="address or interface of this host to send from"
    )
    parser.add_argument("--source-port", metavar="PORT", type=port, help=source_port)
    parser.add_argument("--ttl", metavar="N", type=ttl, help="TTL or hop limit of the packets, 1 to 255")
    parser.add_argument(
        "--dscp", metavar="N", type=dscp, default=0, help="code point of the packets, 0 to 63"
    )


def source_of(options: argparse.Namespace, command: str) -> str | None:
    """The address or interface to send from. Raises CommandError."""
    from ..contract import ContractError
    from ..contract.sources import read_source

    try:
        return read_source(options.source, "-I")
    except ContractError as error:
        raise CommandError(f"{command}: {error}") from error


def sender_of(options: argparse.Namespace, command: str) -> "Sender":
    """What is asked for of the sockets. Raises CommandError."""
    from ..net.sender import Sender

    return Sender(
        dscp=options.dscp,
        ttl=options.ttl,
        source=source_of(options, command),
        port=options.source_port or 0,
    )


def duration_ms(text: str) -> int:
    """`100ms`, `2s`, `1m30s` in whole milliseconds; a bare number is seconds, as in ping(8)."""
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        text += "s"
    if not re.fullmatch(r"([0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h)){1,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 100ms, 2s or 1m30s")
    parts = re.findall(r"([0-9.]+)(ms|s|m|h)", text)
    return round(sum(float(number) * _UNITS_MS[unit] for number, unit in parts))


def port(text: str) -> int:
    """A UDP or TCP port, 1 to 65535."""
    if not re.fullmatch("[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (1 to 65535)")
    return int(text)


def dscp(text: str) -> int:
    """A differentiated services code point, 0 to 63."""
    if not re.fullmatch("[0-9]{1,2}", text) or int(text) > 63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a DSCP (0 to 63; EF is 46)")
    return int(text)


def ttl(text: str) -> int:
    """A TTL or hop limit, 1 to 255."""
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= 255:
        raise argparse.ArgumentTypeError(f"{text!r} is not a TTL (1 to 255)")
    return int(text)


def flows(text: str) -> int:
    """How many source ports side by side, 1 to 16."""
    if not re.fullmatch("[0-9]{1,2}", text) or not 1 <= int(text) <= 16:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of flows (1 to 16)")
    return int(text)


def listen_address(text: str) -> tuple[str, int]:
    """`ADDR:PORT`, `[ADDR6]:PORT`, or `:PORT` for all addresses of both families, whose host is empty.

    Port 0 lets the kernel choose.
    """
    host, separator, number = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        if host:
            parse_address(host)
    except ValueError:
        separator = ""
    if not separator or not re.fullmatch("[0-9]{1,5}", number) or int(number) > 65535:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not [ADDR]:PORT, such as :862 (all addresses), 10.50.1.10:862 or [2001:db8::1]:862"
        )
    return host, int(number)


def host(text: str) -> str:
    """An address or a name, as it stands; refuses what is neither, and says where the rest of it goes."""
    said = f"{text!r} is not a host"
    if "://" in text:
        raise argparse.ArgumentTypeError(f"{said}: leave out the scheme and the path of the URL")
    name, separator, number = text.rpartition(":")
    if separator and number.isdecimal() and (":" not in name or name.endswith("]")):
        bare = name.removeprefix("[").removesuffix("]")
        raise argparse.ArgumentTypeError(f"{said}: write {bare}, and give the port by an option")
    if text.startswith("[") and text.endswith("]"):
        raise argparse.ArgumentTypeError(f"{said}: write {text[1:-1]}, without brackets")
    if "/" in text:
        raise argparse.ArgumentTypeError(f"{said}: write one address or name, without a slash")
    last = text.removesuffix(".").rpartition(".")[2]
    if not is_address(text) and (":" in text or last[:1].isdecimal()):
        # The C library would read 10.1.9 as 10.1.0.9.
        raise argparse.ArgumentTypeError(f"{said}: write a whole IP address, such as 10.1.0.9 or 2001:db8::9")
    return text


def network(text: str) -> IPv4Network | IPv6Network:
    """An address or a network in CIDR notation."""
    try:
        return network_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a network: {error}") from None


def unescaped(text: str) -> str:
    """A text in which `\\r`, `\\n`, `\\t` and `\\\\` stand for what they do elsewhere."""
    known = {"\\r": "\r", "\\n": "\n", "\\t": "\t", "\\\\": "\\"}
    return re.sub(r"\\[rnt\\]", lambda found: known[found[0]], text)


def positive(text: str) -> int:
    """An integer of at least 1."""
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)
