"""Conversations as they are sent to a model: rendered, and their tokens counted.

How a conversation is rendered is in `fasttok.inputs.prompts`. Here is which way an encoding goes, and what the number
that comes out may be called.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fasttok._fasttok import Encoding
from fasttok._util.paths import PathLike
from fasttok._util.types import Special
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
_CALLS_IN_CONTENT = "calls and results of tools among the parts of a content"
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


_Messages = list[Mapping[str, Any]]


@dataclass(frozen=True)
class PromptPlan:
    """What is counted of a conversation, and what its number may be called."""

    label: Label
    leaves_out: tuple[str, ...] = ()
    pieces: Sequence[str] = ()
    """What is sent, piece by piece; special tokens in it are text."""
    written: str | None = None
    """What is sent, as one text in which special tokens are tokens."""
    added: int = 0
    """Tokens beside these that are sent."""
    sends_texts: bool = False
    """Whether the texts are sent, beside the pieces."""
    messages: Sequence[Mapping[str, Any]] = ()
    texts: Sequence[str] | None = None
    """The texts that it has, each by itself; None where they were not asked for."""
    not_counted: Mapping[str, int] = field(default_factory=dict)


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
        try:
            json.dumps(self.variables, allow_nan=False, default=str)
        except (ValueError, RecursionError) as error:
            raise InputError(f"a variable has no value of JSON: {error}") from None
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
        plan = self.plan(messages, tools)
        if plan.texts is None:
            (said,) = chat.texts_of([chat.as_record(plan.messages, tools)])
            plan = self.completed(plan, said)
        return self.counted([plan])[0]

    def plan(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None = None
    ) -> PromptPlan:
        """What is to be counted of a conversation: it is rendered, and nothing is counted.

        Its texts are missing, unless it is in the harmony format's own form: `completed` adds them.
        """
        checked = chat.checked(messages, tools)
        is_own = chat.is_harmony(checked)
        plan = self._renderings[self.rendering](self, checked, tools, is_own)
        return replace(plan, messages=checked, texts=list(harmony.texts_of(checked)) if is_own else None)

    def completed(self, plan: PromptPlan, said: chat.Said) -> PromptPlan:
        """The plan with what the conversation says. Raises ``InputError`` where it is none."""
        if said.fault is not None:
            raise InputError(said.fault)
        label, leaves_out = plan.label, plan.leaves_out
        if said.other:
            leaves_out = (*leaves_out, "parts that are no text")
            label = label if label == "text only" else "estimate"
        if self.rendering == "harmony" and chat.not_laid_out(plan.messages, said.other):
            leaves_out = (*leaves_out, _CALLS_IN_CONTENT)
        return replace(plan, texts=said.texts, not_counted=said.other, label=label, leaves_out=leaves_out)

    def counted(self, plans: Sequence[PromptPlan], threads: int | None = None) -> list[PromptCount]:
        """The tokens of what was planned, each text counted once, all cores at once where it is worth it.

        Raises ``InvalidUtf8Error`` and ``TextLimitError`` of any of them.
        """
        plain = [[*(plan.texts or ()), *plan.pieces] for plan in plans]
        tokens = self._tokens_of((text for texts in plain for text in texts), "text", threads)
        written = (plan.written for plan in plans if plan.written is not None)
        of_written = self._tokens_of(written, "token", threads)
        counts = []
        for plan in plans:
            of_texts = sum(tokens[text] for text in plan.texts or ())
            sent = plan.added + sum(tokens[piece] for piece in plan.pieces) + of_texts * plan.sends_texts
            sent += 0 if plan.written is None else of_written[plan.written]
            known = plan.label, plan.leaves_out, plan.not_counted, dict(self.manifest)
            counts.append(PromptCount(sent, of_texts, len(plan.messages), *known))
        return counts

    def _tokens_of(self, texts: Iterable[str], special: Special, threads: int | None) -> dict[str, int]:
        each = list(dict.fromkeys(texts))
        return dict(zip(each, self.encoding.count_batch(each, special=special, threads=threads).tolist(), strict=True))

    def ids(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None = None) -> list[int]:
        """The ids of the prompt, where it is rendered and not only estimated."""
        checked = chat.checked(messages, tools)
        if self.rendering == "harmony":
            found: list[int] = []
            for piece in self._pieces(checked, tools, chat.is_harmony(checked)):
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

    def _pieces(self, messages: _Messages, tools: Any, is_own: bool) -> list[harmony.Piece]:
        if is_own:
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

    def _harmony(self, messages: _Messages, tools: Any, is_own: bool) -> PromptPlan:
        pieces = self._pieces(messages, tools, is_own)
        said = [piece for piece in pieces if not isinstance(piece, harmony.Special)]
        plan = PromptPlan("exact", pieces=said, added=len(pieces) - len(said))
        return plan if is_own else replace(plan, label="estimate", leaves_out=(_LAYOUT,))

    def _templated(self, messages: _Messages, tools: Any, is_own: bool) -> PromptPlan:
        return PromptPlan("exact", written=self._text(messages, tools))

    def _mistral(self, messages: _Messages, tools: Any, is_own: bool) -> PromptPlan:
        return PromptPlan("exact", added=len(mistral.ids(self.encoding, messages, tools)))

    def _estimated(self, messages: _Messages, tools: Any, is_own: bool) -> PromptPlan:
        names = [message["name"] for message in messages if isinstance(message.get("name"), str)]
        # The cookbook counts the role as a text of the message.
        said = [*names, *(message["role"] for message in messages)]
        added = TOKENS_PER_MESSAGE * len(messages) + TOKENS_PER_NAME * len(names)
        added += TOKENS_PER_ANSWER * self.add_generation_prompt
        leaves_out = (*_BESIDE_TEXTS[1:], *[_TOOLS][: bool(tools)])
        return PromptPlan("estimate", leaves_out, pieces=said, added=added, sends_texts=True)

    def _texts(self, messages: _Messages, tools: Any, is_own: bool) -> PromptPlan:
        return PromptPlan("text only", _BESIDE_TEXTS, sends_texts=True)

    _renderings: Mapping[Rendering, Callable[..., PromptPlan]] = {
        "harmony": _harmony,
        "template": _templated,
        "mistral": _mistral,
        "estimate": _estimated,
        "text": _texts,
    }


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
