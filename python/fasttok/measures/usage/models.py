"""What the texts of logs would cost on models that somebody names: recounted for each of them, at its prices.

Every request is billed by what it sent, all of it as fresh input, at the rates of its length. Counts nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from fasttok._fasttok import Encoding
from fasttok.measures.cost.pricing import PricedModel, rates_at
from fasttok.reports.usage import ModelUsage


class _Request(Protocol):
    @property
    def sent(self) -> Sequence[int] | None: ...
    @property
    def answer(self) -> Sequence[int]: ...


class _Flow(Protocol):
    @property
    def sent(self) -> Sequence[int]: ...
    @property
    def answered(self) -> Sequence[int]: ...
    @property
    def sent_over(self) -> Sequence[int]: ...
    @property
    def answered_over(self) -> Sequence[int]: ...


class NamedModels:
    """Models that were named, and the encodings of a run, which are these `given` ones and those of the models."""

    def __init__(self, models: Sequence[PricedModel], given: Mapping[str, Encoding]) -> None:
        self.models = models
        self.encodings = dict(given)
        for model in models:
            if model.encoding not in self.encodings.values():
                self.encodings[_free(model.encoding.name, self.encodings)] = model.encoding
        labels = {encoding: label for label, encoding in self.encodings.items()}
        self.labels = [labels[model.encoding] for model in models]
        self._at = [list(self.encodings).index(label) for label in self.labels]
        self.limits = [
            (at, above) for at, model in zip(self._at, models, strict=True) for above in model.price.thresholds
        ]
        """Encodings, by number, and so many tokens: what is sent by requests with more of them is to be known."""
        self._rates = [
            [rates_at(model.price, tokens, Decimal(0)) for tokens in (0, *(t + 1 for t in model.price.thresholds))]
            for model in models
        ]

    def manifest(self) -> dict[str, dict[str, str | None]]:
        """The encoding of each model, and whose tokenizer it is where it is not the model's own."""
        return {
            model.name: {"encoding": label, "tokenizer_of": model.stands_in}
            for model, label in zip(self.models, self.labels, strict=True)
        }

    def of_requests(self, requests: Iterable[_Request]) -> dict[str, ModelUsage]:
        """What requests would cost; those without texts are left out."""
        counted = [(each.sent, each.answer) for each in requests if each.sent is not None]
        found = {}
        for m, (model, at) in enumerate(zip(self.models, self._at, strict=True)):
            thresholds = model.price.thresholds
            sent, answered = [0] * (len(thresholds) + 1), [0] * (len(thresholds) + 1)
            for each, answer in counted:
                tier = bisect_left(thresholds, each[at])
                sent[tier] += each[at]
                answered[tier] += answer[at]
            found[model.name] = self._usage(m, sent, answered)
        return found

    def of_flows(self, flows: Sequence[_Flow]) -> dict[str, ModelUsage]:
        """What texts would cost, in whatever requests they were sent."""
        found, limit = {}, 0
        for m, (model, at) in enumerate(zip(self.models, self._at, strict=True)):
            many = len(model.price.thresholds)
            over = range(limit, limit + many)
            limit += many
            sent = [sum(flow.sent[at] for flow in flows), *(sum(flow.sent_over[j] for flow in flows) for j in over)]
            answered = [
                sum(flow.answered[at] for flow in flows),
                *(sum(flow.answered_over[j] for flow in flows) for j in over),
            ]
            # Each is with those of all rates after it.
            found[model.name] = self._usage(m, _differences(sent), _differences(answered))
        return found

    def _usage(self, m: int, sent: Sequence[int], answered: Sequence[int]) -> ModelUsage:
        cost = sum(
            (s * rate + a * answer for s, a, (rate, answer) in zip(sent, answered, self._rates[m], strict=True)),
            Decimal(0),
        )
        return ModelUsage(self.labels[m], self.models[m].stands_in, sum(sent), sum(answered), float(cost))


def _differences(numbers: Sequence[int]) -> list[int]:
    return [a - b for a, b in zip(numbers, [*numbers[1:], 0], strict=True)]


def _free(name: str, taken: Iterable[str]) -> str:
    """The name, with a number where it is taken."""
    names = [name, *(f"{name} {i}" for i in range(2, 100))]
    return next(each for each in names if each not in taken)
