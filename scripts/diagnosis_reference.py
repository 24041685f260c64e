"""What is generated of docs/diagnosis.md: every cause, and what several of them have in common."""

from collections.abc import Iterator

from ipsecping.diagnosis.catalogue import ROWS
from ipsecping.diagnosis.cause import Place, Row
from ipsecping.diagnosis.fact import FactName
from ipsecping.diagnosis.facts import QUESTIONS
from ipsecping.diagnosis.finding import Umbrella
from ipsecping.diagnosis.suspects import GROUPS
from ipsecping.diagnosis.umbrellas import BY_OUR_GATEWAY, NOT_SEEN_TO_ARRIVE, STEPS, TITLES


def diagnosis_reference() -> str:
    """Return what stands between the marks of docs/diagnosis.md."""
    return "\n".join([*_common(), *_groups(), *_causes(), *_questions()]) + "\n"


def _common() -> Iterator[str]:
    yield from ("### Several causes that cannot be told apart", "")
    yield from ("| Reason | What is wrong | Next step |", "|---|---|---|")
    for umbrella, said in TITLES.items():
        step = STEPS.get(umbrella)
        told = "The one of the first cause."
        if step is not None:
            told = _plain(f"On {step.machine}, type {step.command}. What to look for: {step.look}.")
        yield f"| {umbrella} | {_sentence(said)} | {told} |"
    of_our_gateway = {
        "yes": BY_OUR_GATEWAY[True],
        "no": BY_OUR_GATEWAY[False],
        "no, and it is not known whether packets reach it": NOT_SEEN_TO_ARRIVE,
    }
    for known, (title, step) in of_our_gateway.items():
        told = _plain(f"On {step.machine}, type {step.command}. What to look for: {step.look}.")
        yield f"| {Umbrella.TUNNEL_SILENT}, GatewayEncapsulates {known} | {_sentence(title)} | {told} |"
    yield ""


def _groups() -> Iterator[str]:
    yield from ("### Causes of silence that only a gateway can tell apart", "")
    yield from ("| Suspect | What is wrong | How to recognise it | Causes |", "|---|---|---|---|")
    for name, group in GROUPS.items():
        causes = ", ".join(cause for cause in ROWS if cause in group.causes)
        yield f"| {name} | {_sentence(group.title)} | {group.told} | {causes} |"
    yield ""


def _questions() -> Iterator[str]:
    yield from ("### Every fact", "", "| Fact | The question |", "|---|---|")
    for name, ask in QUESTIONS.items():
        question = " ".join((ask.__doc__ or "").partition("\n\n")[0].split())
        yield f"| {name} | {question} |"
    yield ""


def _causes() -> Iterator[str]:
    for place in Place:
        rows = [row for row in ROWS.values() if row.place is place]
        if rows:
            yield from (f"### {_sentence(place.said).rstrip('.')}", "")
        for row in rows:
            yield from _cause(row)


def _cause(row: Row) -> Iterator[str]:
    yield from (f"**{row.cause}** ({row.layer}): {row.title}. {row.meaning}", "")
    yield from (f"*How to recognise it:* {row.told}{_facts(row)}", "")
    yield from (f"*Next*, on {_machine(row)}:", "", "```text", _plain(row.step.command), "```", "")
    yield from (f"*Look for:* {_plain(row.step.look)}", "")
    for told in row.told_by.values():
        step = f"on {told.step.machine}: `{_plain(told.step.command)}`. Look for {_plain(told.step.look)}"
        yield from (f"*If {told.when}*, it is reported as: {told.title}. *Next*, {step}", "")


def _facts(row: Row) -> str:
    """What proves it and what rules it out, by the names of the facts."""
    out = dict.fromkeys(name for each in row.explains for name in each.excludes)
    needed = dict.fromkeys(name for each in row.explains for name in each.needs if name not in row.proves)
    parts = (
        ("Proof: a yes to", dict.fromkeys(row.proves)),
        ("Ruled out by a yes to", out),
        ("Ruled out by a no to", needed),
    )
    said = [f"{label} {_names(names)}." for label, names in parts if names]
    return f" {' '.join(said)}" if said else ""


def _names(names: dict[FactName, None]) -> str:
    return ", ".join(name.value for name in names)


def _machine(row: Row) -> str:
    return row.step.machine.format(receiver="the gateway that should receive the lost packets")


def _plain(text: str) -> str:
    """The names in braces as words in capitals, and commands as for IPv4."""
    return text.format(**_WORDS)


_WORDS = {
    "target": "TARGET",
    "address": "TARGET_ADDRESS",
    "source": "POD_ADDRESS",
    "gateway": "FAR_GATEWAY",
    "near_inside": "OUR_GATEWAY_INSIDE",
    "far_inside": "FAR_GATEWAY_INSIDE",
    "mss": "MSS",
    "mss_from": "-s TARGET_ADDRESS ",
    "iptables": "iptables",
    "conntrack": "conntrack -L",
    "forwarding": "net.ipv4.ip_forward",
}


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")
