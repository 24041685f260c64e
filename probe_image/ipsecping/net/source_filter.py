"""A filter in the kernel (socket(7), SO_ATTACH_FILTER): from whom a datagram socket takes packets.

What it refuses is in no receive queue: a flood costs neither our time nor the room of others' answers.
"""

import ctypes
import socket
from collections.abc import Iterable
from struct import Struct

from ..wire.icmp import ECHO_REPLY, ECHO_REPLY_V6
from .host_calls import set_option

_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
MAX_INSTRUCTIONS = 4096
"""BPF_MAXINSNS (linux/bpf_common.h)."""

_INSTRUCTION = Struct("@HBBI")
"""`struct sock_filter`: code, where to jump if true and if false (relative to the next one), operand."""
_PROGRAM = Struct("@HP")
"""`struct sock_fprog`."""
_LOAD_WORD, _LOAD_HALF, _EQUAL, _RETURN = 0x20, 0x28, 0x15, 0x06
_NETWORK_HEADER = 0xFFF00000
"""SKF_NET_OFF: from there offsets count from the IP header, otherwise from that of UDP."""
_SOURCE_AT = {socket.AF_INET: 12, socket.AF_INET6: 8}
_ALL, _NOTHING = 0xFFFFFFFF, 0
_HEADER_LENGTH, _LOAD_BYTE_BEHIND, _LOAD_HALF_BEHIND, _LOAD_BYTE = 0xB1, 0x50, 0x48, 0x30
"""BPF_LDX | BPF_MSH: an IPv4 header's length into X; BPF_IND: relative to that."""
ACCEPT = _INSTRUCTION.pack(_RETURN, 0, 0, _ALL)


def program(
    family: int, sources: Iterable[bytes], *, ports: bool, allow: bool, own: bytes = b""
) -> bytes | None:
    """Instructions that take packets from `sources` alone (`allow`) or from all others.

    Sources as `message_batch.raw_address` gives them; `ports`: the port counts as well (UDP); `own`: the
    instructions that this socket has anyway. None when there are too many for a filter.
    """
    listed, others = (_ALL, _NOTHING) if allow else (_NOTHING, _ALL)
    code = own + b"".join(_if_from(family, source, listed, ports=ports) for source in sources)
    code += _INSTRUCTION.pack(_RETURN, 0, 0, others)
    return code if len(code) <= MAX_INSTRUCTIONS * _INSTRUCTION.size else None


def echo_replies(identifier: int, *, ipv6: bool) -> bytes:
    """Instructions of a raw socket that go on only with echo replies of this identifier (RFC 792, RFC 4443).

    A raw IPv4 socket's filter sees the packet from its IP header on, that of IPv6 from its ICMPv6 header.
    """
    if ipv6:
        start, byte, half, reply = b"", _LOAD_BYTE, _LOAD_HALF, ECHO_REPLY_V6
    else:
        start = _INSTRUCTION.pack(_HEADER_LENGTH, 0, 0, 0)
        byte, half, reply = _LOAD_BYTE_BEHIND, _LOAD_HALF_BEHIND, ECHO_REPLY
    refuse = _INSTRUCTION.pack(_RETURN, 0, 0, _NOTHING)
    for load, at, value in ((byte, 0, reply), (half, 4, identifier)):
        start += _INSTRUCTION.pack(load, 0, 0, at) + _INSTRUCTION.pack(_EQUAL, 1, 0, value) + refuse
    return start


def attach(sock: socket.socket, code: bytes) -> None:
    """Filter what comes from now on, in place of an earlier filter. Raises OSError."""
    kept = ctypes.create_string_buffer(code, len(code))
    set_option(
        sock,
        socket.SOL_SOCKET,
        _SO_ATTACH_FILTER,
        _PROGRAM.pack(len(code) // _INSTRUCTION.size, ctypes.addressof(kept)),
    )


def detach(sock: socket.socket) -> None:
    """Take everything again. Raises OSError."""
    sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


def _if_from(family: int, source: bytes, verdict: int, *, ports: bool) -> bytes:
    """Return `verdict` for a packet from `source`, else go on."""
    address = source[8:24] if family == socket.AF_INET6 else source[4:8]
    tests = [
        (_LOAD_WORD, _NETWORK_HEADER + _SOURCE_AT[socket.AddressFamily(family)] + at, address[at : at + 4])
        for at in range(0, len(address), 4)
    ]
    if ports:
        tests.append((_LOAD_HALF, 0, source[2:4]))
    code = b""
    for number, (load, at, value) in enumerate(tests):
        rest = 2 * (len(tests) - 1 - number) + 1  # the tests to come, and the verdict
        code += _INSTRUCTION.pack(load, 0, 0, at)
        code += _INSTRUCTION.pack(_EQUAL, 0, rest, int.from_bytes(value, "big"))
    return code + _INSTRUCTION.pack(_RETURN, 0, 0, verdict)
