"""Faults on the gateways: policies and security associations."""

from __future__ import annotations

from .. import topology, tunnels
from ..control import Command
from .effects import FAMILY, no_new_keys, policy, renewed
from .model import Argument, Fault, FaultType
from .resources import Effect, Switch

_OTHER_KEY = f"0x{'5a' * 20}"
"""Of AES-GCM with 128 bits, and its salt (RFC 4106 section 8.1)."""
_OTHER_PATH = {"a": "b", "b": "c", "c": "a"}


def _ends(fault: Fault) -> tuple[str, str]:
    ends = fault.tunnel_path.between_gateways
    return str(ends.left.ip), str(ends.right.ip)


def _shadow(fault: Fault) -> tuple[Effect, ...]:
    """A policy before ours that hands our packets to another path's association."""
    other = topology.PATHS[_OTHER_PATH[fault.path]].between_gateways
    ends = f"src {other.left.ip} dst {other.right.ip} proto esp"
    selector = f"src {topology.NEAR[4].private} dst {fault.tunnel_path.addresses[4].lan.network} dir out"
    on = (
        f"reqid=$(ip xfrm state list {ends} | sed -n 's/.* reqid \\([0-9]*\\) .*/\\1/p' | head -n 1)\n"
        f"ip xfrm policy update {selector} priority 2 tmpl {ends} reqid $reqid mode tunnel"
    )
    return (Effect(Switch(topology.LEFT, on, f"ip xfrm policy delete {selector}"), "on"),)


def _lost(namespace: str, source: str, destination: str) -> tuple[Command, ...]:
    words = f"ip xfrm state deleteall src {source} dst {destination} proto esp"
    return (Command(tuple(words.split()), namespace=namespace),)


def _remade(
    namespace: str, source: str, destination: str, *, key: str = "", options: str = ""
) -> tuple[Command, ...]:
    """Each association from source to destination anew, with another key or more options."""
    ends = f"src {source} dst {destination} proto esp spi"
    program = (
        '$1 == "proto" { spi = $4; reqid = $6 } '
        f'$1 == "aead" {{ key = "{key}"; print "ip xfrm state delete {ends} " spi; '
        f'print "ip xfrm state add {ends} " spi " reqid " reqid " mode tunnel flag af-unspec aead \\"" $2 '
        f'"\\" " (key ? key : $3) " " $4 " {options}" }}'
    )
    listed = f"ip xfrm state list src {source} dst {destination} proto esp"
    script = f'new=$({listed} | awk \'{program}\')\n[ -n "$new" ]\necho "$new" | sh -e\n'
    return (Command(("sh", "-e"), namespace=namespace, stdin=script),)


def _used_up(fault: Fault, packets: int, options: str) -> tuple[Command, ...]:
    """The left gateway's association to send with, made anew and used up by what it still carries."""
    near, far = topology.NEAR[4].left.ip, fault.tunnel_path.addresses[4].far.ip
    ping = f"ping -n -q -i 0.005 -W 0.2 -c {packets + 5} -I {near} {far}"
    used = Command(tuple(ping.split()), tolerant=True)
    return (*_remade(topology.LEFT, *_ends(fault), options=options), used)


def _rekeyed(fault: Fault) -> tuple[Command, ...]:
    return (tunnels.rekey(fault.path),)


FAULTS = (
    FaultType(
        "sa-lost",
        "the right gateway loses its ESP SAs, and nobody notices",
        "all is lost, XfrmInNoStates on the right, IKE stays ESTABLISHED; a rekey heals",
        once=lambda fault: (
            Command(("ip", "xfrm", "state", "flush", "proto", "esp"), namespace=fault.tunnel_path.right),
        ),
        undo=_rekeyed,
    ),
    FaultType(
        "leak",
        "both gateways let the traffic pass in clear",
        "nothing is lost; one hop more is seen, and no ESP between the gateways",
        arguments=(FAMILY,),
        effects=lambda fault: policy(
            fault, "allow", ("left", "out"), ("left", "fwd"), ("right", "fwd"), ("right", "out")
        ),
    ),
    FaultType(
        "policy-block",
        "the left gateway's IPsec policy blocks the traffic",
        "all is lost, XfrmOutPolBlock on the left",
        arguments=(FAMILY,),
        effects=lambda fault: policy(fault, "block", ("left", "out")),
    ),
    FaultType(
        "narrow-near",
        "the left gateway's selector does not hold the traffic, which leaves in clear and is refused",
        "all is lost, XfrmInTmplMismatch on the right",
        arguments=(FAMILY,),
        effects=lambda fault: policy(fault, "allow", ("left", "out")),
    ),
    FaultType(
        "narrow-far",
        "the right gateway's selector does not hold the traffic",
        "all is lost after decryption, XfrmInPolBlock on the right",
        arguments=(FAMILY,),
        effects=lambda fault: policy(fault, "block", ("right", "in"), ("right", "fwd")),
    ),
    FaultType(
        "shadow",
        "another policy of the left gateway takes the IPv4 traffic into the next path's tunnel",
        "all is lost, XfrmInNoPols on that path's right gateway",
        effects=_shadow,
    ),
    FaultType(
        "sa-out-lost",
        "the left gateway has no SA to send with, and IKE does not deliver one",
        "all is lost, XfrmOutNoStates on the left",
        effects=no_new_keys,
        once=lambda fault: _lost(topology.LEFT, *_ends(fault)),
        undo=renewed,
    ),
    FaultType(
        "sa-in-lost",
        "the left gateway has no SA to receive with, and nobody notices",
        "all is lost on the way back, XfrmInNoStates on the left",
        once=lambda fault: _lost(topology.LEFT, *reversed(_ends(fault))),
        undo=_rekeyed,
    ),
    FaultType(
        "sa-key",
        "the right gateway receives under another key",
        "all is lost on the way there, XfrmInStateProtoError on the right",
        once=lambda fault: _remade(fault.tunnel_path.right, *_ends(fault), key=_OTHER_KEY),
        undo=_rekeyed,
    ),
    FaultType(
        "encap-differs",
        "the right gateway expects ESP in UDP where it comes plain",
        "all is lost on the way there, XfrmInStateMismatch on the right",
        once=lambda fault: _remade(
            fault.tunnel_path.right, *_ends(fault), options="encap espinudp 4500 4500 0.0.0.0"
        ),
        undo=_rekeyed,
    ),
    FaultType(
        "sa-limit",
        "the left gateway's SA has ended after so many packets, and IKE does not deliver another",
        "all is lost, XfrmOutStateExpired and XfrmOutNoStates on the left",
        arguments=(Argument("packets", "that it lasted for", "50", low=1, high=1000),),
        effects=no_new_keys,
        once=lambda fault: _used_up(
            fault, int(fault.number("packets")), f"limit packet-hard {fault.number('packets'):.0f}"
        ),
        undo=renewed,
    ),
    FaultType(
        "sa-sequence",
        "the left gateway's SA is at the end of its sequence numbers",
        "all is lost, XfrmOutStateSeqError on the left",
        once=lambda fault: _used_up(fault, 5, f"replay-oseq {2**32 - 6}"),
        undo=_rekeyed,
    ),
)  # fmt: skip
