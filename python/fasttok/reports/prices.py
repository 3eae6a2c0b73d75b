"""What a model costs: rates for a million tokens, with the tiers of long contexts. Finds no price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Tier:
    """The rate of a request whose input has more than `above` tokens."""

    above: int
    price: Decimal


@dataclass(frozen=True)
class Rate:
    """A price for a million tokens. The longest tier that a request reaches holds for all of its tokens."""

    base: Decimal
    tiers: Sequence[Tier] = ()
    """By `above`, the lowest first."""

    def at(self, input_tokens: int) -> Decimal:
        """The rate of a request with that many input tokens."""
        price = self.base
        for tier in self.tiers:
            if input_tokens > tier.above:
                price = tier.price
        return price

    def to_dict(self) -> dict[str, Any]:
        """The rate as the JSON has it."""
        return {
            "base": float(self.base),
            "tiers": [{"above": tier.above, "price": float(tier.price)} for tier in self.tiers],
        }


@dataclass(frozen=True)
class Price:
    """What a model costs at one date."""

    model: str
    currency: str
    input: Rate
    output: Rate | None
    cached_input: Rate | None
    source: str
    """Where the price is from: a file, or a library with its version and the model's name there."""
    date: str
    """The day for which it holds, ISO 8601."""
    tokenizer: str | None = None
    """The tokenizer that the user's table gives the model: a name or a file."""
    wh_per_mtok: Decimal | None = None
    """Watt-hours per million tokens, where the user's table states it."""

    @property
    def thresholds(self) -> list[int]:
        """The numbers of input tokens above which some rate is another, the lowest first."""
        rates = [rate for rate in (self.input, self.output, self.cached_input) if rate is not None]
        return sorted({tier.above for rate in rates for tier in rate.tiers})

    def to_dict(self) -> dict[str, Any]:
        """The price as the JSON has it."""
        return {
            "model": self.model,
            "currency": self.currency,
            "input": self.input.to_dict(),
            "output": None if self.output is None else self.output.to_dict(),
            "cached_input": None if self.cached_input is None else self.cached_input.to_dict(),
            "source": self.source,
            "date": self.date,
        }
