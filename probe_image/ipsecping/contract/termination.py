"""Results in a container's termination message: at most 4096 bytes, of which the kubelet keeps the last.

Form: `ipsecping1 LENGTH CRC32 DATA`, where DATA is Base85 (RFC 1924 alphabet) of the zlib-compressed JSON
array of results and LENGTH counts its characters. A message that does not fit is made coarser (fewer
histogram buckets per power of two; the histogram states its precision, and so its error) and refused only
when even the coarsest does not fit.
"""

import base64
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from . import json_text
from .fields import ContractError, sequence, shown
from .histogram import DEFAULT_PRECISION, MIN_PRECISION
from .plan import MAX_PROBES
from .result import RoundResult
from .result_json import result_from_json, result_to_json

LIMIT = 4096
MAGIC = "ipsecping1"
# A result is well under 16 KiB of JSON; more than that is not ours, or a decompression bomb.
MAX_DECOMPRESSED = MAX_PROBES * 16_384


def encode(results: Sequence[RoundResult]) -> str:
    """The message for one run's results; raises ContractError when they cannot fit into `LIMIT` bytes."""
    for precision in range(DEFAULT_PRECISION, MIN_PRECISION - 1, -1):
        message = _encode(results, precision)
        if len(message) <= LIMIT:
            return message
    raise ContractError(f"{len(results)} results do not fit into a termination message of {LIMIT} bytes")


def decode(message: str, *, refused: Callable[[ContractError], None] | None = None) -> list[RoundResult]:
    """Results of a message; raises ContractError when it is not ours, cut short or damaged.

    `refused` is told of each result that breaks the contract, and the others are read; without it the first
    one is raised.
    """
    results = []
    for number, item in enumerate(_items(message)):
        try:
            results.append(result_from_json(item, f"results[{number}]"))
        except ContractError as error:
            if refused is None:
                raise
            refused(error)
    return results


def _items(message: str) -> list[object]:
    parts = message.strip().split(" ")
    if len(parts) != 4 or parts[0] != MAGIC or not message.isascii():
        raise ContractError("termination message: not one of ipsecping's")
    _, length, checksum, data = parts
    if length != str(len(data)):
        raise ContractError(f"termination message: {len(data)} characters of data, {shown(length)} announced")
    if checksum != f"{zlib.crc32(data.encode()):08x}":
        raise ContractError("termination message: checksum mismatch")
    try:
        decompressor = zlib.decompressobj()
        text = decompressor.decompress(base64.b85decode(data), MAX_DECOMPRESSED)
    except (ValueError, zlib.error) as error:
        raise ContractError(f"termination message: {error}") from error
    if decompressor.unconsumed_tail:
        raise ContractError("termination message: expands to more than any run's results")
    items = json_text.decode(text, "termination message")
    return sequence(items, "termination message", at_most=MAX_PROBES)


def _encode(results: Sequence[RoundResult], precision: int) -> str:
    coarse = [replace(r, rtt=r.rtt.coarsened(min(precision, r.rtt.precision))) for r in results]
    text = json.dumps([result_to_json(r) for r in coarse], separators=(",", ":"))
    data = base64.b85encode(zlib.compress(text.encode(), 9)).decode()
    return f"{MAGIC} {len(data)} {zlib.crc32(data.encode()):08x} {data}"
