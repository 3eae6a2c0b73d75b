"""Conversations as they are sent to a model: rendered, and their tokens counted.

How a conversation is rendered is in `fasttok.inputs.prompts`. Here is which way an encoding goes, and what the number
that comes out may be called.
"""

from __future__ import annotations

import datetime
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from fasttok._fasttok import Encoding
from fasttok._util.paths import PathLike
from fasttok.errors import InputError
from fasttok.inputs.prompts import chat, chat_template, harmony, mistral
from fasttok.reports.manifest import describe_encoding
from fasttok.reports.prompt import RENDERINGS, Label, PromptCount, Rendering
from fasttok.tokenizers.resolve import Spec, resolve

TOKENS_PER_MESSAGE = 3
TOKENS_PER_NAME = 1
TOKENS_PER_ANSWER = 3
"""What OpenAI's archived cookbook adds to the texts of chat messages: for each, for each name, and for the answer."""

_BESIDE_TEXTS = "what marks roles and turns", "what a model's maker adds"
_TOOLS = "how tools are written"
_LAYOUT = "what the server does differently in laying chat messages out in the harmony format"


def count_prompt(
    messages: Sequence[Mapping[str, Any]],
    encoding: Spec = "o200k_harmony",
    *,
    rendering: Rendering | None = None,
    template: PathLike | None = None,
    tools: Sequence[Mapping[str, Any]] | None = None,
    add_generation_prompt: bool = True,
    date: datetime.date | None = None,
    variables: Mapping[str, Any] | None = None,
) -> PromptCount:
    """The tokens of a conversation as it is sent to a model: with what marks its messages, and the tools.

    messages: as the APIs of chat models take them; for ``"harmony"`` also as openai-harmony's ``to_dict()`` has them.
    encoding: what names an encoding, see :func:`fasttok.load`.
    rendering: how the conversation becomes what is sent.

        - ``"harmony"``: the format of gpt-oss;
        - ``"template"``: a chat template of Hugging Face (extra ``chat``);
        - ``"mistral"``: by mistral-common (extra ``mistral``);
        - ``"estimate"``: the texts and what OpenAI's archived cookbook adds for each message;
        - ``"text"``: the texts alone.

        By default what belongs to the encoding: a `template` that is given or lies beside its file, ``"harmony"`` where
        it has the tokens of that format, else ``"text"``.
    template: a file with a chat template, a ``tokenizer_config.json``, or a folder with one of them.
    tools: functions that the model may call, as APIs take them.
    add_generation_prompt: end where the model is to answer.
    date: what the model is told to be the date; by default a template is told today's, and ``"harmony"`` none.
    variables: what else a template asks for (``enable_thinking``); for ``"harmony"``, ``reasoning_effort``.

    Returns a :class:`PromptCount`, whose ``label`` says what the number is. Raises ``TemplateError`` where a template
    refuses the conversation, ``InputError`` for one that has no such form, ``MissingExtraError``, and what
    `fasttok.load` raises.

    >>> print(count_prompt([{"role": "user", "content": "Hello"}], "o200k_base", rendering="estimate"))
    8 tokens (estimate, leaves out what a model's maker adds)
    """
    prompts = Prompts(
        resolve(encoding),
        rendering=rendering,
        template=template,
        add_generation_prompt=add_generation_prompt,
        date=date,
        variables=variables,
    )
    return prompts.count(messages, tools)


class Prompts:
    """The way in which conversations are rendered for an encoding, for any number of them."""

    def __init__(
        self,
        encoding: Encoding,
        *,
        rendering: Rendering | None,
        template: PathLike | None,
        add_generation_prompt: bool,
        date: datetime.date | None,
        variables: Mapping[str, Any] | None,
    ) -> None:
        if rendering is not None and rendering not in RENDERINGS:
            raise ValueError(f"rendering must be {' or '.join(map(repr, RENDERINGS))}, not {rendering!r}")
        if template is not None and rendering not in (None, "template"):
            raise InputError(f"a template is not what rendering={rendering!r} renders by")
        self.encoding = encoding
        self.template = None if template is None else chat_template.read_template(os.fspath(template))
        if self.template is None and rendering in (None, "template"):
            self.template = _beside(encoding)
        has_tokens = all(token in encoding.special_tokens for token in harmony.SPECIAL)
        if rendering is None:
            rendering = "template" if self.template is not None else "harmony" if has_tokens else "text"
        if rendering == "template" and self.template is None:
            raise InputError("no chat template lies beside the encoding's file: template says where it is")
        if rendering == "harmony" and not has_tokens:
            raise InputError(f"{encoding!r} has not the special tokens of the harmony format")
        if date is not None and rendering not in ("harmony", "template"):
            raise InputError(f"rendering={rendering!r} tells the model no date")
        if rendering == "mistral" and not add_generation_prompt:
            raise InputError("what mistral-common renders always ends where the model is to answer")
        self.rendering: Rendering = rendering
        self.add_generation_prompt = add_generation_prompt
        self.variables = dict(variables or {})
        effort = self.variables.get("reasoning_effort")
        if rendering == "harmony" and effort is not None and str(effort).lower() not in harmony.EFFORTS:
            raise InputError(f"reasoning_effort is {' or '.join(harmony.EFFORTS)}, not {effort!r}")
        if unknown := set(self.variables) - _VARIABLES.get(rendering, set(self.variables)):
            raise InputError(f"rendering={rendering!r} has no variable {min(unknown)!r}")
        self.date = date
        if date is None and rendering == "template":
            self.date = datetime.datetime.now()

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What conversations are rendered by, and counted with: the same for all of them."""
        template = None
        if self.rendering == "template":
            assert self.template is not None
            hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in self.template.sources.items()}
            template = {"file": self.template.file, "sha256": hashes}
        return {
            "encoding": describe_encoding(self.encoding.name, self.encoding),
            "rendering": self.rendering,
            "template": template,
            "add_generation_prompt": self.add_generation_prompt,
            "date": None if self.date is None else self.date.isoformat(),
            "variables": self.variables,
        }

    def count(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None = None
    ) -> PromptCount:
        """The tokens of a conversation."""
        checked = chat.checked(messages, tools)
        other = chat.not_texts(checked)
        texts = harmony.texts_of(checked) if chat.is_harmony(checked) else chat.texts_of(checked, tools)
        text_tokens = sum(map(self._tokens, texts))
        tokens, label, leaves_out = self._renderings[self.rendering](self, checked, tools, text_tokens)
        if other and label != "text only":
            label, leaves_out = "estimate", (*leaves_out, "parts that are no text")
        elif other:
            leaves_out = (*leaves_out, "parts that are no text")
        return PromptCount(tokens, text_tokens, len(checked), label, leaves_out, other, dict(self.manifest))

    def ids(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None = None) -> list[int]:
        """The ids of the prompt, where it is rendered and not only estimated."""
        checked = chat.checked(messages, tools)
        if self.rendering == "harmony":
            found: list[int] = []
            for piece in self._pieces(checked, tools):
                if isinstance(piece, harmony.Special):
                    found.append(self.encoding.special_tokens[piece])
                else:
                    found += self.encoding.encode(piece, as_list=True)
            return found
        if self.rendering == "template":
            return self.encoding.encode(self._text(checked, tools), special="token", as_list=True)
        if self.rendering == "mistral":
            return mistral.ids(self.encoding, checked, tools)
        raise InputError(f"rendering={self.rendering!r} has no ids")

    def _tokens(self, text: str) -> int:
        return self.encoding.count(text)

    def _pieces(self, messages: list[Mapping[str, Any]], tools: Any) -> list[harmony.Piece]:
        if chat.is_harmony(messages):
            if tools:
                raise InputError("messages in the harmony format's own form have their tools in themselves")
        else:
            date = None if self.date is None else self.date.strftime("%Y-%m-%d")
            effort = self.variables.get("reasoning_effort")
            messages = list(chat.to_harmony(messages, tools, reasoning_effort=effort, date=date))
        return list(harmony.rendered(messages, next_role="assistant" if self.add_generation_prompt else None))

    def _text(self, messages: list[Mapping[str, Any]], tools: Any) -> str:
        assert self.template is not None
        now = self.date
        if not isinstance(now, datetime.datetime):
            assert now is not None
            now = datetime.datetime(now.year, now.month, now.day)
        return chat_template.rendered(
            self.template,
            messages,
            tools=tools,
            add_generation_prompt=self.add_generation_prompt,
            now=now,
            variables=self.variables,
        )

    def _harmony(self, messages: list[Mapping[str, Any]], tools: Any, text_tokens: int) -> _Counted:
        pieces = self._pieces(messages, tools)
        tokens = sum(1 if isinstance(piece, harmony.Special) else self._tokens(piece) for piece in pieces)
        return (tokens, "exact", ()) if chat.is_harmony(messages) else (tokens, "estimate", (_LAYOUT,))

    def _templated(self, messages: list[Mapping[str, Any]], tools: Any, text_tokens: int) -> _Counted:
        return self.encoding.count(self._text(messages, tools), special="token"), "exact", ()

    def _mistral(self, messages: list[Mapping[str, Any]], tools: Any, text_tokens: int) -> _Counted:
        return len(mistral.ids(self.encoding, messages, tools)), "exact", ()

    def _estimated(self, messages: list[Mapping[str, Any]], tools: Any, text_tokens: int) -> _Counted:
        names = [message["name"] for message in messages if isinstance(message.get("name"), str)]
        # The cookbook counts the role as a text of the message.
        said = sum(map(self._tokens, [*names, *(message["role"] for message in messages)]))
        added = TOKENS_PER_MESSAGE * len(messages) + TOKENS_PER_NAME * len(names)
        added += TOKENS_PER_ANSWER * self.add_generation_prompt
        leaves_out = _BESIDE_TEXTS[1:]
        return text_tokens + said + added, "estimate", (*leaves_out, _TOOLS) if tools else leaves_out

    def _texts(self, messages: list[Mapping[str, Any]], tools: Any, text_tokens: int) -> _Counted:
        return text_tokens, "text only", _BESIDE_TEXTS

    _renderings: Mapping[Rendering, Callable[..., _Counted]] = {
        "harmony": _harmony,
        "template": _templated,
        "mistral": _mistral,
        "estimate": _estimated,
        "text": _texts,
    }


_Counted = tuple[int, Label, tuple[str, ...]]

_VARIABLES: Mapping[str, set[str]] = {
    "harmony": {"reasoning_effort"},
    "mistral": set(),
    "estimate": set(),
    "text": set(),
}
"""What each rendering can be told; a template whatever it asks for."""


def _beside(encoding: Encoding) -> chat_template.ChatTemplate | None:
    """The chat template in the folder of the encoding's file."""
    made = encoding._origin
    if made is None or made.path is None:
        return None
    return chat_template.find_template(Path(made.path).parent)
