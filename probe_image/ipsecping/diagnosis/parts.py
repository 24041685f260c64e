"""What each part of the evidence is, in the words of a report that says why it was not tested."""

from collections.abc import Mapping
from types import MappingProxyType

from .evidence import Part

SAID: Mapping[Part, str] = MappingProxyType(
    {
        Part.METHODS: "the target, by each method",
        Part.FAR_INSIDE: "the far gateway's inside address",
        Part.NEAR_INSIDE: "our gateway's inside address",
        Part.GATEWAY: "the far gateway's public address",
        Part.NEIGHBOUR: "another host in the target's network",
        Part.ELSEWHERE: "a destination outside of the tunnel",
        Part.FLOWS: "several source ports",
        Part.CLASSES: "several code points, DSCP",
        Part.RATES: "a low and a high rate",
        Part.CONTROL_RATE: "the far gateway's inside address at the high rate",
        Part.FRAGMENTS: "fragmented packets",
        Part.BULK: "bursts of large packets",
        Part.IDLE: "packets after a pause",
        Part.PATH_MTU: "the path MTU",
        Part.OVERSIZED: "packets of the link's size, to a silent target",
        Part.HOPS: "the routers on the way",
        Part.IKE: "the far gateway's IKE daemon",
        Part.NAMES: "the target's name",
        Part.HOST: "this prober and its host",
        Part.PATHS: "the check's other paths",
        Part.REFLECTOR: "the reflector's own counters",
        Part.HISTORY: "earlier rounds",
        Part.BASELINE: "the path when it was healthy",
    }
)
