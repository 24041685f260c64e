"""Reads whole files that have to be small: nobody's file without end is taken into memory."""

import errno
from pathlib import Path


def read_bounded(path: Path, most: int) -> bytes:
    """Read a file of at most `most` bytes. Raises OSError; for a larger one it names the limit."""
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most} bytes", str(path))
    return content
