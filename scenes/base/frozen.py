"""Base class of all data records, and validators for numbers."""

import re
from numbers import Integral, Real
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    ModelWrapValidatorHandler,
    Strict,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from scenes.base.errors import nearest

# Any finite number; text and booleans are refused.
Number = Annotated[float, Strict()]
Triple = tuple[Number, Number, Number]


class Frozen(BaseModel):
    """An immutable record that refuses unknown keys and numbers that are not finite."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False
    )

    @model_validator(mode="wrap")
    @classmethod
    def _say_what_is_allowed(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            problems = [
                InitErrorDetails(
                    type=PydanticCustomError(each["type"], _message(cls, each), each.get("ctx")),
                    loc=each["loc"],
                    input=each["input"],
                )
                for each in error.errors(include_url=False)
            ]
            raise ValidationError.from_exception_data(cls.__name__, problems) from None


def _message(model: type[BaseModel], problem: Any) -> str:
    """Return the message of a problem; for an unknown word, add the nearest and all valid words."""
    context = problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden" if len(problem["loc"]) == 1:
            wrong, valid = str(problem["loc"][0]), list(model.model_fields)
            text = f"unknown key '{wrong}'"
        case "union_tag_invalid":
            wrong, valid = str(context["tag"]), re.findall(r"'([^']*)'", context["expected_tags"])
            text = f"'{wrong}' is no {context['discriminator'].strip(chr(39))}"
        case "literal_error" if isinstance(problem["input"], str):
            wrong, valid = problem["input"], re.findall(r"'([^']*)'", context["expected"])
            text = f"'{wrong}' is not allowed"
        case "union_tag_not_found":
            return f"{context['discriminator'].strip(chr(39))} is missing"
        case "model_type" | "model_attributes_type":
            return "use a mapping of keys to values"
        case _:
            return str(problem["msg"])
    return " ".join(f"{text}; {nearest(wrong, valid)} allowed: {', '.join(valid)}".split())


def by_type(message: str, **types: type | tuple[type, ...]) -> Discriminator:
    """Return a discriminator that tags each value by its Python type; `message` is for others."""

    def tag(value: Any) -> str | None:
        return next((name for name, each in types.items() if isinstance(value, each)), None)

    return Discriminator(tag, custom_error_type="form", custom_error_message=message)


def between(low: float, high: float, *, above_low: bool = False) -> BeforeValidator:
    """Return a validator for a number in a range, for ``Annotated[float, between(0, 1)]``."""
    allowed = f"above {low:g}, up to {high:g}" if above_low else f"{low:g} to {high:g}"

    def check(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, Real):
            raise PydanticCustomError(
                "number", "use a number; allowed: {allowed}", {"allowed": allowed}
            )
        number = int(value) if isinstance(value, Integral) else float(value)
        if number > high or number < low or (above_low and number == low):
            raise PydanticCustomError(
                "out_of_range",
                "{value} is out of range; allowed: {allowed}",
                {"value": f"{number:g}", "allowed": allowed},
            )
        return number

    return BeforeValidator(check)
