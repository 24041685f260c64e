"""Rows of the fault dictionary: IKE, security associations, ESP and NAT."""

from ..contract.diagnosis_terms import Direction
from .cause import Cause, Explanation, Place, Row, Step, explains
from .fact import FactName as F
from .rows_near import OF_OUR_GATEWAY
from .symptom import SymptomKind as S

_SA_STATE = "ip -s xfrm state"
_NO_SA = (F.FAR_GATEWAY_ANSWERS, F.NEIGHBOUR_ANSWERS, F.REQUESTS_ARRIVE)
"""What shows that the tunnel carries something of ours, at least on the way there."""
_TUNNEL = (F.FAR_GATEWAY_ANSWERS, F.NEIGHBOUR_ANSWERS)
"""What shows that it carries something both ways."""
_ENCAPSULATED = (F.GATEWAY_ENCAPSULATES,)
"""What a fault beyond our gateway leaves as it was."""
ELSEWHERE = (F.LOSS_BY_FLOW, F.ONE_METHOD_LOSES, F.NEAR_GATEWAY_LOSES, F.FAR_GATEWAY_CLEAN)
"""What shows that a loss does not come from between the gateways: all inner flows share one outer flow
there."""


def _silence(*excludes: F, needs: tuple[F, ...] = ()) -> Explanation:
    return explains(S.SILENT, S.FAR_SILENT, needs=needs, excludes=excludes)


def _silence_of_our_gateway(*excludes: F) -> Explanation:
    return explains(*OF_OUR_GATEWAY, excludes=excludes)


ROWS = (
    Row(
        cause=Cause.SA_MISSING,
        layer="SA",
        place=Place.NEAR_GATEWAY,
        title="our gateway has no security association for this tunnel",
        meaning="There is a policy, but IKE has not negotiated the child SA, or has lost it.",
        told="No answers and no ICMP errors; but if the tunnel has an interface or route of its own, our "
        "gateway may say that the target is unreachable. If only the first packets after a pause are lost, "
        "the tunnel is set up on demand, which is no fault.",
        explains=(
            _silence_of_our_gateway(*_NO_SA, F.GATEWAY_ENCAPSULATES),
            explains(S.FIRST_LOST, excludes=(F.FIRST_LOST_BACK,)),
        ),
        step=Step(
            machine="our gateway",
            command="swanctl --list-sas",
            look="a child SA for {address} that is INSTALLED. If there is none: swanctl --initiate --child "
            "NAME (NAME: as in swanctl --list-conns)",
        ),
    ),
    Row(
        cause=Cause.IKE_UNREACHABLE,
        layer="IKE",
        place=Place.FAR_GATEWAY,
        title="the far IKE daemon does not answer on one or both of its ports",
        meaning="UDP 500 or 4500 is filtered, or the daemon is down. The tunnel keeps working until the next "
        "rekeying.",
        told="It answered before, or answers on one of the ports only. Our request takes our own way out, "
        "not the gateway's, and many gateways do not answer strangers. So as long as the traffic passes, "
        "it is only a warning.",
        explains=(
            explains(S.IKE_SILENT),
            explains(S.SILENT, S.FAR_SILENT, excludes=(F.IKE_ANSWERS, *_NO_SA)),
        ),
        on_the_way=False,
        step=Step(
            machine="our gateway, or this machine (in a cluster: the probe pod)",
            command="ipsecping ike {gateway}",
            look="an answer on UDP 500 and 4500. If one is missing, open both ports and check whether the "
            "far daemon is running",
        ),
    ),
    Row(
        cause=Cause.REKEY_BROKEN,
        layer="SA",
        place=Place.BETWEEN_GATEWAYS,
        title="the tunnel fails when it is rekeyed",
        meaning="Both gateways rekey at once, a DELETE is lost, or only one gateway has installed the SA. It "
        "lasts until the next rekeying.",
        told="Outages begin at multiples of one period; if they do not, it is not this. Nor does it explain "
        "packets that are lost now and then and not in outages.",
        explains=(
            _silence(*_TUNNEL),
            explains(
                S.LOSS,
                needs=(F.LOST_IN_OUTAGES, F.LOSS_BELOW_RATE),
                excludes=(*ELSEWHERE, F.LOSS_OF_OWN_CLASS),
            ),
            explains(S.RECURRING),
        ),
        step=Step(
            machine="both gateways",
            command="swanctl --list-sas",
            look="a rekey_time that equals the period of the outages (set different ones on the two "
            "gateways); and two child SAs at once",
        ),
    ),
    Row(
        cause=Cause.IKE_AUTH_FAILED,
        layer="IKE",
        place=Place.BETWEEN_GATEWAYS,
        title="the gateways do not accept each other's credentials",
        meaning="The pre-shared keys differ, a certificate has expired or is unknown, an identity is wrong, "
        "or a clock is.",
        told="Cannot be seen from the pod, only in the daemons' logs.",
        explains=(_silence_of_our_gateway(*_NO_SA),),
        step=Step(
            machine="both gateways",
            command="swanctl --list-certs --type x509",
            look="validity and identity; timedatectl must show the same time on both; AUTH_FAILED in the log",
        ),
    ),
    Row(
        cause=Cause.IKE_PROPOSAL_MISMATCH,
        layer="IKE",
        place=Place.BETWEEN_GATEWAYS,
        title="the gateways have no common algorithms",
        meaning="For IKE or for the child SA. If the PFS groups differ, the tunnel works at first and fails "
        "at the first rekeying.",
        told="From the pod it shows only as outages that begin at rekeying times.",
        explains=(_silence(*_NO_SA), explains(S.RECURRING)),
        step=Step(
            machine="both gateways",
            command="swanctl --list-conns",
            look="esp_proposals and proposals: both gateways need a set in common, with the same DH group "
            "for PFS; NO_PROPOSAL_CHOSEN in the log",
        ),
    ),
    Row(
        cause=Cause.IKE_FRAGMENTS_LOST,
        layer="IKE",
        place=Place.BETWEEN_GATEWAYS,
        title="large IKE messages do not get through",
        meaning="IKE_AUTH with certificates is larger than a packet, and its fragments are dropped.",
        told="Cannot be seen from the pod alone: IKE answers our small request.",
        explains=(_silence(*_NO_SA),),
        step=Step(
            machine="both gateways",
            command="swanctl --list-conns",
            look="IKE_AUTH in the daemon's log, sent again and again: set fragmentation = yes on both "
            "gateways",
        ),
    ),
    Row(
        cause=Cause.ESP_BLOCKED,
        layer="ESP",
        place=Place.BETWEEN_GATEWAYS,
        title="ESP is blocked between the gateways",
        meaning="A firewall or carrier drops IP protocol 50, or UDP 4500 with data, while IKE passes.",
        told="All inside addresses are silent, while the far gateway answers outside of the tunnel. The "
        "counters of both gateways prove it.",
        explains=(_silence(*_TUNNEL, needs=_ENCAPSULATED),),
        step=Step(
            machine="our gateway",
            command=_SA_STATE,
            look="packets to {gateway} whose count increases while that of packets from it does not: allow "
            "IP protocol 50 both ways, or set encap = yes",
        ),
    ),
    Row(
        cause=Cause.ESP_AUTH_FAILED,
        layer="ESP",
        place=Place.BETWEEN_GATEWAYS,
        title="ESP packets arrive damaged or under another key",
        meaning="If all are lost, the two gateways have different keys. If a few are, packets are corrupted "
        "on the way.",
        told="Looks like loss; the receiver's counter (integrity-failed) shows it.",
        explains=(
            _silence(*_TUNNEL, needs=_ENCAPSULATED),
            explains(
                S.LOSS,
                needs=(F.LOSS_BELOW_RATE,),
                excludes=(*ELSEWHERE, F.LOSS_OF_OWN_CLASS, F.LOST_IN_OUTAGES),
            ),
        ),
        step=Step(
            machine="{receiver}",
            command=_SA_STATE,
            look="a count of failed at the SA that increases with the losses: rekey both gateways; if it is "
            "small, check line and NIC. If it does not increase, the line itself loses packets: mtr "
            "--report {gateway} on our gateway",
        ),
    ),
    Row(
        cause=Cause.SA_OUT_OF_SYNC,
        layer="SA",
        place=Place.BETWEEN_GATEWAYS,
        title="the gateways do not have the same security associations",
        meaning="After a reboot, failover or flush one gateway sends on an SA that the other no longer has.",
        told="Inside addresses are silent while IKE answers. The receiver's counter (XfrmInNoStates) proves "
        "it.",
        explains=(_silence(*_TUNNEL),),
        step=Step(
            machine="both gateways",
            command="swanctl --list-sas",
            look="the SPIs: what goes out of one gateway must come in at the other. If not: swanctl "
            "--terminate --ike NAME, then --initiate (NAME: the first word of its lines)",
        ),
    ),
    Row(
        cause=Cause.REPLAY_DROPPED,
        layer="ESP",
        place=Place.BETWEEN_GATEWAYS,
        title="the anti-replay window drops packets that arrive late",
        meaning="Something between the gateways reorders ESP packets by more than the window, which is 32 "
        "packets by default.",
        told="Happens only if delays vary, and grows with the rate. The SA's replay-window counter proves "
        "it.",
        explains=(
            explains(
                S.LOSS,
                needs=(F.DELAY_VARIES,),
                excludes=(*ELSEWHERE, F.GATEWAY_LOSES, F.LOST_IN_OUTAGES),
            ),
            explains(S.RATE_LOSS, S.CLASS_LOSS, needs=(F.DELAY_VARIES,), excludes=(F.CONTROL_KEEPS_UP,)),
        ),
        step=Step(
            machine="{receiver}",
            command=_SA_STATE,
            look="a count of replay-window at the SA that increases with the losses: set replay_window = "
            "1024 on both gateways",
        ),
    ),
    Row(
        cause=Cause.SA_EXHAUSTED,
        layer="SA",
        place=Place.BETWEEN_GATEWAYS,
        title="the security association has reached its limit",
        meaning="Its hard lifetime is over or its sequence numbers are used up, and there is no new one.",
        told="All traffic stops at one moment, often under load. Only counters (XfrmOutStateExpired, "
        "-SeqError) prove it.",
        explains=(_silence(*_TUNNEL),),
        step=Step(
            machine="our gateway",
            command="cat /proc/net/xfrm_stat",
            look="XfrmOutStateExpired, XfrmInStateExpired or XfrmOutStateSeqError that increases: rekey "
            "earlier, use ESN",
        ),
    ),
    Row(
        cause=Cause.NAT_MAPPING_LOST,
        layer="NAT",
        place=Place.BETWEEN_GATEWAYS,
        title="the NAT between the gateways forgets the tunnel while it is idle",
        meaning="The mapping of UDP 4500 expires or changes its port, and the far side sends to the old one. "
        "A NAT that our packets pass outside of the tunnel does the same, to them alone; a probe's "
        "keepalive prevents that.",
        told="The first packets after a pause are lost on the way back, the later ones are not.",
        explains=(
            explains(S.FIRST_LOST, needs=(F.FIRST_LOST_BACK, F.NAT_ON_THE_WAY)),
            _silence(*_TUNNEL, needs=(F.NAT_ON_THE_WAY, F.REQUESTS_ARRIVE, *_ENCAPSULATED)),
        ),
        one_way=Direction.REVERSE,
        step=Step(
            machine="the gateway behind the NAT",
            command="swanctl --list-sas",
            look="remote port 4500 and NAT: set keep_alive = 20s in strongswan.conf (RFC 3948)",
        ),
    ),
    Row(
        cause=Cause.OFFLOAD_FAULT,
        layer="gateway host",
        place=Place.BETWEEN_GATEWAYS,
        title="a gateway's network card, or its offloading, damages bursts of packets",
        meaning="Hardware ESP or segmentation offload drops or damages packets that come in bursts or have "
        "certain sizes.",
        told="Bursts of large packets are lost, single ones of the same size pass. From the pod it is never "
        "the only cause left.",
        explains=(explains(S.BULK), explains(S.MTU_UNTOLD, excludes=(F.LARGE_LOST_UNTOLD,))),
        step=Step(
            machine="each gateway in turn",
            command="ethtool -K WAN esp-hw-offload off gro off",
            look="whether the bulk transfer now works (WAN: the outside interface): update driver or kernel, "
            "or leave offloading off",
        ),
    ),
)
