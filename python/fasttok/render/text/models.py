"""A list of models as a table, and a few of them in full."""

from __future__ import annotations

from decimal import Decimal

from fasttok.render import format
from fasttok.render.blocks import Block, Lines, Note, Title
from fasttok.render.drawing import Drawing
from fasttok.render.layout import Column, Layout
from fasttok.reports.models import Model, Models
from fasttok.reports.presenters import register
from fasttok.reports.prices import Rate

IN_FULL = 3
"""So many models are also told in sentences, with all that is known of them."""


def notes(found: Models) -> list[str]:
    """What must be known to read the table."""
    said = []
    if any(not model.is_confirmed for model in found):
        said.append("?: no public source was found that says so.")
    if any(model.tokenizer is None for model in found):
        said.append("-: no tokenizer is public, or it is not known which it is; (API): the maker's API counts tokens.")
    if found.has_prices:
        said.append(f"USD per million tokens on {found.price_date}, from genai-prices; the base rates.")
    else:
        said.append("No prices: they come with the extra 'prices' (pip install 'fasttok-engine[prices]').")
    return said


def in_full(model: Model) -> list[str]:
    """All that is known of a model, a sentence or two a line."""
    lines = []
    if model.aliases:
        lines.append(f"Also called {', '.join(model.aliases)}.")
    if model.origin == "embedded":
        lines.append(f"Of {model.maker}. Its encoding is {model.tokenizer}, which ships inside.")
    elif model.origin == "hub":
        lines.append(f"Of {model.maker}. Its tokenizer is fetched from {model.tokenizer} on the Hugging Face hub.")
    else:
        lines.append(f"Of {model.maker}. Its tokenizer {model.reason}.")
    if model.counted_by is not None:
        lines.append(f"{model.maker}'s API counts tokens: {model.counted_by}.")
    if model.note is not None:
        lines.append(f"{model.note[:1].upper()}{model.note[1:]}.")
    if model.source is not None:
        confirmed = "" if model.is_confirmed else " Not confirmed: it does not say so explicitly."
        lines.append(f"Source, read on {model.checked}: {model.source}.{confirmed}")
    if model.price is not None:
        lines.append(f"Price of {model.price.date}: {model.price.source}.")
    return lines


def _layout(found: Models) -> Layout:
    return Layout(
        [
            Column("model", [format.key(model.name) for model in found], is_name=True, is_key=True),
            Column("tokenizer", [_tokenizer(model) for model in found], is_name=True, is_key=True),
            Column("in", [_rate(model, "input") for model in found]),
            Column("cached", [_rate(model, "cached_input") for model in found]),
            Column("out", [_rate(model, "output") for model in found]),
            Column("price of", [model.provider or "" for model in found], is_name=True),
        ],
        given_up=(("cached", 48), ("price of", 36)),
    )


def _tokenizer(model: Model) -> str:
    doubt = "" if model.is_confirmed else "? "
    if model.tokenizer is not None:
        return doubt + model.tokenizer
    return f"{doubt}-" + (" (API)" if model.counted_by is not None else "")


def _rate(model: Model, name: str) -> str:
    rate: Rate | None = None if model.price is None else getattr(model.price, name)
    return "-" if rate is None else f"{rate.base.normalize() + Decimal(0):f}"


def _blocks(found: Models, width: int | None) -> list[Block]:
    blocks: list[Block] = [_layout(found), *(Note(note) for note in notes(found))]
    if len(found) <= IN_FULL:
        for model in found:
            blocks += [Title(format.key(model.name), close=True), Lines(in_full(model))]
    return blocks


def _told(found: Models) -> str:
    public = sum(model.tokenizer is not None for model in found)
    return f"{len(found):,} models, {public:,} with a public tokenizer; checked on {found.checked}"


register(Models.kind, Drawing("a list of models", _blocks, _told))
