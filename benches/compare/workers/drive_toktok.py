"""Drives toktok-rs, a counter: its vocabularies are compiled in and it makes no ids."""

from __future__ import annotations

import sys
from typing import Any

from serve import Adapter, Vocabulary, serve


class Toktok(Adapter):
    """`batch_count` counts a batch; `truncate` without a limit is its quickest count of a single string."""

    def load(self, vocabulary: Vocabulary, threads: int) -> None:
        """The encoding is built on the first call."""
        import toktok

        self._batch_count: Any = toktok.batch_count
        self._truncate: Any = toktok.truncate
        self._encoding = vocabulary.encoding
        self._threads = threads

    def count_batch(self, documents: list[str]) -> list[int]:
        """Counts of the batch."""
        counts: list[int] = self._batch_count(documents, self._encoding, self._threads)
        return counts

    def count_text(self, text: str) -> int:
        """The count that `truncate` returns beside the text: a batch of one takes some fifteen times as long."""
        return int(self._truncate(text, sys.maxsize, self._encoding)[1])

    def count_string(self, text: str) -> int:
        """A batch of one, which may use threads."""
        return int(self.count_batch([text])[0])


if __name__ == "__main__":
    serve(Toktok())
