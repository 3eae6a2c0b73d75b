"""What is often printed about tokens, measured on the text that a user supplies.

A registry of claims, each with what it says in numbers, and what measures it. A verdict is taken from the interval: a
claim *holds* where the whole interval lies within what it says, *fails* where the whole interval lies outside, and
*depends* otherwise, or where encodings or texts disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fasttok._util.paths import PathLike
from fasttok.reports.base import BaseReport
from fasttok.reports.ledger import NOTHING_READ, Ledger
from fasttok.reports.presenters import presenter_of
from fasttok.reports.tabular import Kind, written

Verdict = Literal["holds", "fails", "depends", "not measured"]

Measure = Literal["chars_per_token", "tokens_per_char", "tokens_per_100_words", "premium", "saving"]

MEASURES: dict[str, str] = {
    "chars_per_token": "characters / tokens",
    "tokens_per_char": "tokens / characters",
    "tokens_per_100_words": "100 × tokens / words, a word being what white space separates",
    "premium": "tokens / tokens of the English text that says the same",
    "saving": "tokens under the older vocabulary / tokens under the newer one",
}


@dataclass(frozen=True)
class Claim:
    """One printed claim, and what it says in numbers."""

    id: str
    says: str
    """As it is commonly put."""
    source: str
    """Where it is found, in general terms."""
    measure: Measure
    language: str
    """The ISO 639-3 code of the text that it is about."""
    low: float
    high: float
    """It holds where the measure lies from `low` to `high`. What is said to be 'about' has 10 % on either side; a
    factor of saving has 10 % of the saving, and at least 0.05, for it is printed with one decimal."""
    encodings: str = ".*"
    """A pattern of the encodings it is about."""
    older: str | None = None
    """For `saving`: the encoding that is compared with."""


@dataclass(frozen=True)
class Measurement:
    """One claim, measured on one text under one encoding."""

    claim: str
    text: str
    """The name of the text."""
    encoding: str
    value: float
    low: float
    high: float
    """The interval of the value."""
    units: int
    """Documents, or units of parallel text."""
    verdict: Verdict


@dataclass(frozen=True, repr=False)
class ClaimsReport(BaseReport):
    """Claims with their measurements and verdicts."""

    kind = "claims"
    schema = "fasttok.claims/1"

    manifest: Mapping[str, Any]
    claims: Sequence[Claim]
    measurements: Sequence[Measurement]

    ledger: Ledger = NOTHING_READ
    """The rows of the texts by language; parallel text is read whole or not at all."""

    def of(self, claim: str) -> list[Measurement]:
        """The measurements of one claim."""
        return [entry for entry in self.measurements if entry.claim == claim]

    def verdict(self, claim: str) -> Verdict:
        """What all measurements of a claim say together."""
        found = {entry.verdict for entry in self.of(claim)}
        if not found:
            return "not measured"
        return found.pop() if len(found) == 1 else "depends"

    def fields(self) -> Sequence[tuple[str, Kind]]:
        return [
            ("claim", "string"),
            ("says", "string"),
            ("text", "string"),
            ("encoding", "string"),
            ("units", "integer"),
            ("value", "real"),
            ("low", "real"),
            ("high", "real"),
            ("verdict", "string"),
        ]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        says = {claim.id: claim.says for claim in self.claims}
        for m in self.measurements:
            yield (m.claim, says[m.claim], m.text, m.encoding, m.units, m.value, m.low, m.high, m.verdict)

    def content(self) -> dict[str, Any]:
        """Claims, measurements and ledger: see docs/report.md."""
        return {
            "claims": [
                {**vars(claim), "measure_in_words": MEASURES[claim.measure], "verdict": self.verdict(claim.id)}
                for claim in self.claims
            ],
            "measurements": [dict(vars(entry)) for entry in self.measurements],
            "ledger": self.ledger.to_dict(),
        }

    def text(self, shape: str) -> Iterator[str]:
        if shape == "markdown":
            yield self.to_markdown()
        else:
            yield from super().text(shape)

    def to_markdown(self, path: PathLike | None = None) -> str:
        """The report as Markdown. With `path`, also written there: whole or not at all."""
        return written(presenter_of(self.kind).markdown(self), path, self._inputs())

    def __repr__(self) -> str:
        return f"<fasttok.ClaimsReport of {len(self.claims):,} claims, {len(self.measurements):,} measurements>"
