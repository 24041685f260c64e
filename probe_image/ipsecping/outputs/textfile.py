"""A file for node_exporter's textfile collector.

The collector reads whenever it is scraped, so the file is replaced as a whole (rename(2)). What it says is
also where the counters of the next run go on: they grow over runs as a counter must.
"""

import logging
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from .earlier import counters_in
from .errors import OutputError
from .series import Counters, Labels

log = logging.getLogger(__name__)

SUFFIX = ".prom"
MAX_OCTETS = 64 * 1024 * 1024
_READABLE_BY_ALL = 0o644


def check_name(path: Path) -> Path:
    """The path; raises OutputError for a name that the collector would pass over."""
    if path.suffix != SUFFIX:
        raise OutputError(f"{path}: node_exporter reads files named *{SUFFIX} only")
    return path


def read_counters(path: Path) -> dict[Labels, Counters]:
    """Counters of the run before; none where there is no file, or one that is not ours."""
    try:
        if path.stat().st_size > MAX_OCTETS:
            raise ValueError(f"larger than {MAX_OCTETS} bytes")
        return counters_in(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, IndexError) as error:
        log.warning("%s: counters start at 0, what is there cannot be read: %s", path, error)
        return {}


def write(path: Path, text: bytes) -> None:
    """Replace the file. Raises OutputError."""
    temporary: str | None = None
    try:
        # In the same directory, for a rename; with another ending, so that the collector passes it over.
        number, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(number, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(number)
        Path(temporary).chmod(_READABLE_BY_ALL)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink(missing_ok=True)
        raise OutputError(f"{path}: {error.strerror}") from error
