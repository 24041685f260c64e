"""Checks from SmokePing's configuration: one for each target that has a host."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .given import Given, NoCounterpart, duration, milliseconds
from .outcome import Outcome
from .smokeping_grammar import Configuration, Section, read
from .smokeping_probes import convert

_SHOWN = ("menu", "title", "remark", "hide", "menuextra", "email", "nomenu", "hidden")
"""What a target's page looks like."""
_OWN = ("host", *_SHOWN, "parents", "rawlog")
"""What no target has from the one above it."""
_STEP, _PINGS = 300.0, 20.0
_USUAL_SPACING_MS, _MOST_SPACING_MS = 100, 1000
_MAX_ALERTS = 32
"""Of a target: each is looked at, and named, for each of thousands that inherit them."""
_BEFORE = re.compile(r"(?:(?:==0|<=?[0-9]{1,6}(?:[.][0-9]{1,4})?)%?,){1,49}")
"""Rounds that have to be good before an alert: it then tells of a change, as ours do."""
_ALERT = re.compile(r"(>=?(?:[0-9]{1,6}(?:[.][0-9]{1,4})?)%?)(?:,\1){0,49}")
_DOWN = {"loss": re.compile(r"==100%(?:,==100%){0,49}"), "rtt": re.compile(r"==U(?:,==U){0,49}")}


@dataclass(slots=True)
class _Variables:
    """Values by name, and where each was given."""

    values: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def with_(self, values: Mapping[str, str], place: str) -> "_Variables":
        """These over those."""
        return _Variables({**self.values, **values}, self.places | dict.fromkeys(values, place))

    def below(self) -> "_Variables":
        """What a target hands down."""
        kept = {name: value for name, value in self.values.items() if name not in _OWN}
        return _Variables(kept, self.places)


class _Layer(NamedTuple):
    """Values that are merged with others only where they are asked for."""

    values: Mapping[str, str]
    place: str


def import_smokeping(texts: Iterator[tuple[str, str]], outcome: Outcome) -> None:
    """Import files (name and text) as one configuration. Raises CannotImport."""
    configuration = read(dict(texts))
    for place, name in configuration.unread:
        outcome.note(f"{place}: @include {name}: not read; name the file on the command line too")
    _Importer(configuration, outcome).run()


class _Importer:
    def __init__(self, configuration: Configuration, outcome: Outcome) -> None:
        self._outcome = outcome
        self._targets = configuration.section("Targets")
        self._alerts = configuration.section("Alerts")
        self._database = configuration.section("Database")
        self._probes = dict(_probes(configuration.section("Probes")))
        self._others = [
            each for each in configuration.root.sections if each.name in ("General", "Presentation", "Slaves")
        ]

    def run(self) -> None:
        self._name_sections()
        self._walk(self._targets, "Targets", _Variables())

    def _name_sections(self) -> None:
        for section in self._others:
            found = [*section.variables, *(f"+ {each.name}" for each in section.sections)]
            if found:
                self._outcome.note(f"{section.name}: {', '.join(found)}")
        rest = [name for name in self._database.variables if name not in ("step", "pings")]
        rows = [f"{self._database.rows} archives of the past"] if self._database.rows else []
        if rest or rows:
            self._outcome.note(f"Database: {', '.join([*rest, *rows])}")
        if self._alerts.variables:
            whom = ", ".join(self._alerts.variables)
            self._outcome.note(f"Alerts: {whom}: alerts go out by Alertmanager")

    def _walk(self, section: Section, path: str, above: _Variables) -> None:
        own = dict(section.variables)
        for each in section.sections:
            # As SmokePing 1 wrote what belongs to the target's probe.
            if each.name == "PROBE_CONF":
                own |= each.variables
        variables = above.with_(own, path)
        if "host" in own:
            self._import(section, path, variables)
        for each in section.sections:
            if each.name != "PROBE_CONF":
                self._walk(each, f"{path}/{each.name}", variables.below())

    def _import(self, section: Section, path: str, variables: _Variables) -> None:
        host = section.variables["host"]
        if host.startswith("/"):
            self._outcome.note(f"{path}: host = {host}: a chart of several targets, which a dashboard draws")
            return
        if host == "DYNAMIC":
            self._outcome.note(f"{path}: host = DYNAMIC: give the target a name in the DNS")
            return
        probe = variables.values.get("probe", "FPing")
        module, layers = self._probes.get(probe, (probe, ()))
        merged = _Variables()
        for each in layers:
            merged = merged.with_(each.values, each.place)
        merged.values |= variables.values
        merged.places |= variables.places
        notes: list[str] = []

        def note(name: str, why: str) -> None:
            place = path if name == "probe" else merged.places.get(name, path)
            text = f"{name}: {why}"
            if place == path:
                notes.append(text)
            else:
                self._outcome.note(f"{place}: {text}")

        given = Given(merged.values, note)
        for name in ("host", "probe", *_SHOWN):
            given.take(name, str)
        try:
            spec = self._spec(module, given, host)
        except NoCounterpart as error:
            self._outcome.note(f"{path}: not imported: {error}")
            return
        for name, why in _LEFT.items():
            given.leave(name, why)
        given.end()
        self._outcome.add(path, spec, notes, title=section.variables.get("title", ""))

    def _spec(self, module: str, given: Given, host: str) -> dict[str, Any]:
        step = given.number("step") or _number(self._database, "step", _STEP)
        pings = given.number("pings") or _number(self._database, "pings", _PINGS)
        alerts = given.take("alerts", str)
        made = convert(module, given, host.lower())
        (kind,) = made.method
        probe = {"name": kind.lower(), "count": int(pings), **made.common, **made.method}
        spacing = made.common.get("spacing")
        if spacing is not None and (pings - 1) * (milliseconds(spacing) or 0) >= step * 1000:
            del probe["spacing"]
            given.leave_taken(
                "hostinterval" if kind == "icmp" else "waittime",
                "so slow, a round would not end before the next: left out",
            )
        elif spacing is None and kind != "icmp" and step * 1000 / (2 * pings) > _USUAL_SPACING_MS:
            # SmokePing waits for each answer before it asks again.
            probe["spacing"] = duration(min(step * 1000 // (2 * pings), _MOST_SPACING_MS))
        spec: dict[str, Any] = {"target": (made.target or host).lower(), **made.spec}
        spec |= {"schedule": {"interval": duration(step * 1000)}, "probes": [probe]}
        if alerts is not None and (thresholds := self._thresholds(alerts, step, given)):
            spec["thresholds"] = thresholds
        return spec

    def _thresholds(self, names: str, step: float, given: Given) -> dict[str, Any]:
        """What alerts that ask for several rounds in a row above a limit become."""
        found: dict[str, Any] = {}
        known = {each.name: each for each in self._alerts.sections}
        named = list(filter(None, re.split(r"[\s,]+", names)))
        if len(named) > _MAX_ALERTS:
            given.leave_taken("alerts", f"more than {_MAX_ALERTS}: the first of them are looked at")
        for name in named[:_MAX_ALERTS]:
            alert = known.get(name)
            pattern = "" if alert is None else alert.variables.get("pattern", "").replace(" ", "")
            kind = "" if alert is None else alert.variables.get("type", "")
            pattern = pattern[before.end() :] if (before := _BEFORE.match(pattern)) else pattern
            rounds = pattern.count(",") + 1
            if kind in _DOWN and _DOWN[kind].fullmatch(pattern):
                found.setdefault("downAfter", rounds)
                continue
            limit = _ALERT.fullmatch(pattern)
            if limit is None or kind not in ("loss", "rtt"):
                given.leave_taken("alerts", f"{name}: its pattern has no counterpart in thresholds")
                continue
            value = limit[1].strip(">=%")
            key, said = ("lossPercent", value) if kind == "loss" else ("rtt", {"p50": f"{value}ms"})
            if key in found:
                given.leave_taken("alerts", f"{name}: an alert before it has set thresholds.{key}")
                continue
            found[key] = said
            window = found.setdefault("window", duration(max(step * rounds, 1) * 1000))
            more = [each for each in alert.variables if each not in ("type", "pattern")] if alert else []
            self._outcome.note(f"Alerts/{name}: judged over a window of {window}, not round by round")
            if more:
                self._outcome.note(f"Alerts/{name}: {', '.join(more)}")
        return found


_LEFT = {
    "slaves": "measured from other hosts: give the check a path for each place, with placement",
    "nomasterpoll": "give the check paths with placement",
    "alertee": "alerts go out by Alertmanager",
    "parents": "a menu has no counterpart",
    "rawlog": "results are in Prometheus, and in the log of the prober",
}


def _probes(section: Section) -> Iterator[tuple[str, tuple[str, tuple[_Layer, ...]]]]:
    """The module of each probe that targets can name, and its options: what comes later goes before."""
    for module in section.sections:
        place = f"Probes/{module.name}"
        base = _Layer(section.variables, "Probes"), _Layer(module.variables, place)
        yield module.name, (module.name, base)
        for each in module.sections:
            yield each.name, (module.name, (*base, _Layer(each.variables, f"{place}/{each.name}")))


def _number(section: Section, name: str, default: float) -> float:
    text = section.variables.get(name, "")
    return float(text) if re.fullmatch("[0-9]{1,6}", text) and int(text) else default
