"""Kinds of values that several fields share, each with its rules."""

import ipaddress
import re
import unicodedata
from typing import Annotated, Any, TypeAlias

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from . import durations
from .rules import Rule, Rules, matching

Name: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=63),
    matching(
        "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "must be lower-case letters, digits and -, with a letter or digit at both ends, such as hq-dc1",
    ),
]

_UNPRINTABLE = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
"""Unicode's general categories of what no terminal shows as a character."""


def _is_visible(character: str) -> bool:
    category = unicodedata.category(character)
    return character == " " or (category not in _UNPRINTABLE and category != "Zs")


def printable(example: str) -> Rule:
    """The rule of what people write in their words."""
    return Rule(
        cel="self.matches('^([^\\\\p{C}\\\\p{Z}]| )+$')",
        holds=lambda text: all(map(_is_visible, text)),
        message=f"must be printable text, such as {example}",
    )


MAX_LABEL = 63
"""Characters of a name that is the value of a label of metrics."""
Label: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=MAX_LABEL), Rules(printable("VPN-1_primary"))
]
"""What people call something, in their words."""

# The last label begins with a letter: 10.0.0.300 and 0x7f.1 are mistyped addresses, not names.
_HOST = "^([a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?[.])*[a-z]([-a-z0-9_]{0,61}[a-z0-9_])?[.]?$"
"""With underscores, which host names should not have, and those of many a Windows domain do."""


def is_ip(text: str) -> bool:
    """As the API server's isIP: no zone, no IPv4 mapped into IPv6."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not isinstance(address, ipaddress.IPv6Address) or (
        address.scope_id is None and address.ipv4_mapped is None
    )


def is_one_host(text: str) -> bool:
    """Whether it is a name, or the address of one host; IPv6 link-local ones are not, for want of a zone."""
    if not is_ip(text):
        return True
    address = ipaddress.ip_address(text)
    broadcast = address == ipaddress.IPv4Address("255.255.255.255")
    link_local_v6 = address.version == 6 and address.is_link_local
    return not (address.is_multicast or address.is_unspecified or broadcast or link_local_v6)


_ONE_HOST = Rule(
    cel="!isIP(self) || ip(self).isGlobalUnicast() || ip(self).isLoopback() || "
    "(ip(self).isLinkLocalUnicast() && ip(self).family() == 4)",
    holds=is_one_host,
    message="must be the address of one host: not multicast, broadcast, unspecified or IPv6 link-local",
)

Target: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=253),
    Rules(
        Rule(
            cel=f"isIP(self) || self.matches('{_HOST}')",
            holds=lambda text: is_ip(text) or re.fullmatch(_HOST, text) is not None,
            message="must be an IPv4 address, an IPv6 address or a DNS name in lower case, "
            "such as 203.0.113.10, 2001:db8::10 or db.dc1.example, without port, prefix length or https://",
        ),
        _ONE_HOST,
    ),
]

MAX_ADDRESS = 45
"""Characters of an IPv6 address that ends in an IPv4 one."""
ADDRESS = Rule(
    cel="isIP(self)",
    holds=is_ip,
    message="must be an IPv4 or IPv6 address, such as 10.1.0.1 or 2001:db8::1",
)

HostAddress: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=MAX_ADDRESS), Rules(ADDRESS, _ONE_HOST)
]

_PREFIX_LENGTH = "[0-9a-fA-F.:]+/(0|[1-9][0-9]{0,2})"


def is_cidr(text: str) -> bool:
    """As the API server's isCIDR: host bits may be set."""
    address, _, length = text.partition("/")
    if not re.fullmatch(_PREFIX_LENGTH, text) or not is_ip(address):
        return False
    return int(length) <= ipaddress.ip_address(address).max_prefixlen


def _is_network(text: str) -> bool:
    try:
        return not is_cidr(text) or bool(ipaddress.ip_network(text))
    except ValueError:
        return False


Cidr: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=43),
    Rules(
        Rule(
            cel="isCIDR(self)",
            holds=is_cidr,
            message="must be a network in CIDR notation, such as 10.244.0.0/16, 2001:db8::/32 or 10.1.2.3/32",
        ),
        Rule(
            cel="!isCIDR(self) || cidr(self).masked() == cidr(self)",
            holds=_is_network,
            message="has bits set beyond its prefix length: write the network's first address",
        ),
    ),
]

# Fractions of a millisecond (and some of a minute or an hour that nobody writes).
_FRACTION = "[.]([0-9]+ms|[0-9]{4})"


def duration(least: str, most: str, *, whole_milliseconds: bool = False) -> Any:
    """A duration within the given bounds (inclusive)."""
    low, high = durations.nanoseconds(least), durations.nanoseconds(most)
    # The API server evaluates rules although another has failed: stay silent about what it has refused.
    unless_malformed = f"!self.matches('{durations.PATTERN}') || "
    rules = [
        Rule(
            cel=unless_malformed
            + f"(duration(self) >= duration('{least}') && duration(self) <= duration('{most}'))",
            holds=lambda text: low <= durations.nanoseconds(text) <= high,
            message=f"must be from {least} to {most}",
        )
    ]
    if whole_milliseconds:
        rules.append(
            Rule(
                cel=f"!self.matches('{_FRACTION}')",
                holds=lambda text: re.search(_FRACTION, text) is None,
                message="must be a whole number of milliseconds",
            )
        )
    return Annotated[
        str,
        Field(max_length=durations.MAX_LENGTH),
        matching(durations.PATTERN, durations.MESSAGE),
        Rules(*rules),
    ]


class IntOrString:
    """Annotation of an integer or a string (a Kubernetes API has no floating point).

    `keywords` are of the schema; what stands before the annotation adds nothing to it.
    """

    def __init__(self, **keywords: Any) -> None:
        self.keywords = keywords

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler(source)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"x-kubernetes-int-or-string": True, **self.keywords}


_PERCENT = "^(100([.]0{1,4})?|[0-9]{1,2}([.][0-9]{1,4})?)$"


def _is_percent(value: int | str) -> bool:
    if isinstance(value, str):
        return re.fullmatch(_PERCENT, value) is not None
    return 0 <= value <= 100


Percent: TypeAlias = Annotated[
    int | str,
    # Without maxLength, the API server reckons the cost of the expression for 3 MB in each item of a list.
    IntOrString(maxLength=len("100.0000")),
    Rules(
        Rule(
            cel=f"type(self) == int ? self >= 0 && self <= 100 : self.matches('{_PERCENT}')",
            holds=_is_percent,
            message="must be a number from 0 to 100, without % and with at most four decimals, "
            'such as 1 or "2.5"',
        )
    ),
]
Port: TypeAlias = Annotated[int, Field(ge=1, le=65535)]

MAX_OBJECT_NAME = 253
"""Characters of the name of an object, and of a key of its data: what Kubernetes allows (RFC 1123)."""

# Names of other objects that a check refers to.
ObjectName: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=MAX_OBJECT_NAME),
    matching(
        "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        "must be the name of an object: lower-case letters, digits, - and ., with a letter or digit at both "
        "ends, such as ipsecping-keys",
    ),
]
DataKey: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=MAX_OBJECT_NAME),
    matching(
        "^[.]?[-_A-Za-z0-9][-._A-Za-z0-9]*$",
        "must be a key of its data: letters, digits, -, _ and ., not with .. at its beginning, "
        "such as tls.crt",
    ),
]

# Values of a status.
Text: TypeAlias = Annotated[str, Field(max_length=63)]
NodeName: TypeAlias = Annotated[str, Field(max_length=MAX_OBJECT_NAME)]
Time: TypeAlias = Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})]
Count: TypeAlias = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]
Address: TypeAlias = Annotated[str, Field(max_length=64)]
ReasonText: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=64),
    matching(
        "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", "must be a reason in CamelCase, such as PacketsLost"
    ),
]
