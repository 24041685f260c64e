"""A file with one secret, such as a password: what an HTTP request carries."""

from pathlib import Path

from ..bounded_file import read_bounded
from ..wire.authentication import MalformedKeys, parse_keys
from .file_watch import FileWatch

MAX_OCTETS = 8192


class SecretFileError(Exception):
    """The file is absent, empty or unusable; the message names it, never what is in it."""


class SecretFile:
    """A file with a secret that may be replaced at any time."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._watch = FileWatch(self._path)
        self._secret = ""

    def read(self) -> str:
        """The secret, without the line break at its end. Raises SecretFileError.

        A marked key of STAMP's is refused: it signs, and is never to be sent (see `wire.authentication`).
        """
        if self._watch.changed() or not self._secret:
            self._secret = ""
            self._secret = self._read()
        return self._secret

    def _read(self) -> str:
        try:
            secret = read_bounded(self._path, MAX_OCTETS).decode().rstrip("\r\n")
        except OSError as error:
            raise SecretFileError(f"{self._path}: {error.strerror}") from error
        except UnicodeDecodeError:
            raise SecretFileError(f"{self._path}: not text") from None
        if not secret or not secret.isprintable():
            raise SecretFileError(f"{self._path}: not one line of 1 to {MAX_OCTETS} bytes")
        if _is_key(secret):
            raise SecretFileError(f"{self._path}: a key that signs packets, which is not to be sent")
        return secret


def _is_key(secret: str) -> bool:
    try:
        return bool(parse_keys(secret, marked=True))
    except MalformedKeys:
        return False
