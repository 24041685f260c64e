"""Running an import as a user does."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from ipsecping_operator.cli import main


class Imported(NamedTuple):
    """What `ipsecping-operator import` says and prints."""

    status: int
    checks: dict[str, dict[str, Any]]
    """By name."""
    notes: list[str]
    """Lines on standard error."""
    text: str

    def spec(self, name: str) -> dict[str, Any]:
        """The spec of a check."""
        spec: dict[str, Any] = self.checks[name]["spec"]
        return spec

    def probe(self, name: str) -> dict[str, Any]:
        """The one probe of a check."""
        (probe,) = self.spec(name)["probes"]
        found: dict[str, Any] = probe
        return found

    def says(self, *words: str) -> bool:
        """Whether a line on standard error has all these words."""
        return any(all(word in line for word in words) for line in self.notes)


def imported(
    program: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str, **files: str
) -> Imported:
    """Import files by name; the checks are validated as `validate` does, but for credentials and loopback."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    status = main(["import", program, *(str(tmp_path / name) for name in files), *words])
    printed = capsys.readouterr()
    if status == 0:
        (tmp_path / "written.yaml").write_text(printed.out)
        allowed = ("--allow-targets", "*=0.0.0.0/0,::/0,127.0.0.0/8,::1/128")
        assert main(["validate", *allowed, str(tmp_path / "written.yaml")]) == 0, capsys.readouterr().err
        capsys.readouterr()
    documents = [each for each in yaml.safe_load_all(printed.out) if each]
    checks = {each["metadata"]["name"]: each for each in documents}
    assert len(checks) == len(documents)
    return Imported(status, checks, printed.err.splitlines(), printed.out)
