"""Drives gigatoken, an encoder: ids of a batch come as one awkward array, of one string as a numpy array."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from serve import Adapter, Vocabulary, serve

PRETOKENIZERS = {"o200k_base": "o200k", "cl100k_base": "cl100k"}


class Gigatoken(Adapter):
    """Threads beyond one come from its own pool, sized by `RAYON_NUM_THREADS`."""

    def load(self, vocabulary: Vocabulary, threads: int) -> None:
        """awkward and numpy are imported here because the first result needs them anyway."""
        import awkward  # noqa: F401
        import gigatoken
        import numpy

        self._numpy = numpy
        self._jsonl_source = gigatoken.JsonlFileSource
        self._parallel = threads > 1
        self._tokenizer = gigatoken.Tokenizer.from_tiktoken(
            vocabulary.ranks, pretokenizer=PRETOKENIZERS[vocabulary.encoding], special_tokens={}
        )

    def _lengths(self, rows: Any) -> Iterable[int]:
        # The same numbers as `awkward.num(rows, axis=1)`, some ten times sooner on a small batch.
        lengths: Iterable[int] = self._numpy.diff(self._numpy.asarray(rows.layout.offsets))
        return lengths

    def count_batch(self, documents: list[str]) -> Iterable[int]:
        """Row lengths of the batch."""
        return self._lengths(self._tokenizer.encode_batch(documents, parallel=self._parallel))

    def count_text(self, text: str) -> int:
        """Length of one id array."""
        return len(self._tokenizer.encode(text))

    def count_string(self, text: str) -> int:
        """As a batch of one where threads may be used, since only batches are parallel."""
        return sum(self.count_batch([text])) if self._parallel else self.count_text(text)

    def count_jsonl(self, path: str) -> Iterable[int]:
        """Its own file reader."""
        source = self._jsonl_source([path], field="text")
        return self._lengths(self._tokenizer.encode_files(source, parallel=self._parallel))

    def ids_batch(self, documents: list[str]) -> Iterable[int]:
        """As it is called for counts."""
        return self.count_batch(documents)

    def list_batch(self, documents: list[str]) -> list[list[int]]:
        """It has a call for lists."""
        lists: list[list[int]] = self._tokenizer.encode_batch_list(documents)
        return lists

    def list_text(self, text: str) -> list[int]:
        """Of its array."""
        ids: list[int] = self._tokenizer.encode(text).tolist()
        return ids


if __name__ == "__main__":
    serve(Gigatoken())
