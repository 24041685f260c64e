"""The example repository's objects of Argo CD and Flux, against types made from their definitions."""

import copy
import json
from pathlib import Path
from typing import Any

import yaml

from ..docs.documents import ROOT
from ..peers import npm, typescript

EXAMPLE = ROOT / "manifests" / "gitops" / "example"
PINNED = ("@kubernetes-models/argo-cd@4.0.0", "@kubernetes-models/flux-cd@4.0.0", typescript.COMPILER)
TYPES = {
    "argocd/application.yaml": ("IApplication", "argo-cd/argoproj.io/v1alpha1/Application"),
    "flux/kustomization.yaml": ("IKustomization", "flux-cd/kustomize.toolkit.fluxcd.io/v1/Kustomization"),
}
"""Where each is, and the type that it has to be of."""
FOREIGN = ("argoproj.io", "toolkit.fluxcd.io")


def of_example(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((EXAMPLE / name).read_text())
    return found


def source(name: str, made: dict[str, Any]) -> str:
    """TypeScript that is right where the object is."""
    kind, module = TYPES[name]
    return f"import type {{ {kind} }} from '@kubernetes-models/{module}';\n" + (
        f"({json.dumps(made)}) satisfies {kind};\n"
    )


def test_every_field_and_value_is_one_of_the_definitions(tmp_path: Path) -> None:
    packages = npm.packages("gitops", *PINNED)
    right = {f"right-{number}": source(name, of_example(name)) for number, name in enumerate(TYPES)}
    wrong: dict[str, str] = {}
    for number, name in enumerate(TYPES):
        misspelt, lacking, other = (copy.deepcopy(of_example(name)) for _ in range(3))
        misspelt["spec"]["pruned"] = True
        del lacking["spec"]["destination" if "argocd" in name else "sourceRef"]
        other["apiVersion"] = other["apiVersion"].replace("v1", "v9")
        for what, made in (("misspelt", misspelt), ("lacking", lacking), ("version", other)):
            wrong[f"{what}-{number}"] = source(name, made)
    said = typescript.wrong(packages, right | wrong, tmp_path)
    assert typescript.refused(said) == {*wrong}, said[:3000]


def test_every_object_that_the_definitions_of_the_cluster_lack_is_held_against_them() -> None:
    others = {
        str(path.relative_to(EXAMPLE))
        for path in EXAMPLE.rglob("*.yaml")
        for made in yaml.safe_load_all(path.read_text())
        if isinstance(made, dict) and str(made.get("apiVersion")).partition("/")[0].endswith(FOREIGN)
    }
    assert others == {*TYPES}
