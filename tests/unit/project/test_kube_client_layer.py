"""The Kubernetes client layer knows nothing of checks, nor of anything else of the operator."""

import ast
from collections.abc import Iterator
from pathlib import Path

import ipsecping_operator.kube

ALLOWED = (
    "ipsecping_operator.kube",
    "ipsecping_operator.backoff",
    "ipsecping_operator.bounded_yaml",
    "ipsecping_operator.lines",
    "ipsecping.printable",
    "ipsecping.tls_client",
)
FOLDER = Path(ipsecping_operator.kube.__file__).parent


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= 1, file
            yield node.module or "" if node.level == 0 else f"ipsecping_operator.kube.{node.module}"


def test_it_imports_nothing_else_of_ours() -> None:
    of_ours = {
        (file.name, name)
        for file in FOLDER.glob("*.py")
        for name in imported(file)
        if name.startswith("ipsecping") and not name.startswith(ALLOWED)
    }
    assert of_ours == set()
