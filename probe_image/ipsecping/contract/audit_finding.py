"""What an audit of a reflector looks for: each finding, and the option that closes it. Pure data."""

from enum import StrEnum
from typing import Self


class AuditProtocol(StrEnum):
    """What the audited port answers; spelled as the probe types are."""

    STAMP = "STAMP"
    """RFC 8762, and TWAMP Light (RFC 5357 appendix I)."""
    UDP_ECHO = "UDPEcho"
    """RFC 862."""


class AuditFinding(StrEnum):
    """Something that a reflector answers and should not."""

    meaning: str
    """What it does, in a few words, for a message to a person."""
    remedy: str
    """The option of `ipsecping reflect` that closes it."""
    elsewhere: str
    """What closes it at a reflector of somebody else's."""

    def __new__(cls, value: str, meaning: str, remedy: str, elsewhere: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning, member.remedy, member.elsewhere = meaning, remedy, elsewhere
        return member

    UNSIGNED = (
        "AnswersUnsigned",
        "answers packets without a signature",
        "--key-file F, without --keys-for-tlvs",
        "its authenticated mode (RFC 8762 section 4.4), or a firewall that passes the probers alone",
    )
    WRONG_KEY = (
        "AnswersWrongKey",
        "answers packets that are signed with another key",
        "--key-file F, without --keys-for-tlvs",
        "its authenticated mode with the key of the probers alone",
    )
    REPLAYED = (
        "AnswersReplayed",
        "answers a copy of a signed packet",
        "--key-file F, which brings a replay window",
        "let a firewall pass the probers alone, and nobody between them who could record a packet",
    )
    REFLECTED = (
        "AnswersReflected",
        "answers an answer, so that two reflectors go on for ever",
        "none is needed: its present version refuses them",
        "let a firewall drop packets that come from the port of a reflector",
    )
    OWN_PORT = (
        "AnswersOwnPort",
        "answers packets from the port it listens on itself, as another reflector's come",
        "leave that port out of --allow-source-port",
        "let a firewall drop packets whose source port is that of the reflector",
    )
    RESERVED_PORT = (
        "AnswersReservedPort",
        "answers packets from a port below 1024, where services are that answer anything",
        "leave that port out of --allow-source-port",
        "let a firewall drop packets from source ports below 1024 (but 862 and 863, which STAMP may use)",
    )
    SHORT = (
        "AnswersShort",
        "answers packets that are too short for its answer",
        "none is needed: its present version drops them",
        "have it ask for packets as long as its answers, and the senders pad theirs (TWAMP: 27 bytes)",
    )
    AMPLIFIES = (
        "Amplifies",
        "sends more bytes than it gets",
        "none is needed: its answers are never longer than the packets",
        "have it answer in the length of the packet (RFC 8762 section 4.3); until then, a firewall around it",
    )
    FALLS_SILENT = (
        "FallsSilent",
        "stops answering after a packet that it does not expect",
        "none is needed: its present version goes on",
        "a newer version of it; until then, a firewall that passes the probers alone",
    )
    OUTSIDE_SOURCE = (
        "AnswersOutsideSource",
        "answers an address that should not be allowed",
        "--allow CIDR of the probers alone",
        "its list of peers, or a firewall that passes the probers alone",
    )
    ABOVE_RATE = (
        "AnswersAboveRate",
        "answers more packets a second than it should",
        "--rate N",
        "its rate limit, or a policer in front of it",
    )


LEAST_RATE, MOST_RATE = 5, 40
"""Packets a second for each source that an audit can tell whether a reflector keeps to: with a lower one it
would not be over in time, and a higher one is not exceeded by so few packets."""
