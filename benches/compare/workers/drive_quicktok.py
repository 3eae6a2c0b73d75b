"""Drives quicktok-v1, an encoder with a counting front: `count_batch` discards ids that the core makes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from serve import Adapter, Vocabulary, serve


class Quicktok(Adapter):
    """Vocabularies ship in the package."""

    def load(self, vocabulary: Vocabulary, threads: int) -> None:
        """numpy is imported here because the first batch needs it anyway."""
        import numpy  # noqa: F401
        import quicktok

        self._count_batch: Any = quicktok.count_batch
        self._encoding: Any = quicktok.get_encoding(vocabulary.encoding)
        self._threads = threads

    def count_batch(self, documents: list[str]) -> Iterable[int]:
        """Counts of the batch."""
        counts: Iterable[int] = self._count_batch(self._encoding, documents, self._threads)
        return counts

    def count_text(self, text: str) -> int:
        """Count of one string."""
        return int(self._encoding.count(text))

    def ids_batch(self, documents: list[str]) -> list[int]:
        """Its batches are lists."""
        return [len(ids) for ids in self.list_batch(documents)]

    def list_batch(self, documents: list[str]) -> list[list[int]]:
        """One by one with one thread, as tiktoken's lines."""
        if self._threads > 1:
            lists: list[list[int]] = self._encoding.encode_batch(documents)
            return lists
        return [self._encoding.encode_ordinary(text) for text in documents]

    def list_text(self, text: str) -> list[int]:
        """With tiktoken's name."""
        ids: list[int] = self._encoding.encode_ordinary(text)
        return ids


if __name__ == "__main__":
    serve(Quicktok())
