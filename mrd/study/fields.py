"""Types of values that several sections of a study file share."""

from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Item = TypeVar("Item")

MOST_LETTERS = 40
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


def distinct(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Return the items; raise `ValueError` if one occurs twice."""
    repeated = sorted({str(item) for item in items if items.count(item) > 1})
    if repeated:
        raise ValueError(f"{', '.join(repeated)} is named more than once; name each once")
    return items


def _file_name(name: str) -> str:
    if not name or name[0] in "_-" or not set(name) <= _LETTERS or len(name) > MOST_LETTERS:
        raise ValueError(
            f"'{name}' cannot name a file or folder; use at most {MOST_LETTERS} lower-case "
            "letters, digits, '_' and '-', with a letter or digit first"
        )
    return name


def misplaced(model: str, location: tuple[str | int, ...], text: str) -> ValidationError:
    """Return a validation error about one key, found at `location` inside a pydantic model."""
    # Pydantic would fill in braces in the text if the error had a context.
    kind = PydanticCustomError("misplaced", text)
    return ValidationError.from_exception_data(
        model, [InitErrorDetails(type=kind, loc=location, input=None)]
    )


# Strict numbers: YAML's `true` and `"30"` are mistakes, not 1 and 30.
Count = Annotated[int, Field(strict=True, ge=1, le=100_000)]
Seed = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
Rate = Annotated[float, Field(strict=True, gt=0, le=10)]
Weight = Annotated[float, Field(strict=True, ge=0, le=1000)]
FileName = Annotated[str, AfterValidator(_file_name)]
Names = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(distinct)]
