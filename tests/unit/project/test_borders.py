"""The import contracts of pyproject.toml have no hole: what is in no layer or crosses a border fails."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ...docs.documents import ROOT

PACKAGES = ("operator/ipsecping_operator", "probe_image/ipsecping")
LINT = Path(sys.executable).with_name("lint-imports")

pytestmark = pytest.mark.one_python


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of both packages and of the contracts."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def lint(tree: Path) -> tuple[int, str]:
    """The exit status of import-linter and what it says, in one line."""
    path = os.pathsep.join(str(tree / package.partition("/")[0]) for package in PACKAGES)
    done = subprocess.run(
        [LINT, "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_the_packages_as_they_are_keep_the_contracts(tree: Path) -> None:
    status, said = lint(tree)
    assert status == 0, said


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        pytest.param(
            "operator/ipsecping_operator/newcomer.py",
            '"""In no layer."""\n',
            "Layers of the operator BROKEN",
            id="a module of the operator in no layer",
        ),
        pytest.param(
            "probe_image/ipsecping/newcomer/__init__.py",
            '"""In no layer."""\n',
            "Layers of the prober BROKEN",
            id="a package of the prober in no layer",
        ),
        pytest.param(
            "operator/ipsecping_operator/verdict/newcomer.py",
            "import ipsecping_operator.status.build\n",
            "Layers of the operator BROKEN",
            id="a judgement that looks at the status above it",
        ),
        pytest.param(
            "operator/ipsecping_operator/check/newcomer.py",
            "import typing\nif typing.TYPE_CHECKING:\n    import ipsecping_operator.collect.collector\n",
            "Layers of the operator BROKEN",
            id="a cycle of packages for the sake of types",
        ),
        pytest.param(
            "operator/ipsecping_operator/verdict/tally.py",
            "import ipsecping_operator.verdict.window\n",
            "import each other in a circle BROKEN",
            id="two modules of a package that import each other",
        ),
        *(
            pytest.param(
                "operator/ipsecping_operator/app/newcomer.py",
                f"import {module}\n",
                "that are listed here BROKEN",
                id=f"the operator imports {module}",
            )
            for module in (
                "ipsecping.measure.ledger",
                "ipsecping.rounds",
                "ipsecping.wire.stamp",
                "ipsecping",
            )
        ),
        pytest.param(
            "probe_image/ipsecping/net/newcomer.py",
            "import ipsecping_operator.api\n",
            "The prober never imports the operator BROKEN",
            id="the prober imports the operator",
        ),
        pytest.param(
            "probe_image/ipsecping/wire/newcomer.py",
            "def now():\n    import time\n    return time.time()\n",
            "The contract, the wire formats and the diagnosis do no I/O BROKEN",
            id="a wire format that reads the clock",
        ),
        pytest.param(
            "operator/ipsecping_operator/verdict/newcomer.py",
            "import asyncio\n",
            "What the operator decides does no I/O and reads no clock BROKEN",
            id="a judgement that waits",
        ),
        pytest.param(
            "probe_image/ipsecping/agent/newcomer.py",
            "import yaml\n",
            "standard library and prometheus-client only BROKEN",
            id="the prober needs a library",
        ),
    ],
)
def test_what_crosses_a_border_fails_the_lint(tree: Path, path: str, text: str, said: str) -> None:
    newcomer = tree / path
    newcomer.parent.mkdir(exist_ok=True)
    newcomer.write_text(text)
    status, report = lint(tree)
    assert status == 1
    assert said in report
