"""News of this process for the systemd that started it, as sd_notify(3) sends them."""

import logging
import os
import socket

log = logging.getLogger(__name__)

ADDRESS = "NOTIFY_SOCKET"
"""The environment variable that names systemd's socket."""
SEND_SECONDS = 1.0
"""Longer than this nobody waits for a systemd that reads nothing."""


class ServiceManager:
    """systemd where it waits for news (Type=notify), and nobody otherwise.

    What cannot be told is logged: it keeps no packet from being sent or answered.
    """

    def __init__(self) -> None:
        self._address = os.environ.get(ADDRESS)
        self._told = ""

    def ready(self, status: str) -> None:
        """Whoever comes now is served. `status` is shown by `systemctl status`, in one line."""
        self._tell(status, "READY=1")

    def status(self, status: str) -> None:
        """What `systemctl status` is to show; sent when it is new."""
        if status != self._told:
            self._tell(status)

    def stopping(self, status: str) -> None:
        """The end has begun."""
        self._tell(status, "STOPPING=1")

    def _tell(self, status: str, *states: str) -> None:
        self._told = status
        if not self._address:
            return
        # An abstract address begins with "@" where the kernel has a byte of zero (unix(7)).
        address = self._address.replace("@", "\0", 1) if self._address.startswith("@") else self._address
        text = "\n".join((*states, f"STATUS={' '.join(status.split())}"))
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.settimeout(SEND_SECONDS)
                sock.connect(address)
                sock.send(text.encode())
        except OSError as error:
            log.warning("cannot tell systemd %r: %s=%s: %s", text, ADDRESS, self._address, error)
