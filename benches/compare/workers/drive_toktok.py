"""Drives toktok-rs, a counter: its vocabularies are compiled in and it makes no ids."""

from __future__ import annotations

from typing import Any

from serve import Adapter, Vocabulary, serve


class Toktok(Adapter):
    """One public function counts; a single string is a batch of one."""

    def load(self, vocabulary: Vocabulary, threads: int) -> None:
        """The encoding is built on the first call, so an empty batch is counted."""
        import toktok

        self._batch_count: Any = toktok.batch_count
        self._encoding = vocabulary.encoding
        self._threads = threads
        self._batch_count([], self._encoding, threads)

    def count_batch(self, documents: list[str]) -> list[int]:
        """Counts of the batch."""
        counts: list[int] = self._batch_count(documents, self._encoding, self._threads)
        return counts

    def count_text(self, text: str) -> int:
        """A batch of one."""
        return int(self._batch_count([text], self._encoding, self._threads)[0])


if __name__ == "__main__":
    serve(Toktok())
