"""Keys of Secrets and ConfigMaps that a probe may ask for: mounted by name, read by its prober alone."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Literal

from .rules import Model
from .scalars import DataKey, ObjectName


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


class SecretKey(MountedKey):
    """A key of a Secret."""

    secret_name: ObjectName
    """Secret in the check's namespace, whose name begins with ipsecping- or is permitted by the operator
    (--allow-secrets). It is mounted into the probe pod by name; the operator does not read it."""
    key: DataKey
    """Key in the Secret's data."""

    kind = "Secret"
    name_field = "secretName"

    @property
    def object_name(self) -> str:
        """See MountedKey."""
        return self.secret_name

    @property
    def data_key(self) -> str:
        """See MountedKey."""
        return self.key


def mounted_in(model: Model, prefix: str = "") -> Iterator[tuple[str, MountedKey]]:
    """Yield every key that a model names, with the path of its field below the model."""
    for name, field in type(model).model_fields.items():
        value, path = getattr(model, name), f"{prefix}{field.alias or name}"
        if isinstance(value, MountedKey):
            yield path, value
        elif isinstance(value, Model):
            yield from mounted_in(value, f"{path}.")
