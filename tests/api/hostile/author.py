"""Somebody who may write checks in one namespace, and writes what harms: `checks` makes them."""

from collections.abc import Iterator
from itertools import cycle
from typing import Any

Object = dict[str, Any]

HOSTILE_PREFIX = "author-"
"""Of the names of all these checks."""

BLACK_HOLE = "127.0.0.1"
HOSTILE_SPECS: tuple[Object, ...] = (
    # Refused at once or by the operator, each edit of it anew.
    {"target": BLACK_HOLE, "placement": {"priorityClassName": "system-node-critical"}},
    {"target": BLACK_HOLE, "placement": {"podLabels": {"app": "database"}}},
    {"target": BLACK_HOLE, "placement": {"podAnnotations": {"k8s.v1.cni.cncf.io/networks": "host-device"}}},
    {"target": BLACK_HOLE, "placement": {"tolerations": [{"operator": "Exists"}]}},
    {"target": BLACK_HOLE, "placement": {"resources": {"limits": {"cpu": "64", "memory": "1Ti"}}}},
    {"target": BLACK_HOLE, "placement": {"hostNetwork": True}},
    {"target": "169.254.169.254"},
    {"target": "::ffff:169.254.169.254"},
    {
        "target": BLACK_HOLE,
        "probes": [{"name": "a", "stamp": {"auth": {"secretName": "database-password", "key": "password"}}}],
    },
    # As much work as a check may ask for.
    {
        "target": BLACK_HOLE,
        "schedule": {"interval": "1s"},
        "thresholds": {"window": "1h"},
        "paths": [{"name": f"p{number}"} for number in range(8)],
        "probes": [
            {"name": f"n{number}", "count": 1, "timeout": "1m", "udpEcho": {"port": 9}}
            for number in range(16)
        ],
    },
    {
        "target": BLACK_HOLE,
        "schedule": {"interval": "1s"},
        "probes": [{"name": "a", "count": 90, "spacing": "10ms", "size": 9000, "udpEcho": {"port": 9}}],
    },
)


def checks() -> Iterator[tuple[str, Object]]:
    """Name and spec of one check after the other, the same names again and again."""
    for number, spec in cycle(enumerate(HOSTILE_SPECS)):
        yield f"{HOSTILE_PREFIX}{number}", spec
