"""A train of packets, of which this host cannot send some: those are lost to nobody."""

from collections.abc import Mapping, Sequence

from ipsecping.cli.summary import Outcome, as_json, text
from ipsecping.contract import Figure, ProbeType
from ipsecping.measure.ledger import Answer, Ledger
from ipsecping.measure.packet import Observer, Packet
from ipsecping.net.clocks import Clock
from ipsecping.rounds.packet_train import PacketTrain

from .far_ends import probe

MS = 1_000_000


class EverySecondFails:
    """See Session. What leaves is answered."""

    address = "127.0.0.1"

    def __init__(self) -> None:
        self.ledger = Ledger(timeout=50 * MS)

    def send(self, observer: Observer | None = None) -> Packet:
        now = Clock().now()
        packet = self.ledger.record(at=now, observer=observer)
        if packet.sequence % 2:
            self.ledger.not_sent(packet, None)
        else:
            self.ledger.answered(Answer(packet.sequence), arrived_at=None, read_at=now + MS)
        return packet

    def drain(self, instant: int) -> bool:
        return True

    def figures(self, packets: Sequence[Packet]) -> Mapping[str, Figure]:
        return {}

    def drops(self) -> int:
        return 0

    def dropped_since(self, drops: int) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""


async def test_what_this_host_could_not_send_counts_as_neither_sent_nor_lost() -> None:
    planned = probe(ProbeType.UDP_ECHO, size=16, port=7, spacing_ms=1, timeout_ms=50)
    train = PacketTrain(EverySecondFails(), planned)
    await train.run(6)
    totals = train.totals
    assert (totals.sent, totals.received, totals.not_sent, dict(totals.losses)) == (3, 3, 3, {})
    outcome = Outcome(host="a", address="127.0.0.1", probe=planned, totals=totals)
    assert "3 sent, 3 received, 0.00 % lost" in text(outcome)[1]
    assert text(outcome)[2] == "3 more could not be sent by this host"
    assert as_json(outcome)["not_sent"] == 3
