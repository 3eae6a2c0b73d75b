"""Chat messages as APIs take them: their texts, what in them is no text, and their layout in the harmony format.

Texts are those that the format ``messages`` of files has, by the same reader. The format does not say how messages of
an API become its own, and servers differ; here it is as the format's guide shows calls of functions and their results.
Counts nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fasttok._fasttok as _fasttok
from fasttok.errors import InputError
from fasttok.inputs.messages import as_json
from fasttok.inputs.prompts.chat_template import REASONING
from fasttok.inputs.prompts.harmony import CHANNELS, CONSTRAIN, DEVELOPER, SYSTEM


def checked(messages: Any, tools: Any = None) -> list[Mapping[str, Any]]:
    """`messages`, if they are a list of mappings that have a role, and `tools` one of mappings, if there are any.

    Raises ``InputError``.
    """
    if tools is not None and (not _is_list(tools) or not all(isinstance(tool, Mapping) for tool in tools)):
        raise InputError("tools are a list of mappings")
    if not _is_list(messages):
        raise InputError("messages are a list of mappings with role and content")
    for index, message in enumerate(messages):
        # Instances of an abstract class are told slowly.
        if not (type(message) is dict or isinstance(message, Mapping)) or not isinstance(message.get("role"), str):
            raise InputError(f"message {index} has no role", index=index)
        if message.get("tool_calls") is not None and not _is_list(message["tool_calls"]):
            raise InputError(f"the tool_calls of message {index} are no list", index=index)
    return list(messages)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def parts_of(message: Mapping[str, Any]) -> list[Any]:
    """The parts of a message's content, and that it is refused: texts as ``{"type": "text", "text": …}``."""
    content, refusal = message.get("content"), message.get("refusal")
    refused = [{"type": "text", "text": refusal}] if isinstance(refusal, str) else []
    if content is None:
        return refused
    if isinstance(content, str):
        return [{"type": "text", "text": content}, *refused]
    return [*(content if isinstance(content, list) else [content]), *refused]


def as_record(messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None) -> str:
    """A conversation as a record of files. Raises ``InputError`` for what is not JSON."""
    try:
        return as_json({"messages": messages, "tools": tools})
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"a message or a tool is not JSON: {error}") from error


@dataclass(frozen=True)
class Said:
    """What a conversation says."""

    shape: str
    """Which shape of the format ``messages`` its record has."""
    texts: list[str]
    """Of messages, names and arguments of calls, and the tools as JSON."""
    other: Mapping[str, int]
    """How many parts there are that are no text, by type: images, audio, files."""
    fault: str | None = None
    """Why it is no conversation."""


def texts_of(records: Sequence[str]) -> list[Said]:
    """What conversations say. Other threads of Python can work meanwhile."""
    said = _fasttok._texts_of_messages(records)
    return [Said(shape, texts, dict(sorted(Counter(others).items())), fault) for shape, texts, others, fault in said]


NoneType = type(None)


def not_laid_out(messages: Sequence[Mapping[str, Any]], other: Mapping[str, int]) -> bool:
    """Whether a part of a message's content has texts that are not in its layout in the harmony format: it is none of
    the `other` parts, which have none."""
    lists = (message for message in messages if not isinstance(message.get("content"), (str, NoneType)))
    parts = (part for message in lists for part in parts_of(message) if not _is_text(part))
    return any(isinstance(part, Mapping) and part.get("type") not in other for part in parts)


def _thought(message: Mapping[str, Any]) -> str | None:
    return next((message[name] for name in REASONING if isinstance(message.get(name), str)), None)


def _is_text(part: Any) -> bool:
    return isinstance(part, Mapping) and isinstance(part.get("text"), str)


def _calls(message: Mapping[str, Any]) -> list[Any]:
    """Calls of tools, and of a function in the API's older form."""
    older = message.get("function_call")
    return [*(message.get("tool_calls") or ()), *([] if older is None else [{"function": older}])]


def _call(call: Any) -> tuple[str, str]:
    """Name and arguments of a call."""
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise InputError("a tool call has no function with a name")
    arguments = function.get("arguments") or ""
    return function["name"], arguments if isinstance(arguments, str) else _json(arguments)


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"a tool or a call of one is not JSON: {error}") from error


def is_harmony(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether messages are in the harmony format's own form: one has a channel of the format, calls or answers a tool
    as the format does, or has a content of its own. Members of these names that say something else are somebody else's.
    """
    for message in messages:
        get = message.get
        if get("channel") in CHANNELS or _is_own(get("content_type"), (CONSTRAIN,)):
            return True
        if _is_own(get("recipient"), ("assistant", "functions.", "browser", "python")):
            return True
        # Most are a text.
        if not isinstance(get("content"), (str, NoneType)) and any(map(_is_contents, parts_of(message))):
            return True
    return False


def _is_contents(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") in (SYSTEM, DEVELOPER)


def _is_own(value: Any, beginnings: tuple[str, ...]) -> bool:
    return isinstance(value, str) and value.startswith(beginnings)


def to_harmony(
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None = None,
    *,
    reasoning_effort: str | None = None,
    date: str | None = None,
) -> list[dict[str, Any]]:
    """Chat messages in the form of the harmony format.

    A system message comes first; a message of role system or developer has the instructions of the developer, the first
    of them with the tools. What the assistant thought is in channel ``analysis``, what it says is ``final``, and
    ``commentary`` where it calls functions then, as the calls and their results are.

    Raises ``InputError`` for a result whose function is not known.
    """
    system: dict[str, Any] = {"type": SYSTEM}
    if reasoning_effort is not None:
        system["reasoning_effort"] = reasoning_effort.capitalize()
    if date is not None:
        system["conversation_start_date"] = date
    made: list[dict[str, Any]] = [{"role": "system", "content": [system]}]
    listed = _listed(tools)
    if listed and (not messages or messages[0]["role"] not in ("system", "developer")):
        made.append({"role": "developer", "content": [{"type": DEVELOPER, **listed}]})
        listed = {}
    called: dict[str, str] = {}
    for message in messages:
        texts = [{"type": "text", "text": part["text"]} for part in parts_of(message) if _is_text(part)]
        role = message["role"]
        if role in ("system", "developer"):
            said = "\n".join(part["text"] for part in texts)
            made.append({"role": "developer", "content": [{"type": DEVELOPER, "instructions": said, **listed}]})
            listed = {}
        elif role == "assistant":
            made += _assistant(message, texts, called)
        elif role in ("tool", "function"):
            name = message.get("name") or called.get(str(message.get("tool_call_id")))
            if name is None:
                raise InputError("the result of a tool has neither a name nor the id of a call before it")
            made.append({"role": "tool", "name": f"functions.{name}", "content": texts, **_TO_ASSISTANT})
        else:
            made.append({"role": role, "content": texts})
    return made


_TO_ASSISTANT = {"recipient": "assistant", "channel": "commentary"}


def _listed(tools: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    functions = []
    for tool in tools or ():
        function = tool.get("function", tool) if isinstance(tool, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise InputError("a tool has no function with a name")
        known = {name: function.get(name) for name in ("name", "description", "parameters")}
        functions.append({**known, "description": known["description"] or ""})
    return {"tools": {"functions": {"name": "functions", "tools": functions}}} if functions else {}


def _assistant(message: Mapping[str, Any], texts: list[Any], called: dict[str, str]) -> Iterator[dict[str, Any]]:
    if thought := _thought(message):
        yield {"role": "assistant", "channel": "analysis", "content": thought}
    calls = _calls(message)
    if any(part["text"] for part in texts) or not (thought or calls):
        yield {"role": "assistant", "channel": "commentary" if calls else "final", "content": texts}
    for call in calls:
        name, arguments = _call(call)
        called[str(call.get("id"))] = name
        yield {
            "role": "assistant",
            "channel": "commentary",
            "recipient": f"functions.{name}",
            "content_type": f"{CONSTRAIN}json",
            "content": arguments,
        }
