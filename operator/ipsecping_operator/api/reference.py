"""The API reference (docs/api.md) and a table of docs/probes.md, made from the same models as the CRD."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import durations, names
from .check import IPsecTunnelCheck
from .conditions import REASONS
from .methods import MODELS, Method
from .rules import Model
from .schema import structural_schema
from .spec import CheckSpec
from .status import CheckStatus

_DEFAULT = re.compile(r" ?Default: (?P<default>.+?)\.$")


def api_reference() -> str:
    """docs/api.md as Markdown."""
    lines = [
        "<!-- Generated from the models in operator/ipsecping_operator/api by `make generate`. -->",
        f"# {names.KIND}, {names.API_VERSION}",
        "",
        _description(structural_schema(IPsecTunnelCheck)),
        "",
        f"Plural `{names.PLURAL}`, short name `{names.SHORT_NAME}`, category `{names.CATEGORY}`, namespaced. "
        "`kubectl explain itc.spec` shows the same texts.",
        "",
        "The API server refuses a check that breaks a rule below, naming the field; "
        "`ipsecping-operator render -f check.yaml` tells the same without a cluster. "
        "Defaults are filled in by the operator, not by the API server, so that `kubectl apply`, `edit` and "
        "`patch` can go from `interval` to `cron` freely; `render` shows the outcome.",
        "",
        "A duration is one or more numbers with a unit (ms, s, m, h), such as `30s`, `1m30s` or `0.5ms`. "
        "Without one, as `30`, YAML makes it a number: the API server then says that the field must be of "
        "type string, and `ipsecping-operator validate` what to write.",
        "",
        "## spec",
        "",
        *_section("spec", CheckSpec),
        "## Annotations",
        "",
        f"`{names.RUN_NOW_ANNOTATION}` on a check: each new value starts one extra round of every path:",
        "",
        "```console",
        f"kubectl annotate {names.SHORT_NAME} NAME {names.RUN_NOW_ANNOTATION}=$(date +%s) --overwrite",
        "```",
        "",
        "The agents of a check with an interval run it within a second where it fits between two rounds, "
        "with its time-outs and a second before the next; elsewhere the next round is the extra one, so that "
        "no more is sent in any second than the schedule sends. A "
        "check with cron gets a Job from each CronJob's template, once no round of it runs (a "
        "schedule that fires during the extra round starts one beside it). Windows, plans and "
        "schedules stay as they are. `status.runNow` and an event (RunNow, RunNowNotStarted) tell "
        "what became of it; a check that is suspended, invalid or not permitted runs nothing, also "
        "not later. To wait for it:",
        "",
        "```console",
        f"kubectl wait {names.SHORT_NAME}/NAME --for=jsonpath='{{.status.runNow.value}}'=VALUE",
        "```",
        "",
        f"`{names.DIAGNOSE_ANNOTATION}` on a check: each new value has the check diagnosed once, whether it "
        "is healthy or not:",
        "",
        "```console",
        f"kubectl annotate {names.SHORT_NAME} NAME {names.DIAGNOSE_ANNOTATION}=$(date +%s) --overwrite",
        f"kubectl wait {names.SHORT_NAME}/NAME --for=jsonpath='{{.status.diagnosis.request}}'=VALUE",
        "```",
        "",
        "The pod that measures the path does it, beside its rounds; a check with cron gets a Job from the "
        "path's template, once no round of it runs. `status.diagnosis` and an event (Diagnosed, "
        "DiagnosisNotRun) tell what it came to ([diagnosis.md](diagnosis.md#by-the-operator)).",
        "",
        "## Conditions",
        "",
        *_conditions(),
        "## status",
        "",
        *_section("status", CheckStatus),
    ]
    return "\n".join(lines).rstrip() + "\n"


def method_table() -> str:
    """Make the table in docs/probes.md of what the types have and tell, as their declarations say."""
    rows = [
        (
            "Type",
            "Port",
            "Least `size`, default",
            "`count` is of",
            "Limits of time",
            "Loss by direction",
            "Own",
        ),
        ("---",) * 7,
        *(_method_row(model) for model in MODELS.values()),
    ]
    return "".join(
        f"|{'|'.join(f' {cell} ' if set(cell) != {'-'} else cell for cell in row)}|\n" for row in rows
    )


def _method_row(model: type[Method]) -> tuple[str, ...]:
    method = model.declared()
    port = f"{method.port} unless given" if method.port else "required"
    size = f"{method.least_size}, {method.default_size or 'the least'}"
    figures = ", ".join(f"`{field.name}`" for field in model.status_fields)
    return (
        method.member,
        port if method.has_port else "—",
        size if method.sized else "—",
        method.turn if method.paced else "—",
        "yes" if method.timed else "no",
        "yes" if method.directed else "no",
        figures or "—",
    )


def _section(path: str, model: type[Model]) -> Iterator[str]:
    yield from _object(path, structural_schema(model))


def _object(path: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """A table of the fields of one object, the rules that span them, and then the objects below it."""
    fields: Mapping[str, Mapping[str, Any]] = schema["properties"]
    required = schema.get("required", ())
    with_defaults = path.startswith("spec")
    heads = ["Field", "Type", *(["Default"] if with_defaults else []), "Description"]
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for name, field in fields.items():
        text, default = _split_default(_description(field))
        default = "*required*" if name in required else default
        cells = [f"`{name}`", _type(field), *([default] if with_defaults else []), _with_rules(text, field)]
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""
    rules = [f"- {_rule(path, rule)}" for rule in schema.get("x-kubernetes-validations", ())]
    if rules:
        yield from (*rules, "")
    for name, field in fields.items():
        below = field.get("items", field)
        if below.get("properties"):
            marks = "[]" if "items" in field else ""
            yield f"### {path}.{name}{marks}"
            yield ""
            if "items" in field:
                yield _description(below)
                yield ""
            yield from _object(f"{path}.{name}{marks}", below)


def _rule(path: str, rule: Mapping[str, str]) -> str:
    field = f"`{path}{rule.get('fieldPath', '')}`"
    return f"{field}: {rule['message']}"


def _type(schema: Mapping[str, Any]) -> str:
    if schema.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if "items" in schema:
        keys = schema.get("x-kubernetes-list-map-keys")
        return f"list, keyed by {', '.join(keys)}" if keys else "list"
    if "additionalProperties" in schema:
        return "map of strings"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if durations.MESSAGE in _messages(schema):
        return "duration"
    return "time (RFC 3339)" if schema.get("format") == "date-time" else str(schema["type"])


def _messages(schema: Mapping[str, Any]) -> list[str]:
    return [rule["message"] for rule in schema.get("x-kubernetes-validations", ())]


def _with_rules(text: str, schema: Mapping[str, Any]) -> str:
    """The description, with the rules that it does not tell itself."""
    rules: list[str] = []
    if "properties" not in schema:
        # Of durations the column of types says that.
        rules += [message for message in _messages(schema) if message != durations.MESSAGE]
    if "minimum" in schema and "maximum" in schema:
        rules.append(f"must be from {schema['minimum']} to {schema['maximum']}")
    if "maxItems" in schema:
        rules.append(f"at most {schema['maxItems']} items")
    untold = [rule for rule in rules if re.sub("^must be from | items$", "", rule) not in text]
    return " ".join([text, *(f"{rule[0].upper()}{rule[1:]}." for rule in untold)])


def _description(schema: Mapping[str, Any]) -> str:
    return str(schema.get("description", ""))


def _split_default(text: str) -> tuple[str, str]:
    found = _DEFAULT.search(text)
    return (text[: found.start()], found["default"]) if found else (text, "")


def _conditions() -> Iterator[str]:
    for condition, reasons in REASONS.items():
        yield from (
            f"### {condition}",
            "",
            condition.meaning,
            "",
            "| Status | Reason | Meaning |",
            "|---|---|---|",
        )
        for reason in reasons:
            yield f"| {reason.status} | `{reason}` | {reason.meaning} |"
        yield ""
