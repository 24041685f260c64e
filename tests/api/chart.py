"""The Helm chart, rendered."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

from ipsecping_lab.building.binaries import binaries

REPOSITORY = Path(__file__).parents[2]
CHART = REPOSITORY / "charts" / "ipsecping"
IMAGES = ("--set", "image.repository=localhost/operator,probeImage.repository=localhost/probe")


def template(
    *words: str, namespace: str = "ipsecping-system", name: str = "ipsecping"
) -> "subprocess.CompletedProcess[str]":
    """`helm template`, however it ends."""
    helm = binaries(["helm"])["helm"]
    command = [str(helm), "template", name, str(CHART), "--namespace", namespace, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def objects(
    *words: str, namespace: str = "ipsecping-system", name: str = "ipsecping"
) -> list[dict[str, Any]]:
    """The chart's objects, with images."""
    done = template(*IMAGES, *words, namespace=namespace, name=name)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]
