"""UDP echo (RFC 862)."""

from ..check import ProbeType
from ..refused_answers import RefusedAnswers
from .spec import Flag, MethodSpec

METHOD = MethodSpec(
    name=ProbeType.UDP_ECHO,
    member="udpEcho",
    module="udp_echo",
    fixes_port=True,
    has_flows=True,
    keeps_mapping=True,
    least_size=16,
    default_size=56,
    figures=(RefusedAnswers,),
    flag=Flag("PORT", "UDP echo to this port"),
)
