"""Sums of tokens over documents, by group, model and tier. Knows prices only as rates per token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from fasttok._fasttok import Document, Encoding
from fasttok.inputs.paths import too_many_groups
from fasttok.measures.cost.pricing import PricedModel, rates_at
from fasttok.options import CorpusOptions


class ModelSums:
    """The sums of one group on one model, by tier: tier 0 is the base rate."""

    def __init__(self, tiers: int) -> None:
        self.documents = [0] * tiers
        self.input = [0] * tiers
        self.output = [0] * tiers
        self.written = 0
        """Of conversations: the tokens of each text once, where `input` has them as often as they are sent."""
        self.squares = 0.0
        """Sum of the squares of the documents' costs, for the interval of a projection."""


class GroupSums:
    def __init__(self, tiers: Sequence[int]) -> None:
        self.documents = 0
        self.bytes = 0
        self.chars = 0
        self.tallies = [ModelSums(count) for count in tiers]


class CostSums:
    """Sums over documents by group and model."""

    def __init__(
        self,
        billed: Sequence[PricedModel],
        output_tokens: int,
        cached_share: Decimal,
        keys: Sequence[str],
        options: CorpusOptions,
    ) -> None:
        self.billed = billed
        self.keys = keys
        self.options = options
        self.output_tokens = output_tokens
        self.groups: dict[tuple[str | None, ...], GroupSums] = {}
        self.tiers = [[0, *(threshold + 1 for threshold in model.price.thresholds)] for model in billed]
        self.rates = [
            [rates_at(model.price, tokens, cached_share) for tokens in tiers]
            for model, tiers in zip(billed, self.tiers, strict=True)
        ]
        """For each model and tier: what a token of input and of output costs."""

    def count(self, records: Sequence[Document]) -> dict[Encoding, tuple[Any, Any]]:
        """The tokens of the records' texts and of their answers, by encoding."""
        texts = [record.text for record in records]
        answers = [record.answer for record in records if record.answer is not None]
        special, threads = self.options.special, self.options.threads
        counts = {}
        for encoding in dict.fromkeys(model.encoding for model in self.billed):
            tokens = encoding.count_batch(texts, special=special, threads=threads)
            if answers:
                output = encoding.count_batch(answers, special=special, threads=threads)
            else:
                output = np.full(len(records), self.output_tokens, dtype=np.int64)
            counts[encoding] = tokens, output
        return counts

    def add(self, records: Sequence[Document], counts: Mapping[Encoding, tuple[Any, Any]]) -> None:
        """Add records of which `count` gave `counts`."""
        places: dict[tuple[str | None, ...], list[int]] = {}
        for i, record in enumerate(records):
            places.setdefault(record.key, []).append(i)
        for key, at in places.items():
            group = self.group(key)
            group.documents += len(at)
            group.bytes += sum(len(records[i].text.encode()) for i in at)
            group.chars += sum(len(records[i].text) for i in at)
        for m, model in enumerate(self.billed):
            tokens, output = counts[model.encoding]
            tier = np.searchsorted(self.tiers[m], tokens, side="right") - 1
            per_input = np.array([float(rates[0]) for rates in self.rates[m]])
            per_output = np.array([float(rates[1]) for rates in self.rates[m]])
            spent = tokens * per_input[tier] + output * per_output[tier]
            for key, at in places.items():
                tally = self.groups[key].tallies[m]
                for t in range(len(tally.documents)):
                    chosen = [i for i in at if tier[i] == t] if len(tally.documents) > 1 else at
                    tally.documents[t] += len(chosen)
                    tally.input[t] += int(tokens[chosen].sum())
                    tally.output[t] += int(output[chosen].sum())
                tally.squares += float(np.square(spent[at]).sum())

    def group(self, key: tuple[str | None, ...]) -> GroupSums:
        """The sums of a group, which may be new."""
        if key not in self.groups:
            if key and len(self.groups) >= self.options.max_groups:
                raise too_many_groups(self.keys, self.options.max_groups)
            self.groups[key] = GroupSums([len(tiers) for tiers in self.tiers])
        return self.groups[key]
