"""The harmony format of gpt-oss: a conversation as the texts and special tokens that the model reads.

Follows what the format's documentation says and what openai-harmony 0.0.8 gives. Texts are encoded each by itself, as
that library does, and a special token that is written in a text is text. Knows no tokenizer, and counts nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fasttok.errors import InputError
from fasttok.inputs.prompts.harmony_types import tools_section

EFFORTS = ("low", "medium", "high")

START, CHANNEL, MESSAGE, END, CALL = "<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|call|>"
CONSTRAIN = "<|constrain|>"
SPECIAL = (START, CHANNEL, MESSAGE, END, CALL, CONSTRAIN)

ROLES = ("system", "developer", "user", "assistant", "tool")
CHANNELS = ("analysis", "commentary", "final")
SYSTEM, DEVELOPER = "system_content", "developer_content"

DEFAULTS: Mapping[str, Any] = {
    "model_identity": "You are ChatGPT, a large language model trained by OpenAI.",
    "knowledge_cutoff": "2024-06",
    "reasoning_effort": "Medium",
    "channel_config": {"valid_channels": list(CHANNELS), "channel_required": True},
}
"""What a system message says where it does not say otherwise; None says nothing."""


class Special(str):
    """A special token, as what stands for it in texts."""

    __slots__ = ()


Piece = str
"""A text, or a `Special`."""


def rendered(
    messages: Sequence[Mapping[str, Any]], *, next_role: str | None = "assistant", drop_analysis: bool = True
) -> Iterator[Piece]:
    """The pieces of a conversation in the harmony format, which ends where `next_role` is to go on.

    messages: as ``Message.to_dict()`` of openai-harmony has them: role, name, content, channel, recipient,
        content_type.
    next_role: None for a conversation that ends with its last message.
    drop_analysis: leave out what channel ``analysis`` has before the first ``final``, once the assistant's last message
        is ``final``.

    Raises ``InputError`` for what the format has no form for.
    """
    for role in [*(message.get("role") for message in messages), *([] if next_role is None else [next_role])]:
        if role not in ROLES:
            raise InputError(f"the harmony format has no role {role!r}: there are {', '.join(ROLES)}")
    has_functions = _have_functions(messages)
    finals = [i for i, message in enumerate(messages) if message.get("channel") == "final"]
    answers = [message for message in messages if message["role"] == "assistant"]
    is_over = bool(answers) and answers[-1].get("channel") == "final"
    dropped_before = finals[0] if drop_analysis and is_over else 0
    for i, message in enumerate(messages):
        if i >= dropped_before or message.get("channel") != "analysis":
            yield from _message(message, has_functions)
    if next_role is not None:
        yield Special(START)
        yield next_role


def texts_of(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The texts of all messages, without what stands around them."""
    has_functions = _have_functions(messages)
    for message in messages:
        yield from (_text(part, message["role"], has_functions) for part in _parts(message))


def _message(message: Mapping[str, Any], has_functions: bool) -> Iterator[Piece]:
    for member in ("name", "recipient", "channel", "content_type"):
        if not isinstance(message.get(member), (str, type(None))):
            raise InputError(f"the {member} of a message in the harmony format is a text")
    if message.get("tool_calls") or message.get("function_call"):
        raise InputError("a message in the harmony format's own form has no calls: each is a message with a recipient")
    role, name, recipient = message["role"], message.get("name"), message.get("recipient")
    if role == "tool":
        if name is None:
            raise InputError("a message of a tool has no name: the harmony format begins it with the name of the tool")
        author = name
    else:
        author = role if name is None else f"{role}:{name}"
    yield Special(START)
    yield author
    if recipient is not None and recipient != "all":
        yield f" to={recipient}"
    if message.get("channel") is not None:
        yield Special(CHANNEL)
        yield message["channel"]
    if (kind := message.get("content_type")) is not None:
        if kind.startswith(CONSTRAIN):
            yield " "
            yield Special(CONSTRAIN)
            yield kind.removeprefix(CONSTRAIN)
        else:
            yield f" {kind}"
    yield Special(MESSAGE)
    for part in _parts(message):
        yield _text(part, role, has_functions)
    yield Special(CALL if role == "assistant" and recipient is not None else END)


def _parts(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list) or not all(isinstance(part, Mapping) for part in content):
        raise InputError(f"a message of role {message.get('role')!r} has no content: a text or a list of parts")
    return content


def _have_functions(messages: Sequence[Mapping[str, Any]]) -> bool:
    return any(_has_functions(part) for message in messages for part in _parts(message))


def _has_functions(part: Mapping[str, Any]) -> bool:
    tools = part.get("tools") if part.get("type") == DEVELOPER else None
    functions = tools.get("functions") if isinstance(tools, Mapping) else None
    return isinstance(functions, Mapping) and bool(functions.get("tools"))


def _text(part: Mapping[str, Any], role: str, has_functions: bool) -> str:
    kind = part.get("type")
    if kind == "text" and isinstance(text := part.get("text"), str):
        return text
    try:
        if kind == SYSTEM and role == "system":
            return _system(part, has_functions)
        if kind == DEVELOPER and role == "developer":
            return _developer(part)
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"a {kind} has not the members of the harmony format: {error!r}") from error
    if kind in (SYSTEM, DEVELOPER):
        raise InputError(f"{kind} belongs to another message than one of role {role!r}")
    raise InputError(f"the harmony format has no part of type {kind!r}: there are text, {SYSTEM}, {DEVELOPER}")


def _system(part: Mapping[str, Any], has_functions: bool) -> str:
    said = {**DEFAULTS, **part}
    head = [
        prefix + said[name]
        for name, prefix in (
            ("model_identity", ""),
            ("knowledge_cutoff", "Knowledge cutoff: "),
            ("conversation_start_date", "Current date: "),
        )
        if said.get(name) is not None
    ]
    sections = ["\n".join(head)] if head else []
    if said["reasoning_effort"] is not None:
        sections.append(f"Reasoning: {said['reasoning_effort'].lower()}")
    if said.get("tools"):
        sections.append(tools_section(said["tools"]))
    channels = said["channel_config"]
    if channels is not None and channels["valid_channels"]:
        line = f"# Valid channels: {', '.join(channels['valid_channels'])}."
        if channels["channel_required"]:
            line += " Channel must be included for every message."
        if has_functions:
            line += "\nCalls to these tools must go to the commentary channel: 'functions'."
        sections.append(line)
    return "\n\n".join(sections)


def _developer(part: Mapping[str, Any]) -> str:
    sections = []
    if part.get("instructions") is not None:
        sections.append(f"# Instructions\n\n{part['instructions']}")
    if part.get("tools"):
        sections.append(tools_section(part["tools"]))
    return "\n\n".join(sections)
