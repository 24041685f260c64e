"""What blackbox_exporter is asked about: targets in a prometheus.yml and in Prometheus Operator's Probes."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ipsecping_operator.api.alerting import MAX_LABELS as MAX_ALERT_LABELS
from ipsecping_operator.api.alerting import can_label_alerts
from ipsecping_operator.api.labels import LABEL_VALUE, MAX_LABEL_KEY, MAX_LABEL_VALUE, QUALIFIED

from .given import Given

Note = Callable[[str], None]
SCRAPE_INTERVAL_MS, SCRAPE_TIMEOUT_MS = 60_000, 10_000
"""Prometheus's defaults."""
_ASIDE = "has nothing to do with what is measured"
MAX_LABELS = 64
"""Of a target; each check is given all of them."""


class Labels(NamedTuple):
    """Labels of a target: those that its check bears, and those of the alerts about it."""

    check: Mapping[str, str]
    alerts: Mapping[str, str]


NO_LABELS = Labels({}, {})


@dataclass(frozen=True, slots=True)
class Target:
    """One target of one job."""

    job: str
    text: str
    """As blackbox_exporter gets it: an address, a host with a port, a URL."""
    module: str
    interval_ms: int
    timeout_ms: int
    labels: Labels = NO_LABELS


def of_prometheus(configuration: Mapping[str, Any], note: Note) -> Iterator[Target]:
    """Yield what the jobs of a prometheus.yml ask blackbox_exporter; `note` gets what is left behind."""
    defaults = configuration.get("global")
    defaults = defaults if isinstance(defaults, dict) else {}
    jobs = configuration.get("scrape_configs")
    for number, job in enumerate(jobs if isinstance(jobs, list) else ()):
        name = f"scrape_configs[{number}]"
        if not isinstance(job, dict):
            note(f"{name}: is no job")
            continue
        yield from _of_job({**_times(defaults), **job}, str(job.get("job_name", name)), note)
    for key in configuration.keys() - {"global", "scrape_configs"}:
        of_others = "name these files as well" if key == "scrape_config_files" else _ASIDE
        note(f"prometheus: {key}: {of_others}")


def _times(defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {key: defaults[key] for key in ("scrape_interval", "scrape_timeout") if key in defaults}


def _of_job(job: Mapping[str, Any], name: str, note: Note) -> Iterator[Target]:
    given = Given(job, lambda option, why: note(f"{name}: {option}: {why}"))
    params = given.group("params")
    path = given.take("metrics_path", str) or "/metrics"
    modules = params.texts("module")
    if not modules and not path.endswith("/probe"):
        note(f"{name}: scrapes what others have measured: nothing to import")
        return
    given.take("job_name", str)
    interval, timeout = _rhythm(given, "scrape_interval", "scrape_timeout")
    groups = given.take("static_configs", list) or []
    for key in [key for key in job if str(key).endswith("_sd_configs")]:
        given.leave(
            str(key), "its targets are not in this file: put them into a check by hand, or targetFrom"
        )
    rules = given.take("relabel_configs", list) or []
    asked = params.texts("target")
    if asked and not any(_names_target(rule) for rule in rules):
        # Then the job's own targets are exporters, each of which is asked about these.
        groups = [{"targets": asked, "labels": _shared_labels(groups)}]
    by_label = next(filter(None, map(_label_of_module, rules)), None)
    if strange := sum(1 for rule in rules if not _is_usual(rule) and not _label_of_module(rule)):
        given.leave_taken("relabel_configs", f"{strange} rules beside those that every job has")
    given.leave("scheme", "says how the exporter is reached")
    params.end()
    given.end()
    for group in groups:
        yield from _of_group(_with_module(group, by_label), name, modules, (interval, timeout), note)


def _of_group(
    group: object, name: str, modules: list[str], rhythm: tuple[int, int], note: Note
) -> Iterator[Target]:
    given = Given(group, lambda option, why: note(f"{name}: static_configs: {option}: {why}"))
    targets = given.texts("targets")
    labels = dict(given.take("labels", dict) or {})
    given.end()
    module = str(labels.pop("__param_module", modules[0] if modules else ""))
    kept = _labels(labels, name, note) if targets and module else NO_LABELS
    for text in targets:
        if not module:
            note(f"{name}: {shown(text)}: no module is named")
            continue
        yield Target(name, text, module, *rhythm, labels=kept)


def of_probe(manifest: Mapping[str, Any], note: Note) -> Iterator[Target]:
    """Yield what a Probe (monitoring.coreos.com) asks; `note` gets what is left behind."""
    metadata = manifest.get("metadata")
    name = str(metadata.get("name", "Probe")) if isinstance(metadata, dict) else "Probe"
    given = Given(manifest.get("spec"), lambda option, why: note(f"Probe {name}: {option}: {why}"))
    module = given.take("module", str) or ""
    rhythm = _rhythm(given, "interval", "scrapeTimeout")
    targets = given.group("targets")
    static = targets.group("staticConfig")
    listed, labels = static.texts("static"), static.take("labels", dict) or {}
    targets.leave("ingress", "its hosts are not in this file: put them into a check by hand")
    for name_of, why in (("prober", "says how the exporter is reached"), ("jobName", "is the name of a job")):
        given.leave(name_of, why)
    for each in (static, targets, given):
        each.end()
    kept = _labels(labels, name, note) if listed and module else NO_LABELS
    for text in listed:
        if module:
            yield Target(name, text, module, *rhythm, labels=kept)
        else:
            note(f"Probe {name}: {shown(text)}: no module is named")


def shown(text: str) -> str:
    """A target without the user and the password that it may have."""
    before, at, behind = text.rpartition("@")
    return f"{before.partition('://')[0]}://{behind}" if at and "://" in before else behind


def _rhythm(given: Given, interval: str, timeout: str) -> tuple[int, int]:
    return (
        given.milliseconds(interval) or SCRAPE_INTERVAL_MS,
        given.milliseconds(timeout) or SCRAPE_TIMEOUT_MS,
    )


def _is_usual(rule: object) -> bool:
    """One of the three that hand a target to blackbox_exporter."""
    if not isinstance(rule, dict):
        return False
    source, target = rule.get("source_labels"), rule.get("target_label")
    return (source, target) in (
        (["__address__"], "__param_target"),
        (["__param_target"], "instance"),
    ) or (target == "__address__" and not source)


def _names_target(rule: object) -> bool:
    return isinstance(rule, dict) and rule.get("target_label") == "__param_target"


def _label_of_module(rule: object) -> str | None:
    """Of a rule that hands on a label as the module: which one."""
    if not isinstance(rule, dict) or rule.get("target_label") != "__param_module":
        return None
    source = rule.get("source_labels")
    plain = rule.keys() <= {"source_labels", "target_label", "action"} and rule.get("action") in (
        None,
        "replace",
    )
    return str(source[0]) if plain and isinstance(source, list) and len(source) == 1 else None


def _with_module(group: object, label: str | None) -> object:
    """A group whose label says its module."""
    labels = group.get("labels") if isinstance(group, dict) else None
    if not isinstance(group, dict) or not isinstance(labels, dict) or label not in labels:
        return group
    return {**group, "labels": {**labels, "__param_module": labels[label]}}


def _shared_labels(groups: list[Any]) -> dict[Any, Any]:
    """Labels of the only group; of several none is everybody's."""
    labels = groups[0].get("labels") if len(groups) == 1 and isinstance(groups[0], dict) else None
    return labels if isinstance(labels, dict) else {}


def _labels(labels: Mapping[Any, Any], name: str, note: Note) -> Labels:
    """Those that the check can bear, and those that its alerts can: of Prometheus they are on both."""
    if len(labels) > MAX_LABELS:
        note(f"{name}: labels: more than {MAX_LABELS}")
        return NO_LABELS
    check, alerts = dict[str, str](), dict[str, str]()
    for key, value in ((str(key), str(value)) for key, value in labels.items()):
        fits = re.fullmatch(QUALIFIED, key) and re.fullmatch(LABEL_VALUE, value)
        if fits and len(key) <= MAX_LABEL_KEY and len(value) <= MAX_LABEL_VALUE:
            check[key] = value
        if can_label_alerts(key, value) and len(alerts) < MAX_ALERT_LABELS:
            alerts[key] = value
        elif key in check:
            note(f"{name}: label {key}: is on the check, not on its alerts (spec.alerting.labels)")
        else:
            note(f"{name}: label {key}: is none that a Kubernetes object or the alerts of a check can have")
    return Labels(check, alerts)
