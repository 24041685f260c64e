"""The prober in one file for hosts with Python 3.11 and nothing else: dist/ipsecping.pyz.

The same sources make the same bytes: entries are sorted and carry a fixed date. The interpreter is that of
the PATH; `python3 ipsecping.pyz` works as well.
"""

import os
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "probe_image"
TARGET = ROOT / "dist" / "ipsecping.pyz"

SHEBANG = b"#!/usr/bin/env python3\n"
MAIN = "from ipsecping.__main__ import start\n\nstart()\n"
DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that the format has


def build(target: Path) -> None:
    """Write the archive, executable."""
    target.parent.mkdir(parents=True, exist_ok=True)
    # Its own, for two may build at a time.
    draft = target.with_suffix(f".{os.getpid()}.draft")
    with draft.open("wb") as file:
        file.write(SHEBANG)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            _add(archive, "__main__.py", MAIN.encode())
            for path in sorted((SOURCES / "ipsecping").rglob("*.py")):
                _add(archive, path.relative_to(SOURCES).as_posix(), path.read_bytes())
            _add(archive, "LICENSE", (ROOT / "LICENSE").read_bytes())
    draft.chmod(0o755)
    draft.replace(target)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)


if __name__ == "__main__":
    wanted = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    build(wanted)
    print(f"{wanted}: {wanted.stat().st_size} bytes")
