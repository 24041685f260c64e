"""STAMP reflectors with habits met in the field, on loopback.

`python -m tests.peers.habits HABIT PORT [drop=1,2]`: each is stateful and answers as RFC 8762 section 4.3.1
has it, but for its habit. Requests whose number, counted from 1, is in `drop` are lost on the way there.
"""

import os
import socket
import struct
import sys
import time

_EPOCH = 2_208_988_800
_HABITS: dict[str, dict[str, object]] = {
    "short-20": {"length": 20},
    "foreign-timestamp": {"foreign": True},
    "short-36": {"length": 36},
    "short-38": {"length": 38},
    "short-41": {"length": 41},
    "short-43": {"length": 43},
    "long": {"length": 200},
    "ptp": {"ptp": True},
    "untold-times": {"told": False},
    "ttl-0": {"ttl": 0},
    "from-1": {"start": 1},
    "from-anywhere": {"start": 2**32 - 3},
    "forgetful": {"forgets": 1.0},
    "stateless": {"stateless": True},
}


def answered(request: bytes, number: int, habit: dict[str, object]) -> bytes:
    """The answer to a request."""
    now = time.time()
    if habit.get("ptp"):
        stamp, estimate = struct.pack("!II", int(now), int(now % 1 * 10**9)), 0x4001
    else:
        stamp, estimate = struct.pack("!II", int(now) + _EPOCH, int(now % 1 * 2**32)), 1
    if not habit.get("told", True):
        stamp = bytes(8)
    ttl = int(str(habit.get("ttl", 64)))
    answer = struct.pack("!I8sHH8s", number, stamp, estimate, 0, stamp) + request[:14] + bytes([0, 0, ttl])
    if habit.get("foreign"):
        answer = answer[:28] + bytes(8) + answer[36:]
    length = int(str(habit.get("length", len(request))))
    return answer + os.urandom(length - len(answer)) if length > len(answer) else answer[:length]


def main(name: str, port: int, drop: frozenset[int]) -> None:
    """Answer for ever."""
    habit = _HABITS[name]
    start, forgets = int(str(habit.get("start", 0))), float(str(habit.get("forgets", "inf")))
    numbers: dict[tuple[str, int], int] = {}
    used: dict[tuple[str, int], float] = {}
    seen = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", port))
        while True:
            request, peer = udp.recvfrom(9000)
            seen += 1
            if seen in drop:
                continue
            now = time.monotonic()
            if now - used.get(peer, now) > forgets:
                del numbers[peer]
            used[peer] = now
            number = numbers.get(peer, start)
            numbers[peer] = (number + 1) % 2**32
            told = struct.unpack("!I", request[:4])[0] if habit.get("stateless") else number
            udp.sendto(answered(request, told, habit), peer)


if __name__ == "__main__":
    dropped = [word[5:].split(",") for word in sys.argv[3:] if word.startswith("drop=")]
    main(sys.argv[1], int(sys.argv[2]), frozenset(int(each) for words in dropped for each in words))
