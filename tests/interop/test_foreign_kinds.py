"""Our objects of Argo CD, Flux and the Prometheus Operator, against types made from their definitions."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from ..docs.documents import ROOT
from ..peers import npm, typescript

Made = dict[str, Any]
PACKAGES = ("argo-cd@4.0.0", "flux-cd@4.0.0", "prometheus-operator@6.0.0")
PINNED = (*(f"@kubernetes-models/{each}" for each in PACKAGES), typescript.COMPILER)
TYPES = {
    "gitops/example/argocd/application.yaml": "argo-cd/argoproj.io/v1alpha1/Application",
    "gitops/example/flux/kustomization.yaml": "flux-cd/kustomize.toolkit.fluxcd.io/v1/Kustomization",
    "monitoring/podmonitor.yaml": "prometheus-operator/monitoring.coreos.com/v1/PodMonitor",
    "monitoring/prometheusrule.yaml": "prometheus-operator/monitoring.coreos.com/v1/PrometheusRule",
}
"""Where in manifests/ each is, and the type that it has to be of."""
FOREIGN = ("argoproj.io", "toolkit.fluxcd.io", "monitoring.coreos.com")
REQUIRED = ("destination", "sourceRef", "selector", "groups")
MISTAKES: dict[str, Callable[[Made], Any]] = {
    "unknown": lambda made: made["spec"].update(pruned=True),
    "lacking": lambda made: made["spec"].pop(next(each for each in REQUIRED if each in made["spec"])),
    "version": lambda made: made.update(apiVersion=f"{made['apiVersion']}9"),
}


def in_manifests(name: str) -> Made:
    found: Made = yaml.safe_load((ROOT / "manifests" / name).read_text())
    return found


def source(name: str, made: Made) -> str:
    """TypeScript that is right where the object is."""
    module = TYPES[name]
    kind = f"I{module.rpartition('/')[2]}"
    return f"import type {{ {kind} }} from '@kubernetes-models/{module}';\n" + (
        f"({json.dumps(made)}) satisfies {kind};\n"
    )


def test_every_field_and_value_is_one_of_the_definitions(tmp_path: Path) -> None:
    packages = npm.packages("foreign-kinds", *PINNED)
    right, wrong = dict[str, str](), dict[str, str]()
    for number, name in enumerate(TYPES):
        right[f"right-{number}"] = source(name, in_manifests(name))
        for mistake, make in MISTAKES.items():
            made = in_manifests(name)
            make(made)
            wrong[f"{mistake}-{number}"] = source(name, made)
    said = typescript.wrong(packages, right | wrong, tmp_path)
    found = typescript.refused(said)
    assert {each for each in found if each in right} == set(), said[:3000]
    # A rule's groups are optional by its definition.
    assert {*wrong} - found == {"lacking-3"}


def test_none_of_the_repository_is_left_out() -> None:
    found = {
        str(path.relative_to(ROOT / "manifests"))
        for path in (ROOT / "manifests").rglob("*.yaml")
        for made in yaml.safe_load_all(path.read_text())
        if isinstance(made, dict) and str(made.get("apiVersion")).partition("/")[0].endswith(FOREIGN)
    }
    assert found == {*TYPES}
