"""A diagnosis in words: for a person who is tired, and for a status field. Pure.

Words first, names in brackets; each claim has its numbers and a place; one next step with the command and
the machine.
"""

import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from shlex import quote

from ..addresses import is_ipv6
from ..contract.diagnosis_terms import Confidence, Direction, Outcome
from .catalogue import ROWS
from .cause import Cause, Place, Row
from .evidence import Evidence, Part
from .evidence_text import evidence_digest
from .finding import Diagnosis, Finding
from .parts import SAID
from .suspects import Suspect, behind, meaning_of, title_of

SUMMARY = 300
"""Characters of a summary, which goes into an event and a status."""
_LEAST_LINE = 100
"""Characters of a summary that its words keep beside a command."""
_LEAST_WORDS = 20
"""Characters of what to look for that are worth being told."""
MIN_WIDTH = 60
_LABEL = 9
_HEADERS = 40, 60
"""Bytes of TCP and IP headers without options, IPv4 and IPv6."""
_VERDICTS = {
    Outcome.NO_FAULT: "No fault found in what was tested.",
    Outcome.NOT_REPRODUCED: "Not reproduced: the fault did not last.",
    Outcome.NOT_MEASURED: "No verdict on the tunnel: it could not be measured.",
}


def report(evidence: Evidence, diagnosis: Diagnosis, *, width: int, long: bool) -> str:
    """Return the whole text, lines of at most `width` characters but for commands.

    `long`: with every cause that is left or ruled out, and why each part was not tested.
    """
    width = max(width, MIN_WIDTH)
    lines = [*_head(evidence), *_wrapped(_verdict(diagnosis), width)]
    for number, finding in enumerate(diagnosis.findings, 1):
        lines += ["", *_finding(evidence, finding, number, width, long=long)]
    if diagnosis.notes or diagnosis.not_tested:
        lines.append("")
    for note in diagnosis.notes:
        lines += _wrapped(note, width, first="* ", rest="  ")
    lines += _untested(diagnosis, width, long=long)
    return "\n".join(lines)


def summary(evidence: Evidence, diagnosis: Diagnosis) -> str:
    """Return the gravest finding in one line of at most `SUMMARY` characters; without one, what is known."""
    if not diagnosis.findings:
        return cut(" ".join(_nothing_found(diagnosis)), SUMMARY)
    finding = diagnosis.findings[0]
    more = len(diagnosis.findings) - 1
    said = finding.proof or finding.symptoms[0].text
    which = finding.confidence.said
    if finding.named and len(finding.suspects) > 1:
        which = f"one of {', '.join(finding.suspects)}"
    elif len(finding.causes) > 1:
        where = finding.suspects[0] if finding.named else finding.layer
        which = f"{where}, one of {len(finding.causes)} causes"
    if finding.direction is not Direction.UNKNOWN:
        which = f"{finding.direction.said}, {which}"
    line = f"{finding.reason} ({which}): {finding.title}; {said}."
    also = f" And {more} more." if more else ""
    step = f" Next, on {machine(finding)}: {command(evidence, finding)}"
    if len(step) + len(also) > SUMMARY - _LEAST_LINE:
        step = f" Next, a command on {machine(finding)} that is too long for a summary."
    return cut(line, SUMMARY - len(also) - len(step)) + also + step


def next_step(evidence: Evidence, finding: Finding, *, most: int, words: int) -> str:
    """Return machine, command and what to look for, in at most `words` characters where the command lets it.

    Half a command is worse than none: what to look for is cut, and a command that does not fit into `most`
    characters is left out.
    """
    step = f"On {machine(finding)}: {command(evidence, finding)}"
    if len(step) > most:
        return cut(
            f"On {machine(finding)}, by a command too long to be shown here: {look(evidence, finding)}",
            words,
        )
    told = f"{step} - {look(evidence, finding)}"
    if len(told) <= words:
        return told
    room = words - len(step) - len(" - ")
    return cut(told, words) if room >= _LEAST_WORDS else step


def _nothing_found(diagnosis: Diagnosis) -> Iterator[str]:
    yield _VERDICTS.get(diagnosis.outcome, "")
    yield from diagnosis.notes


def command(evidence: Evidence, finding: Finding) -> str:
    """Return the next step's command, with the addresses of this path."""
    names = _names(evidence, quoted=True)
    # A SYN tells the other end how large segments may be that come back: so of what the target sends, here.
    ends = {Direction.FORWARD: "-s {address} ", Direction.REVERSE: "-d {address} "}
    mss_from = ends.get(finding.direction, "").format(**names)
    return finding.step.command.format(**names, mss_from=mss_from)


def machine(finding: Finding) -> str:
    """Return where to type it: of what a receiver counts, on the gateway that receives."""
    receivers = {Direction.FORWARD: "the far gateway", Direction.REVERSE: "our gateway"}
    return finding.step.machine.format(receiver=receivers.get(finding.direction, "each gateway in turn"))


def look(evidence: Evidence, finding: Finding) -> str:
    """Return what to look for in the command's output."""
    return finding.step.look.format(**_names(evidence, quoted=False))


def title(finding: Finding) -> str:
    """Return layer or region, direction and what is at fault, with the reason in brackets."""
    where = f"{finding.layer[0].upper()}{finding.layer[1:]}"
    if finding.direction is not Direction.UNKNOWN:
        where = f"{where}, {finding.direction.said}"
    if finding.named and len(finding.suspects) > 1:
        return f"{where}: {finding.title} [{finding.reason}], by one of {len(finding.suspects)} causes"
    return f"{where}: {finding.title} [{finding.reason}]"


_WORDS = {
    "POD_ADDRESS": "the source address of packets that this host sends to the target",
    "FAR_GATEWAY": "the far gateway's public address",
    "OUR_GATEWAY_INSIDE": "the address of our gateway at which packets to the target arrive",
    "FAR_GATEWAY_INSIDE": "an address of the far gateway inside the tunnel",
}
"""Words that stand in a command for an address that the diagnosis was not told."""


def _unknown(evidence: Evidence, finding: Finding) -> Iterator[str]:
    """What the words in capitals stand for."""
    said = set(re.findall(r"\w+", f"{command(evidence, finding)} {look(evidence, finding)}"))
    yield from (f"{word} is {meaning}" for word, meaning in _WORDS.items() if word in said)


def _head(evidence: Evidence) -> Iterator[str]:
    at = datetime.fromtimestamp(evidence.at // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    name = (
        evidence.target
        if evidence.address in (None, evidence.target)
        else f"{evidence.target} ({evidence.address})"
    )
    yield f"{name}, path {evidence.path}, {at}, evidence {evidence_digest(evidence)}"


def _verdict(diagnosis: Diagnosis) -> str:
    faults = sum(not finding.warning for finding in diagnosis.findings)
    warnings = len(diagnosis.findings) - faults
    counted = [_counted(faults, "fault"), _counted(warnings, "warning")]
    found = " and ".join(each for each in counted if each)
    said = _VERDICTS.get(diagnosis.outcome) or f"{found}."
    if diagnosis.outcome is not Outcome.FAULT and warnings:
        said = f"{said} {_counted(warnings, 'warning')}."
    sums = f"{diagnosis.lost} of {diagnosis.sent} packets to the target were not answered"
    if not diagnosis.sent:
        return said
    if not diagnosis.lost:
        # Other sizes, ports, classes and rates are counted where a finding speaks of them.
        which = "ordinary packets" if diagnosis.findings else "packets"
        return f"{said} {diagnosis.sent} of {diagnosis.sent} {which} to the target were answered."
    return f"{said} {sums}; the findings account for {diagnosis.explained}."


def _counted(count: int, what: str) -> str:
    return "" if not count else f"{count} {what}{'' if count == 1 else 's'}"


def _finding(evidence: Evidence, finding: Finding, number: int, width: int, *, long: bool) -> Iterator[str]:
    yield from _wrapped(title(finding), width, first=f"{number}. ", rest="   ")
    if finding.named:
        for suspect in finding.suspects:
            yield from _wrapped(_suspect(finding, suspect), width, first="   - ", rest="     ")
    yield from _part("Seen", [symptom.text for symptom in finding.symptoms], width)
    yield from _part("Sure?", [_sureness(finding)], width)
    if finding.meaning is not None:
        yield from _part("Means", [finding.meaning], width)
    elif finding.named and long:
        yield from _part("Means", [meaning_of(suspect) for suspect in finding.suspects], width)
        if finding.suspects != finding.causes:
            yield from _part("Behind", list(_left(finding, long=True)), width)
    yield from _part("Next", [f"on {machine(finding)}:"], width)
    yield f"   {'':{_LABEL}}  {command(evidence, finding)}"
    yield from _part("Look for", [look(evidence, finding)], width)
    yield from _part("Where", list(_unknown(evidence, finding)), width)
    if len(finding.causes) > 1 and not finding.named:
        yield from _part("Left", list(_left(finding, long=long)), width)
    if long or finding.confidence is not Confidence.PROVEN:
        yield from _part("Not it", list(_ruled_out(finding, long=long)), width)


def _suspect(finding: Finding, suspect: Suspect) -> str:
    """What it is, with its name; of several causes that go by one name also these."""
    causes = behind(suspect, finding.causes, encapsulates=finding.encapsulates)
    said = f"{title_of(suspect)} [{suspect}]"
    return said if len(causes) < 2 else f"{said}: {', '.join(causes)}"


def _sureness(finding: Finding) -> str:
    said = finding.confidence.said
    if finding.proof is not None and finding.proof not in {symptom.text for symptom in finding.symptoms}:
        said = f"{said}: {finding.proof}" if finding.confidence is Confidence.PROVEN else finding.proof
    elif len(finding.causes) > 1:
        several = finding.named and len(finding.suspects) > 1
        said = f"the {len(finding.suspects if several else finding.causes)} possible causes {said}"
    elif finding.causes and finding.confidence is Confidence.ONE_OF:
        said = "it alone explains all of this; otherwise there are several faults at once"
    elif not finding.symptoms[0].certain:
        said = f"{said}: too few packets to tell it from chance"
    elif finding.confidence is Confidence.ONLY_ONE_LEFT and not finding.ruled_out:
        said = "no other known cause explains it"
    elif not finding.causes:
        said = f"{said}: the evidence rules out every known cause"
    return said if finding.confirmed else f"{said}; measured only once, so repeat it"


def _left(finding: Finding, *, long: bool) -> Iterator[str]:
    """The causes that are left, by place; `long`: in words."""
    for place in Place:
        rows: list[Row] = [ROWS[cause] for cause in finding.causes if ROWS[cause].place is place]
        if rows and long:
            yield from (f"{place.said}: {row.title} [{row.cause}]" for row in rows)
        elif rows:
            yield f"{place.said}: {', '.join(row.cause for row in rows)}"


def _ruled_out(finding: Finding, *, long: bool) -> Iterator[str]:
    for each in finding.ruled_out:
        names = _short(each.causes) if not long else ", ".join(each.causes)
        yield f"{names}: {each.why}"


def _short(causes: tuple[Cause, ...]) -> str:
    shown = ", ".join(causes[:3])
    return shown if len(causes) <= 3 else f"{shown} and {len(causes) - 3} more"


def _untested(diagnosis: Diagnosis, width: int, *, long: bool) -> Iterator[str]:
    if not diagnosis.not_tested:
        return
    if long:
        yield "Not tested:"
        for part, why in diagnosis.not_tested.items():
            yield from _wrapped(f"{part} ({SAID[part]}): {why}", width, first="  ", rest="    ")
    else:
        names = ", ".join(diagnosis.not_tested)
        yield from _wrapped(f"Not tested: {names} (--long-text says why).", width, rest="  ")


def _part(label: str, texts: list[str], width: int) -> Iterator[str]:
    for place, text in enumerate(texts):
        shown = f"{label}:" if label and not place else ""
        indent = " " * (3 + _LABEL + 2)
        yield from _wrapped(text, width, first=f"   {shown:{_LABEL}}  ", rest=indent)


def _wrapped(text: str, width: int, *, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _names(evidence: Evidence, *, quoted: bool) -> dict[str, str]:
    """What stands for the names in a command; a word in capitals where it is not known."""
    controls, host, found = evidence.expected.controls, evidence.host, evidence.path_mtu
    address = evidence.address or evidence.target
    sizes = [] if found is None else [size for size in (found.forward, found.reverse) if size is not None]
    sixth = evidence.address is not None and is_ipv6(evidence.address)
    headers = _HEADERS[sixth]
    said = {
        "target": evidence.target,
        "address": address,
        "source": (None if host is None else host.source) or "POD_ADDRESS",
        "gateway": controls.get(Part.GATEWAY, "FAR_GATEWAY"),
        "near_inside": controls.get(Part.NEAR_INSIDE, "OUR_GATEWAY_INSIDE"),
        "far_inside": controls.get(Part.FAR_INSIDE, "FAR_GATEWAY_INSIDE"),
    }
    # Who wrote the evidence chose them, and the zone of an address may be any name of an interface.
    shown = {name: quote(word) for name, word in said.items()} if quoted else said
    return shown | {
        "iptables": "ip6tables" if sixth else "iptables",
        "conntrack": "conntrack -L -f ipv6" if sixth else "conntrack -L",
        "forwarding": "net.ipv6.conf.all.forwarding" if sixth else "net.ipv4.ip_forward",
        "mss": str(min(sizes) - headers) if sizes else "MSS",
    }


def cut(text: str, length: int) -> str:
    """Return the text, or its beginning with an ellipsis, in at most so many characters."""
    return text if len(text) <= length else f"{text[: max(length - 1, 0)].rstrip()}…"
