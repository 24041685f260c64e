"""What the images hold, as far as it can be told without building them."""

import re
import subprocess
import sys
from pathlib import Path

from tests.interpreters import ROOT


def test_the_probe_image_has_the_command_that_a_diagnosis_names(tmp_path: Path) -> None:
    dockerfile = (ROOT / "probe_image" / "Dockerfile").read_text().replace("\\\n", "")
    (making,) = re.findall(r"^RUN (printf .*)$", dockerfile, re.MULTILINE)
    assert ">/opt/ipsecping/bin/ipsecping " in making
    assert "ENV PATH=/opt/ipsecping/bin " in dockerfile
    (tmp_path / "python").symlink_to(sys.executable)
    subprocess.run(["sh", "-euc", making.replace("/opt/ipsecping/bin", str(tmp_path))], check=True)
    # The interpreter is named: a symbolic link alone does not lead it to its environment here.
    done = subprocess.run(
        [sys.executable, tmp_path / "ipsecping", "diagnose", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.startswith("usage: ipsecping diagnose ")
