"""A proxy before the API server whose watches can be struck deaf: open, but no event gets through."""

import contextlib
import re
import socket
import socketserver
import ssl
import threading
from pathlib import Path

from ipsecping.tls_client import client_context
from ipsecping_lab.apiserver import ApiServer

_WATCH = re.compile(rb"^GET [^ ?]*/([a-z]+)\?[^ ]*\bwatch=true")


class DeafProxy(socketserver.ThreadingTCPServer):
    """Plain HTTP on loopback, one request a connection, forwarded with the administrator's certificate."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, server: ApiServer) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        pki = server.kubeconfig.parent
        self.tls = client_context(
            ca_file=str(pki / "ca.crt"), certificate=str(pki / "admin.crt"), key=str(pki / "admin.key")
        )
        self.upstream = int(server.url.rpartition(":")[2])
        self.deaf: set[str] = set()
        """Plurals of the kinds whose watches show nothing any more."""

    def kubeconfig(self, directory: Path) -> Path:
        """Write the credentials of a client that goes through here."""
        path = directory / "proxied.kubeconfig"
        path.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: proxied\nusers: [{name: none, user: {}}]\n"
            f"clusters: [{{name: proxied, cluster: {{server: 'http://127.0.0.1:{self.server_address[1]}'}}}}]\n"
            "contexts: [{name: proxied, context: {cluster: proxied, user: none}}]\n"
        )
        return path


class _Connection(socketserver.BaseRequestHandler):
    server: DeafProxy
    request: socket.socket

    def handle(self) -> None:
        with contextlib.suppress(OSError), self._upstream() as upstream:
            head = self._head()
            watch = _WATCH.match(head)
            threading.Thread(target=_pump, args=(self.request, upstream), daemon=True).start()
            upstream.sendall(head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            while data := upstream.recv(65536):
                if watch is None or watch[1].decode() not in self.server.deaf:
                    self.request.sendall(data)

    def _upstream(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.server.upstream))
        return self.server.tls.wrap_socket(plain, server_hostname="127.0.0.1")

    def _head(self) -> bytes:
        """All that came with the first lines; the body may follow."""
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.request.recv(65536)
            if not data:
                raise ConnectionResetError
            head += data
        return re.sub(rb"\r\nConnection: [^\r]*", b"", head, count=1)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
