"""When a file changes.

The kubelet swaps a symbolic link when a ConfigMap or a Secret changes, so the file behind the path becomes
another one: comparing device, inode, size and time notices that for the price of one stat(2).
"""

from pathlib import Path


class FileWatch:
    """Looks whether the file has changed since the last look."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int, int] | None = None
        self._looked = False

    def changed(self) -> bool:
        """Whether the file is another one than at the last call (True at the first). Never raises."""
        try:
            found = self.path.stat()
            now = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        except OSError:
            now = None
        if self._looked and now == self._seen:
            return False
        self._seen, self._looked = now, True
        return True
