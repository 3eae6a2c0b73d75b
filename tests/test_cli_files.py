"""What files are taken for at the command line: formats that are not read, compressed files in folders, JSON lines
without their name, files with several names, memory that a file asks for, rows of every kind."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from cli_support import Result, fasttok, write_jsonl

import fasttok as library

COMMANDS = ("count", "density")


def run(
    command: str, *arguments: str | Path, stdin: bytes | None = None, cwd: Path | None = None
) -> tuple[Result, dict]:
    result = fasttok(command, *arguments, "--json", stdin=stdin, cwd=cwd)
    return result, json.loads(result.out)


def tokens(data: dict) -> int:
    return data["totals"]["encodings"]["o200k_base"]["tokens"]


def zst(data: bytes, *, checksum: bool = True) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=checksum).compress(data)


def zip_bytes(member: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(member, "text")
    return out.getvalue()


def foreign_files() -> dict[str, tuple[str, bytes]]:
    """Files that are no text, as the libraries that define them write them, by name: the format and the bytes."""
    import sqlite3
    import tempfile

    pa = pytest.importorskip("pyarrow")
    from pyarrow import feather, orc

    table = pa.table({"text": ["hello world", "second doc"]})
    written = {}
    for name, write in {
        "Feather V1": lambda path: feather.write_feather(table, path, version=1),
        "ORC": lambda path: orc.write_table(table, path),
    }.items():
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x")
            write(path)
            written[name] = Path(path).read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x")
        database = sqlite3.connect(path)
        database.execute("create table t (text)")
        database.commit()
        database.close()
        sqlite = Path(path).read_bytes()
    array = io.BytesIO()
    np.save(array, np.arange(3))
    text = "Words, 字 and 1234 numbers. ".encode() * 40
    return {
        "a.feather": ("Feather V1", written["Feather V1"]),
        "a.orc": ("ORC", written["ORC"]),
        "really_orc.jsonl": ("ORC", written["ORC"]),
        "a.zip": ("zip", zip_bytes("a.txt")),
        "a.docx": ("OOXML (docx, xlsx, pptx)", zip_bytes("[Content_Types].xml")),
        "a.warc": ("WARC 0", b"WARC/0.18\r\nWARC-Type: conversion\r\n\r\ntext"),
        "a.warc.gz": ("WARC 0 inside gzip", gzip.compress(b"WARC/0.17\r\nWARC-Type: conversion\r\n\r\ntext")),
        "a.db": ("SQLite", sqlite),
        "a.pdf": ("PDF", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
        "a.npy": ("NumPy", array.getvalue()),
        "a.txt.gz.gz": ("gzip inside gzip", gzip.compress(gzip.compress(text))),
    }


PICTURES = {
    "a.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "a.jpg": b"\xff\xd8\xff\xe0\0\x10JFIF",
    "a.gif": b"GIF89a\x01\0\x01\0\0\0",
    "a.out": b"\x7fELF\x02\x01\x01\0\0",
}


@pytest.mark.filterwarnings("ignore:Feather V1 files are deprecated")
@pytest.mark.parametrize("command", COMMANDS)
def test_formats_that_are_not_read_are_named(tmp_path: Path, command: str) -> None:
    files = foreign_files()
    for name, (_, data) in files.items():
        (tmp_path / name).write_bytes(data)
    for name, data in PICTURES.items():
        (tmp_path / name).write_bytes(data)
    write_jsonl(tmp_path / "z.jsonl", [{"text": "hello world"}])
    result, data = run(command, ".", cwd=tmp_path)
    assert result.code == 3
    ledger = data["ledger"]
    assert (ledger["seen"], ledger["counted"]) == (len(files) + 1, 1)
    assert ledger["by_reason"] == {"unsupported_format": len(files)}
    # Pictures and programs are passed by.
    assert data["manifest"]["files_ignored"] == len(PICTURES)
    assert f"not read: {len(PICTURES)} files that are binary or links; count --plan names the binary ones" in result.err
    details = {entry["file"]: entry["detail"] for entry in ledger["entries"]}
    for name, (format, _) in files.items():
        assert details[name].startswith(f"not supported yet: {format}; to count it, "), details[name]
        assert "replace" not in details[name]
    assert ledger["unsupported"]["ORC"] == 2
    assert sum(ledger["unsupported"].values()) == len(files)
    # One line for all of them.
    (line,) = [line for line in result.err.splitlines() if line.startswith("skipped")]
    assert f"{len(files)} files of formats not supported yet: " in line
    assert "2 ORC" in line and "2 WARC 0" in line


@pytest.mark.filterwarnings("ignore:Feather V1 files are deprecated")
def test_a_file_of_another_format_that_is_named_is_an_entry(tmp_path: Path) -> None:
    for name, data in {**{name: data for name, (_, data) in foreign_files().items()}, **PICTURES}.items():
        path = tmp_path / name
        path.write_bytes(data)
        asked: list[dict[str, Any]] = [{}, {"errors": "replace"}, {"lines": True}]
        if "warc" not in name:
            # A text all the same, which may be read as what it is said to be.
            asked += [{"format": "text"}, {"format": "jsonl", "errors": "replace"}]
        for options in asked:
            ledger = library.count_corpus(path, **options).ledger
            assert (ledger.seen, ledger.skipped) == (1, 1), (name, options)
            (entry,) = ledger.entries
            assert (entry.reason, entry.line) == ("unsupported_format", None), (name, options)
            assert "not supported yet: " in str(entry) and "replace" not in str(entry)
        with pytest.raises(library.errors.FileError, match="not supported yet"):
            library.count_corpus(path, on_error="fail")
    result, _ = run("count", tmp_path / "a.png")
    assert result.code == 3
    assert result.err.startswith(f"skipped {tmp_path / 'a.png'}: not supported yet: a PNG image; to count it, ")


def test_tables(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,lang\nhello world,en\n")
    (tmp_path / "b.tsv").write_text("text\tlang\nhello world\ten\n")
    (tmp_path / "d.csv").write_text("name,lang\nplain,text\n")
    write_jsonl(tmp_path / "c.jsonl", [{"text": "hello world", "lang": "en"}])
    result, data = run("count", tmp_path)
    assert (result.code, data["totals"]["documents"]) == (0, 4)
    for options in (["--text-field", "text"], ["--by", "lang"], ["--language-field", "lang"]):
        result, data = run("count", tmp_path, *options)
        assert (result.code, data["totals"]["documents"]) == (3, 3), options
        assert data["ledger"]["by_reason"] == {"missing_field": 1}
        # Asked to read it as text, a field is not looked for; to group by one is a mistake.
        result = fasttok("count", tmp_path / "a.csv", *options, "--format", "text")
        if options[0] == "--text-field":
            assert result.code == 0
        else:
            assert (result.code, result.out) == (1, "") and "'lang'" in result.err


def test_wide_text_that_is_named(tmp_path: Path) -> None:
    for encoding, name in (("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE"), ("utf-32", "UTF-32LE")):
        path = tmp_path / f"{encoding}.txt"
        path.write_bytes("Plain words, a naïve café.\n".encode(encoding))
        result, data = run("count", path)
        assert result.code == 3
        assert data["ledger"]["by_reason"] == {"utf16": 1}
        assert f"iconv -f {name} -t UTF-8" in result.err


@pytest.mark.parametrize("command", COMMANDS)
def test_compressed_files_in_a_folder(tmp_path: Path, command: str) -> None:
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"packed words " * 9))
    (tmp_path / "c.zst").write_bytes(zst(b"packed words " * 9))
    row = b'{"text": "hello world"}\n'
    for name in ("d.jsonl.gz", "e.ndjson.gz", "f.json.gz"):
        (tmp_path / name).write_bytes(gzip.compress(row * 2))
    (tmp_path / "g.jsonl.zst").write_bytes(zst(row * 2))
    result, data = run(command, tmp_path)
    assert (result.code, data["totals"]["documents"]) == (0, 9)
    assert (data["manifest"]["files_packed"], data["manifest"]["files_ignored"]) == (2, 2)
    assert "not unpacked: 2 archives or compressed files without records; -z counts them" in result.err
    assert "not read" not in result.err
    assert "not unpacked" not in fasttok(command, tmp_path, "-q").err
    for arguments in ([tmp_path, "-z"], [tmp_path, "--decompress"], [tmp_path / "*"]):
        result, data = run(command, *arguments)
        assert (result.code, data["totals"]["documents"]) == (0, 11), arguments
        assert data["manifest"]["files_packed"] == 0
        assert "not unpacked" not in result.err
    result, data = run(command, tmp_path / "c.zst")
    assert data["totals"]["documents"] == 1
    report = library.count_corpus(tmp_path, decompress=True)
    assert (report.totals.documents, report.manifest["decompress"]) == (11, True)


ROWS = b'{"id": "1", "text": "hello world"}\n{"id": "2", "text": "second doc"}\n'


@pytest.mark.parametrize("command", COMMANDS)
def test_json_lines_without_their_name(tmp_path: Path, command: str) -> None:
    """As Dolma and C4 ship it, in `.json.gz`; and what is piped in has no name at all."""
    (tmp_path / "dolma.json.gz").write_bytes(gzip.compress(ROWS))
    (tmp_path / "c4.json.zst").write_bytes(zst(ROWS))
    (tmp_path / "rows.json").write_bytes(ROWS)
    (tmp_path / "part-00000").write_bytes(ROWS)
    for name in ("dolma.json.gz", "c4.json.zst", "rows.json", "part-00000"):
        result, data = run(command, tmp_path / name)
        assert result.code == 0
        assert (data["totals"]["documents"], tokens(data)) == (2, 4), name
    for stdin in (ROWS, gzip.compress(ROWS), zst(ROWS)):
        for path in ("-", "/dev/stdin"):
            result, data = run(command, path, stdin=stdin)
            assert (data["totals"]["documents"], tokens(data)) == (2, 4)
    _, data = run(command, "-", "--by", "id", stdin=ROWS)
    assert {group["key"]["id"] for group in data["groups"]} == {"1", "2"}
    # Asked for as text it is text.
    _, data = run(command, tmp_path / "rows.json", "--format", "text")
    assert (data["totals"]["documents"], data["totals"]["bytes"]) == (1, len(ROWS))


@pytest.mark.parametrize(
    "text",
    ['{\n  "text": "a"\n}\n', '[\n{"body": "a"},\n{"body": "b"}\n]\n', '{"name": "x", "version": "1"}\n', "{}\n"],
)
def test_one_json_value_is_a_text(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    for path, stdin in ((tmp_path / "a.json", None), ("-", text.encode())):
        result, data = run("count", path, stdin=stdin)
        assert (result.code, data["totals"]["documents"], data["totals"]["bytes"]) == (0, 1, len(text))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_same_file_is_counted_once(tmp_path: Path, command: str) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"text": "hello world"}])
    (tmp_path / "d").mkdir()
    (tmp_path / "link.jsonl").symlink_to("a.jsonl")
    os.link(tmp_path / "a.jsonl", tmp_path / "hard.jsonl")
    names = ["a.jsonl", str(tmp_path / "a.jsonl"), "d/../a.jsonl", "link.jsonl", "hard.jsonl", "./a.jsonl", "a.jso*"]
    result, data = run(command, *names, "--by", "file", cwd=tmp_path)
    assert (result.code, data["totals"]["documents"]) == (0, 1)
    assert data["manifest"]["inputs_repeated"] == len(names) - 1
    assert "6 files were found again under another path or name; each file is counted once" in result.err
    assert data["groups"][0]["key"]["file"] == "a.jsonl"
    # The first name stays, and what is found in a folder is the same file too.
    _, data = run(command, "d/../a.jsonl", ".", "--by", "file", cwd=tmp_path)
    assert [group["key"]["file"] for group in data["groups"]] == ["d/../a.jsonl"]
    with open(tmp_path / "a.jsonl", "rb") as file:
        _, data = run(command, "-", "a.jsonl", stdin=file.read(), cwd=tmp_path)
    assert data["totals"]["documents"] == 2
    result = fasttok(command, "a.jsonl", "d", cwd=tmp_path)
    assert "found again" not in result.err


def window_frame(log: int, text: bytes) -> bytes:
    """A zstd frame that asks for a window of 2**log bytes and holds one block of plain bytes."""
    block = struct.pack("<I", len(text) << 3 | 1)[:3] + text
    return b"\x28\xb5\x2f\xfd\x00" + bytes([(log - 10) << 3]) + block


@pytest.mark.parametrize("command", COMMANDS)
def test_memory_that_a_file_asks_for(tmp_path: Path, command: str) -> None:
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(window_frame(31, ROWS))
    result, data = run(command, path)
    assert result.code == 3
    assert data["ledger"]["by_reason"] == {"window_too_large": 1}
    assert "--max-window-bytes 2147483648" in result.err
    result, data = run(command, path, "--max-window-bytes", 1 << 31)
    assert (result.code, data["totals"]["documents"]) == (0, 2)
    assert data["manifest"]["max_window_bytes"] == 1 << 31
    path.write_bytes(window_frame(27, ROWS))
    result, data = run(command, path)
    assert (result.code, data["manifest"]["max_window_bytes"]) == (0, 128 << 20)
    with pytest.raises(library.errors.FileError, match="window"):
        library.count_corpus(path, max_window_bytes=1 << 26, on_error="fail")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_longest_record(tmp_path: Path, command: str) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "a"}, {"text": "b" * 500}])
    result, data = run(command, path, "--max-record-bytes", 100)
    assert (result.code, data["manifest"]["max_record_bytes"]) == (3, 100)
    assert data["ledger"]["by_reason"] == {"record_too_large": 1}
    result, data = run(command, path)
    assert (result.code, data["manifest"]["max_record_bytes"]) == (0, 1 << 30)
    assert fasttok(command, path, "--max-record-bytes", "0").code == 2


def test_what_has_no_checksum_is_said(tmp_path: Path) -> None:
    for name, data, unchecked in (
        ("a.jsonl.zst", zst(ROWS, checksum=False), 1),
        ("b.jsonl.zst", zst(ROWS), 0),
        ("c.jsonl.zst", zst(ROWS) + zst(ROWS, checksum=False), 1),
        ("d.jsonl.gz", gzip.compress(ROWS, mtime=0), 0),
        ("e.jsonl", ROWS, 0),
    ):
        (tmp_path / name).write_bytes(data)
        _, data = run("count", tmp_path / name)
        assert data["manifest"]["files_unchecked"] == unchecked, name


@pytest.mark.skipif(os.name != "posix", reason="names are bytes there")
@pytest.mark.parametrize("command", COMMANDS)
def test_names_that_are_not_utf8_stay_apart(tmp_path: Path, command: str) -> None:
    names = [b"a\xff.txt", b"a\xfe.txt", b"a\\xff.txt", b"esc\x1b]0;owned\x07.txt"]
    for name in names:
        try:
            (tmp_path / os.fsdecode(name)).write_text("hello world")
        except OSError:
            pytest.skip("the file system takes no such names")
    expected = {"a\\xff.txt", "a\\xfe.txt", "a\\\\xff.txt", "esc\x1b]0;owned\x07.txt"}
    result, data = run(command, ".", "--by", "file", cwd=tmp_path)
    assert {group["key"]["file"] for group in data["groups"]} == expected
    result = fasttok(command, ".", "--by", "file", "--csv", cwd=tmp_path)
    assert (result.code, len(result.out.splitlines())) == (0, 1 + len(names))
    for option in ("--json", "--csv", "--table"):
        out = tmp_path.parent / f"{command}{option}"
        assert fasttok(command, ".", "--by", "file", option, "-o", out, cwd=tmp_path).code == 0
        out.read_text(encoding="utf-8")
    # The path that was given, in the manifest and in the ledger.
    bad = tmp_path / os.fsdecode(b"b\xff.txt")
    bad.write_bytes(b"\xff")
    result, data = run(command, bad)
    shown = f"{tmp_path}/b\\xff.txt"
    assert data["manifest"]["inputs"] == [shown]
    assert data["ledger"]["entries"][0]["file"] == shown
    ledger = tmp_path.parent / "ledger.jsonl"
    fasttok(command, bad, "--ledger", ledger)
    assert json.loads(ledger.read_text())["file"] == shown
    json.dumps(library.count_corpus(tmp_path, by="file").to_dict()).encode()


DEEP = 2000


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("name", "data", "seen", "reasons", "right"),
    [
        ("bom.jsonl", b"\xef\xbb\xbf" + ROWS, 2, {}, 4),
        (
            "nan.jsonl",
            b'{"text":"a b","score":NaN}\n{"text":"c d","score":Infinity}\n{"text":"e f","score":-Infinity}\n',
            3,
            {"broken_json": 3},
            0,
        ),
        (
            "bigint.jsonl",
            b'{"text":"x","n":%s}\n{"text":"y","n":1e999}\n{"text":"z","n":-0}\n' % (b"9" * 5000),
            3,
            {},
            3,
        ),
        ("deep.jsonl", b'{"text":"x","d":%s%s}\n{"text":"after"}\n' % (b"[" * DEEP, b"]" * DEEP), 2, {}, 2),
        (
            "types.jsonl",
            b'{"text":null}\n{"text":5}\n{"text":["a",1]}\n{"text":{"a":1}}\n{"txt":"a"}\n{}\n[]\n"s"\n{"text":true}\n'
            b'{"text":""}\n',
            10,
            {"missing_field": 2, "not_a_string": 4, "not_an_object": 2, "null_field": 1},
            0,
        ),
        ("trunc.jsonl.gz", gzip.compress(ROWS + os.urandom(5000).hex().encode())[:-1000], 3, {"truncated": 1}, 4),
        ("empty.jsonl.gz", b"", 1, {"truncated": 1}, 0),
        ("gz_named.jsonl", gzip.compress(ROWS, mtime=0), 2, {}, 4),
    ],
)
def test_rows_of_every_kind(
    tmp_path: Path, command: str, name: str, data: bytes, seen: int, reasons: dict[str, int], right: int
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    result, counted = run(command, path)
    ledger = counted["ledger"]
    assert (ledger["seen"], ledger["by_reason"]) == (seen, reasons)
    assert ledger["counted"] == seen - sum(reasons.values())
    assert result.code == (3 if reasons else 0)
    assert tokens(counted) == right
    if name == "nan.jsonl":
        for entry, value in zip(ledger["entries"], ("NaN", "Infinity", "-Infinity"), strict=True):
            assert entry["detail"].startswith(f"{value} is not JSON")


def test_pipes_and_files_of_the_system(tmp_path: Path) -> None:
    """Their size is not known, and what they hold is counted all the same."""
    if os.path.exists("/proc/self/status"):
        result, data = run("count", "/proc/version")
        assert (result.code, data["totals"]["bytes"]) == (0, len(Path("/proc/version").read_bytes()))
    empty = zst(b"")
    (tmp_path / "a.jsonl.zst").write_bytes(b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + empty + zst(ROWS) + empty + zst(ROWS))
    _, data = run("count", tmp_path / "a.jsonl.zst")
    assert (data["totals"]["documents"], tokens(data)) == (4, 8)
    (tmp_path / "without_name").write_bytes(b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + zst(ROWS))
    _, data = run("count", tmp_path / "without_name")
    assert (data["totals"]["documents"], tokens(data)) == (2, 4)


@pytest.mark.parametrize("text", ['[\n{"body": "a"}\n]\n', '{\n"body": "a"\n}\n'])
def test_a_field_of_json_that_is_one_value(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    result, data = run("count", tmp_path / "a.json", "--text-field", "body")
    assert (result.code, data["totals"]["bytes"]) == (0, 1)
    assert "body" in fasttok("count", tmp_path / "a.json", "--text-field", "boddy").err


def test_zstd_with_a_dictionary_is_not_called_damaged(tmp_path: Path) -> None:
    samples = [f'{{"text": "hello world {i} {i * i}"}}\n'.encode() for i in range(2000)]
    dictionary = zstandard.train_dictionary(4096, samples)
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(zstandard.ZstdCompressor(dict_data=dictionary).compress(b"".join(samples)))
    result, data = run("count", path)
    assert (result.code, data["totals"]["documents"]) == (3, 0)
    assert f"zstd with a dictionary (number {dictionary.dict_id()})" in result.err
    assert "damaged" not in result.err


def test_cost_says_what_it_passes_over(tmp_path: Path) -> None:
    pytest.importorskip("genai_prices")
    write_jsonl(tmp_path / "a.jsonl", [{"text": "hello world"}])
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"packed"))
    result = fasttok("cost", "a.jsonl", ".", "-m", "gpt-4o", "--json", cwd=tmp_path)
    manifest = result.json()["manifest"]
    assert (manifest["files"], manifest["files_packed"], manifest["inputs_repeated"]) == (1, 1, 1)
    assert "not unpacked: 1 archive or compressed file without records; -z counts them" in result.err
    assert "1 file was found again" in result.err
