"""Audits by a cron line: the prober's own rounds against a real reflector, told by a real operator."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from ...peers import ours
from .cluster import Cluster, ended
from .processes import OperatorProcess, eventually


def spec(port: int, *accepted: str) -> dict[str, Any]:
    probe = {"name": "audit", "timeout": "500ms", "audit": {"port": port, "accept": list(accepted)}}
    return {"schedule": {"cron": "0 4 * * *"}, "probes": [probe]}


def audit(cluster: Cluster, folder: Path) -> None:
    """One round of the check's plan as its Job runs it."""
    plan, said = folder / "plan.json", folder / "termination"
    plan.write_text(cluster.one("configmap")["data"]["plan.json"])
    words = ["-m", "ipsecping", "run", str(plan), "--termination-log", str(said)]
    subprocess.run([sys.executable, *words], check=True, timeout=120, capture_output=True)
    pod = cluster.round_pod(cluster.one("cronjob"))
    cluster.set_status("pod", pod, ended(said.read_text()))


def test_what_the_reflector_answers_is_named_until_it_is_shut_or_accepted(
    operator: OperatorProcess, cluster: Cluster, tmp_path: Path
) -> None:
    with ours.reflector("stamp") as reflector:
        cluster.check(spec(reflector.port))
        audit(cluster, tmp_path)
        assert cluster.says("Healthy", "False", "AuditFailed").startswith(
            "the reflector on default/audit answers packets without a signature (AnswersUnsigned; ipsecping "
            "reflect: --key-file F"
        )
        (entry,) = cluster.status()["probes"]
        assert entry["auditFindings"] == ["AnswersUnsigned"]
        # Prober and reflector share an address here, so the reflector's own port is taken.
        assert "AnswersOwnPort" in entry["auditNotTested"]
        eventually(lambda: "AuditFailed" in {each["reason"] for each in cluster.events()}, what="an event")

        # What is measured stays; it is judged anew, at once.
        cluster.check(spec(reflector.port, "AnswersUnsigned"))
        cluster.says("Healthy", "True", "WithinThresholds")
        assert cluster.status()["probes"][0]["auditFindings"] == ["AnswersUnsigned"]
