"""Folders of the same documents in several forms. Knows files, and nothing of who reads them."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

FORMS = ("jsonl.zst", "jsonl.gz", "parquet")

MB = 1_000_000


@dataclass(frozen=True)
class Folder:
    """A folder of shards of one form, and what is in them."""

    path: Path
    form: str
    bytes: int
    """UTF-8 of the texts."""
    documents: int


def shards(corpora: Path, languages: Sequence[str], shard_bytes: int) -> Iterator[list[dict[str, str]]]:
    """The documents of `LANGUAGE.jsonl.zst` files, each once, languages in turns, in parts of about so many bytes."""
    shard: list[dict[str, str]] = []
    size = 0
    rows = zip_longest(*(_documents(corpora / f"{language}.jsonl.zst") for language in languages))
    for row in filter(None, chain.from_iterable(rows)):
        shard.append(row)
        size += len(row["text"].encode())
        if size >= shard_bytes:
            yield shard
            shard, size = [], 0
    if shard:
        yield shard


def prepare(parts: Iterable[list[dict[str, str]]], cache: Path, form: str) -> list[Folder]:
    """Folders of `form` below `cache`, one for each of `parts`, with one shard each."""
    folders = []
    for i, part in enumerate(parts):
        path = cache / form / f"{i:03}"
        path.mkdir(parents=True, exist_ok=True)
        WRITERS[form](part, path / f"part.{form}")
        folders.append(Folder(path, form, sum(len(row["text"].encode()) for row in part), len(part)))
    return folders


def _documents(path: Path) -> Iterator[dict[str, str]]:
    with path.open("rb") as file:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(file), "utf-8")
        for line in lines:
            row = json.loads(line)
            yield {"id": str(row["id"]), "language": row["language"], "text": row["text"]}


def _lines(part: Sequence[dict[str, str]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in part).encode()


def _write_zst(part: Sequence[dict[str, str]], path: Path) -> None:
    path.write_bytes(zstandard.ZstdCompressor(level=3, write_checksum=True).compress(_lines(part)))


def _write_gz(part: Sequence[dict[str, str]], path: Path) -> None:
    path.write_bytes(gzip.compress(_lines(part), compresslevel=6))


def _write_parquet(part: Sequence[dict[str, str]], path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(list(part)), path, compression="zstd", row_group_size=1000)


WRITERS: dict[str, Callable[[Sequence[dict[str, str]], Path], None]] = {
    "jsonl.zst": _write_zst,
    "jsonl.gz": _write_gz,
    "parquet": _write_parquet,
}
