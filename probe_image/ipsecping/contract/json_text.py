"""JSON of others, read strictly (RFC 8259, and I-JSON, RFC 7493): nothing can be read in two ways."""

import json
from typing import Any

from .fields import ContractError, shown


def decode(octets: bytes | str, path: str) -> object:
    """The value of a JSON text in UTF-8; raises ContractError.

    Refused are names that stand twice in an object, NaN and Infinity, another encoding, and what is nested
    too deeply. Lone surrogates, numbers out of range and the like are left to whoever reads the fields.
    """
    try:
        return _DECODER.decode(octets if isinstance(octets, str) else octets.decode())
    except ContractError as error:
        raise ContractError(f"{path}: {error}") from None
    except UnicodeDecodeError:
        raise ContractError(f"{path}: not in UTF-8") from None
    except RecursionError:
        raise ContractError(f"{path}: nested too deeply") from None
    except json.JSONDecodeError as error:
        marked = error.pos == 0 and error.doc.startswith("\ufeff")
        said = "it begins with a byte order mark, to be saved without one" if marked else error
        raise ContractError(f"{path}: not JSON: {said}") from None
    except ValueError:  # of Python's own limit, and in its words
        raise ContractError(f"{path}: a number of thousands of digits") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen = set[str]()
        for name, _ in pairs:
            if name in seen:
                raise ContractError(f"{shown(name)} stands twice in an object")
            seen.add(name)
    return made


def _constant(name: str) -> float:
    raise ContractError(f"{name} is not a number of JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
