"""The keys a reflector accepts, from a file that may change while it runs."""

import logging

from ..host.key_file import KeyFile, KeyFileError

log = logging.getLogger(__name__)


class KeyRing:
    """All keys of the file are accepted; an answer is signed with the key of its request.

    So senders and reflectors may change to a new first key in any order.
    """

    def __init__(self, file: KeyFile) -> None:
        """Raises KeyFileError."""
        self._file = file
        file.changed()
        self.keys = file.read()
        """As of the last good reading."""
        self.trouble: str | None = None
        """Why the file as it is now could not be taken over."""

    def reload(self) -> None:
        """Take over the file if it has changed; a broken one leaves the keys as they are."""
        if not self._file.changed():
            return
        try:
            self.keys = self._file.read()
        except KeyFileError as error:
            self.trouble = str(error)
            log.error("new keys not taken, the old ones stay valid: %s", error)
            return
        self.trouble = None
        log.info("key file %s: %d keys", self._file.path, len(self.keys))
