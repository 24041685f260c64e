"""What is in each image, as a CycloneDX bill of materials."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from .versions import Release

IMAGES = {"probe": "ipsecping-probe", "operator": "ipsecping-operator"}
"""Lists of requirements (requirements/*.txt, all versions and hashes in them) by the image they go into."""


def write(root: Path, release: Release, target: Path) -> None:
    """Write one for each image into `target`."""
    for requirements, image in IMAGES.items():
        path = target / f"{image}-{release.version}.cdx.json"
        path.write_text(json.dumps(bill(root, requirements, image, release), indent=2, sort_keys=True) + "\n")


def bill(root: Path, requirements: str, image: str, release: Release) -> dict[str, Any]:
    """Return it; its Python packages with their hashes, and the image itself as what they are part of."""
    listed = str(root / "requirements" / f"{requirements}.txt")
    words = (sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible", listed)
    made = subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    found: dict[str, Any] = json.loads(made.stdout)
    found["metadata"]["component"] = {
        "type": "container",
        "bom-ref": image,
        "name": image,
        "version": release.version,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    return found
