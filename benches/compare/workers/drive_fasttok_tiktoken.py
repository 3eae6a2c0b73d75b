"""Drives fasttok's drop-in for tiktoken, as tiktoken is driven."""

from __future__ import annotations

from drive_tiktoken import Tiktoken
from serve import Vocabulary, serve


class FasttokTiktoken(Tiktoken):
    """An encoding with tiktoken's interface."""

    def load(self, vocabulary: Vocabulary, threads: int) -> None:
        """By name."""
        import fasttok.compat.tiktoken

        self._encoding = fasttok.compat.tiktoken.get_encoding(vocabulary.encoding)
        self._threads = threads


if __name__ == "__main__":
    serve(FasttokTiktoken())
