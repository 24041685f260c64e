"""Reading YAML as kubectl reads it: by go-yaml 2, and then as JSON."""

import math
import re

import yaml

from .bounded_yaml import Loader

_BOOL, _INT, _FLOAT, _TIMESTAMP, _VALUE = (
    f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float", "timestamp", "value")
)
_READ_OTHERWISE = {_INT, _FLOAT, _TIMESTAMP, _VALUE}
_WHOLE = re.compile("([-+]?)(0[bB][01]{1,64}|0[oO]?[0-7]{1,24}|0|0[xX][0-9a-fA-F]{1,16}|[1-9][0-9]{0,39})")
"""Whole numbers, and their digits; 010 is octal, as 0o10 is."""
_BASES = {"0x": 16, "0b": 2, "0": 8}
_INFINITIES = {".inf": "inf", "-.inf": "-inf", ".nan": "nan"}
_NUMBER = re.compile(
    "^([-+]?(0[bB][01_]+|0[oO][0-7_]+|0[xX][0-9a-fA-F_]+|[0-9][0-9_]*([.][0-9_]*)?([eE][-+]?[0-9]+)?|"
    "[.][0-9][0-9_]*([eE][-+]?[0-9]+)?)|[-+]?[.](inf|Inf|INF)|[.](nan|NaN|NAN))$"
)
"""What go-yaml takes for a number."""


class KubectlLoader(Loader):
    """Bounded, and as kubectl reads it: `y` and `n` are booleans too.

    What looks like a time or like sexagesimal digits (12:30) is a string, and 1e3 and 0o10 are numbers.
    """

    bool_values = {**yaml.SafeLoader.bool_values, "y": True, "n": False}  # noqa: RUF012
    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in known if tag not in _READ_OTHERWISE]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_number(self, node: yaml.ScalarNode) -> int | float | str:
        """A number, an integer where it has no fraction, as in JSON; a string where no float can hold it."""
        text = node.value.replace("_", "")
        if whole := _WHOLE.fullmatch(text):
            sign, digits = whole.groups()
            base = next((_BASES[mark] for mark in _BASES if digits.lower().startswith(mark)), 10)
            return int(f"{sign}{digits.lower().removeprefix('0o')}", base if digits != "0" else 10)
        try:
            value = float(_INFINITIES.get(text.lower().lstrip("+"), text))
        except ValueError:
            return str(node.value)
        if math.isinf(value) and text[-1].isdigit():
            return str(node.value)
        return int(value) if value.is_integer() else value


KubectlLoader.add_implicit_resolver(_BOOL, re.compile("^[yYnN]$"), list("yYnN"))
KubectlLoader.add_implicit_resolver(_INT, _NUMBER, list("+-.0123456789"))
for _tag in (_INT, _FLOAT):
    KubectlLoader.add_constructor(_tag, KubectlLoader.construct_number)
