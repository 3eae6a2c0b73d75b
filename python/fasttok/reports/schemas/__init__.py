"""The JSON Schemas of the reports, a file each beside this one. Knows no report.

What several of them have in common is in `shared.json`, and the options of a run over files are made of
`fasttok.options`, where they are declared. A schema that is asked for has what it refers to inside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Literal

from fasttok.options import CorpusKeywords, FilesKeywords, LogKeywords, Option, ReadingKeywords, options

Name = Literal[
    "claims", "cost", "density", "encodings", "models", "plan", "premium", "prompts", "report", "usage", "verification"
]


def schema(name: Name = "report") -> dict[str, Any]:
    """The JSON Schema of a report: of ``count_corpus()`` unless another is named.

    name: what is between ``fasttok.`` and the version in the report's member ``schema``.

    It refers to nothing outside itself.
    """
    found = _read(f"{name}-1.schema.json")
    shared = {
        **_read("shared.json")["$defs"],
        "reading_options": _of_options(ReadingKeywords),
        "log_options": _of_options(LogKeywords),
        "corpus_options": _of_options(CorpusKeywords),
    }
    own = found.setdefault("$defs", {})
    missing = {name for name in _referred_to(found) if name not in own}
    while missing:
        own |= {name: shared[name] for name in sorted(missing)}
        missing = {name for name in _referred_to(own) if name not in own}
    return found


def _read(file: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((files(__name__) / file).read_text(encoding="utf-8"))
    return loaded


def _referred_to(part: dict[str, Any]) -> Iterator[str]:
    """The definitions that a part of a schema refers to."""
    yield from re.findall(r'"\$ref": "#/\$defs/(\w+)"', json.dumps(part))


def _of_options(keywords: type[FilesKeywords]) -> dict[str, Any]:
    """What a manifest says of the options among `keywords`."""
    properties = {option.name: _of_option(option) for option in options(keywords) if option.help.is_recorded}
    return {"type": "object", "required": list(properties), "properties": properties}


def _of_option(option: Option) -> dict[str, Any]:
    may_be_null = option.may_be_none and option.help.none_means is None
    said: dict[str, Any]
    if option.is_list_of_names:
        said = {"type": "array", "items": {"type": "string"}}
    elif option.choices:
        said = {"enum": [*option.choices, *([None] if may_be_null else [])]}
    else:
        kind = next(json_type for python_type, json_type in _TYPES if option.takes(python_type))
        said = {"type": [kind, "null"] if may_be_null else kind}
    if option.help.minimum is not None:
        said["minimum"] = option.help.minimum
    return {**said, "description": option.help.text}


# A bool is an int.
_TYPES = ((bool, "boolean"), (int, "integer"), (str, "string"))
