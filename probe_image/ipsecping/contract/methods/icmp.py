"""ICMP echo (RFC 792, RFC 4443)."""

from ..check import ProbeType
from ..refused_answers import RefusedAnswers
from .spec import MethodSpec

METHOD = MethodSpec(
    name=ProbeType.ICMP,
    member="icmp",
    module="icmp",
    has_port=False,
    rate_limited=True,
    keeps_mapping=True,
    least_size=16,
    default_size=56,  # as ping(8)
    figures=(RefusedAnswers,),
)
