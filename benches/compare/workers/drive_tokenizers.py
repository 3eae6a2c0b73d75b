"""Drives Hugging Face tokenizers through `encode_batch_fast`, which leaves offsets out."""

from __future__ import annotations

from typing import Any

from serve import Adapter, Vocabulary, serve


class Tokenizers(Adapter):
    """Threads are set by `TOKENIZERS_PARALLELISM` and `RAYON_NUM_THREADS`."""

    def load(self, vocabulary: Vocabulary, threads: int) -> None:
        """From the tokenizer.json made of the rank file."""
        import tokenizers

        self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(vocabulary.tokenizer_json))

    def count_batch(self, documents: list[str]) -> list[int]:
        """Lengths of the encodings."""
        return [len(row) for row in self._tokenizer.encode_batch_fast(documents, add_special_tokens=False)]

    def count_text(self, text: str) -> int:
        """Length of one encoding."""
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def ids_batch(self, documents: list[str]) -> list[int]:
        """As it is called for counts."""
        return self.count_batch(documents)

    def list_batch(self, documents: list[str]) -> list[list[int]]:
        """Of its encodings."""
        return [row.ids for row in self._tokenizer.encode_batch_fast(documents, add_special_tokens=False)]

    def list_text(self, text: str) -> list[int]:
        """Of its encoding."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


if __name__ == "__main__":
    serve(Tokenizers())
