"""What answers on the far host: ICMP by the kernel, a plain UDP echo, and the project's STAMP reflector."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..building import cache
from ..errors import LabError
from ..layout import REPOSITORY, Layout
from . import guest_files, topology
from .control import GUEST, Control

PYTHON = "/usr/bin/python3"
ECHO_PORT = 55055
STAMP_PORT = 862
SIGNED_PORT = 8620
PACKAGE = REPOSITORY / "probe_image" / "ipsecping"
_IN_FORCE = "reflector"
_SIGNED, _KEY_FILE = "stamp-signed", "/run/stamp.keys"
KEYS_TAKEN_OVER = 2.0
"""Seconds: a running reflector looks at its key file once a second."""
KINDS = ("udp-echo", "stamp")


@dataclass(frozen=True, slots=True)
class Responder:
    """A service on the far host, reached by one path over both versions of IP."""

    key: str
    argv: tuple[str, ...]
    environment: dict[str, str]

    def request(self) -> dict[str, object]:
        """For a batch: start it unless it runs."""
        return {
            "op": "spawn",
            "key": self.key,
            "argv": list(self.argv),
            "ns": topology.FAR,
            "env": self.environment,
        }


def key_of(kind: str, letter: str) -> str:
    return f"{kind}-{letter}"


def responders(guest: Path) -> tuple[Responder, ...]:
    """All that can be started; the reflector only when the project's package was copied."""
    found = []
    package = _copied(guest)
    for path in topology.PATHS.values():
        echo = (PYTHON, "-S", "-E", f"{GUEST}/udp_echo.py", str(ECHO_PORT), *path.far_addresses)
        found.append(Responder(key_of("udp-echo", path.letter), echo, {}))
        if package is not None:
            found.append(_reflector(key_of("stamp", path.letter), path, STAMP_PORT, package))
    return tuple(found)


def copy_package(layout: Layout) -> bool:
    """Copy the prober's package to where the guest can read it; say whether it is another than before.

    Under a name of its own for each content: the guest caches the pages of files that it has read.
    """
    if not (PACKAGE / "__main__.py").is_file():
        return False
    sources = sorted(
        path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    names = [str(path.relative_to(PACKAGE)) for path in sources]
    name = f"{_IN_FORCE}-{cache.digest([*names, *sources])}"
    if not (layout.guest / name).is_dir():
        unfinished = layout.guest / ".new"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(PACKAGE, unfinished / "ipsecping", ignore=shutil.ignore_patterns("__pycache__"))
        guest_files.make_readable(unfinished)
        unfinished.rename(layout.guest / name)
    pointer = layout.guest / _IN_FORCE
    changed = not pointer.exists() or pointer.read_text() != name
    pointer.write_text(name)
    return changed


def start(control: Control, layout: Layout, *, stopped: Collection[str] = ()) -> list[str]:
    """Start every responder that does not run and is not ``stopped`` on purpose, and name them."""
    wanted = [responder for responder in responders(layout.guest) if responder.key not in stopped]
    control.batch([responder.request() for responder in wanted])
    return [responder.key for responder in wanted]


def restart(control: Control, layout: Layout, *, stopped: Collection[str] = ()) -> list[str]:
    """Copy the package again and start all responders anew, without a reboot of the gateways."""
    copy_package(layout)
    for responder in responders(layout.guest):
        control.kill(responder.key)
    return start(control, layout, stopped=stopped)


def sign(control: Control, layout: Layout, keys: Sequence[str]) -> None:
    """Have an authenticated STAMP reflector on path a accept these keys and no others; end it without any.

    While it runs it takes over new keys by itself: they are in force at return.

    Raises:
        LabError: the project's package was not copied, or the gateways are not up.
    """
    if not keys:
        control.kill(_SIGNED)
        return
    package = _copied(layout.guest)
    if package is None:
        raise LabError("there is no reflector of the project on the far host")
    reflector = _reflector(_SIGNED, topology.PATHS["a"], SIGNED_PORT, package, "--key-file", _KEY_FILE)
    written = {"op": "write", "path": _KEY_FILE, "text": "\n".join(keys) + "\n"}
    control.batch([written, reflector.request()])
    time.sleep(KEYS_TAKEN_OVER)


def _reflector(key: str, path: topology.TunnelPath, port: int, package: str, *arguments: str) -> Responder:
    listen = [word for each in path.far_addresses for word in ("--stamp", endpoint(each, port))]
    allow = ("--allow", "0.0.0.0/0", "--allow", "::/0")
    reflect = (PYTHON, "-S", "-m", "ipsecping", "reflect", *listen, *allow)
    environment = {"PYTHONPATH": package, "PYTHONDONTWRITEBYTECODE": "1"}
    return Responder(key, (*reflect, *arguments), environment)


def endpoint(address: str, port: int) -> str:
    """Address and port as the prober's commands take them."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _copied(guest: Path) -> str | None:
    try:
        return f"{GUEST}/{(guest / _IN_FORCE).read_text()}"
    except FileNotFoundError:
        return None
