"""A resolver of an agent's own: names with the addresses that a test gives them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

_SITE = """
import json, os, socket

with open(os.environ["TEST_NAMES"]) as file:
    names = json.load(file)
ask = socket.getaddrinfo


def getaddrinfo(host, *words, **more):
    if host not in names:
        return ask(host, *words, **more)
    return [found for address in names[host] for found in ask(address, *words, **more)]


socket.getaddrinfo = getaddrinfo
"""


def resolving(names: Mapping[str, Sequence[str]], directory: Path) -> dict[str, str]:
    """The environment of a Python process in which the names have these addresses, in that order."""
    (directory / "sitecustomize.py").write_text(_SITE)
    (directory / "names.json").write_text(json.dumps(names))
    return {"PYTHONPATH": str(directory), "TEST_NAMES": str(directory / "names.json")}
