"""Which tokenizer which model uses, as the table `models.json` beside this file says.

The table is all that is known: names, makers, tokenizers, why one is not public, and the source of each statement.
This module finds a name in it. It loads no tokenizer, knows no prices, and is imported with the package: the table is
read when the first model is asked for.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from fasttok.errors import Remedy, UnknownModelError


class Known(NamedTuple):
    """What the table says of a model."""

    maker: str | None
    """None where not even the maker is recognised."""
    tokenizer: str | None
    """The name of an embedded encoding or of a repository on the Hugging Face hub; None where there is none."""
    reason: str | None
    """Where there is none: what follows "the tokenizer of X" in a sentence."""
    is_public: bool | None
    """Whether the maker has published it; None where that is not known."""
    counted_by: str | None
    """The API of the maker that counts tokens, where it has one."""
    source: str | None
    """Where this was read."""
    is_confirmed: bool
    """Whether that source says it explicitly."""
    note: str | None

    @property
    def is_embedded(self) -> bool:
        """Whether the tokenizer is one that ships inside."""
        return self.tokenizer is not None and "/" not in self.tokenizer


@functools.cache
def table() -> dict[str, Any]:
    """The content of models.json."""
    import json

    with open(os.path.join(os.path.dirname(__file__), "models.json"), encoding="utf-8") as file:
        content: dict[str, Any] = json.load(file)
    return content


@functools.cache
def _families() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    return [(re.compile(family["pattern"]), family) for family in table()["families"]]


# Patterns are compiled when the first model is looked up.

# What routers and clouds write around a model's own name.
_CLOUD = (
    r"((global|regional|us|us-gov|eu|apac|jp|au|ca)[.])?"
    r"(ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|mistral|moonshot|moonshotai|nvidia|openai|qwen|writer"
    r"|zai)[.]|databricks-"
)
_VARIANT = r":(batch|exacto|extended|floor|free|nitro|online|thinking)$|(-v\d+)?:\d+$"
_POINT = r"(?<=\d)p(?=\d)"
_NAME = r"(?a:[\w.:+-]+)"


def bare(model: str) -> str:
    """The model's own name, without owner, cloud, region and variant: ``us.anthropic.claude-opus-4-1-v1:0`` is
    ``claude-opus-4-1``."""
    name = model.rpartition("/")[2]
    name = re.sub(_VARIANT, "", name)
    found = re.match(_CLOUD, name.lower())
    return name[found.end() :] if found else name


def look_up(model: str) -> Known:
    """What is known of `model`, whether it has a tokenizer or not."""
    encoding = _by_tiktoken(model) or _by_tiktoken(bare(model))
    if encoding is not None:
        return Known("OpenAI", encoding, None, True, None, table()["sources"]["tiktoken"], True, None)
    name = bare(model).lower()
    for form in (name, re.sub(_POINT, ".", name)) if re.fullmatch(_NAME, name) else ():
        for pattern, family in _families():
            if pattern.fullmatch(form):
                return _known(family)
    maker = maker_of(name)
    return Known(maker, None, None, None, _counted_by(maker), None, False, None)


def _known(family: dict[str, Any]) -> Known:
    maker = family["maker"]
    tokenizer = family.get("repository")
    return Known(
        maker,
        tokenizer,
        family.get("why"),
        True if tokenizer is not None else family.get("public"),
        None if tokenizer is not None else family.get("counted_by", _counted_by(maker)),
        table()["sources"][family["source"]],
        family.get("confirmed", True),
        family.get("note"),
    )


def _by_tiktoken(model: str) -> str | None:
    """tiktoken's own rule: a name, else the first prefix that fits. Letter case counts."""
    known = table()["tiktoken"]
    if model in known["names"]:
        encoding: str = known["names"][model]
        return encoding
    return next((encoding for prefix, encoding in known["prefixes"].items() if model.startswith(prefix)), None)


def maker_of(name: str) -> str | None:
    """Whose model the name is, by how it begins."""
    name = bare(name).lower()
    for maker, about in table()["makers"].items():
        for beginning in about["begins"]:
            # What is a word of its own: palmyra is no palm.
            rest = name.removeprefix(beginning)
            if rest != name and not (rest[:1].isalpha() and beginning[-1:].isalpha()):
                return str(maker)
    return None


def _counted_by(maker: str | None) -> str | None:
    return None if maker is None else table()["makers"][maker]["counted_by"]


def listed() -> Iterator[tuple[str, list[str]]]:
    """The names that people ask for, each with its other names, by maker."""
    content = table()
    names: dict[str, list[tuple[str, list[str]]]] = {maker: [] for maker in content["makers"]}
    names["OpenAI"] += [(name, []) for name in content["tiktoken"]["listed"]]
    for family in content["families"]:
        names[family["maker"]] += family.get("names", {}).items()
    for of_maker in names.values():
        yield from of_maker


def sellers(maker: str | None) -> list[str]:
    """Who in genai-prices sells the models of a maker: itself, or else a market of many makers' models."""
    return [] if maker is None else list(table()["makers"][maker]["prices"])


def other_names(model: str) -> list[str]:
    """The other names of the model that is listed under this one, the one that it is listed by first."""
    for entry, others in listed():
        if model in (entry, *others):
            return [name for name in (entry, *others) if name != model]
    return []


def nearest(model: str) -> list[str]:
    """Known names that `model` may be a slip of, of the same maker: a name of another maker's is never meant."""
    from fasttok._util.nearest import nearest as closest

    maker = maker_of(model)
    if maker is None:
        return []
    asked = bare(model)
    names = [name for entry, others in listed() for name in (entry, *others) if maker_of(name) == maker]
    if maker == "OpenAI":
        names += [name for name in table()["tiktoken"]["names"] if name not in names]
    return [name for name in closest(asked, names) if name != asked]


def explain(model: str, known: Known) -> str:
    """Why there is no tokenizer for `model`, in one sentence without a full stop."""
    if known.reason is not None:
        api = "" if known.counted_by is None else f"; {known.maker}'s API counts tokens ({known.counted_by})"
        return f"the tokenizer of {model!r} {known.reason}{api}"
    message = f"it is not known which encoding {model!r} uses"
    near = nearest(model)
    return f"{message}; did you mean {', '.join(near)}?" if near else message


def encoding_name_for_model(model: str) -> str:
    """What the encoding of a model is called: the name of an embedded one for models of OpenAI, and for open
    models a name on the Hugging Face hub, as :func:`fasttok.load` takes it.

    A model that is not in tiktoken's table is judged by its prefix (``gpt-4o-2024-05-13``), which therefore
    also fits models that do not exist. The owner in ``owner/name`` is not looked at.

    Raises ``UnknownModelError`` (a ``ValueError`` and ``KeyError``): with the nearest names of the same maker where
    the model is not known, with the API that counts where its tokenizer is not public.
    """
    known = look_up(model)
    if known.tokenizer is not None:
        return known.tokenizer
    reason = explain(model, known)
    remedy = None
    if known.reason is None:
        stop = "" if reason.endswith("?") else "."
        remedy = Remedy(
            f"{stop} {{function}} lists those that are known. Where the tokenizer itself is known: name an encoding "
            "(get_encoding, -e), a file of it, or its repository on the Hugging Face hub (load, -e)",
            function="models",
        )
    near = [] if known.reason is not None else nearest(model)
    raise UnknownModelError(reason, remedy=remedy, name=model, nearest=near, reason=reason)
