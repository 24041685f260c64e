"""What is generated of manifests/gitops/argocd/: the patch of argocd-cm, from the scripts there."""

import json
from pathlib import Path
from textwrap import indent

from ipsecping_operator.api.names import GROUP, KIND


def argocd_customization(scripts: Path) -> str:
    """Return the patch for the ConfigMap argocd-cm, as YAML with each script as a block."""
    kind = f"{GROUP}_{KIND}"
    lines = [
        "data:",
        *_block(f"resource.customizations.health.{kind}", (scripts / "health.lua").read_text()),
        *_block(f"resource.customizations.actions.{kind}", _actions(scripts / "actions")),
    ]
    return "\n".join(lines) + "\n"


def _actions(directory: Path) -> str:
    """The value of the second key, itself YAML."""
    lines = [*_block("discovery.lua", (directory / "discovery.lua").read_text(), depth=0), "definitions:"]
    for script in sorted(directory.glob("*/action.lua")):
        name = script.parent.name
        lines += [f"- name: {json.dumps(name)}", *_block("action.lua", script.read_text(), depth=1)]
    return "\n".join(lines) + "\n"


def _block(key: str, text: str, *, depth: int = 1) -> list[str]:
    margin = "  " * depth
    return [f"{margin}{key}: |", *indent(text.rstrip("\n"), f"{margin}  ").splitlines()]
