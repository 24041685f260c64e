"""Packets that are nearly right: what a fuzzer of formats with fixed fields gets furthest with."""

from collections.abc import Sequence
from random import Random

MAX_SIZE = 1500
_SIZES = (60, 400, MAX_SIZE, 9000)


def broken(random: Random, templates: Sequence[bytes]) -> bytes:
    """A template cut, stretched, spliced or with bytes overwritten; or plain noise."""
    octets = bytearray(random.choice(templates))
    kind = random.randrange(6)
    if kind == 0:
        return random.randbytes(random.randrange(MAX_SIZE))
    if kind == 1:
        return bytes(octets[: random.randrange(len(octets) + 1)])
    if kind == 2:
        return bytes(octets) + random.randbytes(random.randrange(max(MAX_SIZE - len(octets), 1)))
    if kind == 3:
        other = random.choice(templates)
        return bytes(octets[: random.randrange(len(octets))]) + other[random.randrange(len(other)) :]
    for _ in range(random.randrange(1, 9)):
        octets[random.randrange(len(octets))] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
    return bytes(octets)


def hostile_tlvs(random: Random) -> bytes:
    """STAMP TLVs that are many, empty, nested, cut, or zeros: what a reader might take too long for."""
    size = random.choice(_SIZES)
    kinds = random.choices(range(12), k=random.randrange(1, 4))
    made = bytearray()
    while len(made) < size:
        kind = random.choice(kinds)
        length = random.choice((0, 0, 4, 12, 16, random.randrange(64)))
        value = bytes(length) if random.randrange(2) else random.randbytes(length)
        claimed = length if random.randrange(64) else random.randrange(1 << 16)
        made += (
            random.choice(b"\x80\x00\xff").to_bytes(1, "big")
            + bytes([kind])
            + claimed.to_bytes(2, "big")
            + value
        )
    nest = random.randrange(3)
    if nest == 1:  # in a Location TLV
        return b"\x80\x02" + (size + 4).to_bytes(2, "big") + bytes(4) + bytes(made[:size])
    if nest == 2:  # zeros, and something behind them
        return bytes(made[: size // 2]) + bytes(size // 2) + bytes([random.randrange(2)])
    return bytes(made[:size])
