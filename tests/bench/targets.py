"""Addresses to probe: all of 127.0.0.0/8 answers echo requests, by the kernel and without losing any."""


def address(number: int) -> str:
    """The target with that number, 0 to 65,000 or so."""
    return f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
