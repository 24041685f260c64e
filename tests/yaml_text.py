"""YAML read by libyaml, where PyYAML has it: its parser in Python takes 0.4 s for what the chart makes."""

from collections.abc import Iterator
from typing import Any

import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def from_yaml(text: str) -> Any:
    """The one document of a text. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=_Loader)


def all_from_yaml(text: str) -> Iterator[Any]:
    """The documents of a text, None for an empty one. Raises yaml.YAMLError."""
    return yaml.load_all(text, Loader=_Loader)
