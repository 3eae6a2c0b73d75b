"""What requests cost, each at the rates of its own model. Counts nothing."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal

from fasttok._fasttok import LoggedRequest
from fasttok.errors import UnknownPriceError
from fasttok.inputs.prices import PriceTable, find_price
from fasttok.reports.prices import Price

_MILLION = 1_000_000


class Pricing:
    """Prices of the models of a log, and which of them have none."""

    def __init__(self, table: PriceTable | None, on: date | None, encoding: int | None) -> None:
        self._table = table
        self._on = on
        self._encoding = encoding
        """Of which encoding recounted figures are priced; None: recorded ones."""
        self.prices: dict[str, Price | None] = {}
        self.unpriced: Counter[str] = Counter()
        """Requests without a price, by model."""

    def cost(self, request: LoggedRequest) -> Decimal | None:
        """What a request cost; None where its model has no price, or it has no figures."""
        figures = self._figures(request)
        if figures is None:
            return None
        price = self._price(request.model)
        if price is None or (figures[2] and price.output is None):
            self.unpriced[request.model or "(none)"] += 1
            return None
        sent, cached, answered = figures
        fresh = price.input.at(sent)
        again = fresh if price.cached_input is None else price.cached_input.at(sent)
        answer = Decimal(0) if price.output is None else price.output.at(sent)
        return ((sent - cached) * fresh + cached * again + answered * answer) / _MILLION

    def _figures(self, request: LoggedRequest) -> tuple[int, int, int] | None:
        """Tokens of input, those of them from a cache, and tokens of output."""
        if self._encoding is not None:
            if request.sent is None:
                return None
            # What a cache would have covered is not known to have been cached: all is billed as fresh.
            return request.sent[self._encoding], 0, request.answer[self._encoding]
        usage = request.usage
        return None if usage is None else (usage.input, min(usage.cached_input, usage.input), usage.output)

    def _price(self, model: str | None) -> Price | None:
        if model is None:
            return None
        if model not in self.prices:
            try:
                self.prices[model] = find_price(model, self._table, self._on)
            except UnknownPriceError:
                self.prices[model] = None
        return self.prices[model]
