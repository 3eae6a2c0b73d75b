"""Chat templates of Hugging Face models: found in files, and rendered by Jinja as transformers renders them.

What a template says is the model's business, and how Jinja runs it Jinja's; here are the surroundings that templates
rely on: the sandbox, the functions beyond Jinja's own, and what becomes of messages first (those of transformers 5).
Knows no tokenizer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from fasttok._util.extras import need
from fasttok._util.paths import describe_missing
from fasttok.errors import FileError, InputError, MissingExtraError, NotFoundError, TemplateError

TEMPLATE = "chat_template.jinja"
CONFIG = "tokenizer_config.json"
OTHERS = "additional_chat_templates"
"""The folder beside ``chat_template.jinja`` that has templates of other names, such as ``tool_use``."""

SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
"""What a configuration calls special tokens by, and templates too."""

REASONING = ("reasoning_content", "thinking", "reasoning")
"""Names under which a message has what the model thought, the one that wins first."""

_OWN = frozenset({"messages", "tools", "documents", "add_generation_prompt", "strftime_now"})

MINIMUM = (3, 1, 6)
"""The first Jinja whose sandbox has no known hole: a template is a program of somebody else."""


@dataclass(frozen=True)
class ChatTemplate:
    """A template, or several by name, and the special tokens that it may write."""

    sources: Mapping[str, str]
    """By name; one alone is ``default``."""
    special_tokens: Mapping[str, str] = field(default_factory=dict)
    file: str | None = None

    def source(self, has_tools: bool) -> str:
        """The template that is used for a conversation with or without tools."""
        names = ["tool_use", "default"] if has_tools else ["default"]
        found = next((self.sources[name] for name in names if name in self.sources), None)
        if found is None:
            raise TemplateError(f"{self.file}: none of its chat templates ({', '.join(self.sources)}) is the default")
        return found


def read_template(path: str) -> ChatTemplate:
    """The chat template in a file (``chat_template.jinja``, or any with a template in it; ``tokenizer_config.json``),
    or in a folder that has one of the two. Special tokens are those of the ``tokenizer_config.json`` there.

    Raises ``NotFoundError``, and ``TemplateError`` where the file has no template.
    """
    file = Path(path)
    if file.is_dir():
        found = find_template(file)
        if found is None:
            raise NotFoundError(f"no chat template in {file}: neither {TEMPLATE} nor one in {CONFIG}", filename=path)
        return found
    text = _read(file)
    if file.suffix == ".json":
        config = _config(file)
        sources = _sources(config)
        if not sources:
            raise TemplateError(f"{path} has no chat_template", file=path)
        return ChatTemplate(sources, _special_tokens(config), path)
    others = sorted((file.parent / OTHERS).glob("*.jinja")) if file.name == TEMPLATE else []
    named = {other.name.removesuffix(".jinja"): _read(other) for other in others}
    return ChatTemplate({**named, "default": text}, _special_tokens(_config(file.with_name(CONFIG))), path)


def find_template(folder: Path) -> ChatTemplate | None:
    """The chat template of a folder, if it has one: a file of its own wins, as with transformers."""
    if (folder / TEMPLATE).is_file():
        return read_template(str(folder / TEMPLATE))
    if _sources(_config(folder / CONFIG)):
        return read_template(str(folder / CONFIG))
    return None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(describe_missing(str(file)), filename=str(file)) from None
    except UnicodeDecodeError as error:
        raise TemplateError(f"{file} is no chat template: {error}", file=str(file)) from None
    except OSError as error:
        raise FileError(f"cannot read {file}: {error.strerror or error}", filename=str(file)) from error


def _config(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise TemplateError(f"{file}: damaged: {error}", file=str(file)) from None
    return config if isinstance(config, dict) else {}


def _sources(config: Mapping[str, Any]) -> dict[str, str]:
    given = config.get("chat_template")
    if isinstance(given, str):
        return {"default": given}
    entries = [entry for entry in given if isinstance(entry, dict)] if isinstance(given, list) else []
    return {str(entry.get("name")): entry["template"] for entry in entries if isinstance(entry.get("template"), str)}


def _special_tokens(config: Mapping[str, Any]) -> dict[str, str]:
    tokens = {}
    for name in SPECIAL_TOKENS:
        given = config.get(name)
        content = given.get("content") if isinstance(given, dict) else given
        if isinstance(content, str):
            tokens[name] = content
    return tokens


def rendered(
    template: ChatTemplate,
    messages: Sequence[Mapping[str, Any]],
    *,
    tools: Sequence[Mapping[str, Any]] | None = None,
    add_generation_prompt: bool = True,
    now: datetime,
    variables: Mapping[str, Any] | None = None,
) -> str:
    """The text that the template makes of a conversation, special tokens written out.

    now: what the template takes for the time.
    variables: what else the template may ask for, as ``enable_thinking``.

    Raises ``TemplateError`` where the template refuses the conversation or fails, ``MissingExtraError`` without Jinja.
    """
    chat = [_with_reasoning({key: value for key, value in each.items() if value is not None}) for each in messages]
    if taken := _OWN.intersection(variables or ()):
        raise InputError(f"{min(taken)!r} is no variable of a chat template: it has an argument of its own")
    if not chat:
        raise InputError("a chat template is not applied to a conversation without messages")
    compiled, clock = _compiled(template.source(tools is not None))
    try:
        text: str = compiled.render(
            messages=_plain(chat),
            tools=_plain(tools),
            documents=None,
            add_generation_prompt=add_generation_prompt,
            strftime_now=clock(now),
            **{**template.special_tokens, **_plain(dict(variables or {}))},
        )
    except Exception as error:  # A program of somebody else may raise anything.
        raise TemplateError(
            f"the chat template refuses the conversation: {error}" if str(error) else "the chat template fails",
            file=template.file,
            line=getattr(error, "lineno", None),
        ) from error
    return text


def _with_reasoning(message: dict[str, Any]) -> dict[str, Any]:
    """Reasoning under the names that templates ask for."""
    thought = next((message[name] for name in REASONING if message.get(name) is not None), None)
    return message if thought is None else {"thinking": thought, **message, "reasoning_content": thought}


def _plain(value: Any) -> Any:
    """What a template may see: JSON, and of anything else the name of its type."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if callable(getattr(value, "model_dump", None)):
        return _plain(value.model_dump())
    return f"<{type(value).__name__}>"


@lru_cache(maxsize=64)
def _compiled(source: str) -> tuple[Any, Any]:
    """The template, and what makes the clock that it reads of a time."""
    jinja2 = need("jinja2", "chat", "a chat template")
    if tuple(int(part) for part in jinja2.__version__.split(".")[:3] if part.isdigit()) < MINIMUM:
        raise MissingExtraError(
            f"a chat template needs jinja2 {'.'.join(map(str, MINIMUM))} or later, not {jinja2.__version__}: "
            "pip install 'fasttok-engine[chat]'"
        )
    extension = need("jinja2.ext", "chat", "a chat template")
    sandbox = need("jinja2.sandbox", "chat", "a chat template")

    class Generation(extension.Extension):  # type: ignore[misc, name-defined, unused-ignore]
        """``{% generation %}`` marks what the model wrote, which a count does not ask for."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
            return jinja2.nodes.Scope(body).set_lineno(line)

    environment = sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, extension.loopcontrols]
    )
    # Jinja's own writes for HTML.
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _refuser(jinja2.exceptions.TemplateError)
    try:
        return environment.from_string(source), _clock
    except jinja2.exceptions.TemplateSyntaxError as error:
        raise TemplateError(f"line {error.lineno} of the chat template: {error}", line=error.lineno) from error


def _tojson(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _refuser(kind: type[Exception]) -> Any:
    def raise_exception(message: Any) -> None:
        raise kind(message)

    return raise_exception


def _clock(now: datetime) -> Any:
    def strftime_now(format: str) -> str:
        return now.strftime(format)

    return strftime_now
