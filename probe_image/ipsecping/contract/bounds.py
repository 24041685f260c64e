"""Bounds of what crosses a process: within them every consumer can hold a value, add it up and print it.

The consumers are RFC 3339 times, Prometheus (floating point), InfluxDB and the operator's windows (64-bit
integers with a sign). `MAX_INSTANT + MAX_DURATION` and the round trips of a day, 100 of `MAX_RTT` a second,
are below 2**63.
"""

MAX_INTEGER = 2**63 - 1
MAX_TEXT = 512
"""Characters of a name or another text."""
MAX_TOKEN = 64
"""Characters of what only machines read: boot and pod identities."""
MAX_COUNT = 1000
"""Packets of a round."""
MAX_ADDRESSES = 32
"""Addresses of one path that are measured; those beyond are left out, and it is said how many there are."""
MAX_NAMED_ADDRESSES = 10_000
"""Addresses that a name is said to have; a prober that is told of more says as many."""
MAX_FLOWS = 16
"""Source ports side by side in a round."""
MAX_CLOSING = 3
"""At most so many packets are added to a STAMP round that lost its last ones, to learn in which direction; to
each flow of it that did, where it has several."""
DIAGNOSIS_PACKETS, DIAGNOSIS_SECONDS, DIAGNOSIS_BIT_RATE = 1000, 30, 1_000_000
"""What a diagnosis sends at most, and within what time, whatever it finds; and bits in any second of it."""
MAX_DUPLICATES = 10**9
"""Answers beyond the first that a round counts; a prober that sees more says as many."""
DAY_MS = 24 * 3600 * 1000
MAX_TIMEOUT_MS = 10 * 60 * 1000
MAX_RTT = MAX_TIMEOUT_MS * 1_000_000
"""Nanoseconds."""
MAX_DURATION = 10**17
"""Nanoseconds, three years: more than `MAX_COUNT` packets that are a day apart take."""
MAX_INSTANT = 9 * 10**18
"""Nanoseconds since the Unix epoch: 2255-03-14. No instant is before the epoch."""
MAX_EXPIRY = 253_402_300_799
"""Seconds since the Unix epoch: 9999-12-31T23:59:59Z, by which RFC 5280 section 4.1.2.5 means "never"."""
MIN_MTU, MAX_MTU = 68, 65_535
"""Bytes of an IP packet (RFC 791)."""
