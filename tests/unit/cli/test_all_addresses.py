"""`ipsecping ping --all-addresses`: a name's addresses as hosts of their own."""

import argparse
import json
import socket

import pytest

from ipsecping.cli.ping import add_arguments
from ipsecping.cli.ping_hosts import ping_hosts
from ipsecping.cli.ping_probe import probe_from

from .conftest import Reflector


async def test_each_address_of_a_name_is_a_row_and_beyond_what_is_pinged_is_said(
    capsys: pytest.CaptureFixture[str], reflector: Reflector, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"many.example": ["127.0.0.1", "127.0.0.2"], "huge.example": [f"127.0.1.{n}" for n in range(40)]}

    def find(name: str, family: int) -> list[str]:
        if name not in known:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return known[name]

    monkeypatch.setattr("ipsecping.net.lookup._lookup", find)

    async def ping(*words: str) -> tuple[int, list[str], str]:
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        options = parser.parse_args([*words, "--all-addresses", "-q", "-c1", "-W", "100ms"])
        status = await ping_hosts(options, probe_from(options))
        said = capsys.readouterr()
        return status, said.out.splitlines(), said.err

    udp = ("--udp-echo", str(reflector.echo))
    status, rows, err = await ping("many.example", "127.0.0.1", "none.example", *udp)
    assert [row.split("  ")[0] for row in rows] == [
        "HOST", "many.example 127.0.0.1", "many.example 127.0.0.2", "127.0.0.1", "none.example"
    ]  # fmt: skip
    assert (status, "none.example: the resolver knows no such name" in err) == (1, True)
    _, rows, err = await ping("huge.example", *udp)
    assert (len(rows), err) == (
        33,
        "ipsecping: ping: huge.example has 40 addresses, of which 32 are pinged\n",
    )
    _, rows, _ = await ping("many.example", "--json", *udp)
    told = [json.loads(row) for row in rows]
    assert [(each["host"], each["address"]) for each in told] == [
        ("many.example", "127.0.0.1"),
        ("many.example", "127.0.0.2"),
    ]
