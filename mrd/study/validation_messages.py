"""Why a study file is refused: from a failed validation to one line that a person can act on.

What is allowed at a place is read from the JSON schema of the study, so that the sentence and the
check can never differ.
"""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import ErrorType

from mrd.study.yaml_file import Document, Location, Value
from scenes.base.errors import InputError, keys_of, nearest

Schema = dict[str, Any]

# Pydantic's own errors, which do not say what is allowed. The suite's say it in their message.
_WITHOUT_ADVICE = set(get_args(ErrorType)) - {"value_error", "extra_forbidden"}


def refusal(error: ValidationError, document: Document, model: type[BaseModel]) -> InputError:
    """Explain the first problem, in the order of the file.

    Parameters
    ----------
    error
        What validating the document raised.
    document
        The file.
    model
        What it was validated as.

    Returns
    -------
    InputError
        ``study.yaml:12: searches.shape.steps: -3 is not allowed; use a whole number from 1 to
        100000``, and the number of further problems where there are any.
    """
    problems: dict[Location, list[Any]] = {}
    for each in error.errors(include_url=False, include_context=False):
        problems.setdefault(_place(each, document.data), []).append(each)
    # A list that is too short because its items are wrong: the items are the problem.
    around = {place[:depth] for place in problems for depth in range(len(place))}
    places = [place for place in problems if place not in around]
    # A mistyped key is also a missing one: tell of the key that is there.
    places.sort(key=lambda place: (problems[place][0]["type"] == "missing", document.line(place)))
    first = places[0]
    text = _explain(first, problems[first], document.data, _schema_of(model))
    more = len(places) - 1
    return document.error(first, f"{text} (and {more} more)" if more else text)


def _place(problem: Any, data: Value) -> Location:
    """Location of a problem in the file; its last key need not be there if it is missing."""
    place: Location = keys_of(problem["loc"], data)
    if (
        problem["type"] != "missing"
        and place
        and not _holds(_step_all(place[:-1], data), place[-1])
    ):
        return place[:-1]
    return place


def _holds(node: Value, part: str | int) -> bool:
    return (isinstance(node, dict) and part in node) or (
        isinstance(node, list) and isinstance(part, int) and part < len(node)
    )


def _explain(place: Location, problems: list[Any], data: Value, schema: Schema) -> str:
    kinds = {each["type"] for each in problems}
    for each in problems:
        if each["type"] not in _WITHOUT_ADVICE:
            return str(each["msg"]).removeprefix("Value error, ")
    allowed = _allowed(place, data, schema)
    if "missing" in kinds:
        return f"is missing; use {allowed}" if allowed else "is missing; add it"
    value = _step_all(place, data)
    if "union_tag_not_found" in kinds and isinstance(value, dict):
        return f"'kind' is missing; use {allowed}"
    if kinds & {"union_tag_invalid"} and isinstance(value, dict):
        value = value.get("kind")
        return " ".join(
            f"kind {_shown(value)} is not allowed; "
            f"{_suggestion(value, _tags(place, data, schema))} use {allowed}".split()
        )
    if not allowed:
        return f"{_shown(value)} is not allowed: {problems[0]['msg']}"
    choices = _choices(place, data, schema)
    return " ".join(
        f"{_shown(value)} is not allowed; {_suggestion(value, choices)} use {allowed}".split()
    )


def _suggestion(value: Value, names: list[str]) -> str:
    return nearest(value, names) if isinstance(value, str) else ""


def _shown(value: Value) -> str:
    """Value as a message shows it: in YAML's words, on one line, not too long."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "an empty list" if not value else "this list"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "nothing (null)"}[value]
    text = f"'{value}'" if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _step(data: Value, part: str | int) -> Value:
    return data[part] if _holds(data, part) else None  # type: ignore[index]


def _step_all(place: Location, data: Value) -> Value:
    for part in place:
        data = _step(data, part)
    return data


# ---- What is allowed: the JSON schema, walked beside the file -----------------------------------


class _Lenient(GenerateJsonSchema):
    """A JSON schema that leaves out what has no place in a file, such as a loaded mesh."""

    def handle_invalid_for_json_schema(
        self,
        schema: CoreSchema,  # noqa: ARG002  the base class's signature
        error_info: str,  # noqa: ARG002
    ) -> JsonSchemaValue:
        return {"not": {}}


def _schema_of(model: type[BaseModel]) -> Schema:
    return model.model_json_schema(schema_generator=_Lenient)


def _members(schema: Schema, root: Schema) -> Iterator[Schema]:
    """Plain schemas that a schema offers: references followed, unions opened."""
    if "$ref" in schema:
        yield from _members(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], root)
    elif "anyOf" in schema or "oneOf" in schema:
        for member in schema["anyOf"] if "anyOf" in schema else schema["oneOf"]:
            yield from _members(member, root)
    elif schema and "not" not in schema and schema.get("type") != "null":
        yield schema


def _at(place: Location, data: Value, root: Schema) -> list[Schema]:
    """Schemas for a place of the file, as far as what stands around it decides."""
    schemas = list(_members(root, root))
    for part in place:
        schemas = [
            member
            for schema in _of_same_kind(schemas, data)
            for inside in [_inside(schema, part)]
            if inside is not None
            for member in _members(inside, root)
        ]
        data = _step(data, part)
    return schemas


def _of_same_kind(schemas: list[Schema], data: Value) -> list[Schema]:
    """Members of a tagged union that the mapping's own `kind` names; all, where it names none."""
    kind = data.get("kind") if isinstance(data, dict) else None
    named = [schema for schema in schemas if kind is not None and _kind(schema) == kind]
    return named or schemas


def _kind(schema: Schema) -> str | None:
    const = schema.get("properties", {}).get("kind", {}).get("const")
    return const if isinstance(const, str) else None


def _inside(schema: Schema, part: str | int) -> Schema | None:
    if isinstance(part, str):
        inside = schema.get("properties", {}).get(part, schema.get("additionalProperties"))
    else:
        fixed = schema.get("prefixItems", [])
        inside = fixed[part] if part < len(fixed) else schema.get("items")
    return inside if isinstance(inside, dict) else None


def _tags(place: Location, data: Value, schema: Schema) -> list[str]:
    return [kind for each in _at(place, data, schema) if (kind := _kind(each))]


def _choices(place: Location, data: Value, schema: Schema) -> list[str]:
    return [str(name) for each in _at(place, data, schema) for name in _names(each)]


def _names(schema: Schema) -> list[Any]:
    return schema["enum"] if "enum" in schema else [schema["const"]] if "const" in schema else []


def _allowed(place: Location, data: Value, schema: Schema) -> str:
    schemas = _at(place, data, schema)
    texts = [_in_words(each, schema) for each in schemas if not _kind(each)]
    if kinds := [kind for each in schemas if (kind := _kind(each))]:
        texts.append(f"a mapping with kind: {_either(kinds)}")
    return _either(list(dict.fromkeys(texts)))


def _either(texts: list[str]) -> str:
    return " or ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def _in_words(schema: Schema, root: Schema) -> str:
    if names := _names(schema):
        return _either([str(name) for name in names])
    words = {
        "integer": f"a whole number{_range(schema)}",
        "number": f"a number{_range(schema)}",
        "string": "text",
        "boolean": "true or false",
        "object": "a mapping (lines of 'key: value')",
    }
    if schema.get("type") == "array":
        return _list_in_words(schema, root)
    return words.get(str(schema.get("type")), "another value")


def _list_in_words(schema: Schema, root: Schema) -> str:
    items = schema.get("prefixItems") or [schema.get("items", {})]
    words = dict.fromkeys(_in_words(each, root) for item in items for each in _members(item, root))
    each = f", each {_either(list(words))}" if words else ""
    if "prefixItems" in schema:
        return f"a list of {len(items)} items{each}"
    return f"a list of at least one item{each}" if schema.get("minItems") == 1 else f"a list{each}"


def _range(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f" from {_number(low)} to {_number(high)}"
    bounds = [
        f"{word} {_number(bound)}"
        for word, bound in (
            ("above", above),
            ("of at least", low),
            ("at most", high),
            ("below", below),
        )
        if bound is not None
    ]
    return f" {' and '.join(bounds)}" if bounds else ""


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(value)
