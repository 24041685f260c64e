"""Write (or with --check compare) what is generated: CRD, manifests/, api.md, settings.md, tables of docs.

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
from textwrap import indent

from argocd_customization import argocd_customization
from diagnosis_reference import diagnosis_reference
from monitoring import RECEIVERS, alert_table, alertmanager_yaml, rules_yaml
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
MONITORING = "scripts/monitoring"
MODELS = "operator/ipsecping_operator/api"


def main() -> int:
    """Generate or check; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing, report the files that differ")
    check = parser.parse_args().check
    stale = {
        path: text for path, text in generated().items() if not path.exists() or path.read_text() != text
    }
    for path, text in stale.items():
        sys.stderr.write(f"{'differs' if check else 'wrote'}: {path.relative_to(REPOSITORY)}\n")
        if not check:
            path.write_text(text)
    if check and stale:
        sys.stderr.write("run `make generate` and commit what it writes\n")
        return 1
    return 0


def generated() -> dict[Path, str]:
    """Every generated file and what belongs into it."""
    manifests, docs = REPOSITORY / "manifests", REPOSITORY / "docs"
    probes, diagnosis = docs / "probes.md", docs / "diagnosis.md"
    argocd = manifests / "gitops" / "argocd"
    crd = crd_yaml()
    # Helm must not remove the CRD with the release: every check would go with it.
    kept = crd.replace("metadata:\n", "metadata:\n  annotations:\n    helm.sh/resource-policy: keep\n", 1)
    monitoring, rules = manifests / "monitoring", header(MONITORING) + rules_yaml()
    return {
        CHART / "files" / "rules.yaml": rules,
        monitoring / "rules.yaml": rules,
        monitoring / "podmonitor.yaml": rendered("podmonitor", "monitoring.podMonitor.enabled=true"),
        monitoring / "prometheusrule.yaml": prometheus_rule(rules),
        **{
            monitoring / "alertmanager" / f"{service}.yaml": header(MONITORING) + alertmanager_yaml(service)
            for service in RECEIVERS
        },
        docs / "alerts.md": replaced(docs / "alerts.md", "scripts/monitoring", alert_table()),
        docs / "api.md": api_reference(),
        probes: replaced(probes, "contract/methods", method_table()),
        diagnosis: replaced(diagnosis, "the fault dictionary", diagnosis_reference()),
        docs / "settings.md": settings_reference((CHART / "values.yaml").read_text()),
        CHART / "files" / "crd.yaml": header(MODELS) + kept,
        manifests / "crd.yaml": header(MODELS) + crd,
        **{CHART / "files" / "dashboards" / f"{name}.json": dashboard_json(name) for name in DASHBOARDS},
        argocd / "argocd-cm.yaml": header("the scripts beside this file") + argocd_customization(argocd),
        **{manifests / f"{name}.yaml": rendered(name) for name in TEMPLATES},
        # The image is named in kustomization.yaml, which does not reach into a policy.
        manifests / "admission.yaml": rendered(
            "admission", "admissionPolicy.enabled=true", "admissionPolicy.images={*}"
        ),
        # To be applied in each namespace that has checks: so it names none of its own.
        manifests / "agents-networkpolicy.yaml": re.sub(
            f"^  namespace: {_ANY}\n",
            "",
            rendered("agents-networkpolicy", f"networkPolicies.agentNamespaces={{{_ANY}}}"),
            flags=re.MULTILINE,
        ),
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
    source = f"templates/{template}.yaml"
    command = [helm(), "template", "ipsecping", str(CHART), "--namespace", NAMESPACE, "--show-only", source]
    command += [word for value in (*VALUES, *values) for word in ("--set", value)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"helm template {source}: {done.stderr.strip()}")
    marks = ("# Source:", "app.kubernetes.io/managed-by: Helm", "app.kubernetes.io/instance:")
    lines = [line for line in done.stdout.splitlines() if line and not line.strip().startswith(marks)]
    return header(f"charts/ipsecping/{source}") + "\n".join(lines).removeprefix("---\n") + "\n"


def prometheus_rule(rules: str) -> str:
    """As the chart's template makes it, with these rules: those in the chart may be older."""
    head, spec, _ = rendered("prometheusrule", "monitoring.prometheusRule.enabled=true").partition("spec:\n")
    return head + spec + indent(rules, "  ")


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
