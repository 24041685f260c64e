"""`ipsecping diagnose HOST`: has the evidence collected, and shows how far that is."""

import argparse
import asyncio
import signal
import sys
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from .arguments import family_of
from .errors import CommandError
from .terminal import StatusLine

if TYPE_CHECKING:
    from ..collector.collector import Collector
    from ..collector.steps import Asked, Stage
    from ..diagnosis import Evidence

TICK_SECONDS = 0.5


class Collected(NamedTuple):
    """What was measured."""

    evidence: "Evidence"
    duration: int
    """Nanoseconds."""
    packets: int


def collect(asked: "Asked") -> Collected | None:
    """Measure what is asked for; None: interrupted before anything was found."""
    return asyncio.run(_collect(asked))


async def _collect(asked: "Asked") -> Collected | None:
    from ..collector.collector import Collector

    progress = _Progress(asked.time)
    collector = Collector(asked, progress=progress.began)
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        collector.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    ticking = asyncio.create_task(progress.tick(collector))
    try:
        evidence = await collector.collect()
    finally:
        ticking.cancel()
        progress.clear()
    if stopped and not evidence.batches:
        return None
    if collector.hindered is not None:
        print(f"ipsecping: diagnose: {collector.hindered}", file=sys.stderr)
    if stopped:
        said = f"broken off after {_seconds(collector.elapsed)}: what follows rests on less"
        print(f"ipsecping: diagnose: {said}", file=sys.stderr)
    return Collected(evidence, collector.elapsed, collector.sent)


def asked_by(options: argparse.Namespace) -> "Asked":
    """What the options say. Raises CommandError."""
    from ..collector.steps import Asked, Method
    from ..contract import ProbeType, StampOptions
    from ..contract.methods import stamp
    from ..diagnosis import Part
    from ..diagnosis.evidence import MAX_NETWORKS
    from ..host.key_file import KeyFile, KeyFileError

    assumed = options.stamp is None and options.key_file is None
    if options.key_file is not None:
        try:
            KeyFile(Path(options.key_file)).read()
        except KeyFileError as error:
            raise CommandError(f"diagnose: {error}") from error
    signed = None if options.key_file is None else StampOptions(key_file=options.key_file)
    methods = [
        Method(type=ProbeType.STAMP, port=options.stamp or stamp.PORT, assumed=assumed, options=signed)
    ]
    if options.udp_echo is not None:
        methods.append(Method(type=ProbeType.UDP_ECHO, port=options.udp_echo))
    methods.append(Method(type=ProbeType.ICMP))
    if options.tcp is not None:
        methods.append(Method(type=ProbeType.TCP, port=options.tcp))
    given = {
        Part.FAR_INSIDE: options.far_inside,
        Part.NEAR_INSIDE: options.near_inside,
        Part.GATEWAY: options.gateway,
    }
    controls = {part: address for part, address in given.items() if address is not None}
    if len(set(controls.values())) < len(controls):
        raise CommandError("diagnose: two of --far-inside, --near-inside and --gateway are the same address")
    if options.host in controls.values():
        raise CommandError(f"diagnose: {options.host} is the target and cannot be a control of itself")
    for name in ("inside", "underlay"):
        if len(getattr(options, name)) > MAX_NETWORKS:
            raise CommandError(f"diagnose: --{name}: at most {MAX_NETWORKS} networks")
    return Asked(
        host=options.host,
        methods=tuple(methods),
        controls=MappingProxyType(controls),
        inside=tuple(map(str, options.inside)),
        underlay=tuple(map(str, options.underlay)),
        family=family_of(options),
        long=options.long,
    )


def address(text: str) -> str:
    """An IP address in its canonical form."""
    try:
        return str(ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an IPv4 or IPv6 address") from None


class _Progress:
    """One line on a terminal that is written over; elsewhere a line for each stage, on standard error."""

    def __init__(self, time: int) -> None:
        """`time`: how long it takes at most, nanoseconds."""
        self._most = _seconds(time)
        self._status = StatusLine(sys.stderr)
        self._said = ""

    def began(self, stage: "Stage", known: "Evidence", elapsed: int) -> None:
        """See collector.Progress."""
        sent = sum(batch.sent for batch in known.batches)
        answered = sum(batch.answered for batch in known.batches)
        so_far = f"; {answered} of {sent} packets answered so far" if sent else ""
        self._said = f"{stage.name}{so_far}"
        if not self._status.visible:
            print(f"ipsecping: diagnose: {_seconds(elapsed)}: {self._said}", file=sys.stderr, flush=True)

    async def tick(self, collector: "Collector") -> None:
        """Keep the line up to date."""
        while True:
            said = self._said or "looking up the address"
            self._status.show(
                f"{_seconds(collector.elapsed)} of at most {self._most}: {said}; Ctrl-C ends it"
            )
            await asyncio.sleep(TICK_SECONDS)

    def clear(self) -> None:
        """Take the line away."""
        self._status.clear()


def _seconds(time: int) -> str:
    return f"{time / 1e9:.0f} s"
