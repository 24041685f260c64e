"""Packets that are nearly right: what a fuzzer of formats with fixed fields gets furthest with."""

from collections.abc import Sequence
from random import Random

MAX_SIZE = 1500


def broken(random: Random, templates: Sequence[bytes]) -> bytes:
    """A template cut, stretched, spliced or with octets overwritten; or plain noise."""
    octets = bytearray(random.choice(templates))
    kind = random.randrange(6)
    if kind == 0:
        return random.randbytes(random.randrange(MAX_SIZE))
    if kind == 1:
        return bytes(octets[: random.randrange(len(octets) + 1)])
    if kind == 2:
        return bytes(octets) + random.randbytes(random.randrange(MAX_SIZE - len(octets)))
    if kind == 3:
        other = random.choice(templates)
        return bytes(octets[: random.randrange(len(octets))]) + other[random.randrange(len(other)) :]
    for _ in range(random.randrange(1, 9)):
        octets[random.randrange(len(octets))] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
    return bytes(octets)
