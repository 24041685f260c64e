"""The guest's disk: Debian with systemd and Python, as an ext4 file system in the user's cache directory."""

import shutil
import sys
from pathlib import Path

from ipsecping_lab.building import base_image, cache
from ipsecping_lab.host.commands import run, run_logged
from ipsecping_lab.layout import cache_directory
from ipsecping_lab.progress import Progress

PACKAGES = (
    "dbus",
    "iproute2",
    "libnss-systemd",
    "openssl",
    "python3",
    "python3-prometheus-client",
    "systemd",
)
"""A plain Debian with systemd, and what our documentation tells users to install."""
OPTIONS = (
    "--variant=essential",
    f"--include={','.join(PACKAGES)}",
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "info", "locale")),
)
DISK = "512M"
AGENT = "/run/payload/agent.py"
FILES = {
    "etc/machine-id": "1d0c5ecf1d0c5ecf1d0c5ecf1d0c5ecf\n",
    "etc/hostname": "gateway\n",
    "etc/hosts": "127.0.0.1 localhost gateway\n",
    "etc/fstab": "",
    "etc/systemd/system/test-agent.service": f"""[Unit]
Description=Does what the test asks for on the serial line
[Service]
RuntimeDirectory=payload
ExecStartPre=/bin/tar -xf /dev/ubdb
ExecStart=/usr/bin/python3 -u -S -E {AGENT}
WorkingDirectory=/run/payload
StandardError=journal+console
""",
}
LINKS = {
    "etc/systemd/system/multi-user.target.wants/test-agent.service": "../test-agent.service",
    # What nobody looks at in a guest that lives for half a minute.
    **{
        f"etc/systemd/system/{unit}": "/dev/null"
        for unit in (
            "e2scrub_reap.service",
            "getty.target",
            "modprobe@.service",
            "systemd-logind.service",
            "systemd-modules-load.service",
            "systemd-random-seed.service",
            "systemd-sysusers.service",
            "systemd-update-utmp.service",
            "systemd-update-utmp-runlevel.service",
            "systemd-user-sessions.service",
        )
    },
}


def disk() -> Path:
    """The file system; made when it is not in the cache (half a minute, Debian packages by apt).

    Raises:
        LabError: this machine cannot make it.
    """
    source = base_image.machine_source()
    parts = [*OPTIONS, DISK, *source.lines, *(str(item) for item in (*FILES.items(), *LINKS.items()))]

    def make(directory: Path) -> None:
        root = directory / "root"
        lines = directory / "sources.list"
        lines.write_text("\n".join(source.lines) + "\n")
        with Progress(sys.stderr).step(f"guest of Debian {source.codename} packages with systemd"):
            run_logged(
                ["mmdebstrap", *OPTIONS, source.codename, root, lines],
                log=cache_directory() / "log" / "systemd-guest.log",
                what="making the guest with mmdebstrap",
            )
            for name, content in FILES.items():
                (root / name).unlink(missing_ok=True)
                (root / name).write_text(content)
            for name, target in LINKS.items():
                (root / name).unlink(missing_ok=True)
                (root / name).parent.mkdir(exist_ok=True)
                (root / name).symlink_to(target)
            run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", root, directory / "disk", DISK])
        shutil.rmtree(root)

    return cache.produce("images", "systemd-guest", cache.digest(parts), make) / "disk"
