"""The campaigns: who is attacked, with what, and what must hold afterwards."""

import hmac
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from struct import pack, pack_into, unpack_from
from typing import Any

from ..peers import ours
from .octets import broken, hostile_tlvs

KEY = bytes.fromhex("00112233445566778899aabbccddeeff")
NO_LIMIT = ["--rate", "100000000", "--total-rate", "100000000"]
BURST = 64
PATIENCE = 30.0
SHORT_QUEUE = 32_768
"""Bytes, as the kernel counts them."""
_NTP_2026 = 0xED003780_00000000
_NTP_GOOD = 0xED003780_12345678
Tell = Callable[[int], None]


class Broken(Exception):
    """A promise was broken; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one campaign did."""

    name: str
    packets: int
    answers: int
    octets_in: int
    octets_out: int
    seconds: float
    note: str


def must(holds: bool, promise: str) -> None:
    """Raise Broken unless it does."""
    if not holds:
        raise Broken(promise)


def requests(size: int) -> list[bytes]:
    """Session-Sender packets as they should be: plain, with a stretch of padding, with TLVs."""
    plain = pack("!IQHH", 7, _NTP_2026, 0x2001, 0).ljust(size, b"\0")
    tlvs = [b"\x80" + bytes([kind]) + pack("!H", 8) + bytes(8) for kind in range(1, 12)]
    return [plain, plain + bytes(100), *(plain + tlv for tlv in tlvs), plain + b"".join(tlvs)]


@dataclass(slots=True)
class Burst:
    """Broken requests on their way to our reflector; the answer to a good one behind them ends the burst."""

    sock: socket.socket
    authenticated: bool
    good: int = 0
    answers: int = 0
    """Those to broken requests."""
    sent_back: int = 0
    """Answers that were sent as if they were requests."""
    octets_in: int = 0
    octets_out: int = 0

    def send(self, some: Iterable[bytes]) -> None:
        """Send them, then what comes back: this is not answered, or two reflectors would go on for ever."""
        answers = self._answers(some)
        self.answers += len(answers)
        self.sent_back += len(answers)
        again = self._answers(answers)
        must(not again, f"no answer of a reflector is answered, but {again[:1]} was")

    def _answers(self, some: Iterable[bytes]) -> list[bytes]:
        """Send packets, and take in what comes back until all of them have been looked at."""
        answers = list[bytes]()
        sequence, self.good = 10**9 + self.good, self.good + 1
        for octets in (*some, self._good(sequence)):
            self.octets_in += self.sock.send(octets)
        while True:
            try:
                answer = self.sock.recv(65_535)
            except TimeoutError:
                raise Broken(
                    f"a good packet is answered within {PATIENCE:.0f} s: number {sequence}"
                ) from None
            self.octets_out += len(answer)
            if self._is_answer_to(answer, sequence):
                return answers
            answers.append(answer)

    def _good(self, sequence: int) -> bytes:
        """RFC 8762 sections 4.2.1 and 4.2.2."""
        if not self.authenticated:
            return pack("!IQHH28x", sequence, _NTP_GOOD, 0x2001, 0)
        signed = pack("!I12xQHH68x", sequence, _NTP_GOOD, 0x2001, 0)
        return signed + hmac.digest(KEY, signed, "sha256")[:16]

    def _is_answer_to(self, answer: bytes, sequence: int) -> bool:
        """RFC 8762 sections 4.3.1 and 4.3.2: the sender's number and timestamp, copied."""
        number_at, time_at = (48, 64) if self.authenticated else (24, 28)
        return answer[number_at : number_at + 4] == pack("!I", sequence) and answer[
            time_at : time_at + 8
        ] == pack("!Q", _NTP_GOOD)


def attack_reflector(
    packets: int, random: Random, folder: Path, tell: Tell, *, authenticated: bool
) -> Outcome:
    """Broken requests to our reflector, in bursts; every byte that comes back is counted."""
    options = [*NO_LIMIT, *(["--key-file", str(key_file(folder))] if authenticated else [])]
    templates = requests(112 if authenticated else 44)
    began, sent = time.monotonic(), 0
    with ours.reflector("stamp", *options) as reflector, client(reflector.port) as sock:
        burst = Burst(sock, authenticated)
        while sent < packets:
            some = [
                broken(random, templates) if random.randrange(2) else templates[0] + hostile_tlvs(random)
                for _ in range(min(BURST, packets - sent))
            ]
            burst.send(some)
            sent += len(some)
            tell(sent)
        counters = reflector.stop()
    looked_at = counters["received"]
    must(
        burst.octets_out <= burst.octets_in,
        f"bytes out ({burst.octets_out}) at most bytes in ({burst.octets_in})",
    )
    must(counters["octetsAnswered"] <= counters["octetsReceived"], "its own counters say the same")
    all_sent = sent + burst.good + burst.sent_back
    must(looked_at == all_sent, f"every packet was looked at: {looked_at} of {all_sent}")
    must(
        not authenticated or burst.answers == 0, f"no answer without the key, but there were {burst.answers}"
    )
    dropped = " ".join(f"{reason}={count}" for reason, count in counters["dropped"].items())
    return Outcome(
        name=f"reflector, {'authenticated' if authenticated else 'open'}",
        packets=sent,
        answers=burst.answers,
        octets_in=burst.octets_in,
        octets_out=burst.octets_out,
        seconds=time.monotonic() - began,
        note=f"{burst.good} good packets between them answered; dropped: {dropped}",
    )


PATIENT = (
    "import sys; from ipsecping.net import floods, read_pace; from ipsecping.cli.main import main; "
    "floods.MOST_UNWANTED = sys.maxsize; read_pace.LONG_HOLD_OFF = read_pace.HOLD_OFF; sys.exit(main())"
)
"""The prober, but that it hears out whoever sends 5,000 wrong answers a second: as it is, it stops listening
to such a target (tests/interop/test_hostile_far_ends.py), and most of these would not be looked at. It also
reads as often as after a flood: the liar waits until it has read, and would fall behind the pace else."""


@dataclass(slots=True)
class Liar:
    """A target that says many wrong things before the right one."""

    answer: Callable[[bytes], bytes]
    """The right answer to a request."""
    secret: slice
    """Where it proves that it is the right one: a lie never has that."""
    lies: int
    """Before each right answer."""
    random: Random
    packets: int = 0
    octets: int = 0
    requests: int = 0

    def serve(self, sock: socket.socket) -> None:
        """Until the socket is closed."""
        while True:
            try:
                request, peer = sock.recvfrom(65_535)
            except OSError:
                return
            if not request:
                return
            self.requests += 1
            right = self.answer(request)
            wait_until_read(peer[1])
            for _ in range(self.lies):
                lie = bytearray(broken(self.random, [right, request]))
                if lie[self.secret] == right[self.secret]:
                    lie[self.secret.start] ^= 0x40
                self.packets += 1
                self.octets += sock.sendto(lie, peer)
            sock.sendto(right, peer)


def attack_prober(packets: int, random: Random, folder: Path, tell: Tell, *, kind: str) -> Outcome:
    """Broken answers to our prober's packets, each followed by the right one: all must count, none twice."""
    lies = 50
    count = max(packets // lies, 1)
    spoken = SPOKEN[kind]
    liar = Liar(spoken.answer, spoken.secret, lies, random)
    proof = ["--key-file", str(key_file(folder))] if spoken.signed else []
    began = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=liar.serve, args=[sock], daemon=True)
        thread.start()
        port = str(sock.getsockname()[1])
        count_and_pace = ["-c", str(count), "-i", "10ms", "-W", "10s", "--json"]
        command = ["ping", "127.0.0.1", spoken.option, port, *proof, *count_and_pace]
        with subprocess.Popen(
            [sys.executable, "-c", PATIENT, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            while process.poll() is None:
                tell(liar.packets)
                time.sleep(0.5)
            said, trouble = process.communicate()
        sock.sendto(b"", sock.getsockname())
        thread.join(timeout=5)
    must(process.returncode == 0, f"the prober ends well, not with {process.returncode}: {trouble[-2000:]}")
    must("Traceback" not in trouble, f"no traceback: {trouble[-2000:]}")
    figures = json.loads(said)
    must(figures["received"] == figures["sent"] == count, f"every right answer counts: {summary(figures)}")
    must(figures["duplicates"] == 0, f"no wrong answer counts: {summary(figures)}")
    return Outcome(
        name=f"prober, {kind}",
        packets=liar.packets,
        answers=figures["received"],
        octets_in=liar.octets,
        octets_out=liar.requests * figures["size"],
        seconds=time.monotonic() - began,
        note=f"{count} of {count} right answers counted",
    )


def stamp_answer(request: bytes) -> bytes:
    """A stateless reflector's, without residence time."""
    sequence, timestamp, estimate, ssid = unpack_from("!IQHH", request)
    answer = bytearray(len(request))
    pack_into(
        "!IQHHQIQHxxB",
        answer,
        0,
        sequence,
        timestamp,
        estimate,
        ssid,
        timestamp,
        sequence,
        timestamp,
        estimate,
        64,
    )
    return bytes(answer)


def signed_stamp_answer(request: bytes) -> bytes:
    """The same in authenticated mode (RFC 8762 section 4.3.2)."""
    sequence, timestamp, estimate, ssid = unpack_from("!I12xQHH", request)
    answer = bytearray(len(request))
    pack_into("!I12xQHH4xQ8x", answer, 0, sequence, timestamp, estimate, ssid, timestamp)
    pack_into("!I12xQH6xB", answer, 48, sequence, timestamp, estimate, 64)
    answer[96:112] = hmac.digest(KEY, answer[:96], "sha256")[:16]
    return bytes(answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What a lying target speaks."""

    option: str
    answer: Callable[[bytes], bytes]
    secret: slice
    signed: bool = False


SPOKEN = {
    "STAMP": Spoken(option="--stamp", answer=stamp_answer, secret=slice(28, 36)),
    "authenticated STAMP": Spoken(
        option="--stamp", answer=signed_stamp_answer, secret=slice(96, 112), signed=True
    ),
    "UDP echo": Spoken(option="--udp-echo", answer=bytes, secret=slice(4, 12)),
}


def wait_until_read(port: int) -> None:
    """Until the prober's queue is nearly empty: one that overflows would lose right answers too."""
    deadline = time.monotonic() + PATIENCE
    wanted = f":{port:04X} "
    while time.monotonic() < deadline:
        for line in Path("/proc/net/udp").read_text().splitlines():
            words = line.split()
            if wanted in f"{words[1]} " and int(words[4].partition(":")[2], 16) > SHORT_QUEUE:
                break
        else:
            return
        time.sleep(0.001)


def summary(figures: dict[str, Any]) -> str:
    """The counts, for a message."""
    return " ".join(f"{key}={figures[key]}" for key in ("sent", "received", "duplicates", "losses"))


def key_file(folder: Path) -> Path:
    """One with one key."""
    file = folder / "keys"
    file.write_text(f"hex:{KEY.hex()}\n")
    file.chmod(0o600)
    return file


@contextmanager
def client(port: int) -> Iterator[socket.socket]:
    """A socket connected to our reflector."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        sock.settimeout(PATIENCE)
        sock.connect(("127.0.0.1", port))
        yield sock
