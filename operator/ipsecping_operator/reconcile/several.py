"""Requests about many objects of a check: a few at a time, and one that is refused holds up no other."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from ipsecping_operator.kube.errors import ApiError, Refused

AT_ONCE = 4
"""Of the requests that the client has in flight at a time, half are left to other checks."""


async def several(requests: Iterable[Callable[[], Awaitable[object]]]) -> None:
    """Make them all. Raises the first ApiError when those under way are over.

    What the API refuses (Refused) is that one object's affair; after any other error no more are begun.
    """
    waiting = iter(requests)
    errors: list[ApiError] = []

    async def work() -> None:
        while all(isinstance(error, Refused) for error in errors):
            request = next(waiting, None)
            if request is None:
                return
            try:
                await request()
            except ApiError as error:
                errors.append(error)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    if errors:
        raise next((error for error in errors if not isinstance(error, Refused)), errors[0])
