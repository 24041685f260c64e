"""The process that owns the guest: starts it, relays requests to it, cleans up behind it.

Run by ``lab up`` as ``python3 -m ipsecping_lab.ipsec.supervisor``. When it dies, however it dies, its end of
the guest's serial line closes and the guest powers itself off.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from ..host.processes import Process
from ..layout import Layout
from . import uml

UML_RECORD = "uml"
_POWER_OFF_SECONDS = 5
_SERIAL_BUFFER = 3072
"""Bytes that may be on their way: the guest's line holds 4095, and hangs for good when it gets more."""


class Relay:
    """Requests of many clients on a Unix socket, one serial line to the guest."""

    def __init__(self, layout: Layout, serial: socket.socket) -> None:
        self._serial = serial
        self._numbers = itertools.count(1)
        self._waiting: dict[int, socket.socket] = {}
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._sending = threading.Lock()
        self._room = threading.Semaphore(_SERIAL_BUFFER)
        layout.control_socket.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(layout.control_socket))
        layout.control_socket.chmod(0o600)
        self._listener.listen(64)

    def start(self) -> None:
        for target in (self._read_guest, self._accept):
            threading.Thread(target=target, daemon=True).start()

    def power_off(self) -> None:
        with contextlib.suppress(OSError):
            self._serial.sendall(b'{"op": "off", "id": 0}\n')

    def _read_guest(self) -> None:
        with contextlib.suppress(ConnectionResetError):  # the guest was killed
            for line in self._serial.makefile("rb"):
                with contextlib.suppress(ValueError):  # chatter from before the line was raw
                    self._take_answer(json.loads(line), line)

    def _take_answer(self, answer: dict[str, Any], line: bytes) -> None:
        if answer.get("event") == "ready":
            self._ready.set()
        elif answer.get("event") == "read":
            self._room.release(answer["octets"])
        else:
            with self._lock:
                client = self._waiting.pop(answer.get("id", 0), None)
            if client is not None:
                _reply(client, line)

    def _send(self, data: bytes) -> None:
        with self._sending:
            for start in range(0, len(data), 1024):
                block = data[start : start + 1024]
                for _ in block:
                    self._room.acquire()
                self._serial.sendall(block)

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._take, args=(client,), daemon=True).start()

    def _take(self, client: socket.socket) -> None:
        try:
            request: dict[str, Any] = json.loads(client.makefile("rb").readline())
        except (OSError, ValueError):
            client.close()
            return
        if not self._ready.is_set():
            _reply(client, b'{"rc": 75, "out": "", "err": "the guest is still booting"}\n')
            return
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = client
        try:
            self._send((json.dumps({**request, "id": number}) + "\n").encode())
        except OSError as error:
            with self._lock:
                self._waiting.pop(number, None)
            _reply(client, json.dumps({"rc": 75, "out": "", "err": str(error)}).encode() + b"\n")


def _reply(client: socket.socket, line: bytes) -> None:
    with contextlib.suppress(OSError):
        client.sendall(line)
    client.close()


def supervise(layout: Layout) -> None:
    """Run the guest to its end."""
    stop = threading.Event()
    reason = ["the guest ended by itself"]

    def on_signal(number: int, _frame: object) -> None:
        reason[0] = f"asked to by {signal.Signals(number).name}"
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    began = time.monotonic()
    ours, theirs = socket.socketpair()
    console_read, console_write = os.pipe()
    tap = uml.open_tap(layout)
    guest = uml.start(layout, uml.Lines(serial=theirs.fileno(), console=console_write, tap=tap))
    theirs.close()
    os.close(console_write)
    os.close(tap)
    process = Process.of(guest.pid)
    if process is not None:
        process.write(layout.record(UML_RECORD))
    threading.Thread(target=drain, args=(console_read, layout.log_file("console")), daemon=True).start()
    relay = Relay(layout, ours)
    relay.start()
    while guest.poll() is None and not stop.wait(0.1):
        pass
    _finish(layout, guest, relay)
    print(f"{time.strftime('%F %T')} up {time.monotonic() - began:.1f} s, ended: {reason[0]}, "
          f"status {guest.returncode}", flush=True)  # fmt: skip


def _finish(layout: Layout, guest: subprocess.Popen[bytes], relay: Relay) -> None:
    if guest.poll() is None:
        relay.power_off()
        with contextlib.suppress(subprocess.TimeoutExpired):
            guest.wait(_POWER_OFF_SECONDS)
    uml.end_session(guest.pid)
    guest.wait()
    layout.control_socket.unlink(missing_ok=True)
    layout.record(UML_RECORD).unlink(missing_ok=True)
    shutil.rmtree(layout.state / "uml", ignore_errors=True)


def drain(console: int, log: Path) -> None:
    """Write what a guest says on its console to a file, until it ends."""
    with log.open("ab") as file:
        while data := os.read(console, 65536):
            file.write(data)
            file.flush()


if __name__ == "__main__":
    supervise(Layout.from_environment())
