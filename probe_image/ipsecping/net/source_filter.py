"""A filter in the kernel (socket(7), SO_ATTACH_FILTER): from whom a datagram socket takes packets.

What it refuses is in no receive queue: a flood costs neither our time nor the room of others' answers.
"""

import ctypes
import socket
from collections.abc import Iterable
from struct import Struct

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


def program(family: int, sources: Iterable[bytes], *, ports: bool, allow: bool) -> bytes | None:
    """Instructions that take packets from `sources` alone (`allow`) or from all others.

    Sources as `message_batch.raw_address` gives them; `ports`: the port counts as well (UDP). None when there
    are too many for a filter.
    """
    listed, others = (_ALL, _NOTHING) if allow else (_NOTHING, _ALL)
    code = b"".join(_if_from(family, source, listed, ports=ports) for source in sources)
    code += _INSTRUCTION.pack(_RETURN, 0, 0, others)
    return code if len(code) <= MAX_INSTRUCTIONS * _INSTRUCTION.size else None


def attach(sock: socket.socket, code: bytes) -> None:
    """Filter what comes from now on, in place of an earlier filter. Raises OSError."""
    kept = ctypes.create_string_buffer(code, len(code))
    sock.setsockopt(
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
