"""Drives fasttok: encodings are embedded, counting makes no ids."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from serve import Adapter, Vocabulary, serve


class Fasttok(Adapter):
    """Special-token text is ordinary text by default."""

    def load(self, vocabulary: Vocabulary, threads: int) -> None:
        """By name."""
        import fasttok

        self._fasttok: Any = fasttok
        self._encoding: Any = fasttok.get_encoding(vocabulary.encoding)
        self._name = vocabulary.encoding
        self._threads = threads

    def count_batch(self, documents: list[str]) -> Iterable[int]:
        """Counts of the batch."""
        counts: Iterable[int] = self._encoding.count_batch(documents, threads=self._threads)
        return counts

    def count_text(self, text: str) -> int:
        """Count of one string."""
        return int(self._encoding.count(text))

    def count_string(self, text: str) -> int:
        """As a batch of one, which may be cut for several threads."""
        return int(self.count_batch([text])[0]) if self._threads > 1 else self.count_text(text)  # type: ignore[index]

    def count_jsonl(self, path: str) -> list[int]:
        """Its own file reader; the report holds the total."""
        report = self._fasttok.count_corpus([path], encodings=[self._name], text_field="text", threads=self._threads)
        return [int(report.totals.tokens[self._name])]

    def ids_batch(self, documents: list[str]) -> Iterable[int]:
        """One array of ids and one of offsets."""
        _, offsets = self._encoding.encode_batch(documents, threads=self._threads)
        lengths: Iterable[int] = offsets[1:] - offsets[:-1]
        return lengths

    def list_batch(self, documents: list[str]) -> list[list[int]]:
        """Lists, asked for."""
        lists: list[list[int]] = self._encoding.encode_batch(documents, threads=self._threads, as_list=True)
        return lists

    def list_text(self, text: str) -> list[int]:
        """A list, asked for."""
        ids: list[int] = self._encoding.encode(text, as_list=True)
        return ids


if __name__ == "__main__":
    serve(Fasttok())
