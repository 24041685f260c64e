"""facts(evidence): every question, answered yes, no or unknown. Pure."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from . import facts_loss, facts_oversized, facts_packet, facts_reach, facts_refused
from .evidence import Evidence, Part
from .fact import Fact, FactName
from .reading import Reading

Facts = Mapping[FactName, Fact]

QUESTIONS: Mapping[FactName, Callable[[Reading], Fact]] = MappingProxyType(
    {
        FactName.PROBER_UNFIT: facts_reach.prober_unfit,
        FactName.NAME_FAILED: facts_reach.name_failed,
        FactName.ADDRESS_CHANGED: facts_reach.address_changed,
        FactName.ELSEWHERE_ANSWERS: facts_reach.control_answers(Part.ELSEWHERE),
        FactName.REFUSED_HERE: facts_refused.refused_here,
        FactName.NO_ROUTE_HERE: facts_refused.no_route_here,
        FactName.NEAR_GATEWAY_ANSWERS: facts_reach.control_answers(Part.NEAR_INSIDE),
        FactName.REACHES_NEAR_GATEWAY: facts_reach.reaches_near_gateway,
        FactName.GATEWAY_ENCAPSULATES: facts_oversized.gateway_encapsulates,
        FactName.GATEWAY_ANSWERS: facts_reach.gateway_answers,
        FactName.GATEWAY_UNREACHABLE: facts_refused.gateway_unreachable,
        FactName.IKE_ANSWERS: facts_reach.ike_answers,
        FactName.NAT_ON_THE_WAY: facts_reach.nat_on_the_way,
        FactName.FAR_GATEWAY_ANSWERS: facts_reach.control_answers(Part.FAR_INSIDE),
        FactName.FAR_NETWORK_ANSWERS: facts_reach.far_network_answers,
        FactName.NEIGHBOUR_ANSWERS: facts_reach.control_answers(Part.NEIGHBOUR),
        FactName.SAME_TARGET_ANSWERS: facts_reach.same_target_answers,
        FactName.ANOTHER_METHOD_ANSWERS: facts_reach.another_method_answers,
        FactName.METHOD_KNOWN_TO_ANSWER: facts_reach.method_known_to_answer,
        FactName.REFUSED_BY_TARGET: facts_refused.refused_by_target,
        FactName.HOST_UNREACHABLE: facts_refused.host_unreachable,
        FactName.PROHIBITED_BY_FAR_GATEWAY: facts_refused.prohibited_by_far_gateway,
        FactName.PROHIBITED_ON_THE_WAY: facts_refused.prohibited_on_the_way,
        FactName.ROUTING_LOOPS: facts_refused.routing_loops,
        FactName.REQUESTS_ARRIVE: facts_reach.requests_arrive,
        FactName.RESPONDER_KEEPS_UP: facts_reach.responder_keeps_up,
        FactName.MISANSWERED: facts_reach.misanswered,
        FactName.LOSS_BY_FLOW: facts_loss.loss_by_flow,
        FactName.LOSS_BY_CLASS: facts_loss.loss_by_class,
        FactName.LOSS_OF_OWN_CLASS: facts_loss.loss_of_own_class,
        FactName.LOSS_BY_RATE: facts_loss.loss_by_rate,
        FactName.LOSS_BELOW_RATE: facts_loss.loss_below_rate,
        FactName.LOST_IN_OUTAGES: facts_loss.lost_in_outages,
        FactName.DELAY_BY_RATE: facts_loss.delay_by_rate,
        FactName.STALLED_TOGETHER: facts_loss.stalled_together,
        FactName.CONTROL_KEEPS_UP: facts_loss.control_keeps_up,
        FactName.DELAY_VARIES: facts_loss.delay_varies,
        FactName.ONE_METHOD_LOSES: facts_loss.one_method_loses,
        FactName.NEAR_GATEWAY_LOSES: facts_loss.near_gateway_loses,
        FactName.FAR_GATEWAY_CLEAN: facts_loss.far_gateway_clean,
        FactName.GATEWAY_LOSES: facts_loss.gateway_loses,
        FactName.LARGE_LOST_UNTOLD: facts_packet.large_lost_untold,
        FactName.LARGE_REFUSED_TOLD: facts_packet.large_refused_told,
        FactName.PATH_MTU_AS_WANTED: facts_packet.path_mtu_as_wanted,
        FactName.FRAGMENTS_LOST: facts_packet.fragments_lost,
        FactName.DELAY_STEPPED: facts_packet.delay_stepped,
        FactName.SOURCE_DIFFERS: facts_packet.source_differs,
        FactName.SEEN_IN_CLEAR: facts_packet.seen_in_clear,
        FactName.FIRST_LOST_BACK: facts_packet.first_lost_back,
    }
)


def facts(evidence: Evidence) -> Facts:
    """Return the answer to every question, with the numbers that give it."""
    return facts_of(Reading(evidence))


def facts_of(reading: Reading) -> Facts:
    """Return the same, of evidence that has been added up."""
    return MappingProxyType({name: reading.once(ask) for name, ask in QUESTIONS.items()})
