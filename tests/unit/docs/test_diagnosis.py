"""docs/diagnosis.md shows what `ipsecping diagnose` prints, and names every cause and field there is."""

import json
import os
import re
import subprocess
import sys
from dataclasses import fields

from ipsecping.contract import plan_from_json
from ipsecping.contract.controls import Control
from ipsecping.diagnosis.catalogue import ROWS
from ipsecping.diagnosis.evidence import Batch, Evidence
from ipsecping.diagnosis.evidence_text import spelled
from ipsecping.diagnosis.finding import Umbrella

from ...docs.documents import DOCS, ROOT, shown
from ...docs.form import difference

TEXT = (DOCS / "diagnosis.md").read_text()


def test_the_worked_example_is_what_is_printed() -> None:
    example = shown("ipsecping diagnose --from", document="diagnosis.md")
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    done = subprocess.run(
        [sys.executable, "-m", *example.command.split()],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert not difference(example.output, done.stdout), difference(example.output, done.stdout)


def test_controls_and_networks_are_written_into_a_plan_by_hand_as_shown() -> None:
    text = (DOCS / "standalone.md").read_text()
    (example,) = re.findall(r"```json\n(\{\n.*?)```", text, re.DOTALL)
    plan = json.loads(example)
    for field in re.findall(r'`("(?:controls|inside|underlay)": [^`]+)`', text):
        plan["checks"][0].update(json.loads(f"{{{field}}}"))
    (check,) = plan_from_json(plan).checks
    assert set(check.controls) == {*Control}
    assert (len(check.inside), len(check.underlay)) == (2, 1)


def test_every_cause_and_every_reason_is_explained() -> None:
    assert [cause for cause in ROWS if f"**{cause}**" not in TEXT] == []
    assert [umbrella for umbrella in Umbrella if f"| {umbrella} |" not in TEXT] == []


def test_every_field_of_the_evidence_is_explained() -> None:
    names = {spelled(field.name) for kind in (Evidence, Batch) for field in fields(kind)}
    assert sorted(names - set(re.findall(r"`(\w+)`", TEXT))) == []
