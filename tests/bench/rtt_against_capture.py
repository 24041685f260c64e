"""Compare the prober's STAMP round-trip times with a packet capture on its pod's own interface.

Truth is what the capture says: (time of the reply - time of the request) - (T3 - T2 of the captured reply,
RFC 8762 section 4.3). The prober's figure for the same sequence number is held against it.
"""

import argparse
import json
import struct
import sys
from dataclasses import dataclass

from ipsecping_lab import workbench

from .pcap import Datagram, datagrams
from .prober_pod import ProberPod

NAMESPACE = "rtt-truth"
STAMP_PORT = 862
PERCENTILES = (50, 90, 99, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Prober against capture, in nanoseconds, by sequence number."""

    reported: dict[int, int]
    captured: dict[int, int]

    @property
    def differences(self) -> list[int]:
        """|reported - captured| of each packet that both have, sorted."""
        both = self.reported.keys() & self.captured.keys()
        return sorted(abs(self.reported[s] - self.captured[s]) for s in both)

    def table(self) -> str:
        """Percentiles of both and of the absolute difference, in microseconds."""
        rows = {
            "capture": sorted(self.captured.values()),
            "ipsecping": sorted(self.reported.values()),
            "|difference|": self.differences,
        }
        lines = [f"{'us':<14}" + "".join(f"{f'p{p}' if p < 100 else 'max':>10}" for p in PERCENTILES)]
        for name, values in rows.items():
            lines.append(
                f"{name:<14}" + "".join(f"{percentile(values, p) / 1000:>10.1f}" for p in PERCENTILES)
            )
        lines.append(f"packets: {len(self.reported)} answered, {len(self.differences)} compared")
        return "\n".join(lines)


def percentile(values: list[int], percent: int) -> int:
    """Nearest-rank percentile of sorted values."""
    return values[max(-(-len(values) * percent // 100), 1) - 1]


def captured_round_trips(capture: bytes) -> dict[int, int]:
    """Round-trip time less the reflector's residence time, by the sender's sequence number."""
    requests: dict[int, int] = {}
    found: dict[int, int] = {}
    for datagram in datagrams(capture):
        if datagram.destination_port == STAMP_PORT:
            requests[struct.unpack_from("!I", datagram.payload)[0]] = datagram.time
        elif datagram.source_port == STAMP_PORT:
            sequence = struct.unpack_from("!I", datagram.payload, 24)[0]
            found[sequence] = datagram.time - requests[sequence] - residence(datagram)
    return found


def residence(reply: Datagram) -> int:
    """T3 - T2 of a Session-Reflector packet: timestamps at bytes 4 and 16, NTP or PTP form by the Z bit."""
    transmitted, received = reply.payload[4:12], reply.payload[16:24]
    is_ptp = bool(reply.payload[12] & 0x40)

    def nanoseconds(stamp: bytes) -> int:
        seconds, fraction = (int.from_bytes(half, "big") for half in (stamp[:4], stamp[4:]))
        return seconds * 1_000_000_000 + (fraction if is_ptp else (fraction * 1_000_000_000) >> 32)

    return nanoseconds(transmitted) - nanoseconds(received)


def compare(pod: ProberPod, *, target: str, count: int, interval: str) -> Comparison:
    """Run the prober in a restricted pod of the lab, with a capture on the pod's interface beside it."""
    with pod.captured(port=STAMP_PORT) as capture:
        said = pod.ipsecping(
            "ping",
            target,
            "--stamp",
            str(STAMP_PORT),
            "-c",
            str(count),
            "-i",
            interval,
            "--json",
            "--samples",
        )
    return Comparison(
        reported={sample["sequence"]: sample["rtt_ns"] for sample in json.loads(said)["samples"]},
        captured=captured_round_trips(capture.content),
    )


def main() -> int:
    """Print the comparison; 1 when the difference exceeds the limit at p99."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: make compare-rtt   (the lab must be up: make lab-up)",
    )
    parser.add_argument("--target", default="10.50.1.10", help="far-end STAMP reflector (%(default)s)")
    parser.add_argument("--count", type=int, default=1000, help="packets (%(default)s)")
    parser.add_argument("--interval", default="10ms", help="between packets (%(default)s)")
    parser.add_argument(
        "--limit-us", type=float, default=200, help="allowed difference at p99 (%(default)s us)"
    )
    arguments = parser.parse_args()
    pod = ProberPod(NAMESPACE)
    try:
        pod.start()
        comparison = compare(pod, target=arguments.target, count=arguments.count, interval=arguments.interval)
    except (workbench.CommandFailed, workbench.GaveUp) as error:
        print(f"compare-rtt: {error}", file=sys.stderr)
        return 2
    print(comparison.table())
    pod.delete()
    return int(percentile(comparison.differences, 99) > arguments.limit_us * 1000)


if __name__ == "__main__":
    sys.exit(main())
