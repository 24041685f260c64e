"""The Helm chart, rendered."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ipsecping_lab.building.binaries import binaries

from ..yaml_text import all_from_yaml, from_yaml
from .kubectl import SHORT_RUN

REPOSITORY = Path(__file__).parents[2]
CHART = REPOSITORY / "charts" / "ipsecping"
PREVIOUS = Path(__file__).parent / "charts" / "previous"
"""The chart of the version before; see the README there."""
IMAGES = ("--set", "image.repository=localhost/operator,probeImage.repository=localhost/probe")
REFLECTOR = ("--set", "reflector.enabled=true,reflector.allow={10.244.0.0/16}")


def template(
    *words: str, namespace: str = "ipsecping-system", name: str = "ipsecping", chart: Path = CHART
) -> "subprocess.CompletedProcess[str]":
    """`helm template`, however it ends."""
    helm = binaries(["helm"])["helm"]
    command = [str(helm), "template", name, str(chart), "--namespace", namespace, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | SHORT_RUN)


def notes(*words: str) -> str:
    """What `helm install` says at its end."""
    command = [str(binaries(["helm"])["helm"]), "install", "ipsecping", str(CHART), "--dry-run=client"]
    done = subprocess.run(
        [*command, *IMAGES, *words], capture_output=True, text=True, check=False, env=os.environ | SHORT_RUN
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("\nNOTES:\n")[2]


def objects(
    *words: str, namespace: str = "ipsecping-system", name: str = "ipsecping", chart: Path = CHART
) -> list[dict[str, Any]]:
    """The chart's objects, with images."""
    done = template(*IMAGES, *words, namespace=namespace, name=name, chart=chart)
    assert done.returncode == 0, done.stderr
    return [document for document in all_from_yaml(done.stdout) if document]


def is_hook(found: Mapping[str, Any]) -> bool:
    """Whether it is of `helm test`, and not of the release."""
    return "helm.sh/hook" in found["metadata"].get("annotations", {})


def of(kind: str, name: str, made: list[dict[str, Any]]) -> dict[str, Any]:
    """The one object of this kind and name."""
    (found,) = (each for each in made if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return found


def umbrella(directory: Path, dependencies: list[dict[str, Any]], values: Mapping[str, Any]) -> Path:
    """A parent chart with this one as it stands as its dependencies, by alias; returns its folder."""
    chart = directory / "platform"
    (chart / "charts").mkdir(parents=True)
    version = from_yaml((CHART / "Chart.yaml").read_text())["version"]
    described = {
        "apiVersion": "v2",
        "name": "platform",
        "version": "1.0.0",
        "dependencies": [{"name": "ipsecping", "version": version, **each} for each in dependencies],
    }
    (chart / "Chart.yaml").write_text(yaml.safe_dump(described))
    (chart / "values.yaml").write_text(yaml.safe_dump(dict(values)))
    (chart / "charts" / "ipsecping").symlink_to(CHART, target_is_directory=True)
    return chart
