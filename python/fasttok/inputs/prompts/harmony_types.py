"""Function tools as the harmony format writes them: JSON Schemas as types that look like TypeScript.

What it gives is text for a model, not a language: texts of a schema stand in it as they are, and what has no rule is
``any``. Knows no message and no token.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from fasttok.errors import InputError

_NAMES = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean"}


def tools_section(namespaces: Mapping[str, Any]) -> str:
    """The section of a system or developer message that lists tools, by namespace in the order of their keys."""
    return "\n\n".join(["# Tools", *(_namespace(namespaces[key]) for key in sorted(namespaces, key=str.encode))])


def _namespace(space: Mapping[str, Any]) -> str:
    tools = space.get("tools") or []
    comment = "// " if tools else ""
    lines = [f"## {space['name']}\n", *(comment + line for line in _lines(space.get("description") or ""))]
    if tools:
        lines.append(f"namespace {space['name']} {{\n")
        for tool in tools:
            lines += [f"// {line}" for line in _lines(tool.get("description") or "")]
            parameters = tool.get("parameters")
            taken = "()" if parameters is None else f"(_: {type_of(parameters)})"
            lines.append(f"type {tool['name']} = {taken} => any;\n")
        lines.append(f"}} // namespace {space['name']}")
    return "\n".join(lines)


def _lines(text: str) -> list[str]:
    """Lines as Rust has them: ended by a line feed, with or without a carriage return before it."""
    lines = text.split("\n")
    last = lines.pop()
    return [line.removesuffix("\r") for line in lines] + ([last] if last else [])


def type_of(schema: Any, indent: str = "") -> str:
    """The type that a JSON Schema describes; `indent` is what its lines begin with."""
    if not isinstance(schema, dict):
        return "any"
    if isinstance(choices := schema.get("oneOf"), list):
        each = (_choice(choice, indent, False, _default(choice, of_property=False)) for choice in choices)
        return "".join(f"\n{indent} | {choice}" for choice in each)
    kind = schema.get("type")
    if isinstance(kind, list):
        names = ["number" if name == "integer" else name for name in kind if isinstance(name, str)]
        return " | ".join(names) or "any"
    if kind == "object":
        described = schema.get("description")
        comment = f"{indent}// {described}\n" if isinstance(described, str) else ""
        return f"{comment}{{\n{''.join(_properties(schema, indent))}{indent}}}"
    if kind == "array":
        return f"{type_of(schema['items'], indent)}[]" if "items" in schema else "Array<any>"
    if kind == "string" and isinstance(values := schema.get("enum"), list):
        quoted = [f'"{value}"' for value in values if isinstance(value, str)]
        return " | ".join(quoted) or "string"
    return _NAMES.get(kind, "any") if isinstance(kind, str) else "any"


def _properties(schema: Mapping[str, Any], indent: str) -> Iterator[str]:
    properties = schema.get("properties")
    required = schema.get("required")
    needed = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    for name, value in properties.items() if isinstance(properties, dict) else ():
        given = value if isinstance(value, dict) else {}
        key = f"{indent}{name}{'' if name in needed else '?'}:"
        yield from (f"{indent}{line}\n" for line in _comments(given))
        if isinstance(choices := given.get("oneOf"), list):
            yield f"{key}\n"
            for index, choice in enumerate(choices):
                # What is said of the whole is not said again; the first stands below it.
                said = _said(given, "description")
                is_told = said is not None and (index == 0 or _said(choice, "description") == said)
                yield f"{indent} | {_choice(choice, indent, is_told, _default(choice))}\n"
            yield f"{indent},\n"
        else:
            default = f" // {told}" if "oneOf" not in given and (told := _default(given)) else ""
            yield f"{key} {_nullable(given, type_of(value, indent + '    '))},{default}\n"


def _comments(schema: Mapping[str, Any]) -> Iterator[str]:
    """What stands before a property."""
    if (title := _said(schema, "title")) is not None:
        yield f"// {title}"
        yield "//"
    described = _said(schema, "description")
    if "oneOf" not in schema and described is not None:
        yield f"// {described}"
    if isinstance(examples := schema.get("examples"), list) and examples:
        yield "// Examples:"
        yield from (f'// - "{example}"' for example in examples if isinstance(example, str))
    if isinstance(choices := schema.get("oneOf"), list):
        first = _said(choices[0], "description") if choices else None
        if described is not None and described != first:
            yield f"// {described}"
        if default := _default(schema):
            yield f"// {default}"


def _choice(schema: Any, indent: str, is_told: bool, default: str | None) -> str:
    """One of several types, with what is said of it behind it unless that `is_told` already."""
    described = None if is_told else _said(schema, "description")
    comments = [comment for comment in (described, default) if comment is not None]
    comment = f" // {' '.join(comments)}" if comments else ""
    return _nullable(schema, type_of(schema, f"{indent}   ")) + comment


def _said(schema: Any, key: str) -> str | None:
    """The text that a schema has by this key."""
    value = schema.get(key) if isinstance(schema, dict) else None
    return value if isinstance(value, str) else None


def _nullable(schema: Any, kind: str) -> str:
    is_nullable = isinstance(schema, dict) and schema.get("nullable") is True
    return f"{kind} | null" if is_nullable and "null" not in kind else kind


def _default(schema: Any, *, of_property: bool = True) -> str | None:
    """What is said of a default, if there is one. A text stands in quotes; one of several values of a property without
    them, and elsewhere as JSON has it."""
    if not isinstance(schema, dict) or "default" not in schema:
        return None
    value = schema["default"]
    if not isinstance(value, str):
        return f"default: {_json(value)}"
    if isinstance(values := schema.get("enum"), list) and values:
        return f"default: {value if of_property else _json(value)}"
    return f'default: "{value}"'


def _json(value: Any) -> str:
    """Compact JSON, its numbers as openai-harmony has them."""
    if isinstance(value, dict):
        return f"{{{','.join(f'{_json(str(key))}:{_json(each)}' for key, each in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_json, value))}]"
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return _number(str(value))
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"{value} in a schema is no number of JSON")
        return _number(repr(value))
    return json.dumps(value, ensure_ascii=False)


def _number(written: str) -> str:
    """A number as that library reads and writes it: the first 64 bits of its digits, times or by a power of ten.

    That may be another number than the nearest one, in the last of its digits.
    """
    mantissa, _, power = written.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits, exponent = whole + fraction, int(power or 0) - len(fraction)
    while int(digits) >= 2**64:
        digits, exponent = digits[:-1], exponent + 1
    value = float(int(digits))
    if exponent < -308:
        value, exponent = value / 1e308, exponent + 308
    if exponent > 308:
        raise InputError(f"{written} is beyond the numbers that openai-harmony reads")
    value = value * float(f"1e{exponent}") if exponent >= 0 else value / float(f"1e{-exponent}")
    return _shortest(-value if written.startswith("-") else value)


def _shortest(value: float) -> str:
    """The shortest digits that are the number, with an exponent beyond 16 digits before the point or 5 zeros behind."""
    sign, shown, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int), "a finite number"
    minus, digits = "-" * sign, "".join(map(str, shown))
    point = len(digits) + exponent
    if value == 0:
        return f"{minus}0.0"
    if exponent >= 0 and point <= 16:
        return f"{minus}{digits}{'0' * exponent}.0"
    if 0 < point <= 16:
        return f"{minus}{digits[:point]}.{digits[point:]}"
    if -5 < point <= 0:
        return f"{minus}0.{'0' * -point}{digits}"
    mantissa = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{minus}{mantissa}e{point - 1}"
