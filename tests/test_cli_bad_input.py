"""Bad input at the command line: counted, skipped with its reason, or refused, and the exit code says which."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
import zstandard
from cli_support import Result, fasttok

import fasttok as library

GOOD = "A good row. 好的一行。"


def tokens(text: str) -> int:
    return library.get_encoding("o200k_base").count(text)


def report(*arguments: str | Path) -> tuple[Result, dict]:
    result = fasttok("count", *arguments, "--json")
    return result, json.loads(result.out)


def assert_skips(path: Path, line: int | None, reason: str, *options: str, counted: int = 2) -> dict:
    """Of `path`, all but one row is counted; that one is listed with its position and reason everywhere."""
    result, data = report(path, *options)
    ledger = data["ledger"]
    assert result.code == 3, result.err
    assert (ledger["seen"], ledger["counted"], ledger["skipped"]) == (counted + 1, counted, 1)
    (entry,) = ledger["entries"]
    assert (entry["file"], entry["line"], entry["reason"]) == (str(path), line, reason)
    assert ledger["by_reason"] == {reason: 1}
    place = str(path) if line is None else f"{path}:{line}"
    assert result.err.startswith(f"skipped {place}: ")
    assert result.last_line.startswith(f"{counted + 1:,} row")
    assert f"{counted:,} counted, 1 skipped" in result.last_line
    failed = fasttok("count", path, *options, "--on-error", "fail", "--json")
    assert (failed.code, failed.out) == (1, "")
    assert place in failed.err
    return entry


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "unfinished', "broken_json"),
        (b"not json at all", "broken_json"),
        (b'{"text": "two"} {"text": "on a line"}', "broken_json"),
        (b'["text"]', "not_an_object"),
        (b'"text"', "not_an_object"),
        (b'{"body": "x"}', "missing_field"),
        (b'{"text": null}', "null_field"),
        (b'{"text": 7}', "not_a_string"),
        (b'{"text": ["x", ["y"]]}', "not_a_string"),
        (b'{"text": ["x", null]}', "null_field"),
        (b'{"text": "\xff\xfe"}', "invalid_utf8"),
        (b'{"text": "half \\ud800 a pair"}', "lone_surrogate"),
    ],
)
def test_bad_records(tmp_path: Path, line: bytes, reason: str) -> None:
    good = json.dumps({"text": GOOD}).encode()
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\n".join([good, line, good, b""]))
    assert_skips(path, 2, reason)


def test_invalid_utf8_in_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"good\n\xff\xfe bad\ngood\n")
    assert_skips(path, None, "invalid_utf8", counted=0)
    assert_skips(path, 2, "invalid_utf8", "--lines")


def test_invalid_utf8_replaced(tmp_path: Path) -> None:
    raw = b"gut \xe4\xbd bad \xff\xfe\xe4\xbd\xa0"
    (tmp_path / "x.txt").write_bytes(raw)
    result, data = report(tmp_path / "x.txt", "--errors", "replace")
    text = raw.decode("utf-8", "replace")
    assert result.code == 0
    assert data["totals"]["encodings"]["o200k_base"]["tokens"] == tokens(text)
    assert data["totals"]["chars"] == len(text)


def test_a_pair_of_surrogates_is_a_character(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "\\ud83d\\ude00"}\n')
    result, data = report(path)
    assert result.code == 0
    assert (data["totals"]["chars"], data["totals"]["bytes"]) == (1, 4)


def test_byte_order_mark(tmp_path: Path) -> None:
    """It is text in plain text, as it is for the reference, and none in JSONL."""
    (tmp_path / "x.txt").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    (tmp_path / "x.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps({"text": GOOD}).encode() + b"\n")
    for name, text in (("x.txt", "\ufeff" + GOOD), ("x.jsonl", GOOD)):
        result, data = report(tmp_path / name)
        assert result.code == 0
        assert data["totals"]["chars"] == len(text)
        assert data["totals"]["encodings"]["o200k_base"]["tokens"] == tokens(text)


def test_utf16(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(GOOD.encode("utf-16"))
    result, data = report(tmp_path / "x.txt")
    assert result.code == 0
    assert data["totals"]["chars"] == len(GOOD)
    assert data["totals"]["encodings"]["o200k_base"]["tokens"] == tokens(GOOD)
    (tmp_path / "x.txt").write_bytes(GOOD.encode("utf-32"))
    assert_skips(tmp_path / "x.txt", None, "utf16", counted=0)


def test_crlf(tmp_path: Path) -> None:
    records, lines = tmp_path / "x.jsonl", tmp_path / "x.txt"
    records.write_bytes(b'{"text": "one"}\r\n\r\n{"text": "two"}\r\n')
    lines.write_bytes(b"one\r\ntwo\r\n")
    for arguments in ([records], [lines, "--lines"]):
        result, data = report(*arguments)
        assert result.code == 0
        assert (data["totals"]["documents"], data["totals"]["chars"]) == (2, 6)
    _, data = report(lines)
    assert data["totals"]["encodings"]["o200k_base"]["tokens"] == tokens("one\r\ntwo\r\n")


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.jsonl.zst"])
def test_empty_file(tmp_path: Path, name: str) -> None:
    data = {"jsonl": b"", "gz": gzip.compress(b""), "zst": zstandard.compress(b"")}[name.rpartition(".")[2]]
    (tmp_path / name).write_bytes(data)
    result, counted = report(tmp_path / name)
    assert result.code == 0
    assert counted["totals"]["documents"] == 0
    assert counted["totals"]["encodings"]["o200k_base"] == {
        "tokens": 0,
        "tokens_per_char": None,
        "chars_per_token": None,
        "bytes_per_token": None,
    }
    assert fasttok("count", tmp_path / name, "--table").code == 0


ROWS = [json.dumps({"text": f"{GOOD} {i} {i * i}"}) + "\n" for i in range(5000)]


def compressed(kind: str, data: bytes) -> bytes:
    return gzip.compress(data) if kind == "gz" else zstandard.compress(data)


@pytest.mark.parametrize("kind", ["gz", "zst"])
class TestCompressed:
    def test_same_as_plain(self, tmp_path: Path, kind: str) -> None:
        data = "".join(ROWS).encode()
        (tmp_path / "x.jsonl").write_bytes(data)
        (tmp_path / f"x.jsonl.{kind}").write_bytes(compressed(kind, data))
        _, plain = report(tmp_path / "x.jsonl")
        _, packed = report(tmp_path / f"x.jsonl.{kind}")
        assert packed["totals"] == plain["totals"]

    def test_concatenated(self, tmp_path: Path, kind: str) -> None:
        # The second part begins inside a row.
        data = "".join(ROWS).encode()
        path = tmp_path / f"x.jsonl.{kind}"
        path.write_bytes(compressed(kind, data[:100_007]) + compressed(kind, data[100_007:]))
        result, counted = report(path)
        assert result.code == 0
        assert counted["totals"]["documents"] == len(ROWS)

    def test_truncated(self, tmp_path: Path, kind: str) -> None:
        data = compressed(kind, os.urandom(200_000).hex().encode())
        path = tmp_path / f"x.txt.{kind}"
        path.write_bytes(data[: len(data) // 2])
        assert_skips(path, None, "truncated", counted=0)

    def test_truncated_records(self, tmp_path: Path, kind: str) -> None:
        data = compressed(kind, "".join(ROWS).encode())
        path = tmp_path / f"x.jsonl.{kind}"
        path.write_bytes(data[:-20])
        result, counted = report(path)
        assert result.code == 3
        assert "truncated" in counted["ledger"]["by_reason"]

    def test_corrupt(self, tmp_path: Path, kind: str) -> None:
        data = bytearray(compressed(kind, "".join(ROWS).encode()))
        for i in range(len(data) // 2, len(data) // 2 + 200):
            data[i] ^= 0xFF
        path = tmp_path / f"x.txt.{kind}"
        path.write_bytes(data)
        entry = assert_skips(path, None, "corrupt", counted=0)
        assert entry["detail"]

    def test_not_compressed_at_all(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / f"x.txt.{kind}"
        path.write_text("plain text\n")
        assert_skips(path, None, "corrupt", counted=0)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("secret")
    path.chmod(0)
    assert_skips(path, None, "unreadable", counted=0)


def test_broken_link(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text(GOOD)
    (tmp_path / "link.txt").symlink_to(tmp_path / "gone.txt")
    result, data = report(tmp_path)
    assert result.code == 3
    assert data["ledger"]["by_reason"] == {"broken_link": 1}
    assert data["totals"]["documents"] == 1
    assert str(tmp_path / "link.txt") in result.err


def test_folder_without_files(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    result = fasttok("count", tmp_path)
    assert (result.code, result.out) == (1, "")
    assert len(result.err.splitlines()) == 1


def test_glob_without_match(tmp_path: Path) -> None:
    result = fasttok("count", tmp_path / "*.jsonl")
    assert (result.code, result.out) == (1, "")
    assert "*.jsonl" in result.err
    assert len(result.err.splitlines()) == 1


def test_a_record_of_64_million_characters(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    unit = "Words, 字 and 1234 numbers. "
    times = 64_000_000 // len(unit) + 1
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"text": "short"}\n{"text": "')
        for _ in range(times // 1000):
            file.write(unit * 1000)
        file.write(unit * (times % 1000) + '"}\n')
    result, data = report(path)
    assert result.code == 0
    assert data["totals"]["documents"] == 2
    assert data["totals"]["chars"] == len(unit) * times + 5
    # The unit ends in a space that the next one's word takes along: counts grow by the same number each time.
    expected = tokens(unit * 11) + (times - 11) * (tokens(unit * 11) - tokens(unit * 10))
    assert data["totals"]["encodings"]["o200k_base"]["tokens"] == expected + tokens("short")


def test_file_names_that_are_hard_to_print(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    names = [b"tab\there.txt", b"line\nend.txt", b"not utf-8 \xff.txt", b"esc\x1b[31m.txt", "中文 名.txt".encode()]
    for name in names:
        with open(os.path.join(folder, name), "w") as file:
            file.write(GOOD)
    piped = fasttok("count", tmp_path, "--by", "file")
    assert piped.code == 0
    assert len(piped.rows()) == len(names)
    result, data = report(tmp_path, "--by", "file")
    assert result.code == 0
    assert len({group["key"]["file"] for group in data["groups"]}) == len(names)
    table = fasttok("count", tmp_path, "--by", "file", "--table")
    assert "\x1b" not in table.out
