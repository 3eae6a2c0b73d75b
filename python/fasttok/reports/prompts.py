"""The tokens of many conversations as they are sent: data of `fasttok.count_prompts`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fasttok.reports.base import BaseReport
from fasttok.reports.ledger import Ledger
from fasttok.reports.prompt import Label
from fasttok.reports.tabular import Kind


@dataclass(frozen=True)
class PromptSums:
    """The sums of the conversations whose numbers are of one kind."""

    label: Label
    conversations: int
    messages: int
    tokens: int
    """Of the prompts."""
    text_tokens: int
    """Of their texts, each by itself."""
    longest: int
    """Tokens of the longest prompt."""
    leaves_out: Sequence[str]
    """What is not in the numbers of some of them."""


@dataclass(frozen=True, repr=False)
class PromptsReport(BaseReport):
    """Prompts of the conversations in files, by what their numbers are: exact, estimates, or of texts only."""

    kind = "prompts"
    schema = "fasttok.prompts/1"

    manifest: Mapping[str, Any]
    sums: Sequence[PromptSums]
    """A row for each label that there is."""
    ledger: Ledger

    @property
    def conversations(self) -> int:
        """How many there are."""
        return sum(each.conversations for each in self.sums)

    def fields(self) -> Sequence[tuple[str, Kind]]:
        """The columns of `rows()`: name and kind."""
        numbers: list[tuple[str, Kind]] = [(name, "integer") for name in _NUMBERS]
        return [("label", "string"), *numbers, ("leaves_out", "string")]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """One row per label."""
        for each in self.sums:
            yield (each.label, *(getattr(each, name) for name in _NUMBERS), "; ".join(each.leaves_out))

    def content(self) -> dict[str, Any]:
        """The sums and the ledger."""
        return {
            "prompts": [{**asdict(each), "leaves_out": list(each.leaves_out)} for each in self.sums],
            "ledger": self.ledger.to_dict(),
        }

    def __repr__(self) -> str:
        return f"<fasttok.PromptsReport of {self.conversations:,} conversations>"


_NUMBERS = ("conversations", "messages", "tokens", "text_tokens", "longest")
