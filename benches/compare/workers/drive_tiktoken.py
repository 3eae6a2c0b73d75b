"""Drives tiktoken, the reference for counts and for speed."""

from __future__ import annotations

from typing import Any

from serve import Adapter, Vocabulary, serve


class Tiktoken(Adapter):
    """`encode_ordinary` makes a list of ids; there is no count without it."""

    def load(self, vocabulary: Vocabulary, threads: int) -> None:
        """The vocabulary comes from `TIKTOKEN_CACHE_DIR`."""
        import tiktoken

        self._encoding: Any = tiktoken.get_encoding(vocabulary.encoding)
        self._threads = threads

    def count_batch(self, documents: list[str]) -> list[int]:
        """Lengths of the id lists."""
        return [len(ids) for ids in self._encoding.encode_ordinary_batch(documents, num_threads=self._threads)]

    def count_lines(self, lines: list[str]) -> list[int]:
        """One by one with one thread: the batch call makes a future of each string, which costs more than its ids."""
        if self._threads > 1:
            return self.count_batch(lines)
        return [len(self._encoding.encode_ordinary(line)) for line in lines]

    def count_text(self, text: str) -> int:
        """Length of one id list."""
        return len(self._encoding.encode_ordinary(text))

    def ids_batch(self, documents: list[str]) -> list[int]:
        """Its batches are lists."""
        return self.count_batch(documents)

    def list_batch(self, documents: list[str]) -> list[list[int]]:
        """As it is called for counts."""
        lists: list[list[int]] = self._encoding.encode_ordinary_batch(documents, num_threads=self._threads)
        return lists

    def list_text(self, text: str) -> list[int]:
        """As it is called for counts."""
        ids: list[int] = self._encoding.encode_ordinary(text)
        return ids


if __name__ == "__main__":
    serve(Tiktoken())
