"""Parts of the contents of messages, in the words that several formats share. Knows no format and no record."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from fasttok._fasttok import JsonArray, JsonObject, JsonText
from fasttok.inputs.agent_logs.events import Said, Text, dicts_of, is_text, name_of, plain

NO_TYPE = "part without a type"


def as_text(value: Any) -> Said:
    """What is counted for a value: a text as it is, anything else as compact JSON."""
    if isinstance(value, (str, JsonText, JsonObject, JsonArray)):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=plain)


def tool_call(name: Any, arguments: Any) -> list[Text]:
    """A call of a tool: its name and its arguments are a text each."""
    tool = name_of(name)
    texts = [] if tool is None else [Text("assistant", "tool_call", tool, tool)]
    if arguments not in (None, ""):
        texts.append(Text("assistant", "tool_call", as_text(arguments), tool))
    return texts


def texts_in(content: Any, media: Counter[str]) -> list[Said]:
    """The texts of a content: itself, or those of its parts. What else a part is, is listed in `media`."""
    if is_text(content):
        return [content]
    texts: list[Said] = []
    for part in dicts_of(content):
        text = part.get("text")
        if is_text(text):
            texts.append(text)
        else:
            media[name_of(part.get("type")) or NO_TYPE] += 1
    return texts
