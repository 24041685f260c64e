"""The text format of Prometheus (version 0.0.4), a line at a time.

prometheus_client writes the same text, but of an object for each sample. That takes eight times as long,
which an event loop that sends packets does not have.
"""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client.utils import floatToGoString

_BUCKET = "le"
_number: Callable[[float], str] = floatToGoString


class LabelNames:
    """The names of a family's labels. Values are given in their order, and written sorted by name."""

    def __init__(self, names: Sequence[str]) -> None:
        self._pairs = [(f'{name}="', names.index(name)) for name in sorted(names)]
        self._before_bucket = sum(name < _BUCKET for name in names)

    def sample(self, name: str, values: Sequence[str], value: float) -> str:
        """The line of one sample."""
        return f"{name}{{{','.join(self._written(values))}}} {_number(value)}\n"

    def histogram(
        self, name: str, values: Sequence[str], buckets: Iterable[tuple[str, float]], total: float
    ) -> str:
        """The lines of one histogram: `buckets` as bounds with cumulative counts, `total` of all values."""
        written = self._written(values)
        before, behind = written[: self._before_bucket], written[self._before_bucket :]
        start, end = ",".join([*before, f'{_BUCKET}="']), ",".join(['"', *behind])
        lines = []
        for bound, count in buckets:
            number = _number(count)
            lines.append(f"{name}_bucket{{{start}{bound}{end}}} {number}\n")
        labels = ",".join(written)
        lines.append(f"{name}_count{{{labels}}} {number}\n")
        lines.append(f"{name}_sum{{{labels}}} {_number(total)}\n")
        return "".join(lines)

    def _written(self, values: Sequence[str]) -> list[str]:
        return [f'{name}{_escaped(values[place])}"' for name, place in self._pairs]


def head(name: str, kind: str, text: str) -> str:
    """What stands before the samples of a family. The text has no backslash and no line break."""
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
