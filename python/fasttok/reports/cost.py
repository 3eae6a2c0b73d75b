"""Costs by group and model: what a run found. Multiplies and draws nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fasttok._util.estimates import label
from fasttok._util.languages import matching, some
from fasttok._util.nearest import nearest
from fasttok.errors import UnknownGroupError
from fasttok.reports.base import BaseReport
from fasttok.reports.ledger import Ledger
from fasttok.reports.premium import PremiumReport
from fasttok.reports.tabular import Kind

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class CostRow:
    """What one group of documents costs on one model."""

    key: Mapping[str, str | None]
    model: str
    encoding: str
    estimate: bool
    """Whether the tokens were counted with another model's tokenizer."""
    tokenizer_of: str | None
    """Whose that is: a model, a repository on the Hugging Face hub, or a file."""
    documents: int
    bytes: int
    chars: int
    input_tokens: int
    output_tokens: int
    requests: int | None
    """Of conversations: requests that sent a text of the group, or were answered by one; in a total all of them."""
    written_tokens: int | None
    """Of conversations: the tokens of each text once; `input_tokens` has them as often as they are sent."""
    long_context_documents: int
    """Documents for which a rate of a long context holds; of conversations, requests."""
    input_cost: float
    output_cost: float
    cost: float
    cost_per_document: float | None
    per_document_ratio: float | None
    """Cost per document / cost per document of the base group. Different documents, not the same content."""
    monthly_cost: float | None
    monthly_low: float | None
    monthly_high: float | None
    """The 95 % interval (normal) of the month: documents vary, and these are a sample of them."""
    energy_wh: float | None

    @property
    def label(self) -> str:
        """The model as it is shown: an estimate is labelled so."""
        return label(self.model, self.tokenizer_of)


@dataclass(frozen=True)
class SameContent:
    """What the same content costs in a language relative to the pivot, on one model; from parallel text."""

    model: str
    language: str
    name: str | None
    pivot: str
    ratio: float
    low: float | None
    high: float | None
    estimate: bool
    """Whether the tokens were counted with another model's tokenizer."""
    tokenizer_of: str | None
    """Whose that is."""

    def in_words(self, pivot: str | None = None) -> str:
        """One sentence. `pivot`: what that language is called, its code otherwise."""
        percent = 100 * (self.ratio - 1)
        more = f"{abs(percent):.0f} % {'more' if percent >= 0 else 'less'}"
        interval = ""
        if self.low is not None and self.high is not None:
            interval = f" (95 % interval {100 * (self.low - 1):+.0f} to {100 * (self.high - 1):+.0f} %)"
        return (
            f"The same content as input costs {more} in {self.name or self.language} than in {pivot or self.pivot} on "
            f"{label(self.model, self.tokenizer_of)}{interval}."
        )


@dataclass(frozen=True, repr=False)
class CostReport(BaseReport):
    """What documents cost, by group and model. Where nothing is grouped there are totals alone."""

    kind = "cost"
    schema = "fasttok.cost/1"

    manifest: Mapping[str, Any]
    totals: Sequence[CostRow]
    """One a model."""
    groups: Sequence[CostRow]
    """One a group and model."""
    same_content: Sequence[SameContent]
    """One a language and model, where parallel text was given."""
    ledger: Ledger
    premium: PremiumReport | None = None
    """The premiums that `same_content` is taken from."""

    @property
    def by(self) -> list[str]:
        """What costs are grouped by."""
        return list(self.manifest["by"])

    @property
    def models(self) -> list[str]:
        """The models, in the order in which they were asked for."""
        return [row.model for row in self.totals]

    @property
    def currency(self) -> str:
        """The currency of all costs, ISO 4217."""
        currency: str = self.manifest["currency"]
        return currency

    def dearest_first(self) -> list[CostRow]:
        """The rows of the groups, those of a group together: the group that costs most on the first model first."""
        models = len(self.models)
        groups = [self.groups[i : i + models] for i in range(0, len(self.groups), models)]
        groups.sort(key=lambda rows: -rows[0].cost)
        return [row for rows in groups for row in rows]

    def get(self, model: str, *key: str | None) -> CostRow:
        """The row of one group on one model; the total without a key.

        A single key may be another label of the same language. Raises ``UnknownGroupError`` (a ``KeyError``).
        """
        if model not in self.models:
            raise UnknownGroupError(
                f"there is no model {model!r} in the report; it has {', '.join(self.models)}",
                name=model,
                nearest=nearest(model, self.models),
            )
        rows = {tuple(row.key.values()): row for row in (self.groups if key else self.totals) if row.model == model}
        if key in rows:
            return rows[key]
        known = [value for values in rows if len(values) == 1 for value in values if value is not None]
        if len(key) == 1 and isinstance(key[0], str):
            found = matching(key[0], known)
            if len(found) == 1:
                return rows[(found[0],)]
        shown = ", ".join(str(value) for value in key)
        raise UnknownGroupError(
            f"there is no group {shown!r} in the report" + (f"; it has {some(known)}" if known else ""),
            name=shown,
            nearest=nearest(shown, known),
        )

    def fields(self) -> Sequence[tuple[str, Kind]]:
        keys: list[tuple[str, Kind]] = [(f"key.{key}" if key in _COLUMNS else key, "string") for key in self.by]
        return keys + list(_COLUMNS.items())

    def rows(self) -> Iterator[tuple[Any, ...]]:
        for row in self.groups if self.by else self.totals:
            yield (*row.key.values(), *(getattr(row, name) for name in _COLUMNS))

    def content(self) -> dict[str, Any]:
        """Totals, groups, costs of the same content and ledger: see docs/cost.md."""

        def plain(row: CostRow) -> dict[str, Any]:
            return {name: getattr(row, name) for name in _COLUMNS}

        return {
            "totals": [plain(row) for row in self.totals],
            "groups": [{"key": dict(row.key), **plain(row)} for row in self.groups],
            "same_content": [dict(vars(entry)) for entry in self.same_content],
            "ledger": self.ledger.to_dict(),
        }

    def __repr__(self) -> str:
        totals = ", ".join(f"{row.label}: {row.cost:,.4f}" for row in self.totals)
        return f"<fasttok.CostReport of {self.ledger.counted:,} documents, {self.currency} {{{totals}}}>"


_COLUMNS: dict[str, Kind] = {
    "model": "string",
    "encoding": "string",
    "estimate": "boolean",
    "tokenizer_of": "string",
    "documents": "integer",
    "bytes": "integer",
    "chars": "integer",
    "input_tokens": "integer",
    "output_tokens": "integer",
    "requests": "integer",
    "written_tokens": "integer",
    "long_context_documents": "integer",
    "input_cost": "real",
    "output_cost": "real",
    "cost": "real",
    "cost_per_document": "real",
    "per_document_ratio": "real",
    "monthly_cost": "real",
    "monthly_low": "real",
    "monthly_high": "real",
    "energy_wh": "real",
}
