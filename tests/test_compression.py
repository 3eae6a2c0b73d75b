"""Compressed corpora, against readers that take one byte at a time: whole, in several streams, cut, flipped, bombs."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import random
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zstandard
from peak_memory import PEAK

import fasttok
from fasttok._fasttok import COMPRESSED_SUFFIXES

ROOT = Path(__file__).parent.parent
ENCODING = fasttok.get_encoding("r50k_base")


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True, write_content_size=False).compress(data)


def xz(data: bytes) -> bytes:
    return lzma.compress(data, preset=1)


def xz_in_blocks(data: bytes) -> bytes:
    return b"".join(
        lzma.compress(part, check=check, preset=0)
        for part, check in zip(
            (data[: len(data) // 3], data[len(data) // 3 :]), (lzma.CHECK_CRC32, lzma.CHECK_SHA256), strict=True
        )
    )


def lzma_alone(data: bytes) -> bytes:
    return lzma.compress(data, format=lzma.FORMAT_ALONE, preset=1)


def read_streams(data: bytes, decoder: Callable[[], Any], magic: bytes, padding: int = 0) -> tuple[bytes, bool]:
    """The text that a decoder gives for one byte after the other, stream after stream, and whether all is well."""
    text, at = bytearray(), 0
    while True:
        stream = decoder()
        while not stream.eof:
            if at == len(data):
                return bytes(text), False
            try:
                text += stream.decompress(data[at : at + 1])
            except (zlib.error, lzma.LZMAError):
                return bytes(text), False
            at += 1
        zeros = len(data[at:]) - len(data[at:].lstrip(b"\0"))
        at += zeros
        if at == len(data):
            return bytes(text), not padding or zeros % padding == 0
        if not data[at:].startswith(magic):
            return bytes(text), False


class BlockByBlock:
    """A decoder of bzip2 whose text is taken in small parts, for what it gave in a call that fails is lost."""

    def __init__(self) -> None:
        self._decoder = bz2.BZ2Decompressor()
        self.eof = False

    def decompress(self, data: bytes) -> bytes:
        text = bytearray()
        try:
            text += self._decoder.decompress(data, 64)
            while not self._decoder.needs_input and not self._decoder.eof:
                text += self._decoder.decompress(b"", 64)
        except OSError as error:
            raise BzError(bytes(text)) from error
        self.eof = self._decoder.eof
        return bytes(text)


class BzError(Exception):
    pass


def read_bz2(data: bytes) -> tuple[bytes, bool]:
    text, at = bytearray(), 0
    while True:
        stream = BlockByBlock()
        while not stream.eof:
            if at == len(data):
                return bytes(text), False
            try:
                text += stream.decompress(data[at : at + 1])
            except BzError as error:
                return bytes(text) + error.args[0], False
            at += 1
        if at == len(data):
            return bytes(text), True
        if data[at : at + 1] != b"B":
            return bytes(text), False


def read_zstd(data: bytes) -> tuple[bytes, bool]:
    text, at = bytearray(), 0
    while at < len(data):
        stream = zstandard.ZstdDecompressor(max_window_size=128 << 20).decompressobj()
        while not stream.eof:
            if at == len(data):
                return bytes(text), False
            try:
                text += stream.decompress(data[at : at + 1])
            except zstandard.ZstdError:
                return bytes(text), False
            at += 1
    return bytes(text), True


@dataclass(frozen=True)
class Kind:
    pack: Callable[[bytes], bytes]
    read: Callable[[bytes], tuple[bytes, bool]]
    slack: int = 0
    """So many bytes of text more or less than the careful reader may come before damage."""
    is_checked: bool = True


KINDS = {
    "gz": Kind(gzip.compress, lambda data: read_streams(data, lambda: zlib.decompressobj(31), b"\x1f")),
    "zst": Kind(zstd, read_zstd),
    "bz2": Kind(lambda data: bz2.compress(data, 1), read_bz2, slack=64),
    "xz": Kind(xz, lambda data: read_streams(data, lzma.LZMADecompressor, b"\xfd", 4), slack=2000),
    "lzma": Kind(
        lzma_alone, lambda data: read_streams(data, lzma.LZMADecompressor, b"none"), slack=2000, is_checked=False
    ),
}


def lines(seed: int, number: int) -> list[str]:
    chance = random.Random(seed)
    words = ["the", "Straße", "中文字", "it's", "12345", "नमस्ते", "x = f(y);", "😀"]
    return [f"{i} " + " ".join(chance.choices(words, k=chance.randrange(12))) for i in range(number)]


def by_file(paths: list[Path], **options: Any) -> tuple[dict[str, int], dict[str, list[dict[str, Any]]]]:
    """The documents and the entries of the ledger of each file."""
    ledger = paths[0].parent / "ledger.jsonl"
    report = fasttok.count_corpus(paths, encodings=[ENCODING], by=["file"], ledger_path=ledger, **options)
    counted = {Path(str(group.key["file"])).name: group.documents for group in report.groups}
    entries: dict[str, list[dict[str, Any]]] = {}
    for entry in map(json.loads, ledger.read_text().splitlines()):
        entries.setdefault(Path(entry["file"]).name, []).append(entry)
    return counted, entries


@pytest.mark.parametrize("suffix", KINDS)
def test_streams_one_after_the_other(tmp_path: Path, suffix: str) -> None:
    kind = KINDS[suffix]
    rows = [json.dumps({"text": line}) + "\n" for line in lines(1, 300)]
    first, second = "".join(rows[:100]).encode(), "".join(rows[100:]).encode()
    files = {"one": kind.pack(first + second)}
    if suffix != "lzma":
        # A row may begin in one stream and end in the next; a stream may be empty.
        files["two"] = kind.pack(first[:-7]) + kind.pack(b"") + kind.pack(first[-7:] + second)
    if suffix == "xz":
        files["blocks"] = xz_in_blocks(first + second)
    if suffix in ("gz", "xz"):
        files["padded"] = kind.pack(first) + bytes(512) + kind.pack(second) + bytes(1024)
    for name, data in files.items():
        (tmp_path / f"{name}.jsonl.{suffix}").write_bytes(data)
    plain = tmp_path / "plain.jsonl"
    plain.write_bytes(first + second)
    expected = fasttok.count_corpus([plain], encodings=[ENCODING]).totals
    for name in files:
        report = fasttok.count_corpus([tmp_path / f"{name}.jsonl.{suffix}"], encodings=[ENCODING])
        assert report.totals == expected, name
        manifest = json.loads(report.to_json())["manifest"]
        assert manifest["files_unchecked"] == int(not kind.is_checked)


@pytest.mark.parametrize("suffix", KINDS)
def test_cut_and_flipped_files_are_read_up_to_the_damage(tmp_path: Path, suffix: str) -> None:
    """200 cuts and 200 flips: each row that a careful reader finds is counted or listed, and the rest is reported."""
    kind, chance = KINDS[suffix], random.Random(7)
    text = ("\n".join(lines(2, 700)) + "\n").encode()
    half = text.index(b"\n", len(text) // 2) + 1
    good = kind.pack(text) if suffix == "lzma" else kind.pack(text[:half]) + kind.pack(text[half:])
    cases = {}
    for i in range(200):
        cases[f"cut{i}"] = good[: chance.randrange(1, len(good))]
        flipped = bytearray(good)
        flipped[chance.randrange(len(good))] ^= 1 << chance.randrange(8)
        cases[f"flip{i}"] = bytes(flipped)
    paths = []
    for name, data in cases.items():
        paths.append(tmp_path / f"{name}.jsonl.{suffix}")
        paths[-1].write_bytes(data)
    counted, entries = by_file(paths, format="lines")
    silent = 0
    for name, data in cases.items():
        file = f"{name}.jsonl.{suffix}"
        documents, listed = counted.get(file, 0), entries.get(file, [])
        damage = [entry for entry in listed if entry["reason"] != "invalid_utf8"]
        careful, is_whole = kind.read(data)
        assert len(damage) <= 1, (name, damage)
        if not damage:
            # No damage was seen: then it is the whole text, or nothing in the file could tell.
            assert is_whole, name
            assert careful == text or not kind.is_checked or careful == text[:half], name
            assert documents + len(listed) == len(careful.splitlines()), name
            silent += 1
            continue
        assert damage[0]["reason"] in ("corrupt", "truncated", "window_too_large", "unsupported_format"), damage
        position = re.search(r"after byte (\d+) of the text", damage[0]["detail"])
        end = int(position[1]) if position else 0
        assert abs(end - len(careful)) <= kind.slack, (name, end, len(careful), damage)
        least, most = (
            careful[: min(end, len(careful))].count(b"\n"),
            careful.count(b"\n") + max(0, end - len(careful)),
        )
        assert least <= documents + len(listed) - 1 <= most, (name, damage)
        vouched = re.search(r"text from byte (\d+) on", damage[0]["detail"])
        if vouched:
            assert careful[: int(vouched[1])] == text[: int(vouched[1])]
    # The flag of gzip's header that nobody reads, its time, and a cut between two streams.
    assert silent < 20 or not kind.is_checked, silent


@pytest.mark.parametrize("suffix", [suffix for suffix in KINDS if suffix != "lzma"])
def test_bytes_after_the_data_are_reported(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.jsonl.{suffix}"
    path.write_bytes(KINDS[suffix].pack(b'{"text":"a"}\n{"text":"b"}\n') + b"garbage")
    counted, entries = by_file([path])
    assert counted == {path.name: 2}
    (entry,) = entries[path.name]
    assert entry["reason"] == "corrupt"
    assert re.fullmatch(
        r"bytes that are not \w+ follow the compressed data.* after byte 26 of the text", entry["detail"]
    )


def forged(suffix: str, log: int) -> bytes:
    """A small file whose header asks for a window of 2**log bytes (xz: at most 2**32 - 1)."""
    row = b'{"text":"a"}\n'
    if suffix == "zst":
        return b"\x28\xb5\x2f\xfd\0" + bytes([(log - 10) << 3]) + (len(row) << 3 | 1).to_bytes(3, "little") + row
    if suffix == "lzma":
        data = lzma_alone(row)
        return data[:1] + min(2**log, 2**32 - 1).to_bytes(4, "little") + data[5:]
    data = bytearray(xz(row))
    # The property of LZMA2 in the header of the block, and the checksum of that header.
    size = (data[12] + 1) * 4
    header = data[12 : 12 + size]
    at = header.index(b"\x21\x01") + 2
    header[at] = min((log - 12) * 2, 40)
    header[-4:] = zlib.crc32(header[:-4]).to_bytes(4, "little")
    data[12 : 12 + size] = header
    return bytes(data)


@pytest.mark.parametrize(("suffix", "log"), [("zst", 31), ("xz", 31), ("xz", 32), ("lzma", 31)])
def test_a_forged_header_gets_no_memory(tmp_path: Path, suffix: str, log: int) -> None:
    path = tmp_path / f"a.jsonl.{suffix}"
    path.write_bytes(forged(suffix, log))
    detail, peak = run_measured(path)
    assert detail["skipped"] == 1
    (entry,) = detail["entries"]
    assert entry["reason"] == "window_too_large"
    window = re.search(r"--max-window-bytes (\d+) reads it", entry["detail"])
    assert window and 2**31 <= int(window[1]) <= 2**32
    assert peak < 400e6
    # With what it says the file is read.
    counted, entries = by_file([path], max_window_bytes=int(window[1]))
    assert (counted, entries) == ({path.name: 1}, {})


MEASURED = f"""
{PEAK}
import json, sys, fasttok
report = fasttok.count_corpus(sys.argv[1:], encodings=["r50k_base"], threads=2)
data = json.loads(report.to_json())
peak = peak_bytes()
print(json.dumps([data["ledger"] | {{"bytes": data["totals"]["bytes"]}}, peak]))
"""


def run_measured(*paths: Path) -> tuple[dict[str, Any], int]:
    """The ledger of a run in a process of its own, and the most memory it took in bytes."""
    pytest.importorskip("resource", reason="the peak memory of a process is not known here")
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, paths)], capture_output=True, text=True, check=True, timeout=300
    )
    ledger, peak = json.loads(done.stdout)
    return ledger, peak


def bomb(suffix: str, block: bytes, number: int) -> bytes:
    """A small file with ``number`` times ``block`` in it."""
    if suffix == "gz":
        packer: Any = zlib.compressobj(9, zlib.DEFLATED, 31)
    elif suffix == "zst":
        packer = zstandard.ZstdCompressor(level=3, write_checksum=True).compressobj()
    elif suffix == "xz":
        packer = lzma.LZMACompressor(preset=0)
    else:
        return bz2.compress(block) * number
    return b"".join([packer.compress(block) for _ in range(number)]) + packer.flush()


@pytest.mark.parametrize("name", ["a.txt.gz", "a.jsonl.zst", "a.jsonl.bz2", "a.txt.xz"])
def test_a_bomb_is_read_in_bounded_memory(tmp_path: Path, name: str) -> None:
    """Half a gigabyte, as one document or as rows, from a file of 3 MB at most: more than the memory that it gets."""
    row = b"and so it goes on \n" if name.startswith("a.txt") else b'{"text":"and so on"}\n'
    block, number = row * ((2 << 20) // len(row)), 240
    path = tmp_path / name
    data = bomb(path.suffix[1:], block, number)
    assert len(data) < 3e6
    path.write_bytes(data)
    ledger, peak = run_measured(path)
    text = len(block) * number
    expected = (1, text) if ".txt" in name else (text // len(row), text // len(row) * len(b"and so on"))
    assert text > 500e6
    assert (ledger["skipped"], ledger["counted"], ledger["bytes"]) == (0, *expected)
    assert peak < 400e6, peak


def test_every_suffix_is_documented_and_unpacked(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "guide.md").read_text() if (ROOT / "docs").is_dir() else None
    packers = {"gz": gzip.compress, "bgz": gzip.compress, "gzip": gzip.compress, "zstd": zstd, "bzip2": bz2.compress}
    for suffix in COMPRESSED_SUFFIXES:
        assert guide is None or f"`{suffix}`" in guide, suffix
        name = suffix.removeprefix(".")
        pack = packers[name] if name in packers else KINDS[name].pack
        (tmp_path / f"a.jsonl{suffix}").write_bytes(pack(b'{"text":"a"}\n'))
    report = fasttok.count_corpus([tmp_path], encodings=[ENCODING], by=["extension"])
    assert report.totals.documents == len(COMPRESSED_SUFFIXES)
    assert [group.key for group in report.groups] == [{"extension": "jsonl"}]
