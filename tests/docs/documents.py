"""What README.md and docs/ tell users to type, and what they say is printed then."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
FOLDERS = ("docs", "charts", "kustomize", "manifests", "probe_image", "operator", "tests")
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))]
)
SHELL = frozenset({"console", "sh", "bash", "shell", "crontab"})
"""Languages of blocks whose lines are commands; what follows a line with a prompt is its output."""
PROGRAMS = frozenset({
    "apt", "apt-get", "cp", "curl", "docker", "git", "helm", "install", "ip", "ipsecping", "kubectl", "lab",
    "ipsecping-operator", "make", "mtr", "nslookup", "openssl", "ping", "pip", "python", "python3", "ss",
    "swanctl", "systemctl", "systemd-analyze", "tcpdump", "tests/lab/lab", "traceroute",
})  # fmt: skip
"""Code in the running text that begins with one of these is a command, when anything follows."""
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_SETTING = re.compile(r"[A-Z_]+=\S+")
_COMMENT = re.compile(r"\s+# .*$")
_PROMPT = "$ "


@dataclass(frozen=True, slots=True)
class Shown:
    """One command as a document shows it."""

    document: str
    command: str
    """On one line, without comment and prompt."""
    output: str = ""
    """Empty: none is shown."""
    in_text: bool = False
    """It stands in the running text, where it may name a command rather than be one to type."""


def documents() -> list[Path]:
    """README.md and all of docs/, runbooks as well."""
    return [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("runbooks/*.md"))]


@cache
def everything() -> tuple[Shown, ...]:
    """Every command of every document, in order."""
    return tuple(shown for path in documents() for shown in commands_of(path.name, path.read_text()))


def shown(command: str, *, document: str | None = None) -> Shown:
    """The one that begins so; of several alike the first. Raises ValueError: nothing shows it any more."""
    for each in everything():
        if each.command.startswith(command) and document in (None, each.document):
            return each
    raise ValueError(f"{document or 'no document'} shows no command that begins with {command!r}")


def commands_of(document: str, text: str) -> Iterator[Shown]:
    """The commands of a document's text. Pure."""
    for found in _BLOCK.finditer(text):
        if found[1] in SHELL:
            yield from _of_block(document, found[2])
    for span in _SPAN.finditer(_BLOCK.sub("", text)):
        words = span[1].split()
        if len(words) > 1 and (words[0] in PROGRAMS or _SETTING.fullmatch(words[0])):
            yield Shown(document, " ".join(words), in_text=True)


def _of_block(document: str, block: str) -> Iterator[Shown]:
    lines = block.replace("\\\n", " ").splitlines()
    if not any(line.startswith(_PROMPT) for line in lines):
        for line in lines:
            if command := _command(line):
                yield Shown(document, command)
        return
    command, output = "", list[str]()
    for line in [*lines, _PROMPT]:
        if not line.startswith(_PROMPT):
            output.append(line)
            continue
        if command:
            yield Shown(document, command, "\n".join(output).strip("\n"))
        command, output = _command(line.removeprefix(_PROMPT)), []


def _command(line: str) -> str:
    return " ".join(_COMMENT.sub("", line).split())


def commands(document: str, *, behind: str, done: tuple[str, ...] = ()) -> str:
    """The first console block behind a text, but for the lines that begin with words of what is done already.

    Raises:
        ValueError: there is no such block.
    """
    return "\n".join(
        line for line in block(document, "console", behind=behind).splitlines() if not line.startswith(done)
    )


def block(document: str, language: str, *, behind: str) -> str:
    """The first block of a language behind a text. Raises ValueError."""
    text = (DOCS / document).read_text()
    found = re.search(rf"^```{language}\n(.*?)^```$", text[text.index(behind) :], re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"{document} has no block of {language} behind {behind!r}")
    return found[1]
