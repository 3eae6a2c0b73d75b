"""A list of models as a table: for a terminal of any width, for plain text, for a notebook."""

from __future__ import annotations

import html
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from fasttok.render.table import Column, Layout, layout_html, print_layout, printable, printed_unpadded

if TYPE_CHECKING:
    from fasttok.inputs.prices import Rate
    from fasttok.reports.models import Model, Models

IN_FULL = 3
"""So many models are also told in sentences, with all that is known of them."""


def print_models(found: Models, console: Console) -> None:
    """Print the table of `found` as wide as `console` is."""
    print_layout(_layout(found), console)
    for note in notes(found):
        console.print(Text(f"\n{note}", style="dim"))
    if len(found) <= IN_FULL:
        for model in found:
            console.print(Text(f"\n{printable(model.name)}", style="bold"))
            for line in in_full(model):
                console.print(Text(line))


def render_text(found: Models, width: int | None = None) -> str:
    """The table as plain text, as wide as the terminal unless `width` says otherwise."""
    return printed_unpadded(lambda console: print_models(found, console), width)


def render_html(found: Models) -> str:
    """The table and its notes as HTML."""
    said = "".join(f"<p>{html.escape(note)}</p>" for note in notes(found))
    return layout_html(_layout(found)) + said


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
            Column("model", [printable(model.name) for model in found], is_name=True, is_key=True),
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
