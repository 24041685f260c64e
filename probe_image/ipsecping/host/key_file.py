"""A file of keys on disk, and when it changes. The keys' form: see `wire.authentication`."""

from pathlib import Path

from ..bounded_file import read_bounded
from ..wire.authentication import MalformedKeys, UnmarkedKey, parse_keys
from .file_watch import FileWatch

MAX_OCTETS = 65_536


class KeyFileError(Exception):
    """The file is absent, empty or malformed; the message names the file and the line, never a key."""


class KeyNotPermitted(KeyFileError):
    """A key of the file is not in the marked form that is asked for."""


class KeyFile:
    """A file of keys that may be replaced at any time."""

    def __init__(self, path: Path, *, marked: bool = False) -> None:
        """`marked`: only keys in marked form are accepted, see `wire.authentication`."""
        self.path = path
        self._marked = marked
        self._watch = FileWatch(path)

    def changed(self) -> bool:
        """Whether the file is another one than at the last call (True at the first)."""
        return self._watch.changed()

    def read(self) -> tuple[bytes, ...]:
        """The keys, of which the first signs. Raises KeyFileError, of which KeyNotPermitted is one."""
        try:
            content = read_bounded(self.path, MAX_OCTETS).decode()
            return parse_keys(content, marked=self._marked)
        except OSError as error:
            raise KeyFileError(f"key file {self.path}: {error.strerror}") from error
        except UnicodeDecodeError:
            raise KeyFileError(f"key file {self.path}: not text; write binary keys as hex:...") from None
        except UnmarkedKey as error:
            raise KeyNotPermitted(f"key file {self.path}: {error}") from None
        except MalformedKeys as error:
            raise KeyFileError(f"key file {self.path}: {error}") from None
