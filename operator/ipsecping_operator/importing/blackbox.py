"""Checks from blackbox_exporter's modules and from what Prometheus asks them about."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ipsecping_operator.bounded_yaml import UnreadableYaml, documents

from .blackbox_modules import convert
from .blackbox_targets import SCRAPE_INTERVAL_MS, SCRAPE_TIMEOUT_MS, Target, of_probe, of_prometheus, shown
from .given import Given, NoCounterpart, duration
from .outcome import MAX_TRIED, CannotImport, Outcome, slug

_PLACEHOLDER = "target.invalid"
"""No host has that name (RFC 2606)."""
_PORTS = (("EHLO", 25), ("STARTTLS", 143), ("tls", 443))
_MAX_TIMEOUT_MS = 60_000
_MAX_OPTIONS = 500
"""Of a module, each item of a list counted: it is read anew for each target."""


def import_blackbox(texts: Iterator[tuple[str, str]], outcome: Outcome) -> None:
    """Import files (name and text): modules, a prometheus.yml, Probes. Raises CannotImport."""
    found = _Found(outcome)
    modules, targets = found.modules, found.targets
    for name, text in texts:
        try:
            for document in documents(text):
                found.take(document, name)
        except UnreadableYaml as error:
            raise CannotImport(f"{name}: {error}") from error
    if not modules:
        raise CannotImport("no modules: name blackbox_exporter's own configuration too, such as blackbox.yml")
    for name, module in modules.items():
        if _values_of(module) > _MAX_OPTIONS:
            raise CannotImport(f"module {name}: more than {_MAX_OPTIONS} options")
    if not targets:
        outcome.note(
            f"the targets: modules have none. Put yours for {_PLACEHOLDER}, or name prometheus.yml as well"
        )
        targets = [_placeholder(name, module) for name, module in modules.items()]
    _name_unused(modules, targets, outcome)
    for target in targets:
        _import(target, modules, outcome)


@dataclass(slots=True)
class _Found:
    """What the documents hold."""

    outcome: Outcome
    modules: dict[str, Any] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    _opened: set[str] = field(default_factory=set)
    """Files of ConfigMaps: one that an alias repeats is read once."""

    def take(self, document: object, name: str, *, within: bool = False) -> None:
        """Take in what a document of that file holds; `within`: it stands in a ConfigMap.

        Raises UnreadableYaml and CannotImport.
        """
        held = [] if within else [*_within(document)]
        if held:
            for text in held:
                if text not in self._opened:
                    self._opened.add(text)
                    for each in documents(text):
                        self.take(each, name, within=True)
        elif _is_list_of_jobs(document):
            # As in additionalScrapeConfigs of the Prometheus Operator.
            self._add(of_prometheus({"scrape_configs": document}, self.outcome.note), name)
        elif not isinstance(document, dict):
            self.outcome.note(f"{name}: a document that is no object")
        elif (found := _modules(document)) is not None:
            self.modules |= {str(key): value for key, value in found.items()}
        elif "scrape_configs" in document or "scrape_config_files" in document:
            self._add(of_prometheus(document, self.outcome.note), name)
        elif document.get("kind") == "Probe":
            self._add(of_probe(document, self.outcome.note), name)
        elif isinstance(items := document.get("items"), list):
            for each in items:
                self.take(each, name, within=within)
        else:
            self.outcome.note(f"{name}: {document.get('kind', 'a document')}: neither modules nor targets")

    def _add(self, targets: Iterator[Target], name: str) -> None:
        self.targets += islice(targets, MAX_TRIED + 1)
        if len(self.targets) > MAX_TRIED:
            raise CannotImport(f"{name}: more than {MAX_TRIED} targets: import it in parts")


def _is_list_of_jobs(document: object) -> bool:
    return isinstance(document, list) and any(
        isinstance(each, dict) and "job_name" in each for each in document
    )


def _modules(document: Mapping[str, Any]) -> Mapping[Any, Any] | None:
    """The modules of blackbox_exporter's own file, and of the values that its Helm chart takes."""
    for each in (document, document.get("config")):
        if isinstance(each, dict) and isinstance(found := each.get("modules"), dict):
            return found
    return None


def _within(document: object) -> Iterator[str]:
    """The files that a ConfigMap holds."""
    if isinstance(document, dict) and document.get("kind") == "ConfigMap":
        data = document.get("data")
        yield from (
            each for each in (data.values() if isinstance(data, dict) else ()) if isinstance(each, str)
        )


def _values_of(value: object) -> int:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_values_of, parts))


def _name_unused(modules: Mapping[str, Any], targets: list[Target], outcome: Outcome) -> None:
    used = {each.module for each in targets}
    if unused := [name for name in modules if name not in used]:
        outcome.note(f"modules that no target names: {', '.join(unused)}")


def _import(target: Target, modules: Mapping[str, Any], outcome: Outcome) -> None:
    source = f"{target.job}/{target.module}/{shown(target.text)}"
    module = modules.get(target.module)
    if not isinstance(module, dict):
        outcome.note(f"{source}: not imported: there is no module {target.module}")
        return
    notes: list[str] = []
    given = Given(module, lambda option, why: notes.append(f"{option}: {why}"))
    prober = given.take("prober", str) or ""
    of_prober = given.group(prober)
    timeout = min(given.milliseconds("timeout") or target.timeout_ms, target.timeout_ms, _MAX_TIMEOUT_MS)
    try:
        made = convert(target.module, prober, of_prober, target.text)
    except NoCounterpart as error:
        outcome.note(f"{source}: not imported: {error}")
        return
    of_prober.end()
    given.end()
    (kind,) = made.method
    probe: dict[str, Any] = {"name": slug(target.module), "count": 1, "timeout": duration(timeout)}
    spec: dict[str, Any] = {"target": made.target, **made.spec}
    spec |= {
        "schedule": {"interval": duration(target.interval_ms)},
        "probes": [{**probe, **made.common, kind: made.method[kind]}],
    }
    if target.labels.alerts:
        spec["alerting"] = {"labels": dict(target.labels.alerts)}
    outcome.add(source, spec, notes, labels=dict(target.labels.check))


def _placeholder(name: str, module: object) -> Target:
    """A target that says which kind of one is needed."""
    text = _PLACEHOLDER
    if isinstance(module, dict):
        said = str(module.get(str(module.get("prober"))))
        if module.get("prober") == "tcp":
            text += f":{next((port for mark, port in _PORTS if mark in said), 80)}"
        elif "tls_config" in said or "'fail_if_not_ssl': True" in said:
            text = f"https://{text}"
    return Target("modules", text, name, SCRAPE_INTERVAL_MS, SCRAPE_TIMEOUT_MS)
