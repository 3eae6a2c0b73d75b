"""What the tests share: the reference tokenizer without network, and where real text is."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tiktoken

ROOT = Path(__file__).parent.parent
RANKS = ROOT / "rust" / "engine" / "data"
URL = "https://openaipublic.blob.core.windows.net/encodings/{name}.tiktoken"

#: All of the text and a million generated cases, for a long run.
LONG = os.environ.get("FASTTOK_LONG") == "1"


class References:
    """tiktoken's encodings, each made when first asked for."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.made: dict[str, tiktoken.Encoding] = {}

    def __getitem__(self, name: str) -> tiktoken.Encoding:
        if name not in self.made:
            self.made[name] = self.make(name)
        return self.made[name]

    def make(self, name: str) -> tiktoken.Encoding:
        import tiktoken

        os.environ["TIKTOKEN_CACHE_DIR"] = str(self.cache)
        if name != "gpt2":
            return tiktoken.get_encoding(name)
        # Its constructor loads the same ranks from two other files.
        r50k = self["r50k_base"]
        return tiktoken.Encoding(
            "gpt2",
            pat_str=r50k._pat_str,
            mergeable_ranks=r50k._mergeable_ranks,
            special_tokens=r50k._special_tokens,
        )


def corpora() -> Path | None:
    """The folder with real text, if there is one."""
    for folder in (os.environ.get("FASTTOK_DATA"), str(ROOT.parent / "shared" / "corpora")):
        if folder and any(Path(folder).glob("*.jsonl.zst")):
            return Path(folder)
    return None


def corpus_files() -> list[Path]:
    folder = corpora()
    return sorted(folder.glob("*.jsonl.zst")) if folder else []


def documents(file: Path, every: int = 1) -> Iterator[str]:
    """The texts of a ``.jsonl.zst``, all or every n-th."""
    import zstandard

    with zstandard.open(file, "rb") as stream:
        for i, line in enumerate(io.TextIOWrapper(stream, encoding="utf-8")):
            if i % every == 0:
                yield json.loads(line)["text"]
