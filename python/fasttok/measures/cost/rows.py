"""The rows of a cost report, made of sums: costs, costs per document, and what a month costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from fasttok.measures.cost.sums import CostSums, GroupSums
from fasttok.reports.cost import CostRow

DAYS = 30
"""Of a month, in projections."""

_Z = 1.959963984540054
"""The normal distribution's 97.5 % point."""


@dataclass(frozen=True)
class RowBuilder:
    """Makes rows of sums."""

    keys: Sequence[str]
    sums: CostSums
    cached_share: Decimal
    requests_per_day: float | None
    wh_per_mtok: Decimal | None
    base: str | None
    is_messages: bool = False
    """Whether documents are texts of conversations, of which a request sends many."""

    def row(self, key: tuple[str | None, ...], model: int) -> CostRow:
        ratio = None
        row = self._row(key, [self.sums.groups[key]], model, None)
        if self.base is not None:
            base = self._row(key, [self.sums.groups[(self.base,)]], model, None)
            if row.cost_per_document is not None and base.cost_per_document:
                ratio = row.cost_per_document / base.cost_per_document
        return self._row(key, [self.sums.groups[key]], model, ratio)

    def total(self, model: int) -> CostRow:
        return self._row((), list(self.sums.groups.values()), model, None)

    def _row(self, key: tuple[str | None, ...], groups: Sequence[GroupSums], m: int, ratio: float | None) -> CostRow:
        model = self.sums.billed[m]
        tallies = [group.tallies[m] for group in groups]
        documents = sum(group.documents for group in groups)
        given = answered = Decimal(0)
        for tier, (per_input, per_output) in enumerate(self.sums.rates[m]):
            given += per_input * sum(tally.input[tier] for tally in tallies)
            answered += per_output * sum(tally.output[tier] for tally in tallies)
        tokens_in = sum(sum(tally.input) for tally in tallies)
        tokens_out = sum(sum(tally.output) for tally in tallies)
        spent = float(given + answered)
        monthly = low = high = None
        if self.requests_per_day is not None:
            monthly, low, high = self._month(spent, sum(tally.squares for tally in tallies))
        per_document = spent / documents if documents else None
        wh = self.wh_per_mtok if self.wh_per_mtok is not None else model.price.wh_per_mtok
        return CostRow(
            key=dict(zip(self.keys, key, strict=False)),
            model=model.name,
            encoding=model.encoding.name,
            estimate=model.stands_in is not None,
            tokenizer_of=model.stands_in,
            documents=documents,
            bytes=sum(group.bytes for group in groups),
            chars=sum(group.chars for group in groups),
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            requests=sum(sum(tally.documents) for tally in tallies) if self.is_messages else None,
            written_tokens=sum(tally.written for tally in tallies) if self.is_messages else None,
            long_context_documents=sum(sum(tally.documents[1:]) for tally in tallies),
            input_cost=float(given),
            output_cost=float(answered),
            cost=spent,
            cost_per_document=_without_noise(per_document),
            per_document_ratio=_without_noise(ratio),
            monthly_cost=_without_noise(monthly),
            monthly_low=_without_noise(low),
            monthly_high=_without_noise(high),
            energy_wh=None if wh is None else float(wh * (tokens_in + tokens_out) / 1_000_000),
        )

    def _month(self, spent: float, squares: float) -> tuple[float | None, float | None, float | None]:
        """The cost of a month, of requests of which all documents together are a sample, and its interval."""
        assert self.requests_per_day is not None
        n = sum(group.documents for group in self.sums.groups.values())
        if n == 0:
            return None, None, None
        requests = self.requests_per_day * DAYS
        mean = spent / n
        if n == 1:
            return requests * mean, None, None
        error = (max(0.0, squares / n - mean * mean) / (n - 1)) ** 0.5
        return requests * mean, requests * max(0.0, mean - _Z * error), requests * (mean + _Z * error)


def _without_noise(value: float | None) -> float | None:
    """`value` to the 15 digits that a float holds: 0.3 and not 0.30000000000000004."""
    return None if value is None else float(f"{value:.15g}")
