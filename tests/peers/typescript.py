"""TypeScript's compiler as a judge of data: whether it is of a published type, unknown fields included."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

COMPILER = "typescript@5.9.3"
"""To be among the packages of npm."""
_OPTIONS = (
    *("--noEmit", "--strict", "--skipLibCheck", "--target", "es2022"),
    *("--module", "esnext", "--moduleResolution", "bundler"),
)


def wrong(packages: Path, texts: Mapping[str, str], folder: Path) -> str:
    """What the compiler finds wrong in modules that may import these packages, line by line."""
    (folder / "node_modules").symlink_to(packages / "node_modules")
    for name, text in texts.items():
        (folder / f"{name}.ts").write_text(text)
    compiler = packages / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run(
        ["node", compiler, *_OPTIONS, *(f"{name}.ts" for name in texts)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def refused(said: str) -> set[str]:
    """The modules in which something is wrong."""
    return {line.partition(".ts(")[0] for line in said.splitlines() if ".ts(" in line}
