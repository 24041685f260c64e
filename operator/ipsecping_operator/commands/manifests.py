"""Reading Kubernetes manifests from files as kubectl reads them."""

import re
import sys
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import yaml


class ManifestError(ValueError):
    """A file that cannot be read as YAML manifests; the message names the file."""


class _Loader(yaml.SafeLoader):
    """YAML 1.1 as kubectl reads it: `y` and `n` are booleans, a key given twice is an error."""

    bool_values = {**yaml.SafeLoader.bool_values, "y": True, "n": False}  # noqa: RUF012

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands there twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^[yYnN]$"), list("yYnN"))


def read_manifests(name: str) -> Iterator[dict[str, Any]]:
    """The documents of a file (`-`: standard input); raises ManifestError."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        for document in yaml.load_all(text, Loader=_Loader):
            if document is None:
                continue
            if not isinstance(document, dict):
                raise ManifestError(f"{name}: a manifest is an object, not {type(document).__name__}")
            yield document
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{name}: {getattr(error, 'strerror', None) or error}") from error
    except yaml.YAMLError as error:
        raise ManifestError(f"{name}: {' '.join(str(error).split())}") from error
