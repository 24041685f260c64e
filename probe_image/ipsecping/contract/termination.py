"""Results in a container's termination message: at most 4096 bytes, of which the kubelet keeps the last.

Form: `ipsecping1 LENGTH CRC32 DATA`, where DATA is Base85 (RFC 1924 alphabet) of the zlib-compressed JSON
array of results and LENGTH counts its characters. A message that does not fit is made coarser (fewer
histogram buckets per power of two; the histogram states its precision, and so its error) and refused only
when even the coarsest does not fit.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Sequence
from dataclasses import replace

from .fields import ContractError, sequence
from .histogram import DEFAULT_PRECISION, MIN_PRECISION
from .plan import MAX_PROBES
from .result import RoundResult, result_from_json, result_to_json

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


def decode(message: str) -> list[RoundResult]:
    """Results of a message; raises ContractError when it is not ours, cut short or damaged."""
    parts = message.strip().split(" ")
    if len(parts) != 4 or parts[0] != MAGIC:
        raise ContractError("termination message: not one of ipsecping's")
    _, length, checksum, data = parts
    if length != str(len(data)):
        raise ContractError(f"termination message: {len(data)} characters of data, {length} announced")
    if checksum != f"{zlib.crc32(data.encode()):08x}":
        raise ContractError("termination message: checksum mismatch")
    try:
        decompressor = zlib.decompressobj()
        text = decompressor.decompress(base64.b85decode(data), MAX_DECOMPRESSED)
        if decompressor.unconsumed_tail:
            raise ContractError("termination message: expands to more than any run's results")
        items = json.loads(text)
    except (ValueError, zlib.error, binascii.Error, RecursionError) as error:
        if isinstance(error, ContractError):
            raise
        raise ContractError(f"termination message: {error}") from error
    listed = sequence(items, "termination message", at_most=MAX_PROBES)
    return [result_from_json(item, f"results[{i}]") for i, item in enumerate(listed)]


def _encode(results: Sequence[RoundResult], precision: int) -> str:
    coarse = [replace(r, rtt=r.rtt.coarsened(min(precision, r.rtt.precision))) for r in results]
    text = json.dumps([result_to_json(r) for r in coarse], separators=(",", ":"))
    data = base64.b85encode(zlib.compress(text.encode(), 9)).decode()
    return f"{MAGIC} {len(data)} {zlib.crc32(data.encode()):08x} {data}"
