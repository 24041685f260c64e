"""What answers on the far host: ICMP by the kernel, a plain UDP echo, and the project's STAMP reflector."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ..building import cache
from ..layout import REPOSITORY, Layout
from . import guest_files, topology
from .control import GUEST, Control

PYTHON = "/usr/bin/python3"
ECHO_PORT = 55055
STAMP_PORT = 862
PACKAGE = REPOSITORY / "probe_image" / "ipsecping"
_IN_FORCE = "reflector"
KINDS = ("udp-echo", "stamp")


@dataclass(frozen=True, slots=True)
class Responder:
    """A service on the far host, reached by one path."""

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
        echo = (PYTHON, "-S", "-E", f"{GUEST}/udp_echo.py", path.far_address, str(ECHO_PORT))
        found.append(Responder(key_of("udp-echo", path.letter), echo, {}))
        if package is not None:
            listen = f"{path.far_address}:{STAMP_PORT}"
            reflect = (PYTHON, "-S", "-m", "ipsecping", "reflect", "--stamp", listen, "--allow", "0.0.0.0/0")
            environment = {"PYTHONPATH": package, "PYTHONDONTWRITEBYTECODE": "1"}
            found.append(Responder(key_of("stamp", path.letter), reflect, environment))
    return tuple(found)


def copy_package(layout: Layout) -> None:
    """Copy the prober's package to where the guest can read it.

    Under a name of its own for each content: the guest caches the pages of files that it has read.
    """
    if not (PACKAGE / "__main__.py").is_file():
        return
    sources = sorted(
        path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    names = [str(path.relative_to(PACKAGE)) for path in sources]
    name = f"{_IN_FORCE}-{cache.digest([*names, *sources])}"
    target = layout.guest / name
    if not target.is_dir():
        shutil.rmtree(layout.guest / ".new", ignore_errors=True)
        shutil.copytree(
            PACKAGE, layout.guest / ".new" / "ipsecping", ignore=shutil.ignore_patterns("__pycache__")
        )
        guest_files.make_readable(layout.guest / ".new")
        (layout.guest / ".new").rename(target)
    (layout.guest / _IN_FORCE).write_text(name)


def start(control: Control, layout: Layout) -> list[str]:
    """Start every responder that does not run, and name all."""
    wanted = responders(layout.guest)
    control.batch([responder.request() for responder in wanted])
    return [responder.key for responder in wanted]


def restart(control: Control, layout: Layout) -> list[str]:
    """Copy the package again and start all responders anew, without a reboot of the gateways."""
    copy_package(layout)
    for responder in responders(layout.guest):
        control.kill(responder.key)
    return start(control, layout)


def _copied(guest: Path) -> str | None:
    try:
        return f"{GUEST}/{(guest / _IN_FORCE).read_text()}"
    except FileNotFoundError:
        return None
