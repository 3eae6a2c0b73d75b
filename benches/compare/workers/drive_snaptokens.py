"""Drives snaptokens, an encoder for tokenizer.json files: a batch comes as packed ids and packed offsets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from serve import Adapter, Vocabulary, serve

OFFSET_TYPE = "<u8"


class Snaptokens(Adapter):
    """Threads come from its pool, sized by `RAYON_NUM_THREADS`."""

    def load(self, vocabulary: Vocabulary, threads: int) -> None:
        """From the tokenizer.json made of the rank file.

        With its own binary cache beside that file, which the first load writes and later ones read in a third of the
        time.
        """
        import numpy
        import snaptokens

        self._numpy = numpy
        self._tokenizer: Any = snaptokens.Tokenizer.from_file(str(vocabulary.tokenizer_json), tkz_cache=True)

    def count_batch(self, documents: list[str]) -> Iterable[int]:
        """Differences of the offsets."""
        _, offsets = self._tokenizer.encode_batch_flat(documents, add_special_tokens=False)
        lengths: Iterable[int] = self._numpy.diff(self._numpy.frombuffer(offsets, dtype=OFFSET_TYPE))
        return lengths

    def count_text(self, text: str) -> int:
        """Length of one encoding."""
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def ids_batch(self, documents: list[str]) -> Iterable[int]:
        """As it is called for counts."""
        return self.count_batch(documents)

    def list_batch(self, documents: list[str]) -> list[list[int]]:
        """Of its encodings."""
        return [row.ids for row in self._tokenizer.encode_batch(documents, add_special_tokens=False)]

    def list_text(self, text: str) -> list[int]:
        """Of its encoding."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


if __name__ == "__main__":
    serve(Snaptokens())
