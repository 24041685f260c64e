"""The fault catalogue: what is broken in the lab, and what a diagnosis from a pod may then say. Pure data."""

from dataclasses import dataclass

from ipsecping.contract.diagnosis_terms import Direction
from ipsecping.diagnosis.cause import Cause

THERE, BACK = Direction.FORWARD, Direction.REVERSE
NO_FRAGMENTS = "a diagnosis sends no fragments"
SOME = "the search for the path MTU takes for possible what passes now and then"
AGAIN = "the left gateway's next packet makes the mapping anew"
BETWEEN_OUTAGES = "it carries packets between two outages, which history alone shows"
LONG = ("--long",)
WRONG_NAME, NO_NAME = "wrong-record", "nobody.ipsecping.invalid"
"""The former stands for an address of the far network that no host has."""
FEW = "a diagnosis sends few packets: the window of 32 may hold all that overtake"


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One thing that is wrong."""

    causes: frozenset[Cause]
    """Names for it that are right, where the fault dictionary has several for the same thing."""
    direction: Direction | None = None
    """None: it has none, or both."""
    masked: bool = False
    """It lies behind another fault, and cannot be seen until that is mended."""
    baseline: bool = False
    """It shows only against what the path was when it was healthy."""
    unseen: str = ""
    """Why a diagnosis may not see it at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row of the catalogue."""

    name: str
    faults: tuple[str, ...] = ()
    """As behind `lab fault set`; {path} is the path that is diagnosed, {other} the next one."""
    truths: tuple[Truth, ...] = ()
    """None: nothing is wrong, and nothing may be found."""
    meanwhile: tuple[tuple[float, str], ...] = ()
    """Faults of a moment that are set again and again while it is diagnosed: seconds between them, words."""
    moments: tuple[tuple[float, str], ...] = ()
    """Faults of a moment that are set once: seconds after the diagnosis has begun, words."""
    target: str = ""
    """A name to diagnose in place of the far host's address."""
    options: tuple[str, ...] = ()
    """Of `ipsecping diagnose`, besides the path's own."""
    path_mtu: int | None = None
    """What the spec asks for, bytes."""
    alone: bool = False
    """Other paths must be left in peace meanwhile."""
    remembered: bool = False
    """It is in the history of whoever measures the path, which would suspect it of the next fault."""

    @property
    def lasts(self) -> bool:
        """Whether it is a fault of one path that a check of that path goes on to meet."""
        by_hand = self.target or self.options or self.moments or self.alone
        return bool(self.truths) and not by_hand


def true(
    *causes: Cause,
    direction: Direction | None = None,
    masked: bool = False,
    baseline: bool = False,
    unseen: str = "",
) -> Truth:
    """Write a truth in one line."""
    return Truth(
        causes=frozenset(causes), direction=direction, masked=masked, baseline=baseline, unseen=unseen
    )


def fault(words: str, *truths: Truth) -> Case:
    """Write a case of one fault in one line: `words` without the path, which follows its name."""
    first, _, rest = words.partition(" ")
    return Case(name=words, faults=(f"{first} {{path}} {rest}".strip(),), truths=truths)


CLEAR = true(
    Cause.LEAVES_IN_CLEAR, direction=THERE, unseen="where the far gateway is known by another version of IP"
)
"""What does not match the policy leaves as it is, and is refused later on."""
HEALTHY = Case(name="nothing")
"""What is known of a path when it is well comes from there."""
NO_FAULT = (
    HEALTHY,
    Case(name="duplicate both 20", faults=("duplicate {path} both 20",)),
    Case(name="reorder both 10 ms=30", faults=("reorder {path} both 10 ms=30",)),
    Case(name="esp-duplicate both 50", faults=("esp-duplicate {path} both 50",)),
    Case(
        name="rekey every 3 s, of IKE every 10 s",
        meanwhile=((3, "rekey {path} child"), (10, "rekey {path} ike")),
    ),
    Case(name="remark both dscp", faults=("remark {path} both dscp",)),
    Case(name="remark both ecn", faults=("remark {path} both ecn",)),
    Case(name="hops-silent", faults=("hops-silent {path}",)),
    Case(name="esp-drop of another path", faults=("esp-drop {other} both",), alone=True),
    Case(name="sa-in-lost of another path", faults=("sa-in-lost {other}",), alone=True),
    Case(name="reauthentication", moments=((1.5, "rekey {path} reauth"),)),
    Case(name="on-demand, with pauses", faults=("on-demand {path}",), options=LONG),
    Case(name="loss-once out", faults=("loss-once {path} out",)),
    Case(name="link-flap", moments=((1, "link-flap {path}"),), alone=True),
    Case(name="ike-certificate valid", faults=("ike-certificate {path} valid",)),
    Case(name="clock-ahead", faults=("clock-ahead {path}",), alone=True),
    Case(name="mtu both 1480 where 1400 is wanted", faults=("mtu {path} both 1480",), path_mtu=1400),
)
NEAR = (
    fault("node-route unreachable", true(Cause.NEAR_ROUTING_WRONG)),
    fault("node-route blackhole", true(Cause.NEAR_ROUTING_WRONG)),
    fault("node-deny reject", true(Cause.LOCAL_POLICY_DENIED)),
    fault("node-deny drop", true(Cause.LOCAL_POLICY_DENIED)),
    Case(
        name="a name without an address",
        truths=(true(Cause.NAME_RESOLUTION_FAILED),),
        target=NO_NAME,
    ),
    Case(
        name="a name with a wrong record",
        truths=(true(Cause.NAME_RESOLUTION_FAILED, baseline=True), true(Cause.FAR_HOST_DOWN)),
        target=WRONG_NAME,
    ),
    Case(
        name="dns-silent",
        faults=("dns-silent {path}",),
        truths=(true(Cause.NAME_RESOLUTION_FAILED),),
        target=NO_NAME,
    ),
    Case(
        name="conntrack-full",
        faults=("conntrack-full {path}",),
        truths=(true(Cause.NEAR_GATEWAY_DOWN, Cause.LOCAL_POLICY_DENIED),),
        alone=True,
    ),
    fault("snat outside", true(Cause.SOURCE_TRANSLATED, direction=THERE), true(Cause.LEAVES_IN_CLEAR)),
    fault("snat outside private=dropped", true(Cause.SOURCE_TRANSLATED), CLEAR),
    fault("snat inside", true(Cause.SOURCE_TRANSLATED, direction=THERE)),
)
POLICIES = (
    fault("leak", true(Cause.LEAVES_IN_CLEAR)),
    fault("policy-block", true(Cause.POLICY_CONFLICT)),
    fault("shadow", true(Cause.POLICY_CONFLICT)),
    fault("narrow-near", true(Cause.SELECTOR_MISMATCH), CLEAR),
    fault("narrow-far", true(Cause.SELECTOR_MISMATCH)),
    fault("ike-refused selectors", true(Cause.SELECTOR_MISMATCH)),
)
ASSOCIATIONS = (
    fault("sa-lost", true(Cause.SA_OUT_OF_SYNC, direction=THERE)),
    fault("sa-in-lost", true(Cause.SA_OUT_OF_SYNC, direction=BACK)),
    fault("sa-out-lost", true(Cause.SA_MISSING)),
    fault("sa-key", true(Cause.ESP_AUTH_FAILED, direction=THERE)),
    fault("encap-differs", true(Cause.SA_OUT_OF_SYNC, direction=THERE)),
    fault("sa-limit", true(Cause.SA_EXHAUSTED)),
    fault("sa-sequence", true(Cause.SA_EXHAUSTED)),
    fault("ike-refused key", true(Cause.IKE_AUTH_FAILED)),
    fault("ike-refused identity", true(Cause.IKE_AUTH_FAILED)),
    fault("ike-refused proposal", true(Cause.IKE_PROPOSAL_MISMATCH)),
    fault("ike-refused esp-proposal", true(Cause.IKE_PROPOSAL_MISMATCH)),
    fault("ike-refused pfs", true(Cause.IKE_PROPOSAL_MISMATCH)),
    fault("ike-certificate expired", true(Cause.IKE_AUTH_FAILED)),
    fault("ike-certificate early", true(Cause.IKE_AUTH_FAILED)),
    fault("ike-certificate untrusted", true(Cause.IKE_AUTH_FAILED)),
    Case(
        name="ike-fragments",
        faults=("fragments-drop {path} both", "ike-fragments {path}"),
        truths=(true(Cause.IKE_FRAGMENTS_LOST), true(Cause.FRAGMENTS_DROPPED, masked=True)),
    ),
    Case(
        name="rekey-broken",
        faults=("rekey-broken {path}",),
        truths=(true(Cause.REKEY_BROKEN, unseen=BETWEEN_OUTAGES),),
        alone=True,
        remembered=True,
    ),
    fault("ike-drop both", true(Cause.IKE_UNREACHABLE, baseline=True)),
    fault("ike-drop both 500", true(Cause.IKE_UNREACHABLE)),
    fault("nat", true(Cause.MTU_REDUCED, baseline=True)),
    Case(
        name="nat with keep-alive, with pauses",
        faults=("nat {path}",),
        truths=(true(Cause.MTU_REDUCED, baseline=True),),
        options=LONG,
    ),
    Case(
        name="nat-timeout, with pauses",
        faults=("nat {path}", "nat-timeout {path}"),
        truths=(true(Cause.NAT_MAPPING_LOST, direction=BACK), true(Cause.MTU_REDUCED, baseline=True)),
        options=LONG,
    ),
    Case(
        name="nat-forget",
        faults=("nat {path}",),
        truths=(
            true(Cause.NAT_MAPPING_LOST, direction=BACK, unseen=AGAIN),
            true(Cause.MTU_REDUCED, baseline=True),
        ),
        moments=((1.5, "nat-forget {path}"),),
    ),
)
BETWEEN = (
    fault("esp-drop both", true(Cause.ESP_BLOCKED)),
    fault("esp-drop out", true(Cause.ESP_BLOCKED, direction=THERE)),
    fault("esp-drop in", true(Cause.ESP_BLOCKED, direction=BACK)),
    fault("link-down", true(Cause.UNDERLAY_DOWN)),
    fault("loss out 5", true(Cause.UNDERLAY_LOSS, direction=THERE)),
    fault("loss in 5", true(Cause.UNDERLAY_LOSS, direction=BACK)),
    fault("loss both 20", true(Cause.UNDERLAY_LOSS)),
    fault("corrupt out 10", true(Cause.ESP_AUTH_FAILED, direction=THERE)),
    fault("jitter out 60", true(Cause.REPLAY_DROPPED, direction=THERE, unseen=FEW)),
    fault("delay out 20", true(Cause.PATH_LONGER, baseline=True)),
    fault("rate out 100", true(Cause.CONGESTED)),
    fault("policer out 64", true(Cause.RATE_LIMITED, direction=THERE)),
    fault("dscp-loss out", true(Cause.CLASS_DEPENDENT_LOSS, direction=THERE)),
    fault("mtu out 1300", true(Cause.MTU_REDUCED, direction=THERE, baseline=True)),
    fault("mtu in 1300", true(Cause.MTU_REDUCED, direction=BACK)),
    fault("mtu-blackhole out 1300", true(Cause.MTU_BLACK_HOLE, direction=THERE)),
    fault("mtu-blackhole in 1300", true(Cause.MTU_BLACK_HOLE, direction=BACK)),
    fault("bulk-loss out", true(Cause.OFFLOAD_FAULT, Cause.MTU_BLACK_HOLE, direction=THERE, unseen=SOME)),
    fault("fragments-drop both", true(Cause.FRAGMENTS_DROPPED, unseen=NO_FRAGMENTS)),
)
FAR = (
    fault("ike-shy", true(Cause.IKE_UNREACHABLE, baseline=True)),
    fault("icmp-filtered", true(Cause.PROTOCOL_FILTERED, baseline=True)),
    fault("far-down", true(Cause.FAR_HOST_DOWN)),
    fault("responder-down udp-echo", true(Cause.RESPONDER_DOWN)),
    fault("responder-down stamp", true(Cause.RESPONDER_DOWN)),
    fault("far-no-forward", true(Cause.FAR_GATEWAY_DROPS)),
    fault("far-firewall drop", true(Cause.FAR_GATEWAY_DROPS, Cause.PROTOCOL_FILTERED)),
    fault("far-firewall reject", true(Cause.FAR_GATEWAY_DROPS, Cause.PROTOCOL_FILTERED)),
    fault("far-firewall drop what=stamp", true(Cause.FAR_GATEWAY_DROPS, Cause.PROTOCOL_FILTERED)),
    fault("far-firewall reject what=stamp", true(Cause.FAR_GATEWAY_DROPS, Cause.PROTOCOL_FILTERED)),
    fault("far-no-route net-unreachable", true(Cause.FAR_GATEWAY_DROPS)),
    fault("far-no-route host-unreachable", true(Cause.FAR_GATEWAY_DROPS)),
    fault("far-no-route blackhole", true(Cause.FAR_GATEWAY_DROPS)),
    fault("return-clear", true(Cause.RETURN_PATH_BROKEN)),
    fault("return-other-path", true(Cause.RETURN_PATH_BROKEN)),
    fault("flow-loss", true(Cause.FLOW_DEPENDENT_LOSS)),
)


def pair(
    *words: str,
    truths: tuple[Truth, ...],
    meanwhile: tuple[tuple[float, str], ...] = (),
    target: str = "",
) -> Case:
    """Write a case of several faults at once in one line."""
    each = [fault(word) for word in words]
    names = [word for _, word in meanwhile]
    return Case(
        name=" + ".join([*words, *(name.replace(" {path}", "") for name in names)]),
        faults=tuple(typed for case in each for typed in case.faults),
        truths=truths,
        meanwhile=meanwhile,
        target=target,
    )


PAIRS = (
    pair(
        "loss out 5",
        "mtu-blackhole in 1300",
        truths=(true(Cause.UNDERLAY_LOSS, direction=THERE), true(Cause.MTU_BLACK_HOLE, direction=BACK)),
    ),
    pair(
        "policy-block",
        "ike-drop both",
        truths=(true(Cause.POLICY_CONFLICT), true(Cause.IKE_UNREACHABLE, masked=True)),
    ),
    pair("far-down", "esp-drop in", truths=(true(Cause.ESP_BLOCKED), true(Cause.FAR_HOST_DOWN, masked=True))),
    pair(
        "corrupt out 10",
        "jitter out 60",
        truths=(
            true(Cause.ESP_AUTH_FAILED, direction=THERE),
            true(Cause.REPLAY_DROPPED, direction=THERE, unseen=FEW),
        ),
    ),
    pair(
        "rate out 100",
        "dscp-loss out",
        truths=(true(Cause.CONGESTED), true(Cause.CLASS_DEPENDENT_LOSS, direction=THERE)),
    ),
    pair(
        "snat outside private=dropped",
        "narrow-far",
        truths=(true(Cause.SOURCE_TRANSLATED), CLEAR, true(Cause.SELECTOR_MISMATCH, masked=True)),
    ),
    pair(
        "sa-lost",
        "responder-down stamp",
        truths=(true(Cause.SA_OUT_OF_SYNC), true(Cause.RESPONDER_DOWN, masked=True)),
    ),
    pair(
        "loss out 5",
        truths=(true(Cause.UNDERLAY_LOSS, direction=THERE),),
        meanwhile=((5, "rekey {path} child"),),
    ),
    pair("nat", "mtu out 1300", truths=(true(Cause.MTU_REDUCED, baseline=True),)),
    pair(
        "return-clear",
        "loss out 20",
        truths=(true(Cause.RETURN_PATH_BROKEN), true(Cause.UNDERLAY_LOSS, masked=True)),
    ),
    pair(
        "dns-silent",
        "esp-drop both",
        truths=(true(Cause.NAME_RESOLUTION_FAILED), true(Cause.ESP_BLOCKED, masked=True)),
        target=NO_NAME,
    ),
)
CASES = {case.name: case for case in (*NO_FAULT, *NEAR, *POLICIES, *ASSOCIATIONS, *BETWEEN, *FAR, *PAIRS)}
