"""Why a result was not counted. A bounded set: these are values of a metric's label."""

from enum import StrEnum


class Rejection(StrEnum):
    """Reasons for dropping a result, or what was meant to be one."""

    MALFORMED = "Malformed"
    """It does not follow the contract."""
    FOREIGN_CHECK = "ForeignCheck"
    """It names another check."""
    FOREIGN_PATH = "ForeignPath"
    """It names another path than its pod measures."""
    UNKNOWN_PROBE = "UnknownProbe"
    """Its path or probe is none of the plan's."""
    OTHER_PLAN = "OtherPlan"
    """It was measured under a plan that is neither the current one nor the one before."""
    BEYOND_PLAN = "BeyondPlan"
    """It tells of more packets, or of longer round-trip times, than its plan allows."""
    DUPLICATE = "Duplicate"
    """It was counted before."""
    OFF_SCHEDULE = "OffSchedule"
    """Its probe has had as many rounds as the interval allows in the time that they are said to be from."""
    TOO_MANY_INSTANCES = "TooManyInstances"
    """It is from another node, or to another address, and as many as are kept are heard of already."""
    FOREIGN_POD = "ForeignPod"
    """Its pod does not belong to the check, or another pod answers at the pod's address."""
    MISSED = "Missed"
    """It had left the agent's ring before it could be read."""
