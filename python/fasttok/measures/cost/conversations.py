"""Sums of conversations as they are sent: each answer is a request, which sends all that was said before it.

What an answer is decides the role of its texts: what an assistant says in one go is one. Knows prices only as rates per
token, and no shape of a record but those of a batch, whose requests and answers are joined.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fasttok._fasttok import Account, Document, Encoding
from fasttok.measures.cost.sums import CostSums, GroupSums

FIELDS = ("role", "shape", "custom_id")
"""What is asked of each text, after the keys of groups."""

_ANSWERS = "assistant"


_Key = tuple["str | None", ...]


@dataclass(slots=True)
class _Said:
    """A text: the key of its group, its sizes, its tokens by encoding."""

    key: _Key
    bytes: int
    chars: int
    tokens: tuple[int, ...]
    is_answer: bool


class ConversationSums:
    """Adds texts, which come record by record, to the groups of `sums`."""

    def __init__(self, sums: CostSums) -> None:
        self._sums = sums
        self._turn = next((i for i, key in enumerate(sums.keys) if key.removeprefix("field:") == "turn"), None)
        self._encodings = list(dict.fromkeys(model.encoding for model in sums.billed))
        self._of_model = [self._encodings.index(model.encoding) for model in sums.billed]
        self._record: tuple[Any, ...] | None = None
        self._texts: list[_Said] = []
        self._batch_id: tuple[str, str] | None = None
        self._asked: dict[str, list[list[_Said]]] = {}
        self._answered: dict[str, list[list[_Said]]] = {}

    def count(self, records: Sequence[Document]) -> dict[Encoding, Any]:
        """The tokens of the texts, by encoding."""
        options = self._sums.options
        texts = [record.text for record in records]
        return {e: e.count_batch(texts, special=options.special, threads=options.threads) for e in self._encodings}

    def add(self, records: Sequence[Document], counts: Mapping[Encoding, Any]) -> None:
        """Add texts of which `count` gave `counts`."""
        columns = [counts[encoding].tolist() for encoding in self._encodings]
        for record, *tokens in zip(records, *columns, strict=True):
            *key, role, shape, custom_id = record.key
            where = record.file, tuple(record.position.items())
            if where != self._record:
                self._end_record()
                self._record = where
                is_batch = custom_id is not None and shape is not None and shape.startswith("batch_")
                self._batch_id = (shape, custom_id) if is_batch else None
            size = len(record.text.encode())
            self._texts.append(_Said(tuple(key), size, len(record.text), tuple(tokens), role == _ANSWERS))

    def end(self, account: Account) -> None:
        """Add what waits for what belongs to it. `account` is the reader's, which says what of batches that is."""
        self._end_record()
        for custom_id in dict.fromkeys([*self._asked, *self._answered]):
            asked, answered = self._asked.get(custom_id, []), self._answered.get(custom_id, [])
            if self._turn is not None and (turn := account.turn_of_answer(custom_id)) is not None:
                for text in answered[0]:
                    text.key = (*text.key[: self._turn], str(turn), *text.key[self._turn + 1 :])
            if len(asked) == len(answered) == 1:
                self._bill([*asked[0], *answered[0]])
                continue
            # Of several with one id nobody knows which belong together.
            for texts in (*asked, *answered):
                self._bill(texts)
        self._asked, self._answered = {}, {}

    def _end_record(self) -> None:
        texts, self._texts = self._texts, []
        if self._batch_id is None:
            self._bill(texts)
        elif texts:
            shape, custom_id = self._batch_id
            waiting = self._asked if shape == "batch_input" else self._answered
            waiting.setdefault(custom_id, []).append(texts)

    def _bill(self, texts: Sequence[_Said]) -> None:
        """Add a conversation."""
        if not texts:
            return
        groups = [self._sums.group(text.key) for text in texts]
        for text, group in zip(texts, groups, strict=True):
            group.documents += 1
            group.bytes += text.bytes
            group.chars += text.chars
        ends = list(_requests(texts))
        begins: dict[GroupSums, int] = {}
        told = 0
        for request, (_, end) in enumerate(ends):
            for group in groups[told:end]:
                begins.setdefault(group, request)
            told = end
        for m, encoding in enumerate(self._of_model):
            before = [0]
            for text in texts:
                before.append(before[-1] + text.tokens[encoding])
            tiers = self._sums.tiers[m]
            of_request = [bisect_right(tiers, before[start]) - 1 for start, _ in ends]
            # From the last text on: what comes early is sent by all requests after it.
            sent = [0] * len(tiers)
            waiting = list(zip(ends, of_request, strict=True))
            for i in range(len(texts) - 1, -1, -1):
                while waiting and waiting[-1][0][0] > i:
                    sent[waiting.pop()[1]] += 1
                text = texts[i]
                tally, tokens = groups[i].tallies[m], text.tokens[encoding]
                for tier, times in enumerate(sent):
                    tally.input[tier] += tokens * times
                if text.is_answer:
                    # The request that it answers is the last one that begins to be answered at or before it.
                    tally.output[waiting[-1][1]] += tokens
                tally.written += tokens
            # A group is in all requests from its first one on.
            many = [0] * len(tiers)
            request = len(ends)
            for group, begin in reversed(begins.items()):
                for tier in of_request[begin:request]:
                    many[tier] += 1
                request = begin
                for tier, times in enumerate(many):
                    group.tallies[m].documents[tier] += times


def _requests(texts: Sequence[_Said]) -> Iterable[tuple[int, int]]:
    """Where the answer of each request begins and ends: the texts before are its input."""
    start = 0
    for i, text in enumerate(texts):
        if not text.is_answer:
            start = i + 1
        elif i + 1 == len(texts) or not texts[i + 1].is_answer:
            yield start, i + 1
    if not texts[-1].is_answer:
        # It was asked, and the answer is not there.
        yield len(texts), len(texts)
