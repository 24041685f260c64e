"""Fields of a JSON object that nobody asked for: misspelt ones, or of a newer version. Pure."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from .fields import shown

T = TypeVar("T")

MOST = 5
"""So many are named."""


class _Watched(dict[str, Any]):
    """An object that knows which of its fields were asked for."""

    def __init__(self, content: dict[str, Any]) -> None:
        super().__init__(content)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None, /) -> Any:
        self.asked.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str, /) -> Any:
        self.asked.add(key)
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[str]:
        self.asked.update(self.keys())
        return super().__iter__()


def unread(read: Callable[[object], T], value: object, path: str) -> list[str]:
    """Paths of the first `MOST` fields that `read` passes over in `value`; raises what it raises."""
    watched = _watch(value)
    read(watched)
    return sorted(_passed_over(watched, path))[:MOST]


def _watch(value: object) -> object:
    if isinstance(value, dict):
        return _Watched({key: _watch(each) for key, each in value.items()})
    return [_watch(each) for each in value] if isinstance(value, list) else value


def _passed_over(value: object, path: str) -> Iterator[str]:
    if isinstance(value, _Watched):
        for key, each in value.items():
            if key in value.asked:
                yield from _passed_over(each, f"{path}.{key}")
            else:
                yield f"{path}: {shown(key)}"
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _passed_over(each, f"{path}[{number}]")
