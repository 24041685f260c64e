"""Write (or with --check compare) what is generated: CRD, manifests/, kustomize/, references, tables of docs.

example:
  scripts/generate.py            # after a change of the API models or of the chart
  scripts/generate.py --check    # exit status 1 when a committed file differs
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from argocd_customization import argocd_customization
from diagnosis_reference import diagnosis_reference
from monitoring import SERVICES, alert_table, alertmanager_yaml, rules_yaml
from settings_reference import settings_reference

from dashboards import DASHBOARDS, dashboard_json
from ipsecping_operator.api.crd import crd_yaml
from ipsecping_operator.api.reference import api_reference, method_table

REPOSITORY = Path(__file__).resolve().parent.parent
CHART = REPOSITORY / "charts" / "ipsecping"
NAMESPACE = "ipsecping-system"
TEMPLATES = ("serviceaccount", "rbac", "secret", "deployment", "service", "networkpolicy")
VALUES = ("image.repository=ipsecping-operator", "probeImage.repository=ipsecping-probe")
_ANY = "any-namespace"
_IN_ANY = f"\n  namespace: {_ANY}\n"
MONITORING = "scripts/monitoring"
MODELS = "operator/ipsecping_operator/api"


def main() -> int:
    """Generate or check; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing, report the files that differ")
    check = parser.parse_args().check
    # What is rendered from the chart takes the files of the chart that were written before.
    stale = sum(written(make(), check=check) for make in (of_chart, rest))
    if check and stale:
        sys.stderr.write("run `make generate` and commit what it writes\n")
        return 1
    return 0


def written(files: dict[Path, str], *, check: bool) -> int:
    """Write those that differ, unless they are to be checked only; how many there were."""
    stale = {path: text for path, text in files.items() if not path.exists() or path.read_text() != text}
    for path, text in stale.items():
        sys.stderr.write(f"{'differs' if check else 'wrote'}: {path.relative_to(REPOSITORY)}\n")
        if not check:
            path.write_text(text)
    return len(stale)


def of_chart() -> dict[Path, str]:
    """The generated files of the chart."""
    # Helm must not remove the CRD with the release: every check would go with it.
    keep = "metadata:\n  annotations:\n    helm.sh/resource-policy: keep\n"
    return {
        CHART / "files" / "crd.yaml": header(MODELS) + crd_yaml().replace("metadata:\n", keep, 1),
        CHART / "files" / "rules.yaml": header(MONITORING) + rules_yaml(),
        **{CHART / "files" / "dashboards" / f"{name}.json": dashboard_json(name) for name in DASHBOARDS},
    }


def rest() -> dict[Path, str]:
    """Every other generated file and what belongs into it."""
    manifests, docs = REPOSITORY / "manifests", REPOSITORY / "docs"
    probes, diagnosis = docs / "probes.md", docs / "diagnosis.md"
    argocd, monitoring = manifests / "gitops" / "argocd", manifests / "monitoring"
    served = REPOSITORY / "kustomize" / "components" / "one-namespace" / "served"
    # To be applied in each namespace that has checks: so it names none of its own.
    of_agents = in_any_namespace("agents-networkpolicy", f"networkPolicies.agentNamespaces={{{_ANY}}}")
    return {
        monitoring / "rules.yaml": header(MONITORING) + rules_yaml(),
        monitoring / "podmonitor.yaml": rendered("podmonitor", "monitoring.podMonitor.enabled=true"),
        # Overlays may put the operator into another namespace: so the rule names no Lease.
        monitoring / "prometheusrule.yaml": rendered(
            "prometheusrule", "monitoring.prometheusRule.enabled=true"
        ).replace(f'{{lease="{NAMESPACE}/ipsecping-operator"}}', ""),
        monitoring / "dashboards.yaml": rendered("dashboards", "dashboards.enabled=true"),
        **{
            monitoring / "alertmanager" / f"{service}.yaml": header(MONITORING) + alertmanager_yaml(service)
            for service in SERVICES
        },
        docs / "alerts.md": replaced(docs / "alerts.md", "scripts/monitoring", alert_table()),
        docs / "api.md": api_reference(),
        probes: replaced(probes, "contract/methods", method_table()),
        diagnosis: replaced(diagnosis, "the fault dictionary", diagnosis_reference()),
        docs / "settings.md": settings_reference((CHART / "values.yaml").read_text()),
        manifests / "crd.yaml": header(MODELS) + crd_yaml(),
        argocd / "argocd-cm.yaml": header("the scripts beside this file") + argocd_customization(argocd),
        **{manifests / f"{name}.yaml": rendered(name) for name in TEMPLATES},
        # The image is named in kustomization.yaml, which does not reach into a policy.
        manifests / "admission.yaml": rendered(
            "admission", "admissionPolicy.enabled=true", "admissionPolicy.images={*}"
        ),
        manifests / "agents-networkpolicy.yaml": of_agents,
        served / "agents-networkpolicy.yaml": of_agents,
        served / "rbac.yaml": in_any_namespace("rbac", f"operator.namespaces={{{_ANY}}}"),
    }


def replaced(document: Path, source: str, table: str) -> str:
    """The document with the table between its marks."""
    before, begin, rest = document.read_text().partition(f"<!-- generated from {source} -->\n")
    _, end, after = rest.partition("<!-- end of what is generated -->\n")
    if not begin or not end:
        sys.exit(f"docs/{document.name}: the marks around the generated table are missing")
    return f"{before}{begin}{table}{end}{after}"


def rendered(template: str, *values: str) -> str:
    """One template of the chart with these values, without the marks of Helm."""
    return header(source_of(template)) + "---\n".join(documents(template, *values))


def in_any_namespace(template: str, *values: str) -> str:
    """The objects of a template that are in the namespace `_ANY`, without its name."""
    found = [each.split(_IN_ANY) for each in documents(template, *values)]
    return header(source_of(template)) + "---\n".join("\n".join(each) for each in found if len(each) > 1)


def documents(template: str, *values: str) -> list[str]:
    """The objects that a template makes with these values."""
    source = f"templates/{template}.yaml"
    command = [helm(), "template", "ipsecping", str(CHART), "--namespace", NAMESPACE, "--show-only", source]
    command += [word for value in (*VALUES, *values) for word in ("--set", value)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"helm template {source}: {done.stderr.strip()}")
    marks = ("# Source:", "app.kubernetes.io/managed-by: Helm", "app.kubernetes.io/instance:")
    lines = [line for line in done.stdout.splitlines() if line and not line.strip().startswith(marks)]
    return [
        f"{each}\n"
        for text in re.split("^---$", "\n".join(lines), flags=re.MULTILINE)
        if (each := text.strip("\n"))
    ]


def source_of(template: str) -> str:
    """The file that a template is, from the repository's root."""
    return f"charts/ipsecping/templates/{template}.yaml"


def helm() -> str:
    """$HELM, or the lab's own build, which is cached."""
    if named := os.environ.get("HELM"):
        return named
    sys.path.insert(0, str(REPOSITORY / "tests" / "lab"))
    from ipsecping_lab.building.binaries import binaries

    return str(binaries(["helm"])["helm"])


def header(source: str) -> str:
    """The first line of a generated manifest."""
    return f"# Generated by `make generate`; edit {source} instead.\n"


if __name__ == "__main__":
    sys.exit(main())
