"""tar archives by Python's tarfile and by the system's tar, held against Python's tarfile and tiktoken."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from cli_support import fasttok as run
from references import References
from test_checkpoint import kill_until_done
from test_compression import run_measured

import fasttok

PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes,
    ".tar.gz": gzip.compress,
    ".tgz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
    ".tar.zst": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
}

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 9

ROWS = [{"text": "one 中文"}, {"text": "two\nlines"}]
JSONL = "".join(json.dumps(row) + "\n" for row in ROWS).encode()

#: What each member is, and the texts in it.
MEMBERS: dict[str, tuple[bytes, list[str]]] = {
    "a.txt": (b"plain words", ["plain words"]),
    "deep/er/b.jsonl": (JSONL, [row["text"] for row in ROWS]),
    "c.csv": (b'id,text\n1,"x\ny"\n2,z\n', ["x\ny", "z"]),
    "d.jsonl.gz": (gzip.compress(JSONL), [row["text"] for row in ROWS]),
    "empty.txt": (b"", [""]),
    "g.png": (PNG, []),
    "e.txt": ("Größe 😀 नमस्ते\n".encode() * 90, ["Größe 😀 नमस्ते\n" * 90]),
    # Longer than what is read at a time.
    "long.txt": (b"and so it goes on " * 99_000, ["and so it goes on " * 99_000]),
}
TEXTS = [text for _, texts in MEMBERS.values() for text in texts]


def written(members: dict[str, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def contents() -> dict[str, bytes]:
    return {name: data for name, (data, _) in MEMBERS.items()}


def counted(path: Path, **options: object) -> dict:
    return json.loads(fasttok.count_corpus(path, encodings=["o200k_base"], **options).to_json())


def tokens(data: dict) -> int:
    return data["totals"]["encodings"]["o200k_base"]["tokens"]


def reference(texts: list[str], references: References) -> int:
    return sum(len(references["o200k_base"].encode_ordinary(text)) for text in texts)


@pytest.mark.parametrize("suffix", PACKINGS)
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_by_tarfile(tmp_path: Path, references: References, form: int, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(PACKINGS[suffix](written(contents(), form)))
    data = counted(path)
    assert data["totals"]["documents"] == len(TEXTS)
    assert data["totals"]["bytes"] == sum(len(text.encode()) for text in TEXTS)
    assert tokens(data) == reference(TEXTS, references)
    assert data["ledger"]["skipped"] == 0
    manifest = data["manifest"]
    assert (manifest["files"], manifest["members"], manifest["members_ignored"]) == (1, len(MEMBERS) - 1, 1)


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names(tmp_path: Path, form: int) -> None:
    """In headers of their own, and the suffix decides how a member is read."""
    names = ["deep/" * 40 + "a.jsonl", "中文/" * 50 + "ü.jsonl", "x" * 255 + ".jsonl", "with\nlines.jsonl"]
    path = tmp_path / "a.tar"
    path.write_bytes(written(dict.fromkeys(names, JSONL), form))
    assert [document.position["member"] for document in fasttok.documents(path)] == [n for n in names for _ in ROWS]
    assert counted(path)["totals"]["documents"] == len(names) * len(ROWS)


@pytest.mark.skipif(shutil.which("tar") is None, reason="there is no tar")
@pytest.mark.parametrize("form", ["v7", "ustar", "oldgnu", "gnu", "posix"])
def test_members_by_the_systems_tar(tmp_path: Path, references: References, form: str) -> None:
    folder = tmp_path / "folder"
    for name, (data, _) in MEMBERS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / ".hidden").write_text("hidden")
    os.link(folder / "a.txt", folder / "z_hard.txt")
    os.symlink("a.txt", folder / "z_link.txt")
    path = tmp_path / "a.tar"
    command = ["tar", f"--format={form}", "--sort=name", "-cf", str(path), "-C", str(folder), "."]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this tar does not know these options")
    # The folder itself, where the hard link is the same file.
    walk = counted(folder)
    data = counted(path)
    assert data["totals"] == walk["totals"]
    assert tokens(data) == reference(TEXTS, references)
    assert data["ledger"]["skipped"] == 0
    # A pipe, where the name says nothing.
    piped = run("count", "-", "--json", stdin=path.read_bytes())
    assert json.loads(piped.out)["totals"]["encodings"]["o200k_base"]["tokens"] == tokens(data)


@pytest.mark.skipif(shutil.which("tar") is None, reason="there is no tar")
@pytest.mark.parametrize("form", ["oldgnu", "gnu", "posix"])
def test_sparse_files_are_rows(tmp_path: Path, form: str) -> None:
    with (tmp_path / "b.txt").open("wb") as file:
        for hole in range(30):
            file.seek(hole << 18)
            file.write(b"text")
    (tmp_path / "c.txt").write_text("whole")
    path = tmp_path / "a.tar"
    command = ["tar", f"--format={form}", "-cSf", str(path), "-C", str(tmp_path), "b.txt", "c.txt"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this tar writes no sparse files")
    data = counted(path)
    assert data["totals"]["documents"] == 1
    (entry,) = data["ledger"]["entries"]
    assert (entry["member"], entry["reason"]) == ("b.txt", "unsupported_format")
    assert "a sparse file" in entry["detail"]


def test_only_the_members_that_are_asked_for(tmp_path: Path) -> None:
    """As the shards of webdataset are: pictures and their captions."""
    members = {f"{i:06}.{suffix}": data for i in range(50) for suffix, data in [("jpg", PNG), ("txt", b"a caption")]}
    path = tmp_path / "shard-000.tar"
    path.write_bytes(written(members))
    result = run("count", str(path), "--member", "*.txt", "--json")
    data = json.loads(result.out)
    assert (result.code, data["totals"]["documents"], data["manifest"]["member"]) == (0, 50, "*.txt")
    assert (data["manifest"]["members"], data["manifest"]["members_ignored"]) == (50, 0)
    result = run("count", str(path))
    assert result.code == 0
    assert "not read: 50 members of archives, binary or compressed without records; --member names some" in result.err
    # What was asked for by its name is not passed by.
    result = run("count", str(path), "--member", "00000?.*", "--json")
    data = json.loads(result.out)
    assert (result.code, data["totals"]["documents"], data["ledger"]["skipped"]) == (3, 10, 10)
    assert data["ledger"]["entries"][0]["member"] == "000000.jpg"
    result = run("count", str(path), "--member", "*.md")
    assert result.code == 1 and "no member of an archive fits" in result.err
    path.write_bytes(written({"a.jpg": PNG}))
    result = run("count", str(path))
    assert result.code == 1 and "--member '*' reads them all" in result.err


def test_positions_name_the_member(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(written({"x/a.jsonl": JSONL + b"broken\n", "b.csv": b"text\na\n"}))
    documents = fasttok.documents(path, by=["extension", "file"])
    found = [(document.position, document.key) for document in documents]
    assert found == [
        ({"member": "x/a.jsonl", "line": 1}, ("jsonl", str(path))),
        ({"member": "x/a.jsonl", "line": 2}, ("jsonl", str(path))),
        ({"member": "b.csv", "line": 2}, ("csv", str(path))),
    ]
    (entry,) = documents.ledger.entries
    assert entry.position == {"member": "x/a.jsonl", "line": 3}
    with pytest.raises(fasttok.InputError, match=r"a\.tar, member x/a\.jsonl:3: "):
        fasttok.count_corpus(path, on_error="fail")
    ledger = tmp_path / "ledger.jsonl"
    fasttok.count_corpus(path, ledger_path=ledger)
    row = json.loads(ledger.read_text())
    assert (row["file"], row["member"], row["line"]) == (str(path), "x/a.jsonl", 3)


def test_a_walk_passes_archives_by(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "b.tar").write_bytes(written({"x.txt": b"in it"}))
    (tmp_path / "c.tgz").write_bytes(gzip.compress(written({"x.jsonl": JSONL})))
    result = run("count", str(tmp_path), "--json")
    data = json.loads(result.out)
    assert (result.code, data["totals"]["documents"], data["manifest"]["files_packed"]) == (0, 1, 2)
    assert "not unpacked: 2 archives or compressed files without records; -z counts them" in result.err
    for arguments in (["-z"], ["--member", "*"]):
        data = json.loads(run("count", str(tmp_path), *arguments, "--json").out)
        assert (data["totals"]["documents"], data["manifest"]["files_packed"]) == (4, 0)


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.zst"])
def test_damage_is_never_silent(tmp_path: Path, suffix: str) -> None:
    """200 cuts and 200 flipped bytes: without a row in the ledger there are all documents."""
    generator = random.Random(5)
    words = ["the", "of", "Straße", "x=f(y);", "12345"]
    members = {}
    for i in range(40):
        texts = [" ".join(generator.choices(words, k=generator.randrange(1, 90))) for _ in range(3)]
        rows = "".join(json.dumps({"text": text}) + "\n" for text in texts)
        members[f"{i}.{'txt' if i % 2 else 'jsonl'}"] = (texts[0] if i % 2 else rows).encode()
    plain = written(members)
    whole = PACKINGS[suffix](plain)
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        ends = [(member.offset_data, member.offset_data + member.size) for member in archive]
    documents = [1 if name.endswith("txt") else 3 for name in members]
    # The members in a plain archive, then a block of zeros; after it nothing is missed.
    zeros = -(-ends[-1][1] // 512) * 512 + 512
    path = tmp_path / f"a{suffix}"
    for seed in range(400):
        generator = random.Random(seed)
        at = generator.randrange(min(len(whole), zeros + 600))
        is_cut = seed % 2 == 0
        flipped = bytes([whole[at] ^ 1 << generator.randrange(8)])
        path.write_bytes(whole[:at] if is_cut else whole[:at] + flipped + whole[at + 1 :])
        report = fasttok.count_corpus(path, encodings=["r50k_base"], threads=1 + seed // 2 % 2)
        data = json.loads(report.to_json())
        ledger, totals = data["ledger"], data["totals"]
        assert ledger["seen"] == ledger["counted"] + ledger["skipped"]
        if ledger["skipped"] == 0:
            assert totals["documents"] == sum(documents), seed
        if is_cut and suffix == ".tar":
            assert (ledger["skipped"] > 0) == (at < zeros), seed
            kept = 0
            for (begin, end), number in zip(ends, documents, strict=True):
                if end <= at:
                    kept += number
                elif begin < at and number == 3:
                    # Lines whose ends are there.
                    kept += plain[begin:at].count(b"\n")
            assert totals["documents"] == kept, seed
        elif is_cut and suffix != ".tar":
            assert ledger["skipped"] > 0, seed


def test_a_claim_of_8_eib_gets_no_memory(tmp_path: Path) -> None:
    plain = bytearray(written({"a.txt": b"text", "b.txt": b"text"}))
    for size, kind in [(2**63 - 1, b"0"), (2**63 - 1, b"L"), (2**33, b"x"), (2**40, b"S")]:
        header = plain[1024:1536]
        header[124:136] = b"\x80\0\0\0" + size.to_bytes(8, "big")
        header[156:157] = kind
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        path = tmp_path / "a.tar"
        path.write_bytes(plain[:1024] + header + plain[1536:])
        ledger, peak = run_measured(path)
        assert ledger["counted"] == 1 and ledger["skipped"] > 0, ledger
        assert peak < 400e6


def test_runs_that_are_killed_go_on_inside_archives(tmp_path: Path) -> None:
    generator = random.Random(6)
    members = {}
    for i in range(900):
        texts = [" ".join(generator.choices(["the", "中文字", "नमस्ते", "12345"], k=60)) for _ in range(30)]
        rows = [json.dumps({"text": text, "lang": f"l{i % 3}"}) for text in texts]
        members[f"{i}.jsonl"] = "\n".join([*rows, "broken", ""]).encode()
        members[f"{i}.txt"] = texts[0].encode()
    # Both of these are longer than what is read at a time.
    members["long.txt"] = b"".join(members.values())
    members["long.jsonl"] = b"".join(data for name, data in members.items() if name.endswith("jsonl"))
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(written(members), 1))
    kill_until_done(path, tmp_path, 8)
