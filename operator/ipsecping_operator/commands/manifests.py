"""Reading checks from files of manifests, and holding them against the rules of API server and operator."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipsecping.printable import printable
from ipsecping_operator.api.names import GROUP, KIND
from ipsecping_operator.bounded_yaml import UnreadableYaml, documents, read_text
from ipsecping_operator.kubectl_yaml import KubectlLoader

if TYPE_CHECKING:
    from ipsecping_operator.compile import CompiledCheck
    from ipsecping_operator.permission import Permissions

_OFFLINE_UID = "00000000-0000-0000-0000-000000000000"
MAX_LINE = 2000
"""Characters of a line that quotes a manifest."""
_MANIFESTS = (".yaml", ".yml", ".json")


class ManifestError(ValueError):
    """A file that cannot be read as YAML manifests; the message names the file."""


@dataclass(slots=True)
class Examined:
    """What was found in manifests."""

    checks: "list[CompiledCheck]" = field(default_factory=list)
    """Those that are right."""
    mistakes: list[str] = field(default_factory=list)
    """One line for each, beginning with the file."""
    passed_over: list[str] = field(default_factory=list)
    """One line for each manifest of another kind."""

    @property
    def count(self) -> int:
        """Checks and mistakes: what is not 0 once a check was named, right or wrong."""
        return len(self.checks) + len(self.mistakes)


def printed(lines: Iterable[str]) -> Iterator[str]:
    """The lines as terminals and CI logs may get them, whatever words of a manifest they quote."""
    return (f"{printable(line, MAX_LINE)}\n" for line in lines)


def read_manifests(name: str) -> Iterator[dict[str, Any]]:
    """The objects in a file (`-`: standard input); raises ManifestError."""
    return manifests_in(text_of(name), name)


def text_of(name: str) -> str:
    """What is in a file (`-`: standard input); raises ManifestError."""
    try:
        return read_text(name)
    except UnreadableYaml as error:
        raise ManifestError(f"{name}: {error}") from error


def manifests_in(text: str, name: str) -> Iterator[dict[str, Any]]:
    """The objects in the text of a file, those of a List one by one; raises ManifestError."""
    try:
        for document in documents(text, KubectlLoader):
            if document is not None:
                yield from _objects(document, name)
    except UnreadableYaml as error:
        template = "; {{ is a template's: validate what is rendered of it" if "{{" in text else ""
        raise ManifestError(f"{name}: {error}{template}") from error


def files_of(names: Iterable[str]) -> Iterator[str]:
    """The files that are named, and every manifest below a folder that is."""
    for name in names:
        if name != "-" and is_folder(name):
            yield from sorted(
                str(path) for path in Path(name).rglob("*") if path.suffix in _MANIFESTS and path.is_file()
            )
        else:
            yield name


def is_folder(name: str) -> bool:
    """Whether it is a folder; what cannot be looked at is none, and reading it says why."""
    try:
        return Path(name).is_dir()
    except OSError:  # as of a name that is too long
        return False


def names_checks(text: str) -> bool:
    """Whether a text can hold a check of ours; templates and the like need not be YAML otherwise."""
    return GROUP in text or KIND in text


def examine(
    manifests: Iterable[dict[str, Any]], source: str, permissions: "Permissions", found: Examined
) -> None:
    """Add what is found in the manifests of a file. Raises what reading them does."""
    names: set[tuple[str, str]] = set()
    for manifest in manifests:
        kind, group = manifest.get("kind"), str(manifest.get("apiVersion")).partition("/")[0]
        if kind == KIND or group == GROUP:
            check = _examined(manifest, source, permissions, found)
            if check is not None and (check.namespace, check.name) in names:
                found.mistakes.append(
                    f"{source}: {check.name}: metadata.name: appears twice in namespace "
                    f"{check.namespace}: of two checks of one name the last one is applied"
                )
            if check is not None:
                names.add((check.namespace, check.name))
        else:
            found.passed_over.append(f"{source}: passed over a {manifest.get('kind', 'document')}")


def _examined(
    manifest: dict[str, Any], source: str, permissions: "Permissions", found: Examined
) -> "CompiledCheck | None":
    """The check, where it is right, or wrong only in what is permitted."""
    from ipsecping_operator.api.validation import InvalidModel
    from ipsecping_operator.compile import InvalidSpec
    from ipsecping_operator.compile.offline import compile_manifest

    try:
        check = permissions.limited(compile_manifest(manifest, uid=_OFFLINE_UID))
    except InvalidModel as error:
        found.mistakes += [f"{source}: {_name(manifest)}: {each}" for each in error.errors]
    except InvalidSpec as error:
        found.mistakes.append(f"{source}: {_name(manifest)}: {error}")
    else:
        if (refused := permissions.refusal(check)) is not None:
            found.mistakes.append(f"{source}: {_name(manifest)}: {refused}")
        found.checks.append(check)
        return check
    return None


def _objects(document: object, name: str) -> Iterator[dict[str, Any]]:
    if not isinstance(document, dict):
        raise ManifestError(f"{name}: a manifest is an object, not {type(document).__name__}")
    items = document.get("items")
    if not str(document.get("kind")).endswith("List") or not isinstance(items, list):
        yield document
        return
    for item in items:
        yield from _objects(item, name)


def _name(document: dict[str, Any]) -> str:
    metadata = document.get("metadata")
    return str(metadata.get("name", "unnamed")) if isinstance(metadata, dict) else "unnamed"
