"""Only etcd and kube-apiserver, on free ports of 127.0.0.1: a real API for tests, in a few seconds.

    with api_server(tmp_path) as api:
        subprocess.run([api.kubectl, "get", "namespaces"], env={"KUBECONFIG": str(api.kubeconfig)})

Objects are stored and validated; nothing acts on them but the controllers that are asked for. Needs no root.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .building.binaries import API_NAMES, binaries
from .cluster import control_plane, pki
from .errors import LabError
from .host.ports import free_port
from .host.waiting import wait_until

_CLUSTER = "ipsecping-api-test"
_START_SECONDS = 60


class ApiServer:
    """A running API server; :func:`api_server` makes and ends it."""

    def __init__(
        self,
        workdir: Path,
        *,
        controllers: Sequence[str] = (),
        people: Sequence[pki.Certificate] = (),
        flags: Sequence[str] = (),
    ) -> None:
        """`controllers`: of kube-controller-manager, by the names that its flag --controllers takes.

        `people` get a kubeconfig each; `flags` are added to the API server's.
        """
        manager = ("kube-controller-manager",) if controllers else ()
        built = binaries((*API_NAMES, *manager))
        self.kubectl = built["kubectl"]
        self._workdir = workdir
        self._pki = workdir / "pki"
        etcd_port, peer_port, self._port = free_port(), free_port(), free_port()
        self.url = f"https://127.0.0.1:{self._port}"
        pki.write(
            self._pki,
            cluster=_CLUSTER,
            server=self.url,
            certificates=(*pki.api_certificates(names=control_plane.API_NAMES), *people),
            users=["admin", *(person.name for person in people)],
        )
        self.kubeconfig = self.kubeconfig_of("admin")
        self.tls = self.tls_of("admin")
        data = workdir / "etcd"
        data.mkdir(mode=0o700, exist_ok=True)
        self._etcd_argv = control_plane.etcd(
            built["etcd"], data=data, client_port=etcd_port, peer_port=peer_port
        )
        self._api_argv = [
            *control_plane.api_server(
                built["kube-apiserver"],
                pki=self._pki,
                etcd_port=etcd_port,
                bind="127.0.0.1",
                port=self._port,
                service_network="10.96.0.0/16",
            ),
            "--authorization-mode=RBAC",
            f"--audit-policy-file={self._audit_policy()}",
            f"--audit-log-path={self.audit_log}",
            # no controller makes the default service accounts that this plugin waits for
            "--disable-admission-plugins=ServiceAccount",
            *flags,
        ]
        self._manager_argv = _manager(built[manager[0]], self.kubeconfig, controllers) if manager else []
        self._etcd: subprocess.Popen[bytes] | None = None
        self._api: subprocess.Popen[bytes] | None = None
        self._manager: subprocess.Popen[bytes] | None = None

    def kubeconfig_of(self, user: str) -> Path:
        """Of `admin`, or of one of the ``people``."""
        return self._pki / f"{user}.kubeconfig"

    def tls_of(self, user: str) -> ssl.SSLContext:
        """For connections as this user."""
        context = ssl.create_default_context(cafile=str(self._pki / "ca.crt"))
        # Our authority says nothing of its key's usage, as that of AWS EKS.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.load_cert_chain(self._pki / f"{user}.crt", self._pki / f"{user}.key")
        return context

    @property
    def log(self) -> Path:
        return self._workdir / "kube-apiserver.log"

    @property
    def audit_log(self) -> Path:
        """What service accounts have asked for, a line of JSON (audit.k8s.io/v1) for each request."""
        return self._workdir / "audit.log"

    def _audit_policy(self) -> Path:
        policy = self._workdir / "audit-policy.json"
        who = {
            "level": "Metadata",
            "userGroups": ["system:serviceaccounts"],
            "omitStages": ["RequestReceived"],
        }
        rules = [who, {"level": "None"}]
        policy.write_text(json.dumps({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}))
        return policy

    def start(self) -> None:
        """Start what is not running and wait until the API is ready.

        Raises:
            LabError: it does not become ready; the error carries the log.
        """
        if self._etcd is None:
            self._etcd = spawn(self._etcd_argv, self._workdir / "etcd.log")
        if self._api is None:
            self._api = spawn(self._api_argv, self.log)
        process = self._api
        wait_until(
            self.ready,
            what="kube-apiserver",
            seconds=_START_SECONDS,
            log=self.log,
            alive=lambda: process.poll() is None,
        )
        if self._manager_argv and self._manager is None:
            self._manager = spawn(self._manager_argv, self._workdir / "kube-controller-manager.log")

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", context=self.tls, timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """End the API server (not etcd) at once, as a crash would."""
        if self._api is not None:
            end(self._api, signal.SIGKILL)
            self._api = None

    def restart(self) -> None:
        """Kill the API server and start it again: same address, same objects, all watches broken."""
        self.kill()
        self.start()

    def stop(self) -> None:
        """End all processes."""
        if self._manager is not None:
            end(self._manager, signal.SIGKILL)
            self._manager = None
        self.kill()
        if self._etcd is not None:
            end(self._etcd, signal.SIGKILL)
            self._etcd = None


@contextmanager
def api_server(
    workdir: Path,
    *,
    controllers: Sequence[str] = (),
    people: Sequence[pki.Certificate] = (),
    flags: Sequence[str] = (),
) -> Iterator[ApiServer]:
    """A fresh API server with its files in ``workdir``; builds what is not in the cache (minutes, once)."""
    workdir.mkdir(parents=True, exist_ok=True)
    server = ApiServer(workdir, controllers=controllers, people=people, flags=flags)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _manager(binary: Path, kubeconfig: Path, controllers: Sequence[str]) -> list[str | Path]:
    return [
        binary,
        *(f"--{of}kubeconfig={kubeconfig}" for of in ("", "authentication-", "authorization-")),
        f"--controllers={','.join(controllers)}",
        "--bind-address=127.0.0.1",
        f"--secure-port={free_port()}",
        "--leader-elect=false",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    ]


def spawn(argv: Sequence[str | Path], log: Path) -> subprocess.Popen[bytes]:
    """Start a program that ends with this one; its output is appended to ``log``. Raises LabError."""
    # setpriv: a killed test run leaves no server behind
    tie = ["setpriv", "--pdeathsig", "KILL", "--"]
    with log.open("ab") as output:
        try:
            return subprocess.Popen(
                [*tie, *(str(word) for word in argv)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/")},
            )
        except FileNotFoundError as error:
            raise LabError(f"cannot start {argv[0]}: {error}") from error


def end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send the signal and wait until the process has ended."""
    process.send_signal(number)
    process.wait()
