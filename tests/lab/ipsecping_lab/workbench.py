"""What the demo and the end-to-end tests do with a running lab: kubectl, helm, waiting for a state."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from . import existing
from .building.binaries import binaries
from .cluster import clients
from .layout import Layout
from .progress import Progress

REPOSITORY = Path(__file__).resolve().parents[3]
PROGRAM = REPOSITORY / "tests" / "lab" / "lab"
OPERATOR_NAMESPACE = "ipsecping-system"


T = TypeVar("T")


class CommandFailed(RuntimeError):
    """A command that was expected to succeed did not; the message holds what it printed."""


class GaveUp(TimeoutError):
    """A state that was waited for did not come about; the message says what was seen last."""


def existing_cluster() -> bool:
    """Whether the user's own cluster is used (LAB=existing), without tunnels of ours. Raises LabError."""
    return existing.chosen()


def run(
    arguments: Sequence[str | Path],
    *,
    stdin: str | None = None,
    timeout: float = 600,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with its output captured and `environment` added to our own."""
    return subprocess.run(
        list(arguments),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=os.environ | dict(environment or {}),
    )


def lab(
    *arguments: str,
    stdin: str | None = None,
    timeout: float = 600,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a sub-command of the lab and return its standard output; raises CommandFailed."""
    done = run([PROGRAM, *arguments], stdin=stdin, timeout=timeout, environment=environment)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-4000:]
        raise CommandFailed(f"lab {' '.join(arguments)}: exit {done.returncode}\n{said}")
    return done.stdout


def kubectl(
    *arguments: str,
    stdin: str | None = None,
    timeout: float = 120,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run kubectl against the lab's (or the user's) cluster; raises CommandFailed."""
    done = _run_kubectl(*arguments, stdin=stdin, timeout=timeout, environment=environment)
    if done.returncode:
        raise CommandFailed(f"kubectl {' '.join(arguments)}: exit {done.returncode}\n{done.stderr[-4000:]}")
    return done.stdout


@contextmanager
def kubectl_going_on(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A kubectl that goes on until the context ends, such as `get --watch`, to be read as it comes."""
    command, own = _kubectl()
    pipes: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.DEVNULL,
    }
    with subprocess.Popen([*command, *arguments], text=True, env=os.environ | own, **pipes) as process:
        try:
            yield process
        finally:
            process.terminate()


def kubectl_refused(*arguments: str, stdin: str | None = None) -> str:
    """Run kubectl where it has to fail; returns what it says on standard error."""
    done = _run_kubectl(*arguments, stdin=stdin, timeout=60, environment=None)
    if done.returncode == 0:
        raise CommandFailed(f"kubectl {' '.join(arguments)} succeeded but had to be refused\n{done.stdout}")
    return done.stderr


def _run_kubectl(
    *arguments: str, stdin: str | None, timeout: float, environment: Mapping[str, str] | None
) -> subprocess.CompletedProcess[str]:
    command, own = _kubectl()
    return run(
        [*command, *arguments], stdin=stdin, timeout=timeout, environment={**own, **(environment or {})}
    )


@cache
def _kubectl() -> tuple[list[str], dict[str, str]]:
    """What `lab kubectl` becomes, with its environment: found once, for tests look very often."""
    if existing.chosen():
        return existing.command("kubectl"), {}
    layout = Layout.from_environment()
    path = binaries(["kubectl"], progress=Progress(sys.stderr))["kubectl"]
    return clients.command(layout, path), clients.environment(layout)


def get(
    kind: str,
    name: str | None = None,
    *,
    namespace: str | None = None,
    everywhere: bool = False,
    selector: str = "",
) -> Any:
    """One object, or the list of items (of a namespace, or of everywhere), as decoded JSON."""
    arguments = ["get", kind, *([name] if name else []), "-o", "json"]
    arguments += ["-n", namespace] if namespace else []
    arguments += ["--all-namespaces"] if everywhere else []
    arguments += ["-l", selector] if selector else []
    decoded = json.loads(kubectl(*arguments))
    return decoded if name else decoded["items"]


def apply(manifest: dict[str, Any] | str) -> str:
    """`kubectl apply` a manifest given as an object or as YAML text."""
    text = manifest if isinstance(manifest, str) else json.dumps(manifest)
    return kubectl("apply", "-f", "-", stdin=text)


def wait_for(
    what: str,
    look: Callable[[], T],
    until: Callable[[T], bool] = bool,
    *,
    seconds: float,
    every: float = 0.25,
    progress: Callable[[T], None] | None = None,
) -> T:
    """Look again and again until what is seen satisfies `until`; raises GaveUp with the last sight."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if progress:
            progress(seen)
        if until(seen):
            return seen
        if time.monotonic() > deadline:
            raise GaveUp(
                f"{what}: not within {seconds:g} s; last seen: {json.dumps(seen, default=str)[:3000]}"
            )
        time.sleep(every)


def condition(check: dict[str, Any], kind: str) -> dict[str, Any]:
    """The named condition of a check's status; `{}` when it is not there (yet)."""
    found = [c for c in check.get("status", {}).get("conditions", []) if c["type"] == kind]
    return found[0] if found else {}


def install(
    *,
    namespace: str = OPERATOR_NAMESPACE,
    values: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> None:
    """Bring the lab up where it is ours, build the images, and install the operator with its Helm chart.

    `values` are more words for helm, such as `--set`, `replicas=2`.
    """
    if not existing_cluster():
        for step in ("up", "images"):
            done = subprocess.run([PROGRAM, step], check=False, stdout=sys.stdout, stderr=sys.stderr)
            if done.returncode:
                raise CommandFailed(f"lab {step} failed, see above")
    progress("helm install")
    said = lab(
        "helm", "upgrade", "--install", "ipsecping", str(REPOSITORY / "charts" / "ipsecping"),
        "--namespace", namespace, "--create-namespace", *_image_values(),
        # Often, so that one can watch: the default is one status write a minute while nothing changes.
        "--set-string", "operator.statusInterval=5s", *values,
        "--wait", "--timeout", "120s",
    )  # fmt: skip
    if not existing_cluster() and "\nREVISION: 1\n" not in said:
        # The tag is the same when the images were built anew, so helm sees no change. Its first has new pods.
        kubectl("-n", namespace, "rollout", "restart", "deployment/ipsecping-operator")
        kubectl("-n", namespace, "rollout", "status", "deployment/ipsecping-operator", "--timeout=120s")


def host_network(*namespaces: str) -> list[str]:
    """The words for helm that let checks of these namespaces use the node's own network."""
    return ["--set", f"operator.allowHostNetwork={{{','.join(namespaces)}}}"]


def _image_values() -> list[str]:
    lab_images = {"image": "localhost/ipsecping-operator:dev", "probeImage": "localhost/ipsecping-probe:dev"}
    variables = {"image": "IPSECPING_IMAGE", "probeImage": "IPSECPING_PROBE_IMAGE"}
    values: list[str] = []
    for key, variable in variables.items():
        named = existing.image(variable) if existing_cluster() else os.environ.get(variable)
        repository, tag = repository_and_tag(named or lab_images[key])
        values += ["--set", f"{key}.repository={repository}", "--set-string", f"{key}.tag={tag}"]
    return values


def repository_and_tag(image: str) -> tuple[str, str]:
    """What the chart joins with a colon again; without a tag it is `latest`, as everywhere."""
    repository, colon, tag = image.rpartition(":")
    if not colon or "/" in tag:
        return image, "latest"
    return repository, tag
