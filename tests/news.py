"""Waits for what becomes of packets."""

import asyncio

from ipsecping.measure.packet import Packet


class News(asyncio.Event):
    """Set whenever something becomes of a packet that is sent with it (see Observer)."""

    def updated(self, _: Packet) -> None:
        """Note it."""
        self.set()
