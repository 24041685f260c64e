"""Hostile targets and clients: a zoo for tests and for runs by hand.

    python -m tests.peers.hostile KIND PORT
    python -m tests.peers.hostile --help

Each kind is a function of a port of 127.0.0.1 that never returns; its first line says what it does. A target
listens there and says so in a line on standard output; a client torments whoever listens there.
"""
