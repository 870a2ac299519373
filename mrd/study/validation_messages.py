"""Validation errors of a study file as one line: the wrong value, and the allowed values.

The allowed values of a key are read from the JSON schema of the study, so that the message and the
check always agree.
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

# Pydantic's own messages do not name the allowed values, while those of the suite do.
_WITHOUT_ADVICE = set(get_args(ErrorType)) - {"value_error", "extra_forbidden"}


def refusal(error: ValidationError, document: Document, model: type[BaseModel]) -> InputError:
    """Return an error that explains the first problem in the file, and counts the others.

    For example ``study.yaml:12: searches.shape.steps: -3 is not allowed; use a whole number from 1
    to 100000 (and 2 more)``.
    """
    problems: dict[Location, list[Any]] = {}
    for each in error.errors(include_url=False, include_context=False):
        problems.setdefault(_place(each, document.data), []).append(each)
    # If a list is too short because its items are wrong, the items are the problem.
    parents = {place[:depth] for place in problems for depth in range(len(place))}
    places = [place for place in problems if place not in parents]
    # A mistyped key is also a missing key: prefer the problem of the key that is in the file.
    first = min(places, key=lambda at: (problems[at][0]["type"] == "missing", document.line(at)))
    text = _explain(first, problems[first], document.data, model)
    others = len(places) - 1
    return document.error(first, f"{text} (and {others} more)" if others else text)


def _place(problem: Any, data: Value) -> Location:
    """Return the location of a problem in the file; a missing key is the end of its location."""
    place: Location = keys_of(problem["loc"], data)
    if (
        place
        and problem["type"] != "missing"
        and not _holds(_value_at(place[:-1], data), place[-1])
    ):
        return place[:-1]
    return place


def _explain(place: Location, problems: list[Any], data: Value, model: type[BaseModel]) -> str:
    for each in problems:
        if each["type"] not in _WITHOUT_ADVICE:
            return str(each["msg"]).removeprefix("Value error, ")
    types = {each["type"] for each in problems}
    root = model.model_json_schema(schema_generator=_Lenient)
    schemas = _schemas_at(place, data, root)
    allowed = _in_words(schemas, root)
    if "missing" in types:
        return f"is missing; use {allowed}" if allowed else "is missing; add it"
    value = _value_at(place, data)
    if "union_tag_not_found" in types and isinstance(value, dict):
        return f"'kind' is missing; use {allowed}"
    if "union_tag_invalid" in types and isinstance(value, dict):
        value = value.get("kind")
        shown, names = f"kind {_shown(value)}", _kinds(schemas)
    else:
        shown, names = _shown(value), [str(name) for each in schemas for name in _names(each)]
    if not allowed:
        return f"{shown} is not allowed: {problems[0]['msg']}"
    suggestion = nearest(value, names) if isinstance(value, str) else ""
    return " ".join(f"{shown} is not allowed; {suggestion} use {allowed}".split())


# ---- Values of the file ---------------------------------------------------------------------


def _holds(node: Value, part: str | int) -> bool:
    return (isinstance(node, dict) and part in node) or (
        isinstance(node, list) and isinstance(part, int) and part < len(node)
    )


def _value_at(place: Location, data: Value) -> Value:
    for part in place:
        data = data[part] if _holds(data, part) else None  # type: ignore[index]
    return data


def _shown(value: Value) -> str:
    """Return a value for a message, about as in YAML, cut after 60 letters."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "this list" if value else "an empty list"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "nothing (null)"}[value]
    text = f"'{value}'" if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


# ---- The JSON schema ------------------------------------------------------------------------


class _Lenient(GenerateJsonSchema):
    """A JSON schema that allows no value where a file cannot contain one, such as a mesh."""

    def handle_invalid_for_json_schema(
        self,
        schema: CoreSchema,  # noqa: ARG002  the base class's signature
        error_info: str,  # noqa: ARG002
    ) -> JsonSchemaValue:
        return {"not": {}}


def _members(schema: Schema, root: Schema) -> Iterator[Schema]:
    """Yield the alternatives of a schema: references are resolved, unions split."""
    if "$ref" in schema:
        yield from _members(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], root)
    elif union := schema.get("anyOf", schema.get("oneOf")):
        for member in union:
            yield from _members(member, root)
    elif schema and "not" not in schema and schema.get("type") != "null":
        yield schema


def _schemas_at(place: Location, data: Value, root: Schema) -> list[Schema]:
    """Return the schemas that apply at a location, by the `kind` of the mappings around it."""
    schemas = list(_members(root, root))
    for depth, part in enumerate(place):
        around = _value_at(place[:depth], data)
        kind = around.get("kind") if isinstance(around, dict) else None
        if kind in _kinds(schemas):
            schemas = [each for each in schemas if kind in _kinds([each])]
        schemas = [member for each in schemas for member in _members(_property(each, part), root)]
    return schemas


def _property(schema: Schema, part: str | int) -> Schema:
    """Return the schema of a key or list item inside `schema`; {} if there is none."""
    if isinstance(part, str):
        inner = schema.get("properties", {}).get(part, schema.get("additionalProperties"))
    else:
        fixed = schema.get("prefixItems", [])
        inner = fixed[part] if part < len(fixed) else schema.get("items")
    return inner if isinstance(inner, dict) else {}


def _kinds(schemas: list[Schema]) -> list[str]:
    """Return the values of `kind` in the schemas of a union of mappings."""
    tags = (each.get("properties", {}).get("kind", {}).get("const") for each in schemas)
    return [tag for tag in tags if isinstance(tag, str)]


def _names(schema: Schema) -> list[Any]:
    return schema["enum"] if "enum" in schema else [schema["const"]] if "const" in schema else []


# ---- In words -------------------------------------------------------------------------------


def _in_words(schemas: list[Schema], root: Schema) -> str:
    texts = [_words_of(each, root) for each in schemas if not _kinds([each])]
    if kinds := _kinds(schemas):
        texts.append(f"a mapping with kind: {_either(kinds)}")
    return _either(texts)


def _words_of(schema: Schema, root: Schema) -> str:
    if names := _names(schema):
        return _either([str(name) for name in names])
    match schema.get("type"):
        case "integer":
            return f"a whole number{_range(schema)}"
        case "number":
            return f"a number{_range(schema)}"
        case "string":
            return "text"
        case "boolean":
            return "true or false"
        case "object":
            return "a mapping (lines of 'key: value')"
        case "array":
            return _list_in_words(schema, root)
    return "another value"


def _list_in_words(schema: Schema, root: Schema) -> str:
    items = schema.get("prefixItems") or [schema.get("items", {})]
    words = [_words_of(each, root) for item in items for each in _members(item, root)]
    each = f", each {_either(words)}" if words else ""
    if "prefixItems" in schema:
        return f"a list of {len(items)} items{each}"
    return f"a list of at least one item{each}" if schema.get("minItems") == 1 else f"a list{each}"


def _either(texts: list[str]) -> str:
    texts = list(dict.fromkeys(texts))
    return " or ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def _range(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" from {_number(low)} to {_number(high)}"
    bounds = {
        "above": schema.get("exclusiveMinimum"),
        "of at least": low,
        "at most": high,
        "below": schema.get("exclusiveMaximum"),
    }
    texts = [f"{word} {_number(bound)}" for word, bound in bounds.items() if bound is not None]
    return f" {' and '.join(texts)}" if texts else ""


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(value)
