"""The models that are known, with their tokenizers and prices, as rows.

What is known is `fasttok.tokenizers.models`', prices are genai-prices': this module joins them. It loads no tokenizer
and counts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from fasttok.inputs.prices import today, try_price
from fasttok.reports.manifest import run_manifest
from fasttok.reports.models import Model, Models
from fasttok.tokenizers import models as known_models


def models(matching: str = "", *, price_date: date | None = None) -> Models:
    """The models that are known by name, with their tokenizers, and their prices where genai-prices is installed
    (extra `prices`).

    matching: words that all must be in a model's name, aliases, maker or tokenizer, letter case aside. A name that is
        not listed but known all the same (``gpt-4o-2024-05-13``) is the only row.
    price_date: the day whose prices are taken; today, UTC, by default.

    The list is no limit: :func:`fasttok.encoding_name_for_model` knows whole families, and :func:`fasttok.load` takes
    any tokenizer. Asks no network.
    """
    day = price_date or today()
    words = matching.casefold().split()
    found = []
    for name, aliases in known_models.listed():
        known = known_models.look_up(name)
        hay = " ".join([name, *aliases, known.maker or "", known.tokenizer or ""]).casefold()
        if all(word in hay for word in words):
            found.append((name, aliases, known))
    if not found and len(words) == 1:
        known = known_models.look_up(matching.strip())
        if known.tokenizer is not None or known.reason is not None:
            found = [(matching.strip(), [], known)]
    rows = [_row(name, aliases, known, day) for name, aliases, known in found]
    return Models(rows, day, has_genai_prices(), known_models.table()["checked"], run_manifest({}))


def has_genai_prices() -> bool:
    """Whether genai-prices is installed."""
    from importlib.util import find_spec

    return find_spec("genai_prices") is not None


def _row(name: str, aliases: Sequence[str], known: known_models.Known, day: date) -> Model:
    offered = try_price([name, *aliases], known_models.sellers(known.maker), day) if has_genai_prices() else None
    return Model(
        name=name,
        aliases=tuple(aliases),
        maker=known.maker,
        tokenizer=known.tokenizer,
        origin=None if known.tokenizer is None else "embedded" if known.is_embedded else "hub",
        is_public=known.is_public,
        reason=known.reason,
        counted_by=known.counted_by,
        is_confirmed=known.is_confirmed,
        source=known.source,
        checked=known_models.table()["checked"],
        note=known.note,
        price=None if offered is None else offered[0],
        provider=None if offered is None else offered[1],
    )
