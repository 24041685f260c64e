"""Run the unit tests on every supported Python that this machine has, side by side, and compare their counts.

Interpreters are those found on PATH and among pyenv's versions; none is downloaded. Each gets an environment
with the locked requirements in the build cache. Those that are not the project's own leave out what takes the
most time and is about our logic alone: the property and the mutation tests (marked `one_python`). They run
the tests marked `smoke` of the slower kinds as well: the operator on a real API server, the prober against
other programs. With the report of what the project's own has run before (`--own`), that is not run again, and
the others take one process each, beside something that waits.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ipsecping_lab.layout import cache_directory

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements" / "dev.txt"
OWN = Path(sys.executable)
ELSEWHERE = ("-m", "not one_python")
BYTE_CODE = cache_directory() / "byte-code"
"""Of all interpreters: names of such files have the version."""
SMOKE = ("tests/api", "tests/interop", "tests/network")
_CLASSIFIER = re.compile(r"Programming Language :: Python :: (3)\.(\d+)")
_ON_PATH = re.compile(r"python3\.\d+")
_TELL = "import sys; print(*sys.version_info[:3], sys.implementation.name)"

Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run of pytest."""

    status: int
    passed: int
    skipped: int
    said: str
    left_out: int = 0
    """Of the passed, those that other interpreters leave out."""

    @property
    def count(self) -> int:
        """Tests that ran or said why not, and that every interpreter has."""
        return self.passed + self.skipped - self.left_out


def supported(pyproject: str | None = None) -> tuple[Version, ...]:
    """The Python versions that the project's classifiers name."""
    text = (ROOT / "pyproject.toml").read_text() if pyproject is None else pyproject
    named = (_CLASSIFIER.fullmatch(line) for line in tomllib.loads(text)["project"]["classifiers"])
    return tuple((int(match[1]), int(match[2])) for match in named if match)


def candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    """Programs that could be interpreters: on PATH, and pyenv's."""
    for folder in environment.get("PATH", "").split(os.pathsep):
        if folder and Path(folder).is_dir():
            yield from sorted(each for each in Path(folder).iterdir() if _ON_PATH.fullmatch(each.name))
    pyenv = Path(environment.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob("versions/*/bin/python3"), reverse=True)


def found(programs: Iterable[Path], wanted: Iterable[Version]) -> dict[Version, Path]:
    """One interpreter of each wanted version; what does not run (a pyenv shim without a version) is none."""
    chosen: dict[Version, Path] = {}
    for program in programs:
        done = subprocess.run([program, "-c", _TELL], capture_output=True, text=True, check=False)
        words = done.stdout.split()
        if done.returncode == 0 and len(words) == 4 and words[3] == "cpython":
            version = (int(words[0]), int(words[1]))
            if version in wanted:
                chosen.setdefault(version, program)
    return dict(sorted(chosen.items()))


def environment_of(interpreter: Path) -> Path:
    """The Python of an environment with the locked requirements, made when the cache has none."""
    told = subprocess.run([interpreter, "-c", _TELL], capture_output=True, text=True, check=True).stdout
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + str(interpreter).encode() + told.encode()).hexdigest()
    home = cache_directory() / "venvs" / f"{'.'.join(told.split()[:3])}-{digest[:12]}"
    python = home / "bin" / "python"
    if not (home / "complete").exists():
        print(f"    environment for Python {'.'.join(told.split()[:3])}", flush=True)
        subprocess.run([interpreter, "-m", "venv", "--clear", "--without-pip", home], check=True)
        pip: list[str | Path] = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "--disable-pip-version-check",
        ]
        subprocess.run([*pip, "install", "-q", "--require-hashes", "-r", REQUIREMENTS], check=True)
        (home / "complete").touch()
    return python


def start(python: Path, report: Path, *words: str) -> subprocess.Popen[str]:
    """Begin a run of pytest."""
    sources = os.pathsep.join(str(ROOT / part) for part in ("operator", "probe_image", "tests/lab"))
    command: list[str | Path] = [python, "-m", "pytest", "-q", f"--junitxml={report}", *words]
    # Byte code stays out of the sources; without any, each start of a program would compile them anew.
    environment = {**os.environ, "PYTHONPATH": sources, "PYTHONPYCACHEPREFIX": str(BYTE_CODE)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def outcome(running: subprocess.Popen[str], report: Path) -> Outcome:
    """Wait for a run to end."""
    said, _ = running.communicate()
    return reported(report, status=running.returncode, said=said)


def reported(report: Path, *, status: int = 0, said: str = "") -> Outcome:
    """What a run's report tells; one that left none has failed."""
    if not report.exists():
        return Outcome(status or 1, 0, 0, said or f"no report {report}")
    suite = next(ET.parse(report).getroot().iter("testsuite"))
    total, skipped, failures, errors = (
        int(suite.attrib[each]) for each in ("tests", "skipped", "failures", "errors")
    )
    left_out = sum(1 for each in suite.iter("property") if each.attrib["name"] == "pythons")
    passed = total - skipped - failures - errors
    return Outcome(status or int(bool(failures + errors)), passed, skipped, said, left_out)


def side_by_side(
    pythons: Mapping[str, Path], folder: Path, *words: str, elsewhere: Sequence[str] = ()
) -> dict[str, Outcome]:
    """Run tests on all of them at once; their reports go into a new folder.

    What is not our own interpreter is told `elsewhere` as well.
    """
    folder.mkdir()
    reports = {name: folder / f"{name}.xml" for name in pythons}
    running = {
        name: start(python, reports[name], *words, *(() if python == OWN else elsewhere))
        for name, python in pythons.items()
    }
    return {name: outcome(run, reports[name]) for name, run in running.items()}


def differing(counts: Mapping[str, int]) -> str | None:
    """What is wrong where not all ran the same number of tests."""
    if len(set(counts.values())) < 2:
        return None
    return "the interpreters ran different tests: " + ", ".join(
        f"{name} {count}" for name, count in counts.items()
    )


def main() -> int:
    """Run everything; 0 when all passed on all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--no-smoke", action="store_true", help="unit tests only")
    parser.add_argument(
        "--own", type=Path, metavar="REPORT", help="what this interpreter has run (JUnit XML)"
    )
    parser.add_argument("words", nargs="*", help="what pytest is told instead of tests/unit")
    options = parser.parse_args()
    wanted = supported()
    interpreters = found(candidates(os.environ), wanted)
    own = sys.version_info[:2]
    interpreters[own] = OWN
    absent = [f"3.{minor}" for _, minor in wanted if (3, minor) not in interpreters]
    print(
        f"==> unit tests on Python {', '.join(f'3.{minor}' for _, minor in sorted(interpreters))}"
        + (f" (not on this machine: {', '.join(absent)})" if absent else ""),
        flush=True,
    )
    pythons = {
        f"3.{version[1]}": OWN if version == own else environment_of(program)
        for version, program in sorted(interpreters.items())
    }
    with tempfile.TemporaryDirectory() as folder:
        words = ("-n", "1" if options.own else "2", *(options.words or ["tests/unit"]))
        to_run = {name: python for name, python in pythons.items() if not (options.own and python == OWN)}
        outcomes = side_by_side(to_run, Path(folder) / "unit", *words, elsewhere=ELSEWHERE)
        if options.own:
            outcomes = {f"3.{own[1]}": reported(options.own), **outcomes}
        failed = [name for name, each in outcomes.items() if not _told(name, each)]
        if (difference := differing({name: each.count for name, each in outcomes.items()})) is not None:
            print(difference)
            return 1
        if options.no_smoke or failed:
            return bool(failed)
        others = {name: python for name, python in pythons.items() if python != OWN}
        smoke = side_by_side(others, Path(folder) / "smoke", "-m", "smoke", *SMOKE)
        told = [_told(f"{name}, smoke tests of all else", each) for name, each in smoke.items()]
    return not all(told)


def _told(name: str, each: Outcome) -> bool:
    """Print an outcome, with all that pytest said unless it passed; whether it passed."""
    if each.status:
        print(each.said)
    print(f"    Python {name}: {each.passed} passed, {each.skipped} skipped", flush=True)
    return each.status == 0


if __name__ == "__main__":
    sys.exit(main())
