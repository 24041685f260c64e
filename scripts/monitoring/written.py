"""YAML as people like to read it."""

from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def as_yaml(content: Any) -> str:
    """Write it, keys in their order."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)
