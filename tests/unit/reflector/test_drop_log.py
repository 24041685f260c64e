"""Whoever is not answered is named in the log: the first thing to know of a reflector that is silent."""

import asyncio
import logging
import socket
from contextlib import suppress
from ipaddress import ip_network

import pytest

from ipsecping.reflector.responder import StampPolicy
from ipsecping.reflector.service import Service, Settings

from ...peers.processes import PATIENCE


async def test_the_address_of_who_is_not_allowed_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    service = Service(
        Settings(
            allow=[ip_network("10.244.0.0/16")],
            rate=10,
            total_rate=10,
            stamp=[("127.0.0.1", 0)],
            tcp_echo=[("127.0.0.1", 0)],
            policy=StampPolicy(),
        )
    )
    stop = asyncio.Event()
    running = asyncio.create_task(service.run(stop))
    async with asyncio.timeout(PATIENCE):
        while not service.tcp:
            await asyncio.sleep(0.01)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x" * 60, ("127.0.0.1", service.datagram[0][1].port))
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", service.tcp[0].port)
            writer.close()
        said = "not answered: 1 NotAllowed (see --allow; the last one from 127.0.0.1)"
        for protocol in ("STAMP", "TCPEcho"):
            while not any(
                line.startswith(f"{protocol} on 127.0.0.1 ") and line.endswith(said)
                for line in caplog.messages
            ):
                await asyncio.sleep(0.05)
        stop.set()
        await running
