"""Models that follow from the declared probe types: made when they are needed, not on import."""

import json
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class Derived:
    """Annotation of a model that has a field for each type: `Annotated[Probe, Derived(probe_model)]`.

    What is annotated is the part that all types share; `make` returns the whole.
    """

    def __init__(self, make: Callable[[], type[BaseModel]]) -> None:
        self.make = make

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        model = self.make()
        return model.__get_pydantic_json_schema__(model.__pydantic_core_schema__, handler)

    def _read(self, value: Any, info: ValidationInfo) -> BaseModel:
        """Read it; errors of its fields are told as those of any other model."""
        model = self.make()
        if info.mode == "json":
            return model.model_validate_json(json.dumps(value), strict=True, by_alias=True, by_name=False)
        return model.model_validate(value)


def joined(words: list[str], conjunction: str) -> str:
    """Write `a, b and c`."""
    *others, last = words
    return f"{', '.join(others)} {conjunction} {last}" if others else last
