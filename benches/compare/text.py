"""The measured text: documents of each language, packed for the workers, and the plan of slices over them."""

from __future__ import annotations

import bisect
import hashlib
import io
import itertools
import json
import os
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from .workers import documents

LANGUAGES = {
    "eng_Latn": "English",
    "zho_Hans": "Chinese",
    "jpn_Jpan": "Japanese",
    "kor_Hang": "Korean",
    "rus_Cyrl": "Russian",
    "arb_Arab": "Arabic",
    "hin_Deva": "Hindi",
    "tha_Thai": "Thai",
    "deu_Latn": "German",
    "code": "code",
    "mixed": "mixed",
}

MIXED_PARTS = (
    *(name for name in LANGUAGES if name != "mixed"),
    "zho_Hant",
    "fra_Latn",
    "spa_Latn",
)
"""What `mixed` is made of: the same bytes of every file, document by document in turn."""


@dataclass(frozen=True)
class Slice:
    """Documents `first` to `last` (excluded)."""

    first: int
    last: int


@dataclass(frozen=True)
class Plan:
    """Disjoint ranges of one text: warm-up, then the slices that are measured."""

    warm: Slice
    slices: tuple[Slice, ...]


class Text:
    """The packed documents of one language."""

    def __init__(self, language: str, path: Path, sources: dict[str, str]) -> None:
        self.language = language
        self.path = path
        self.sources = sources
        self._ends: array[int] = documents.ends(path)

    @property
    def bytes(self) -> int:
        """UTF-8 bytes of all documents."""
        return self._ends[-1] if self._ends else 0

    def size(self, part: Slice) -> int:
        """UTF-8 bytes of a slice."""
        return self._end(part.last) - self._end(part.first)

    def head(self, part: Slice, limit: float) -> Slice:
        """The beginning of `part`, of about `limit` bytes."""
        last = bisect.bisect_left(self._ends, self._end(part.first) + limit) + 1
        return Slice(part.first, max(part.first + 1, min(part.last, last)))

    def first(self, limit: float) -> Slice:
        """The beginning of the text."""
        return self.head(Slice(0, len(self._ends)), limit)

    def plan(self, warm: float, size: float, rounds: int) -> Plan:
        """Warm-up and `rounds` slices of `size` bytes; all shrink where the text is too short for them."""
        if warm + rounds * size > self.bytes:
            warm = min(warm, 0.15 * self.bytes)
            size = (self.bytes - warm) / rounds
        cuts = [0]
        for number in range(rounds + 1):
            cuts.append(max(cuts[-1] + 1, bisect.bisect_left(self._ends, warm + number * size) + 1))
        cuts[-1] = min(cuts[-1], len(self._ends))
        if cuts[-1] <= cuts[-2]:
            raise ValueError(f"{self.language}: {len(self._ends)} documents are too few for {rounds} slices")
        slices = tuple(Slice(first, last) for first, last in itertools.pairwise(cuts[1:]))
        return Plan(Slice(0, cuts[1]), slices)

    def jsonl(self, part: Slice) -> Path:
        """The slice as a JSONL file, written on first use."""
        path = self.path.parent / f"{self.language}.{part.first}-{part.last}.jsonl"
        if path.exists():
            return path
        with path.open("w", encoding="utf-8") as out:
            for number, text in enumerate(documents.read(self.path, part.first, part.last), part.first):
                out.write(json.dumps({"id": number, "text": text}, ensure_ascii=False) + "\n")
        return path

    def describe(self) -> dict[str, Any]:
        """Sizes of the documents, for the record."""
        sizes = sorted(end - begin for begin, end in zip([0, *self._ends[:-1]], self._ends, strict=True))
        quantiles = {f"p{q}": sizes[min(len(sizes) - 1, len(sizes) * q // 100)] for q in (10, 50, 90)}
        return {
            "documents": len(sizes),
            "bytes": self.bytes,
            "document_bytes": {"min": sizes[0], **quantiles, "max": sizes[-1]},
            "source_sha256": self.sources,
        }

    def _end(self, number: int) -> int:
        return self._ends[number - 1] if number else 0


def prepare(language: str, corpora: Path, cache: Path, limit: float) -> Text:
    """Pack about `limit` bytes of `language` under `cache`; done again only when a source file changed."""
    parts = MIXED_PARTS if language == "mixed" else (language,)
    for part in parts:
        if not _file(corpora, part).is_file():
            raise SystemExit(f"no {_file(corpora, part)}: name the folder with --data or $FASTTOK_DATA")
    sources = {part: hashlib.sha256(_file(corpora, part).read_bytes()).hexdigest() for part in parts}
    path = cache / language
    stamp = json.dumps({"sources": sources, "limit": limit})
    stamp_file = path.with_suffix(".stamp")
    if not (stamp_file.exists() and stamp_file.read_text() == stamp):
        cache.mkdir(parents=True, exist_ok=True)
        streams = [_documents(_file(corpora, part)) for part in parts]
        documents.write(path, _in_turn(streams, limit))
        stamp_file.write_text(stamp)
    return Text(language, path, sources)


def corpora_folder(given: Path | None, repository: Path) -> Path:
    """The folder of `LANGUAGE.jsonl.zst` files: as given, else `$FASTTOK_DATA`, else beside the repository."""
    if given is not None:
        return given
    if os.environ.get("FASTTOK_DATA"):
        return Path(os.environ["FASTTOK_DATA"])
    return repository.parent / "shared" / "corpora"


def _file(corpora: Path, language: str) -> Path:
    return corpora / f"{language}.jsonl.zst"


def _documents(path: Path) -> Iterator[str]:
    with path.open("rb") as raw:
        plain = zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(raw)
        for line in io.TextIOWrapper(plain, encoding="utf-8", newline="\n"):
            text = json.loads(line)["text"]
            if text:
                yield text


def _in_turn(streams: list[Iterator[str]], limit: float) -> Iterator[str]:
    """Always the next document of the stream that has given the fewest bytes, until `limit` or a stream's end."""
    given = [0] * len(streams)
    while sum(given) < limit:
        turn = given.index(min(given))
        text = next(streams[turn], None)
        if text is None:
            return
        given[turn] += len(text.encode("utf-8"))
        yield text
