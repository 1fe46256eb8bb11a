"""JSON Schemas of what goes in and out, and what does not fit them.

OpenAPI 3.1 and the check of a body use the same schema objects (JSON Schema 2020-12).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.validators import extend

Schema = Mapping[str, Any]

#: More than this many faults say nothing new.
_MAX_FAULTS: Final = 20


def text(
    description: str, *, most: int = 255, least: int = 0, pattern: str = ""
) -> dict[str, Any]:
    """Return the schema of a string of *least* to *most* characters."""
    schema: dict[str, Any] = {"type": "string", "description": description}
    schema["maxLength"] = most
    if least:
        schema["minLength"] = least
    if pattern:
        schema["pattern"] = pattern
    return schema


def name(description: str) -> dict[str, Any]:
    """Return the schema of a name of the policy, such as `user:alice`."""
    kinds = "user|group|role|auth|token"
    return text(description, least=3, pattern=rf"^(?:{kinds}):[^\u0000-\u001f*]+$")


def flag(description: str) -> dict[str, Any]:
    """Return the schema of true or false."""
    return {"type": "boolean", "description": description}


def number(description: str, *, least: int = 0, most: int = 2**53) -> dict[str, Any]:
    """Return the schema of a whole number."""
    return {
        "type": "integer",
        "description": description,
        "minimum": least,
        "maximum": most,
    }


def choice(description: str, *words: str) -> dict[str, Any]:
    """Return the schema of one of *words*."""
    return {"type": "string", "description": description, "enum": list(words)}


def moment(description: str) -> dict[str, Any]:
    """Return the schema of a time with zone (RFC 3339)."""
    return {"type": "string", "format": "date-time", "description": description}


def array(
    items: Schema, description: str, *, most: int | None = None
) -> dict[str, Any]:
    """Return the schema of a list of *items*."""
    schema: dict[str, Any] = {
        "type": "array",
        "items": items,
        "description": description,
    }
    if most is not None:
        schema["maxItems"] = most
    return schema


def nullable(schema: Schema) -> dict[str, Any]:
    """Return *schema*, or null."""
    return {**schema, "type": [schema["type"], "null"]}


def open_record(
    required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None
) -> dict[str, Any]:
    """Return the schema of an object with these fields and any others."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
    }


def record(
    required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None
) -> dict[str, Any]:
    """Return the schema of an object with these fields and no others."""
    return {**open_record(required, optional), "additionalProperties": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing in a body that does not fit. It never repeats what was sent."""

    #: Where, as a JSON Pointer (RFC 6901) in a URI fragment: `#/methods/0`.
    pointer: str
    detail: str


def faults(schema: Schema, value: Any) -> tuple[Fault, ...]:
    """Return what does not fit *schema* in *value*; empty if all does."""
    found = []
    for error in _Strict(schema).iter_errors(value):
        found += list(_faults(error))
        if len(found) >= _MAX_FAULTS:
            break
    return tuple(found[:_MAX_FAULTS])


def _faults(error: Any) -> Iterator[Fault]:
    path = list(error.absolute_path)
    if error.validator == "required":
        for field in error.validator_value:
            if field not in error.instance:
                yield Fault(pointer=_pointer([*path, field]), detail="is missing")
    elif error.validator == "additionalProperties":
        for field in error.instance:
            if field not in error.schema["properties"]:
                yield Fault(
                    pointer=_pointer([*path, field]), detail="there is no such field"
                )
    else:
        yield Fault(
            pointer=_pointer(path),
            detail=_detail(error.validator, error.validator_value),
        )


def _detail(rule: str, limit: Any) -> str:
    """Return what does not fit in words; never what was sent."""
    match rule:
        case "type":
            return (
                f"must be {' or '.join([limit] if isinstance(limit, str) else limit)}"
            )
        case "enum":
            return f"must be one of {', '.join(f'`{word}`' for word in limit)}"
        case _:
            return _PLAIN.get(rule, "does not fit").format(limit)


_PLAIN: Final = {
    "oneOf": "has none of the known forms",
    "const": "must be `{}`",
    "maxLength": "has more than {} characters",
    "minLength": "has fewer than {} characters",
    "maxItems": "has more than {} items",
    "minItems": "has fewer than {} items",
    "minimum": "is less than {}",
    "maximum": "is more than {}",
    "uniqueItems": "holds the same twice",
    "pattern": "does not have the form of one",
}


def _pointer(path: list[Any]) -> str:
    parts = (str(part)[:80].replace("~", "~0").replace("/", "~1") for part in path)
    return "#" + "".join(f"/{_UNSAFE.sub(_escaped, part)}" for part in parts)


_UNSAFE: Final = re.compile(r"[^\w.~!$&'()*+,;=:@/?-]", re.ASCII)


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "replace"))


def _is_integer(_: Any, value: Any) -> bool:
    # JSON Schema takes 1.0 for an integer; a program that sends it has a mistake.
    return isinstance(value, int) and not isinstance(value, bool)


_Strict: Final = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)
