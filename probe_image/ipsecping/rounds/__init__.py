"""Rounds: packets on time, answers within the timeout, sessions that live from round to round."""
