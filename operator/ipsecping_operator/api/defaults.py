"""Values of absent fields and the limits of present ones.

The schema has no defaults of its own: a default on `schedule.interval` would collide with a `cron` that a
user patches in. The compile step fills them in, and `ipsecping-operator render` shows the outcome.
"""

INTERVAL = "30s"
START_TIMEOUT = "2m"
HISTORY = 3
"""Finished rounds of a cron check that stay: the operator reads each as soon as it ends."""
MAX_HISTORY = 100
PATH = "default"
PROBE = "ping"
"""Name of the one probe, of type icmp, of a check that names none."""
COUNT = 10
SPACING = "100ms"
RATE_LIMITED_SPACING = "500ms"
"""Of ICMP, at most: two packets a second are a fifth of what routers commonly allow for all who ask."""
TIMEOUT = "2s"
STATUS_CODE = 200
WINDOW = "5m"
LOSS_PERCENT = "1"
DOWN_AFTER = 3
RECOVER_AFTER = 1
PREFER_AFTER = 5
DIAGNOSIS_DELAY = "0s"
DIAGNOSIS_COOLDOWN = "10m"

MAX_PATHS = 8
MAX_PROBES = 16
MAX_PROBES_CRON = 8
"""The results of one run share a termination message of 4096 bytes."""
MAX_VALUES_SEEN = 16
"""Of each thing that is verified of packets that arrive: as many as a window keeps."""
MAX_NETWORKS = 16
"""Of each kind that a tunnel names."""
MAX_COUNT = 1000
MAX_COUNT_CRON = 100
MAX_ROUNDS_A_SECOND = 32
"""Of all probes on all paths: each makes a result to be read and judged. 100 checks that make so many take
one processor of the operator's."""
NODES = 32
"""A round of a path on every node counts as so many: how many nodes there are, the schema does not know."""
