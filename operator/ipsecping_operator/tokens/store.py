"""Where the operator's key is kept: in a Secret of its own namespace, or in memory."""

import asyncio
import logging
import secrets

from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import ApiError, Refused
from ipsecping_operator.kube.kinds import SECRET

from .keys import CURRENT, OCTETS, MalformedKey, TokenKeys, encoded, keys_in

ATTEMPTS = 5
PAUSE = 1.0
"""Seconds between two attempts to reach the API."""

_log = logging.getLogger(__name__)


async def load(client: KubeClient, namespace: str | None, name: str | None) -> TokenKeys:
    """The keys in the Secret, which is filled if it is empty; new ones in memory where that cannot be.

    With those in memory all goes on as well; only are all plans written again at each start, and an agent
    that has not seen its new one yet keeps its results meanwhile.
    """
    if name is None or namespace is None:
        _log.info(
            "no Secret for the key of the results' tokens: it is in memory, and a new one at each start"
        )
        return _in_memory()
    for attempt in range(ATTEMPTS):
        if attempt:
            await asyncio.sleep(PAUSE)
        try:
            found = await _in_secret(client, namespace, name)
        except ApiError as error:
            why = str(error)
            if isinstance(error, Refused):
                break
        except MalformedKey as error:
            why = f"{error}; remove it (kubectl -n {namespace} patch secret {name} --type=merge -p "
            why += "'{\"data\": null}') and start the operator again: it makes a new one"
            break
        else:
            if found is not None:
                return found
            why = "it does not exist"
            break
    _log.warning(
        "Secret %s/%s for the key of the results' tokens: %s; a key in memory takes its place",
        namespace,
        name,
        why,
    )
    return _in_memory()


async def _in_secret(client: KubeClient, namespace: str, name: str) -> TokenKeys | None:
    """None when there is no such Secret. Raises ApiError and MalformedKey."""
    stored = await client.get(SECRET, namespace, name)
    if stored is None:
        return None
    keys = keys_in(stored.get("data"))
    if keys is not None:
        return keys
    key = secrets.token_bytes(OCTETS)
    # Refused where somebody else has filled it meanwhile.
    version = {"resourceVersion": stored["metadata"]["resourceVersion"]}
    await client.merge(SECRET, namespace, name, {"metadata": version, "data": {CURRENT: encoded(key)}})
    _log.info("made a key for the results' tokens in Secret %s/%s", namespace, name)
    return TokenKeys((key,))


def _in_memory() -> TokenKeys:
    return TokenKeys((secrets.token_bytes(OCTETS),))
