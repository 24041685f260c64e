"""Keys of Secrets and ConfigMaps that a probe may ask for: mounted by name, read by its prober alone."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Literal

from .rules import Model


class MountedKey(Model):
    """One key in the data of an object of the check's namespace."""

    kind: ClassVar[Literal["Secret", "ConfigMap"]]
    name_field: ClassVar[str]
    """The field that names the object."""
    use: ClassVar[str]
    """What the prober does with it, to end `no usable key KEY, which PROBE ...`."""
    content: ClassVar[str] = "key"
    """What has to be there."""

    @property
    @abstractmethod
    def object_name(self) -> str:
        """Return the name of the object."""

    @property
    @abstractmethod
    def data_key(self) -> str:
        """Return the key in its data."""


def mounted_in(model: Model, prefix: str = "") -> Iterator[tuple[str, MountedKey]]:
    """Yield every key that a model names, with the path of its field below the model."""
    for name, field in type(model).model_fields.items():
        value, path = getattr(model, name), f"{prefix}{field.alias or name}"
        if isinstance(value, MountedKey):
            yield path, value
        elif isinstance(value, Model):
            yield from mounted_in(value, f"{path}.")
