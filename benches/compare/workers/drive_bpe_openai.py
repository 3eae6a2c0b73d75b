"""Drives bpe-openai, an encoder with tiktoken's interface. It refuses a million characters and 200,000 tokens."""

from __future__ import annotations

from drive_tiktoken import Tiktoken
from serve import Vocabulary, serve


class BpeOpenai(Tiktoken):
    """Called as tiktoken is; vocabularies ship in the package."""

    def load(self, vocabulary: Vocabulary, threads: int) -> None:
        """By name."""
        import bpe_openai

        self._encoding = bpe_openai.get_encoding(vocabulary.encoding)
        self._threads = threads


if __name__ == "__main__":
    serve(BpeOpenai())
