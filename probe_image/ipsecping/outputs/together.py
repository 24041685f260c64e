"""Write several outputs side by side: none waits for another, and one that fails takes no other with it."""

import threading
import time
from collections.abc import Callable, Mapping

from .errors import OutputError

SECONDS = 30.0
"""For all outputs together. Looking up a name cannot be stopped, so a late thread is left behind."""


def write_all(outputs: Mapping[str, Callable[[], None]], *, seconds: float = SECONDS) -> list[str]:
    """Run every writer; returns what went wrong, one message each, starting with the output's name."""
    failures: dict[str, str | None] = dict.fromkeys(outputs, f"not done within {seconds:g} s")

    def run(name: str, write: Callable[[], None]) -> None:
        try:
            write()
        except OutputError as error:
            failures[name] = str(error)
        except Exception as error:  # a fault of ours in one output must not lose the others
            failures[name] = f"{type(error).__name__}: {error}"
        else:
            failures[name] = None

    deadline = time.monotonic() + seconds
    threads = [
        threading.Thread(target=run, args=item, name=f"output {item[0]}", daemon=True)
        for item in outputs.items()
    ]
    refused = list[tuple[str, Callable[[], None]]]()
    for thread, item in zip(threads, outputs.items(), strict=True):
        try:
            thread.start()
        except RuntimeError:  # the limit of processes
            refused.append(item)
    for item in refused:
        run(*item)
    for thread in threads:
        if thread.ident is not None:
            thread.join(max(deadline - time.monotonic(), 0))
    return [f"{name}: {failure}" for name, failure in dict(failures).items() if failure is not None]
