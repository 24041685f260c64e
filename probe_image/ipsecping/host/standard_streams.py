"""Standard input, output and error that may be closed, full, or a pipe that nobody reads any more.

Wherever the program writes at that moment, it shall end with one line that says so, not with a traceback. So
lost output raises an exception that no handler of errors catches, neither ours nor an event loop's.
"""

import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO


class OutputLost(SystemExit):
    """Standard output takes nothing more; a SystemExit, which event loops let through."""

    def __init__(self, error: OSError) -> None:
        super().__init__(1)
        self.unread = error.errno == errno.EPIPE
        """Whoever read it has seen enough, as `head` has: that is no error."""
        self.strerror = error.strerror or str(error)


class _Output(io.RawIOBase):
    """A file descriptor to write to; what is written after a failure is dropped."""

    def __init__(self, number: int, *, needed: bool) -> None:
        self._number = number
        self.needed = needed
        self._lost = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def write(self, data: object, /) -> int:
        octets = memoryview(data)  # type: ignore[arg-type]
        if self._lost:
            return octets.nbytes
        try:
            return os.write(self._number, octets)
        except BlockingIOError:
            raise
        except OSError as error:
            self._lost = True
            if self.needed:
                raise OutputLost(error) from None
            return octets.nbytes


@contextmanager
def guarded() -> Iterator[None]:
    """Guard the streams of this process, where they are those that it was started with.

    What is closed becomes /dev/null: no socket shall get its number, nor what is printed end up there. Raises
    OutputLost as soon as standard output takes nothing more; of standard error that is ignored. Characters
    that the terminal has not, as in names of others, are shown as escapes.
    """
    _open_closed()
    for name, needed in (("stdout", True), ("stderr", False)):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__") and isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, _over(stream, needed=needed))
    try:
        yield
    except OutputLost:
        raise
    except SystemExit:  # as argparse ends after --help
        sys.stdout.flush()
        raise
    sys.stdout.flush()


def run_guarded(program: str, run: Callable[[], int], *, lost: int) -> int:
    """Run a program with its streams guarded; returns its exit code, or `lost` where its output was.

    One line says so, but where whoever read the output has seen enough.
    """
    try:
        with guarded():
            return run()
    except OutputLost as error:
        if not error.unread:
            sys.stderr.write(f"{program}: cannot write to standard output: {error.strerror}\n")
        return lost


def output_may_be_lost() -> None:
    """Let a program that runs for ever go on without its standard output."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, _Output):
        raw.needed = False


def _open_closed() -> None:
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is not None:
            continue
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        stream = open(number, mode, closefd=False)  # noqa: SIM115 - for as long as the process lasts
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _over(stream: io.TextIOWrapper, *, needed: bool) -> TextIO:
    """A stream to the same place; what the first one holds is written before."""
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(stream.fileno(), needed=needed)),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering or not needed,
    )
