"""The programs of the lab as a table, and their builds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import LabError
from ..host.commands import run, run_logged
from ..layout import SOURCE, cache_directory
from ..progress import Progress
from . import cache
from .toolchain import Go, find_go

KUBERNETES_VERSION = "v1.36.4"
HELM_VERSION = "v4.2.4"
COREDNS_VERSION = "1.15.0"


@dataclass(frozen=True, slots=True)
class GoProgram:
    """One ``go build``: a package of a module under ``tests/lab/go``, whose go.mod and go.sum pin all."""

    name: str
    module: str
    package: str
    tags: str = ""
    ldflags: str = "-s -w"

    @property
    def directory(self) -> Path:
        return SOURCE / "go" / self.module

    def arguments(self) -> list[str]:
        tags = ["-tags", self.tags] if self.tags else []
        return ["build", "-trimpath", "-buildvcs=false", *tags, "-ldflags", self.ldflags]

    def key(self, go: Go) -> str:
        sources = sorted(path for path in self.directory.iterdir() if path.suffix in {".mod", ".sum", ".go"})
        return cache.digest([go.version, self.package, *self.arguments(), *sources])


@dataclass(frozen=True, slots=True)
class CProgram:
    """One ``gcc`` call on a source file under ``tests/lab/guest``."""

    name: str
    source: str
    flags: tuple[str, ...]

    @property
    def path(self) -> Path:
        return SOURCE / "guest" / self.source


def _kubernetes(name: str) -> GoProgram:
    """As Kubernetes' own build does, with its version stamped in."""
    major, minor = KUBERNETES_VERSION.removeprefix("v").split(".")[:2]
    stamp = {"gitVersion": KUBERNETES_VERSION, "gitMajor": major, "gitMinor": minor}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    stamps = " ".join(f"-X {package}.{key}={value}" for package in packages for key, value in stamp.items())
    return GoProgram(
        name=name,
        module="kubernetes",
        package=f"k8s.io/kubernetes/cmd/{name}",
        tags="selinux,notest,grpcnotrace",
        ldflags=f"-s -w {stamps}",
    )


# In this order, each on the build cache of those before it: what the API tests need comes first.
GO_PROGRAMS = (
    _kubernetes("kube-apiserver"),
    GoProgram("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
    _kubernetes("kubectl"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    _kubernetes("kubelet"),
    _kubernetes("kube-proxy"),
    GoProgram("coredns", "coredns", "."),
    GoProgram(
        "helm",
        "helm",
        "helm.sh/helm/v4/cmd/helm",
        ldflags=f"-s -w -X helm.sh/helm/v4/internal/version.version={HELM_VERSION}",
    ),
)
JUDGES = (
    GoProgram("kubeconform", "kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform"),
    GoProgram("kube-score", "kube-score", "github.com/zegl/kube-score/cmd/kube-score"),
    GoProgram("kstatus", "kstatus", "."),
    GoProgram("argocd-lua", "argocd-lua", "."),
)
"""Programs of others that tests hold manifests and statuses against; no cluster needs them."""
# Not of the lab: fake nodes for the scale bench.
KWOK = GoProgram("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok")
C_PROGRAMS = (
    CProgram("pause", "pause.c", ("-Os", "-static")),
    CProgram("xstate_shim.so", "xstate_shim.c", ("-O2", "-shared", "-fPIC", "-ldl")),
)
API_NAMES = ("kube-apiserver", "etcd", "kubectl")
CLUSTER_NAMES = (*(program.name for program in GO_PROGRAMS), "pause")
GUEST_NAMES = ("xstate_shim.so",)
ALL_NAMES = (*CLUSTER_NAMES, *GUEST_NAMES)
_TABLE: dict[str, GoProgram | CProgram] = {
    program.name: program for program in (*GO_PROGRAMS, *JUDGES, KWOK, *C_PROGRAMS)
}


def binaries(names: Iterable[str] = ALL_NAMES, *, progress: Progress | None = None) -> dict[str, Path]:
    """Paths of the named programs; what is not in the cache is built first (about 7 minutes for all, once).

    Raises:
        LabError: a name is unknown, or a build failed; then the error carries the build's log.
    """
    shown = progress if progress is not None else Progress()
    paths = {}
    for name in names:
        program = _TABLE.get(name)
        if program is None:
            raise LabError(f"no program named {name!r}; there are: {', '.join(_TABLE)}")
        paths[name] = _go(program, shown) if isinstance(program, GoProgram) else _c(program, shown)
    return paths


def _go(program: GoProgram, progress: Progress) -> Path:
    go = find_go(progress)
    key = program.key(go)

    def make(directory: Path) -> None:
        with progress.step(f"build {program.name}"):
            run_logged(
                [go.command, *program.arguments(), "-o", directory / program.name, program.package],
                log=cache_directory() / "log" / f"build-{program.name}.log",
                what=f"building {program.name}",
                env=go.environment(),
                cwd=program.directory,
            )

    return _produce(program.name, key, make, progress)


def _c(program: CProgram, progress: Progress) -> Path:
    compiler = run(["gcc", "--version"]).stdout.splitlines()[0]
    key = cache.digest([compiler, *program.flags, program.path])

    def make(directory: Path) -> None:
        optimise, *rest = program.flags
        run_logged(
            ["gcc", optimise, "-o", directory / program.name, program.path, *rest],
            log=cache_directory() / "log" / f"build-{program.name}.log",
            what=f"compiling {program.name}",
        )

    return _produce(program.name, key, make, progress)


def _produce(name: str, key: str, make: cache.Maker, progress: Progress) -> Path:
    def waiting() -> None:
        progress.say(f"another run is building {name}: waiting for it")

    return cache.produce("bin", name, key, make, on_wait=waiting) / name
