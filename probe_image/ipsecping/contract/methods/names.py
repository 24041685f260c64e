"""Domain names as far as they can be asked for."""

import re

MAX_NAME = 253
_NAME = re.compile(r"[!-\-/-~]{1,63}(\.[!-\-/-~]{1,63})*\.?")


def is_domain_name(text: str) -> bool:
    """Whether `text` can be asked for: RFC 1035 section 2.3.4; a final dot is allowed, "." is the root."""
    return text == "." or (len(text.rstrip(".")) <= MAX_NAME and bool(_NAME.fullmatch(text)))
