"""Faults of IKE: what the gateways do not agree on, and what of their talk does not arrive."""

from __future__ import annotations

from .. import topology
from ..control import Command
from ..strongswan import DPD_SECONDS, ESP_PROPOSAL, IKE_PROPOSAL, PRE_SHARED_KEY, swanctl
from .certificates import VALIDITIES, certificate
from .effects import ike_header, of_path, renewed
from .model import Argument, Fault, FaultType
from .resources import Chain, Configuration, Edit, Effect

_OTHER_GROUP = f"s/esp_proposals = {ESP_PROPOSAL}/esp_proposals = aes128gcm16-modp2048/"
_EDITS = {
    "key": (f"s/{PRE_SHARED_KEY}/not-the-same/",),
    "identity": ("s/id = right/id = wrong/",),
    "proposal": (f"s/ proposals = {IKE_PROPOSAL}/ proposals = aes256-sha256-modp2048/",),
    "esp-proposal": (f"s/esp_proposals = {ESP_PROPOSAL}/esp_proposals = aes256gcm16-modp2048/",),
    "selectors": (f"s#{topology.NEAR[4].pods}#10.244.77.0/24#",),
    # IKE_AUTH has no exchange of keys for the child (RFC 7296 section 1.2): its group matters from then on.
    "pfs": (_OTHER_GROUP, "s/rekey_time = 1h/rekey_time = 2s\\n        life_time = 4s/"),
}
"""What is changed in the right gateway's configuration, as sed does it."""


def _refused(fault: Fault) -> tuple[Effect, ...]:
    right = Configuration(fault.tunnel_path.right)
    return tuple(Effect(right, Edit(each)) for each in _EDITS[fault.arguments["what"]])


def _until_refused(fault: Fault) -> tuple[Command, ...]:
    """Of `pfs` also wait until the first child has gone."""
    if fault.arguments["what"] != "pfs":
        return ()
    listed = " ".join(swanctl(topology.LEFT, "--list-sas", "--child", fault.path).argv)
    return (_awaited(f"! {listed} | grep -q INSTALLED"),)


def _awaited(holds: str) -> Command:
    """Wait on the left gateway, for 12 s at most, until a shell's condition holds."""
    script = f"for n in $(seq 60); do if {holds}; then exit 0; fi; sleep 0.2; done; exit 1"
    return Command(("sh", "-c", script), namespace=topology.LEFT)


def _certificate(fault: Fault) -> tuple[Effect, ...]:
    return certificate(fault, fault.arguments["which"])


def _fragments(fault: Fault) -> tuple[Effect, ...]:
    """A large certificate, IKE's own fragmentation (RFC 7383) off, and IP fragments that are dropped."""
    whole = "s/mobike = no/mobike = no\\n    fragmentation = no/"
    return (
        *certificate(fault, "valid", large=True),
        Effect(Configuration(fault.tunnel_path.right), Edit(whole)),
        Effect(Configuration(topology.LEFT), Edit(of_path(fault, whole))),
    )


_CREATE_CHILD_SA, _RESPONSE = 36, 0x20
"""Exchange type, and the flag of an answer (RFC 7296 section 3.1)."""


def _rekey_broken(fault: Fault) -> tuple[Effect, ...]:
    lifetimes = "s/rekey_time = 1h/rekey_time = 5s\\n        life_time = 7s/"
    path = fault.tunnel_path
    answers = ike_header(fault, mask=0xFF00 | _RESPONSE, value=_CREATE_CHILD_SA << 8 | _RESPONSE)
    chain = Chain(path.transit, path.outer, "filter", "FAULTS")
    dropped = (Effect(chain, f"-i {topology.TO_RIGHT} {match} -j DROP") for match in answers)
    return (Effect(Configuration(topology.LEFT), Edit(of_path(fault, lifetimes))), *dropped)


def _until_expired(fault: Fault) -> tuple[Command, ...]:
    """The first outage begins when the kernel ends the SA that could not be replaced."""
    ends = fault.tunnel_path.between_gateways
    listed = f"ip xfrm state list src {ends.left.ip} dst {ends.right.ip} proto esp"
    return (_awaited(f'[ -z "$({listed})" ]'),)


def _on_demand(fault: Fault) -> tuple[Effect, ...]:
    sleeps = "s/rekey_time = 1h/rekey_time = 1h\\n        inactivity = 3s/"
    return (Effect(Configuration(topology.LEFT), Edit(of_path(fault, sleeps))),)


def silent_when_idle(fault: Fault) -> tuple[Effect, ...]:
    """Neither gateway asks whether the other is alive, and the left one keeps no NAT's mapping alive."""
    path, asks = fault.tunnel_path, f"s/dpd_delay = {DPD_SECONDS}s/dpd_delay = 0s/"
    # an octet of UDP behind the headers (RFC 3948 section 2.3)
    length = {4: 20, 6: 40}[path.outer] + 8 + 1
    keep_alive = f"-d {path.between_gateways.right.ip} -p udp --dport 4500 -m length --length {length}"
    return (
        Effect(Configuration(path.right), Edit(asks)),
        Effect(Configuration(topology.LEFT), Edit(of_path(fault, asks))),
        Effect(Chain(topology.LEFT, path.outer, "filter", "FAULTS-OUT"), f"{keep_alive} -j DROP"),
    )


FAULTS = (
    FaultType(
        "ike-refused",
        "the right gateway is configured otherwise, and the tunnel comes up anew",
        "all is lost; of esp-proposal, selectors and pfs (from the first rekeying on) IKE stays ESTABLISHED",
        arguments=(Argument("what", "what is not the same", choices=tuple(_EDITS)),),
        effects=_refused,
        after=renewed,
        once=_until_refused,
    ),
    FaultType(
        "ike-certificate",
        "the right gateway shows a certificate in place of the shared key, and the tunnel comes up anew",
        "valid: nothing is lost; else all is, and no IKE is ESTABLISHED",
        arguments=(Argument("which", "what is wrong with it", choices=VALIDITIES),),
        effects=_certificate,
        after=renewed,
    ),
    FaultType(
        "ike-fragments",
        "IKE_AUTH is larger than a packet, and not in fragments of its own (needs `fragments-drop`)",
        "all is lost: IKE_AUTH is sent again and again",
        effects=_fragments,
        after=renewed,
        needs="fragments-drop",
    ),
    FaultType(
        "rekey-broken",
        "answers to CREATE_CHILD_SA are dropped, and SAs last for 7 s; set when the first has ended",
        "all is lost for some 5 s in every 12 s: the left gateway gives up its IKE SA and begins anew",
        effects=_rekey_broken,
        after=renewed,
        once=_until_expired,
    ),
    FaultType(
        "on-demand",
        "the left gateway ends its SA after 3 s without packets, and starts another for the next one",
        "first packets after a pause are lost on the way there",
        effects=_on_demand,
        after=renewed,
    ),
)  # fmt: skip
