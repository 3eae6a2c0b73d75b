"""A worker that misbehaves as its encoding's name says."""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workers"))

from serve import Adapter, Vocabulary, serve


class Fake(Adapter):
    """Counts characters, unless it is told to fail."""

    def load(self, vocabulary: Vocabulary, threads: int) -> None:
        """Fail where the name says so."""
        self._mode = vocabulary.encoding
        print("a library that prints")
        if self._mode == "absent":
            raise ImportError("no such library")

    def count_batch(self, documents: list[str]) -> list[int]:
        """One token per character; the last document's count is wrong in mode `wrong`."""
        if self._mode == "dies":
            os.abort()
        if self._mode == "hangs":
            time.sleep(60)
        if self._mode == "short":
            return [1, 2]
        counts = [len(text) for text in documents]
        if self._mode == "wrong":
            counts[-1] += 1
        return counts

    def count_text(self, text: str) -> int:
        """One token per character."""
        return len(text)

    def ids_batch(self, documents: list[str]) -> list[int]:
        """As counts."""
        return self.count_batch(documents)

    def list_batch(self, documents: list[str]) -> list[list[int]]:
        """Code points."""
        return [self.list_text(text) for text in documents]

    def list_text(self, text: str) -> list[int]:
        """Code points."""
        return [ord(character) for character in text]


if __name__ == "__main__":
    serve(Fake())
