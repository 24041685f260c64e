"""What a cluster has to be is said where people begin, and is what the chart asks for."""

import re
from pathlib import Path

import pytest
import yaml

from ...docs.documents import DOCS, ROOT

CHART = yaml.safe_load((ROOT / "charts" / "ipsecping" / "Chart.yaml").read_text())


@pytest.mark.parametrize("document", [ROOT / "README.md", DOCS / "quickstart.md", DOCS / "install.md"])
def test_the_version_of_kubernetes_is_that_of_the_chart(document: Path) -> None:
    (least,) = re.findall(r">=(1\.[0-9]+)", CHART["kubeVersion"])
    assert re.findall(r"Kubernetes (1\.[0-9]+) or later", document.read_text()) == [least]
