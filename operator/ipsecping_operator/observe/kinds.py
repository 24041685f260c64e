"""The kinds that the operator watches, and those that it makes."""

from ipsecping_operator.api import names
from ipsecping_operator.kube.kinds import CONFIG_MAP, CRON_JOB, DAEMON_SET, DEPLOYMENT, POD, Kind

CHECK = Kind(names.KIND, names.GROUP, names.VERSION, names.PLURAL)

APPLIED = {kind.name: kind for kind in (CONFIG_MAP, DEPLOYMENT, DAEMON_SET, CRON_JOB)}
"""The kinds of a check's children, by name."""

WATCHED = (CHECK, POD, *APPLIED.values())
