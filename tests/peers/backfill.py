"""Days of the past in a Prometheus, in seconds: samples and rules are written into its blocks by promtool."""

import json
import re
import subprocess
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from . import debian, monitoring

_LONG = "--max-block-duration=162h"
"""A week's block in place of 84, each of which costs a pass and the disk's patience."""
_RECORDED = re.compile(r"ipsecping:[a-z0-9_:]+")


@dataclass(frozen=True)
class Span:
    """An alert that fired. Times are Unix time in seconds."""

    name: str
    labels: Mapping[str, str]
    since: float
    """When it became true; it fired from `first` on."""
    first: float
    last: float

    def remembered(self) -> str:
        """What a Prometheus that evaluated it has stored: it goes on with that when it is started again."""
        return line("ALERTS_FOR_STATE", {"alertname": self.name, **self.labels}, self.since, at=self.last)


@dataclass
class Past:
    """The storage of a Prometheus that is not running yet."""

    folder: Path
    rules: Mapping[str, Any]
    """A file of rules, as it is loaded."""
    _blocks: int = field(default=0, init=False)

    @property
    def _storage(self) -> Path:
        return self.folder / "prometheus"

    def write(self, lines: Iterable[str]) -> None:
        """Add samples, in the text of OpenMetrics with timestamps."""
        self._blocks += 1
        file = self.folder / f"past-{self._blocks}.txt"
        with file.open("w") as out:
            out.writelines(lines)
            out.write("# EOF\n")
        self._blocks_from("openmetrics", str(file), str(self._storage))

    def record(self, since: Callable[[str], int], until: int, *, every: int) -> None:
        """Record what each rule would have, from its time on. Rules that others rest on come first."""
        for number, level in enumerate(_levels(self.rules)):
            remembered: list[str] = []
            with monitoring.prometheus({}, self.folder) as url:
                for start in sorted({since(rule["record"]) for rule in level}):
                    rules = [rule for rule in level if since(rule["record"]) == start]
                    with_memory = [rule for rule in rules if _rests_on(rule, rule["record"])]
                    for rule in with_memory:
                        remembered += _remembering(rule, url, range(start, until + 1, every))
                    others = [rule for rule in rules if rule not in with_memory]
                    group = {"name": str(start), "interval": f"{every}s", "rules": others}
                    file = self.folder / f"{number}-{start}.yaml"
                    file.write_text(yaml.safe_dump({"groups": [group]}))
                    span = f"--start={start}", f"--end={until}", f"--output-dir={self._storage}"
                    self._blocks_from("rules", f"--url={url}", *span, str(file))
            if remembered:
                self.write(remembered)

    def _blocks_from(self, *words: str) -> None:
        promtool = debian.program("promtool", "prometheus")
        command = [promtool, "tsdb", "create-blocks-from", "--quiet", _LONG, *words]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def fired(self, url: str, since: int, until: int, step: int) -> list[Span]:
        """What alerts would have fired: each expression at each step, and its `for`."""
        return [
            span
            for group in self.rules["groups"]
            for rule in group["rules"]
            if "alert" in rule
            for span in _fired(rule, url, since, until, step)
        ]


def line(name: str, labels: Mapping[str, str], value: float, *, at: float) -> str:
    """A sample in the text of OpenMetrics; `at` is Unix time in seconds. No label has a quotation mark."""
    written = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{written}}} {value} {at}\n"


def _levels(rules: Mapping[str, Any]) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the recording rules that rest on no other, then those that rest on these, and so on."""
    left = {rule["record"]: rule for group in rules["groups"] for rule in group["rules"] if "record" in rule}
    while left:
        level = [
            rule
            for name, rule in left.items()
            if not any(_rests_on(rule, other) for other in left if other != name)
        ]
        assert level, f"{sorted(left)} rest on each other"
        for rule in level:
            del left[rule["record"]]
        yield level


def _rests_on(rule: Mapping[str, Any], record: str) -> bool:
    return record in _RECORDED.findall(rule["expr"])


def _remembering(rule: Mapping[str, Any], url: str, times: range) -> Iterator[str]:
    """Yield what a rule records that goes by what it recorded before, step by step."""
    name, before = rule["record"], "(vector(0) < 0)"
    for at in times:
        found = query_range(url, rule["expr"].replace(name, before), at, at, 1)
        series = [({**each["metric"]}, float(each["values"][0][1])) for each in found]
        yield from (line(name, labels, value, at=at) for labels, value in series)
        before = f"({' or '.join(_literal(*each) for each in series) or 'vector(0) < 0'})"


def _literal(labels: Mapping[str, str], value: float) -> str:
    """An expression of one series."""
    expr = f"vector({value})"
    for key, text in labels.items():
        expr = f'label_replace({expr}, "{key}", "{text}", "", "")'
    return expr


def _fired(rule: Mapping[str, Any], url: str, since: int, until: int, step: int) -> Iterator[Span]:
    wait = _seconds(rule["for"])
    for series in query_range(url, rule["expr"], since, until, step):
        labels = {key: value for key, value in series["metric"].items() if key != "__name__"}
        # Else it is the check's own, which the series has.
        if "warning" in rule["labels"]["severity"]:
            labels["severity"] = "warning"
        for began, ended in _runs([float(at) for at, _ in series["values"]], step):
            if ended - began >= wait:
                yield Span(rule["alert"], labels, began, began + wait, ended)


def _runs(times: Sequence[float], step: int) -> Iterator[tuple[float, float]]:
    """Yield first and last of those that follow on each other."""
    began = before = times[0]
    for at in times[1:]:
        if at - before > step:
            yield began, before
            began = at
        before = at
    yield began, before


def _seconds(text: str) -> int:
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]


def query_range(url: str, expr: str, since: int, until: int, step: int) -> list[dict[str, Any]]:
    """Series of a range query: `metric` and `values`."""
    asked = urlencode({"query": expr, "start": since, "end": until, "step": step}).encode()
    with urllib.request.urlopen(f"{url}/api/v1/query_range", data=asked, timeout=60) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return found
