"""What a Prometheus scrapes of an operator over time, and what fires then, as promtool tests rules."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parents[2] / "manifests" / "monitoring" / "rules.yaml"
TICK = 30
"""Seconds between two scrapes, unless a scenario has an interval of its own."""
CHECK = {"namespace": "network", "check": "hq", "tunnel_name": "hq-dc1"}
PATH = {**CHECK, "path": "default", "target": "db.dc1"}
PROBE = {**PATH, "probe": "ping", "type": "ICMP"}
FROM = {"job": "ipsecping", "instance": "10.0.0.1:9090", "pod": "operator-a"}
"""What the scrape adds."""
FINE = "True/WithinThresholds"
DOWN = "False/Down"


def minutes(count: float) -> int:
    """So many scrapes."""
    return int(count * 60) // TICK


def steady(value: float, ticks: int) -> str:
    """The same value so often."""
    return f"{value}x{ticks - 1}"


@dataclass
class Scenario:
    """Series as they are scraped, from 0 on."""

    interval: int = TICK
    series: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, values: str, labels: Mapping[str, str] = FROM) -> "Scenario":
        """Add a series in the notation of promtool."""
        written = ", ".join(f'{key}="{value}"' for key, value in labels.items())
        self.series[f"{name}{{{written}}}"] = values
        return self

    def operator(self, ticks: int, labels: Mapping[str, str] = FROM) -> "Scenario":
        """Let an operator lead for so long."""
        return self.add("ipsecping_operator_leader", f"{steady(1, ticks)} stale", labels)

    def routed(
        self,
        ticks: int,
        *,
        check: str = "hq",
        path: str = "default",
        before: int = 0,
        scrape: Mapping[str, str] = FROM,
        **labels: str,
    ) -> "Scenario":
        """Let alerts be wanted of a path, for so long."""
        own = {**PATH, "check": check, "path": path, "remote_ip": "10.50.1.10", "severity": "critical"}
        self.add(
            "ipsecping_alerting_info", f"{_gap(before)}{steady(1, ticks)} stale", {**own, **labels, **scrape}
        )
        return self.add("ipsecping_threshold", steady(300, before + ticks), {
            **CHECK, "check": check, "kind": "window_seconds", **scrape,
        })  # fmt: skip

    def found(
        self,
        *said: tuple[int, str],
        check: str = "hq",
        path: str = "default",
        probe: str = "ping",
        kind: str = "ICMP",
        before: int = 0,
        scrape: Mapping[str, str] = FROM,
    ) -> "Scenario":
        """Let a probe be found so, one after the other: for how many scrapes, STATUS/REASON."""
        for finding in {each for _, each in said}:
            words = _gap(before).split()
            for ticks, each in said:
                was = bool(words) and words[-1] == "1"
                words += ["1"] * ticks if each == finding else ["stale" if was else "_", *["_"] * (ticks - 1)]
            status, _, reason = finding.partition("/")
            labels = {
                **PROBE,
                "check": check,
                "path": path,
                "probe": probe,
                "type": kind,
                "expect": "Reachable",
            }
            values = " ".join([*words, "stale"])
            self.add(
                "ipsecping_probe_finding", values, {**labels, "status": status, "reason": reason, **scrape}
            )
        return self


def _gap(ticks: int) -> str:
    return "_ " * ticks


def _labels(name: str, by: Sequence[str]) -> str:
    values = zip(by, f"IPsecPing{name}".split(" of "), strict=True)
    return "{" + ", ".join(f'{label}="{value}"' for label, value in values) + "}"


def fires(
    promtool: str, scenario: Scenario, at: Mapping[float, Sequence[str]], tmp_path: Path, **more: Any
) -> None:
    """Hold what fires after so many minutes, one for each: this and nothing else; NAME or NAME of CHECK."""
    asked = [
        {
            "expr": f'count by ({", ".join(by)}) (ALERTS{{alertstate="firing"}})',
            "eval_time": f"{int(after * 60)}s",
            "exp_samples": [
                {"labels": _labels(name, by), "value": names.count(name)} for name in sorted(set(names))
            ],
        }
        for after, names in at.items()
        for by in [("alertname", "check") if any(" of " in name for name in names) else ("alertname",)]
    ]
    test = {
        "interval": f"{scenario.interval}s",
        "input_series": [{"series": name, "values": values} for name, values in scenario.series.items()],
        "promql_expr_test": [*asked, *more.pop("expressions", ())],
        **more,
    }
    content = {"rule_files": [str(RULES)], "evaluation_interval": f"{scenario.interval}s", "tests": [test]}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(content))
    done = subprocess.run(
        [promtool, "test", "rules", str(tmp_path / "test.yaml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


LONG = minutes(60)


def watched(*paths: str) -> Scenario:
    """A scenario of an hour with an operator that leads, and paths whose alerts are wanted."""
    made = Scenario().operator(LONG)
    for path in paths or ("default",):
        made.routed(LONG, path=path)
    return made
