"""Every link of a document leads to a file of this repository, and to a heading where it names one."""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from ...docs.documents import DOCUMENTS, ROOT

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^()\s]+(?:\([^()]*\))?)\)")
_IN_CODE = re.compile(r"docs/([a-z]+\.md)(#[a-z0-9_-]+)?")


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")


@lru_cache
def anchors(path: Path) -> frozenset[str]:
    text = _FENCE.sub("", path.read_text())
    return frozenset(slug(line.lstrip("#")) for line in text.splitlines() if re.match("#{1,6} ", line))


def dead(document: Path) -> Iterator[str]:
    for link in _LINK.findall(_FENCE.sub("", document.read_text())):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_link_is_dead(document: Path) -> None:
    assert list(dead(document)) == []


def test_no_page_that_a_program_names_is_missing() -> None:
    sources = [
        path
        for folder in ("operator", "probe_image", "scripts", "charts", "manifests")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".yaml", ".tpl", ".txt", ".json"}
    ]
    missing = {
        f"{path.relative_to(ROOT)}: {page}{anchor}"
        for path in sources
        for page, anchor in _IN_CODE.findall(path.read_text())
        if not (ROOT / "docs" / page).exists() or (anchor and anchor[1:] not in anchors(ROOT / "docs" / page))
    }
    assert missing == set()


def test_an_anchor_is_made_of_a_heading() -> None:
    assert slug("Logs: `--log-results --log-format json`") == "logs---log-results---log-format-json"
    assert slug("What a check's [author](x.md) may ask for") == "what-a-checks-author-may-ask-for"
