"""What the status says of answers that were refused."""

from ipsecping.contract import RefusedAnswers

from ..scalars import Count
from .base import StatusField

REFUSED_ANSWERS = StatusField(
    name="refusedAnswers",
    annotation=Count,
    description="Answers that came and were refused: too short, none to what was sent, or from another "
    "address or port than was asked; absent when there were none. Where packets are lost, the message says "
    "why.",
    figure=RefusedAnswers,
    read=lambda figure: sum(figure.counts.values()) or None,
)
