"""Validation rules that are told twice: in CEL for the API server, in Python for `render` and the operator.

Both forms stand side by side in one `Rule`, so that they are read and changed together; tests/api puts the
same mistakes to a real API server and to Python and compares what they say.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

Reason = Literal["FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired"]
ERROR_TYPE = "rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One constraint on a value.

    `cel` sees the value as `self`; `holds` gets the same value (a model or a scalar) and agrees with it.
    `field` is the path below the value that a user has to edit (`.cron`); where several items may be it,
    `culprits` returns their names, which follow on the message. The API server says none: of a name that an
    expression finds in a list it reckons no bound, and refuses a messageExpression that has it.
    """

    cel: str
    holds: Callable[[Any], bool]
    message: str
    field: str = ""
    reason: Reason = "FieldValueInvalid"
    culprits: Callable[[Any], Sequence[str]] | None = None

    def schema(self) -> dict[str, str]:
        """The rule as an item of x-kubernetes-validations."""
        content = {"rule": self.cel, "message": self.message, "reason": self.reason}
        if self.field:
            content["fieldPath"] = self.field
        return content

    def violation(self, value: Any) -> "Violation | None":
        """What is wrong with `value`, or None."""
        if self.holds(value):
            return None
        named = f"; see {', '.join(self.culprits(value))}" if self.culprits is not None else ""
        return Violation(field=self.field, message=self.message + named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A broken rule; `field` is relative to the value that was checked."""

    field: str
    message: str


def _enforce(rules: tuple[Rule, ...], value: Any) -> None:
    violations = [found for rule in rules if (found := rule.violation(value))]
    if violations:
        text = "; ".join(violation.message for violation in violations)
        raise PydanticCustomError(ERROR_TYPE, "{text}", {"text": text, "violations": violations})


class Rules:
    """Annotation that attaches rules to a scalar, a list or a map: `Annotated[str, Rules(...)]`."""

    def __init__(self, *rules: Rule) -> None:
        self.rules = rules

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def check(value: Any) -> Any:
            _enforce(self.rules, value)
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return with_rules(handler(schema), self.rules)


def matching(pattern: str, message: str) -> Rules:
    """Annotate a string that a regular expression has to match whole (RE2 and Python read it alike).

    A rule and not the keyword `pattern`: of that the API server says the expression and no more.
    """
    quoted = pattern.replace("\\", "\\\\").replace("'", "\\'")
    return Rules(
        Rule(
            cel=f"self.matches('{quoted}')",
            holds=lambda text: re.fullmatch(pattern, text) is not None,
            message=message,
        )
    )


class ListMap:
    """Annotation of a list whose items are told apart by the given keys (x-kubernetes-list-type: map)."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def check(items: tuple[Model, ...] | None) -> tuple[Model, ...] | None:
            seen: set[tuple[Any, ...]] = set()
            for index, item in enumerate(items or ()):
                identity = tuple(getattr(item, key) for key in self.keys)
                if identity in seen:
                    text = f"duplicate of another item with the same {', '.join(self.keys)}"
                    violation = Violation(field=f"[{index}]", message=text)
                    raise PydanticCustomError(ERROR_TYPE, "{text}", {"text": text, "violations": [violation]})
                seen.add(identity)
            return items

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": list(self.keys),
        }


def with_rules(schema: Mapping[str, Any], rules: tuple[Rule, ...]) -> dict[str, Any]:
    """`schema` with the rules' CEL form added."""
    listed = [*schema.get("x-kubernetes-validations", []), *(rule.schema() for rule in rules)]
    return {**schema, "x-kubernetes-validations": listed} if listed else dict(schema)


class Model(BaseModel):
    """Base of every API type: frozen, camelCase in JSON, no unknown fields, docstrings as descriptions."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )
    rules: ClassVar[tuple[Rule, ...]] = ()

    @classmethod
    def rule_set(cls) -> tuple[Rule, ...]:
        """Return `rules`; a model whose rules follow from the declared probe types makes them here."""
        return cls.rules

    @model_validator(mode="after")
    def _obey_rules(self) -> Self:
        _enforce(type(self).rule_set(), self)
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return with_rules(handler.resolve_ref_schema(handler(schema)), cls.rule_set())
