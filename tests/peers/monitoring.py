"""Prometheus and Alertmanager as processes on loopback, and a receiver of what Alertmanager sends."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from ..ports import free_port
from . import debian
from .processes import PATIENCE, NotListening, running

Alert = dict[str, Any]
_LOOK_EVERY = 0.1


@contextmanager
def alertmanager(config: Mapping[str, Any], folder: Path, *, trusted: Path | None = None) -> Iterator[str]:
    """Alertmanager with this configuration; its URL. It trusts the authorities of that file alone, if any.

    Raises:
        PeerMissing: it cannot be had: it reads templates of its package, which has to be installed.
        NotListening: see there.
    """
    program = debian.installed("prometheus-alertmanager", "prometheus-alertmanager")
    (folder / "alertmanager.yaml").write_text(yaml.safe_dump(dict(config)))
    port = free_port()
    argv = [
        *(() if trusted is None else ("env", f"SSL_CERT_FILE={trusted}", "SSL_CERT_DIR=/nowhere")),
        program,
        f"--config.file={folder / 'alertmanager.yaml'}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with _ready(argv, f"http://127.0.0.1:{port}", folder / "alertmanager.log") as url:
        yield url


@contextmanager
def prometheus(config: Mapping[str, Any], folder: Path, *flags: str) -> Iterator[str]:
    """Prometheus with this configuration and what is stored in the folder; its URL.

    Raises PeerMissing and NotListening.
    """
    program = debian.program("prometheus", "prometheus")
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(dict(config)))
    port = free_port()
    argv = [
        program,
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        *flags,
    ]
    with _ready(argv, f"http://127.0.0.1:{port}", folder / "prometheus.log") as url:
        yield url


@contextmanager
def _ready(argv: Sequence[str], url: str, log: Path) -> Iterator[str]:
    with running(argv, log=log) as process:
        deadline = time.monotonic() + PATIENCE
        while not _answers(f"{url}/-/ready"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotListening(f"{argv[0]} is not ready: {log.read_text()[-2000:]}")
            time.sleep(_LOOK_EVERY)
        yield url


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def query(url: str, expr: str) -> list[dict[str, str]]:
    """The labels of the series that a Prometheus finds at present."""
    with urllib.request.urlopen(f"{url}/api/v1/query?{urlencode({'query': expr})}", timeout=10) as answer:
        return [each["metric"] for each in json.load(answer)["data"]["result"]]


class Receiver:
    """What Alertmanager's webhook sends, alert by alert; or a chat's API gets, as text."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.texts: list[str] = []

    @property
    def told(self) -> list[tuple[str, str]]:
        """Name and status of each, as they came."""
        return [(each["labels"]["alertname"], each["status"]) for each in self.alerts]

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Listen on loopback; the URL."""
        alerts, texts = self.alerts, self.texts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"])).decode()
                texts.append(content)
                alerts.extend(json.loads(content).get("alerts", ()))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
