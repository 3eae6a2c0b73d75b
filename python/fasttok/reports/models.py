"""The models that are known, as rows: what each is counted by and what it costs. Looks nothing up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from fasttok.reports.base import BaseReport, Listing
from fasttok.reports.prices import Price
from fasttok.reports.tabular import Kind


@dataclass(frozen=True)
class Model:
    """What is known of one model."""

    name: str
    aliases: Sequence[str]
    """Other names of the same model."""
    maker: str | None
    tokenizer: str | None
    """The name of an embedded encoding, or of a repository on the Hugging Face hub; None where there is none."""
    origin: str | None
    """Where the file of the tokenizer comes from: ``"embedded"`` or ``"hub"``."""
    is_public: bool | None
    """Whether its maker has published it; None where that is not known."""
    reason: str | None
    """Why there is none: what follows "the tokenizer of X" in a sentence."""
    counted_by: str | None
    """The API of the maker that counts tokens, where there is no tokenizer."""
    is_confirmed: bool
    """Whether a public source says this explicitly. What is not confirmed is the most likely answer."""
    source: str | None
    """That source."""
    checked: str
    """The day on which it was read, ISO 8601."""
    note: str | None
    price: Price | None
    """What the maker asks for it, or else what it costs on a market of many makers' models, with its date; None where
    genai-prices has no price or is not installed."""
    provider: str | None
    """Whose price that is."""

    def to_dict(self) -> dict[str, Any]:
        """The model as the JSON has it."""
        return {
            "name": self.name,
            "aliases": list(self.aliases),
            "maker": self.maker,
            "tokenizer": self.tokenizer,
            "origin": self.origin,
            "public": self.is_public,
            "reason": self.reason,
            "counted_by": self.counted_by,
            "confirmed": self.is_confirmed,
            "source": self.source,
            "checked": self.checked,
            "note": self.note,
            "provider": self.provider,
            "price": None if self.price is None else self.price.to_dict(),
        }


class Models(Listing[Model], BaseReport):
    """Models, by maker. A sequence, and a table: ``to_csv()``, ``to_json()``, ``to_arrow()`` and so on."""

    kind = "models"
    schema = "fasttok.models/1"

    def __init__(
        self, found: Sequence[Model], day: date, has_prices: bool, checked: str, manifest: Mapping[str, Any]
    ) -> None:
        super().__init__(found, manifest)
        self.price_date = day.isoformat()
        """The day whose prices these are, ISO 8601."""
        self.checked = checked
        """The day on which what is known of them was read, ISO 8601."""
        self.has_prices = has_prices
        """Whether genai-prices is installed: without it no price is known."""

    def fields(self) -> Sequence[tuple[str, Kind]]:
        return list(_COLUMNS.items())

    def rows(self) -> Iterator[tuple[Any, ...]]:
        for model in self._found:
            flat = model.to_dict()
            price = model.price
            flat["aliases"] = ",".join(model.aliases)
            for name in ("input", "cached_input", "output"):
                rate = None if price is None else getattr(price, name)
                flat[name] = None if rate is None else float(rate.base)
            flat["currency"] = None if price is None else price.currency
            flat["price_date"] = None if price is None else price.date
            flat["price_source"] = None if price is None else price.source
            yield tuple(flat[name] for name in _COLUMNS)

    def content(self) -> dict[str, Any]:
        """The models: see docs/guide.md."""
        return {
            "checked": self.checked,
            "price_date": self.price_date if self.has_prices else None,
            "models": [model.to_dict() for model in self._found],
        }


_COLUMNS: dict[str, Kind] = {
    "name": "string",
    "aliases": "string",
    "maker": "string",
    "tokenizer": "string",
    "origin": "string",
    "public": "boolean",
    "reason": "string",
    "counted_by": "string",
    "confirmed": "boolean",
    "source": "string",
    "checked": "string",
    "note": "string",
    "input": "real",
    "cached_input": "real",
    "output": "real",
    "currency": "string",
    "price_date": "string",
    "provider": "string",
    "price_source": "string",
}
