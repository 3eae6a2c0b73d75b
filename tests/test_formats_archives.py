"""WARC, written by hand as the standard has it, held against a plain reader in Python and tiktoken; and against warcio
where that is installed."""

from __future__ import annotations

import gzip
import io
import json
import random
from pathlib import Path

import pytest
import zstandard
from references import References

import fasttok

TEXTS = [
    "",
    "plain words",
    "two\nlines\r\n\r\nand more",
    "Größe 中文 😀 नमस्ते",
    "WARC/1.0 in a text",
    "x y " * 3000 + "\n",
]


def record(kind: str, body: bytes, *headers: str) -> bytes:
    lines = ["WARC/1.0", f"WARC-Type: {kind}", "WARC-Record-ID: <urn:uuid:1>", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body + b"\r\n\r\n"


def records() -> list[bytes]:
    out = [record("warcinfo", b"software: tests\r\n")]
    for i, text in enumerate(TEXTS):
        out.append(record("response", b"HTTP/1.1 200 OK\r\n\r\n<p>html</p>", "Content-Type: application/http"))
        language = f"WARC-Identified-Content-Language: {'deu' if i % 3 else 'eng'}"
        out.append(record("conversion", text.encode(), language, "Content-Type: text/plain"))
    return out


def read(data: bytes) -> list[str]:
    """The texts of a file without faults, read as the standard says and no further."""
    file, texts = io.BytesIO(data), []
    while line := file.readline():
        if line == b"\r\n":
            continue
        assert line.startswith(b"WARC/1.")
        header = {}
        while (line := file.readline()) != b"\r\n":
            name, _, value = line.decode().partition(":")
            header[name.lower()] = value.strip()
        body = file.read(int(header["content-length"]))
        if header["warc-type"] == "conversion":
            texts.append(body.decode())
    return texts


@pytest.mark.parametrize("name", ["a.warc", "a.warc.wet.gz", "one-member.wet.gz", "a.warc.zst", "unnamed"])
def test_texts_of_conversion_records_are_counted(name: str, tmp_path: Path, references: References) -> None:
    parts = records()
    whole = b"".join(parts)
    assert read(whole) == TEXTS
    data = whole
    if name.endswith(".zst"):
        data = zstandard.ZstdCompressor().compress(whole)
    elif name.startswith("one-member"):
        data = gzip.compress(whole)
    elif name.endswith(".gz"):
        data = b"".join(map(gzip.compress, parts))
    path = tmp_path / name
    path.write_bytes(data)
    reference = references["o200k_base"]
    report = fasttok.count_corpus(path, encodings=["o200k_base"], by=["WARC-Identified-Content-Language"])
    data_ = json.loads(report.to_json())
    assert data_["totals"]["documents"] == len(TEXTS)
    assert data_["totals"]["bytes"] == sum(len(text.encode()) for text in TEXTS)
    tokens = sum(len(reference.encode_ordinary(text)) for text in TEXTS)
    assert data_["totals"]["encodings"]["o200k_base"]["tokens"] == tokens
    assert data_["ledger"]["skipped"] == 0
    assert len(data_["groups"]) == 2


def test_records_by_warcio_are_counted(tmp_path: Path, references: References) -> None:
    writer = pytest.importorskip("warcio.warcwriter", reason="warcio is not installed")
    path = tmp_path / "a.warc.wet.gz"
    with path.open("wb") as file:
        out = writer.WARCWriter(file, gzip=True)
        for text in TEXTS:
            out.write_record(out.create_warc_record("http://a/", "conversion", payload=io.BytesIO(text.encode())))
    data = json.loads(fasttok.count_corpus(path, encodings=["o200k_base"]).to_json())
    tokens = sum(len(references["o200k_base"].encode_ordinary(text)) for text in TEXTS)
    assert data["totals"]["documents"] == len(TEXTS)
    assert data["totals"]["encodings"]["o200k_base"]["tokens"] == tokens


def test_damage_is_never_silent(tmp_path: Path) -> None:
    """200 cuts and 200 flipped bits: without a row in the ledger there are as many texts as before the cut, or as
    many bytes as before the flip."""
    parts = records()
    whole = b"".join(parts)
    ends = [sum(map(len, parts[: i + 1])) for i in range(len(parts))]
    path = tmp_path / "a.wet"
    for seed in range(400):
        generator = random.Random(seed)
        at = generator.randrange(len(whole))
        is_cut = seed % 2 == 0
        flipped = bytes([whole[at] ^ 1 << generator.randrange(8)])
        path.write_bytes(whole[:at] if is_cut else whole[:at] + flipped + whole[at + 1 :])
        report = fasttok.count_corpus(path, encodings=["r50k_base"], format="warc", threads=1 + seed // 2 % 2)
        data = json.loads(report.to_json())
        ledger, totals = data["ledger"], data["totals"]
        assert ledger["seen"] == ledger["counted"] + ledger["skipped"]
        if is_cut:
            read_whole = sum(end <= at for end in ends)
            assert totals["documents"] == max(read_whole - 1, 0) // 2, seed
            assert (ledger["skipped"] > 0) == (at > 0 and at not in ends), seed
        elif ledger["skipped"] == 0:
            assert totals["documents"] == len(TEXTS), seed
            assert totals["bytes"] == sum(len(text.encode()) for text in TEXTS), seed


def test_responses_are_counted_where_they_are_asked_for(tmp_path: Path, references: References) -> None:
    """HTML as it is, with chunks and gzip taken off; other bodies are no rows."""
    html = "<p>Größe <b>中文</b></p>"
    chunked = (
        b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (html[:9].encode(), html[9:].encode())) + b"0\r\n\r\n"
    )
    bodies = [
        ("Content-Type: text/html", html.encode()),
        ("Content-Type: text/html; charset=utf-8\r\nTransfer-Encoding: chunked", chunked),
        ("Content-Type: text/html\r\nContent-Encoding: gzip", gzip.compress(html.encode())),
        ("Content-Type: text/html; charset=gb2312", html.replace("Größe", "").encode("gb2312")),
        ("Content-Type: image/png", b"\x89PNG\xff"),
        ("Content-Type: text/html\r\nContent-Encoding: br", b"packed"),
    ]
    responses = [
        record("response", f"HTTP/1.1 200 OK\r\n{headers}\r\n\r\n".encode() + body, "Content-Type: application/http")
        for headers, body in bodies
    ]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(map(gzip.compress, [*records(), *responses])))
    data = json.loads(fasttok.count_corpus(path, encodings=["o200k_base"], warc_records="response").to_json())
    # Those of `records` have no Content-Type.
    texts = [html, html, html, html.replace("Größe", "")]
    tokens = sum(len(references["o200k_base"].encode_ordinary(text)) for text in texts)
    assert data["totals"]["documents"] == len(texts)
    assert data["totals"]["encodings"]["o200k_base"]["tokens"] == tokens
    assert data["ledger"]["by_reason"] == {"unsupported_format": 1}
    assert '"br"' in data["ledger"]["entries"][0]["detail"]
    assert data["manifest"]["warc_records"] == "response"
    with pytest.raises(ValueError, match="warc_records"):
        fasttok.count_corpus(path, warc_records="request")
