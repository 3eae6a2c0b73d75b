"""Objects on the net: what is read from them, by whatever protocol, is what is read from files of the same bytes; every
fault of a server or a line leads to the same totals or to a row of the ledger; and nothing secret is ever shown.

All servers are on the loopback.
"""

from __future__ import annotations

import gzip
import io
import json
import logging
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import uuid
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cli_support import FASTTOK, Result, environment
from object_server import ObjectServer

import fasttok

obstore = pytest.importorskip("obstore")
fsspec = pytest.importorskip("fsspec")
urllib3 = pytest.importorskip("urllib3")
from fasttok import cli  # noqa: E402
from fasttok.inputs import remote  # noqa: E402
from fasttok.inputs.remote import backend  # noqa: E402

SECRET = "hunter2"
HANG = 60
"""Seconds after which a test gives up."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits as long as a user would."""
    monkeypatch.setattr(remote, "FIRST_PAUSE", 0.005)
    monkeypatch.setattr(remote, "ATTEMPTS", 4)
    monkeypatch.setattr(remote, "LONGEST_ASKED_PAUSE", 0.1)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    server = ObjectServer()
    yield server
    server.close()


KEYS = {"AWS_ACCESS_KEY_ID": "AKIASECRET", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}


@pytest.fixture
def s3(server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> ObjectServer:
    """The server, which is S3 to obstore."""
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": server.url}.items():
        monkeypatch.setenv(name, value)
    return server


@cache
def jsonl(n: int, seed: int = 0) -> bytes:
    rng = random.Random(seed)
    words = ["one", "Straße", "中文字", "the", "of", "x=f(y);", "русский", "12345"]
    rows = [{"text": " ".join(rng.choices(words, k=rng.randrange(1, 60))), "lang": f"l{i % 3}"} for i in range(n)]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def packed(data: bytes, kind: str) -> bytes:
    if kind == "gz":
        return gzip.compress(data)
    zstandard = pytest.importorskip("zstandard")
    return zstandard.compress(data)


@cache
def parquet(data: bytes, columns: int = 1, **options: Any) -> bytes:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rng = random.Random(1)
    texts = [json.loads(line)["text"] for line in data.splitlines()]
    table = {"text": texts, **{f"c{i}": [rng.random() for _ in texts] for i in range(columns - 1)}}
    out = io.BytesIO()
    pq.write_table(pa.table(table), out, **options)
    return out.getvalue()


def arrow(data: bytes) -> bytes:
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"text": [json.loads(line)["text"] for line in data.splitlines()]})
    out = io.BytesIO()
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=100)
    return out.getvalue()


def sums(report: Any) -> dict[str, Any]:
    """What does not depend on where the bytes were."""
    total = report.totals
    groups = sorted(json.dumps([group.key, group.documents, dict(group.tokens)]) for group in report.groups)
    return {"groups": groups, "documents": total.documents, "bytes": total.bytes, "tokens": dict(total.tokens)}


def entries(report: Any) -> list[tuple[str, str]]:
    return [(entry.reason, entry.detail) for entry in report.ledger.entries]


def corpus() -> dict[str, bytes]:
    data = jsonl(300)
    return {
        "a.jsonl": data,
        "b/c.jsonl.gz": packed(jsonl(200, 1), "gz"),
        "b/d.jsonl.zst": packed(jsonl(500, 2), "zst"),
        "b/e.parquet": parquet(jsonl(400, 3)),
        "f.arrow": arrow(jsonl(300, 4)),
        "g h ü.txt": b"one two three",
        "large.jsonl": jsonl(3_000, 5),
        "empty.jsonl": b"",
        "broken.jsonl": b'{"text": "one"}\n{"text": \n{"text": "two"}\n',
        ".hidden/x.txt": b"hidden",
    }


def written(folder: Path, objects: dict[str, bytes]) -> Path:
    for name, content in objects.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def test_a_bucket_is_counted_as_a_folder_is(s3: ObjectServer, tmp_path: Path) -> None:
    objects = corpus()
    s3.objects |= {f"bucket/dir/{name}": content for name, content in objects.items()}
    s3.objects |= {"bucket/dir/": b"", "bucket/dirt/x.txt": b"no", "bucket/other.txt": b"no"}
    local = written(tmp_path / "dir", objects)
    for options in ({"by": ["folder:1", "extension"]}, {"by": "lang", "hidden": True}):
        expected = fasttok.count_corpus(local, **options)
        for path in ("s3://bucket/dir", "s3://bucket/dir/"):
            report = fasttok.count_corpus(path, **options)
            assert sums(report) == sums(expected), options
            assert entries(report) == entries(expected)
            assert report.manifest["inputs"] == [path]
    assert [entry.file for entry in report.ledger.entries] == ["s3://bucket/dir/broken.jsonl"]
    by_file = fasttok.count_corpus("s3://bucket/dir/", by="file")
    assert {group.key["file"] for group in by_file.groups} == {
        f"s3://bucket/dir/{name}" for name in objects if not name.startswith((".", "empty"))
    }
    texts = [document.text for document in fasttok.documents("s3://bucket/dir/")]
    assert texts == [document.text for document in fasttok.documents(local)]


def test_globs_and_lists(s3: ObjectServer, tmp_path: Path) -> None:
    objects = corpus()
    s3.objects |= {f"bucket/dir/{name}": content for name, content in objects.items()}
    local = written(tmp_path / "dir", objects)
    for pattern in ("*.jsonl", "**/*.jsonl*", "b/[cd]*", "b", "*/e.{parquet,txt}", "?.arrow", ".hidden/*"):
        expected = fasttok.count_corpus(f"{local}/{pattern}")
        assert sums(fasttok.count_corpus(f"s3://bucket/dir/{pattern}")) == sums(expected), pattern
    listed = tmp_path / "list"
    listed.write_text("s3://bucket/dir/a.jsonl\ns3://bucket/dir/gone.txt\ns3://bucket/dir/b/\n")
    report = fasttok.count_corpus([], files_from=listed)
    assert sums(report) == sums(fasttok.count_corpus([local / "a.jsonl", local / "b"]))
    assert [(entry.file, entry.reason) for entry in report.ledger.entries] == [
        ("s3://bucket/dir/gone.txt", "not_found")
    ]
    twice = fasttok.count_corpus(["s3://bucket/dir/a.jsonl", "s3://bucket/dir/*.jsonl"])
    assert (twice.manifest["files"], twice.manifest["inputs_repeated"]) == (4, 1)
    for missing, kind in (
        ("s3://bucket/dir/no.txt", fasttok.NotFoundError),
        ("s3://bucket/no/", fasttok.NotFoundError),
        ("s3://bucket/dir/*.csv", fasttok.FileError),
    ):
        with pytest.raises(kind, match=r"s3://bucket"):
            fasttok.count_corpus(missing)


def test_estimates_plans_and_tables_of_a_bucket_are_those_of_a_folder(s3: ObjectServer, tmp_path: Path) -> None:
    objects = {f"{i}.jsonl": jsonl(3_000, i) for i in range(3)} | {"p.parquet": parquet(jsonl(2_000, 9))}
    s3.objects |= {f"bucket/dir/{name}": content for name, content in objects.items()}
    local = written(tmp_path / "dir", objects)
    reports = [fasttok.count_corpus(path, sample=0.2, seed=3) for path in ("s3://bucket/dir", local)]
    ours, theirs = [json.loads(report.to_json()) for report in reports]
    assert ours["totals"] == theirs["totals"] and "tokens_interval" in json.dumps(ours["totals"])
    plans = [fasttok.plan_corpus(path) for path in ("s3://bucket/dir", local)]
    assert [[(Path(file.file).name, file.format, file.bytes) for file in plan] for plan in plans] == [
        [(name, name.rpartition(".")[2], len(content)) for name, content in objects.items()]
    ] * 2
    pq = pytest.importorskip("pyarrow.parquet")
    tables = []
    for i, path in enumerate(("s3://bucket/dir", local)):
        out = tmp_path / f"{i}.parquet"
        fasttok.count_corpus(path, by="lang", per_document=out)
        table = pq.read_table(out).to_pylist()
        tables.append([{**row, "file": Path(row["file"]).name} for row in table])
    assert tables[0] == tables[1] and len(tables[0]) == 11_000


def test_options_of_walks_on_the_net(s3: ObjectServer) -> None:
    s3.objects |= {"bucket/dir/a.txt": b"one two three"}
    for option in ({"globs": ["*.txt"]}, {"exclude": ["*.txt"]}, {"types": ["txt"]}, {"not_types": ["txt"]}):
        with pytest.raises(fasttok.FasttokError, match=r"s3://bucket/dir"):
            fasttok.count_corpus("s3://bucket/dir/", **option)
    missing = f"s3://bucket/no.txt?sig={SECRET}"
    report = fasttok.count_corpus(["s3://bucket/dir/a.txt", missing], skip_missing=True)
    assert (report.ledger.counted, report.ledger.by_reason) == (1, {"not_found": 1})
    assert SECRET not in report.to_json()


def test_only_what_is_needed_of_a_container_is_fetched(s3: ObjectServer) -> None:
    data = jsonl(8_000, 7)
    whole = parquet(data, 50, row_group_size=2000, compression="none", use_dictionary=False)
    text_column = parquet(data, 1, row_group_size=2000, compression="none", use_dictionary=False)
    s3.objects["bucket/wide.parquet"] = whole
    report = fasttok.count_corpus("s3://bucket/wide.parquet")
    assert report.totals.documents == 8_000
    assert len(whole) > 2 * len(text_column)
    assert s3.sent <= 1.2 * len(text_column), (s3.sent, len(text_column), len(whole))
    assert report.manifest["bytes_read"] <= 1.2 * len(text_column)


def test_a_large_object_is_read_in_bounded_ranges(server: ObjectServer) -> None:
    text = b"one two three four five six\n" * 600_000
    server.objects["a.txt"] = text
    report = fasttok.count_corpus(f"{server.url}/a.txt", lines=True)
    assert report.totals.documents == 600_000
    ranges = [headers["range"].removeprefix("bytes=").split("-") for _, _, headers, _ in server.requests]
    sizes = [int(end) - int(start) + 1 for start, end in ranges]
    assert max(sizes) == 8 << 20
    # One byte to see what it is.
    assert sum(sizes) == len(text) + 1 == server.sent


PASSING = ["reset", "short", "wrong length", "503", "500"]
FINAL = {"403": "unreadable", "404": "not_found", "changed": "changed"}


@pytest.mark.parametrize("scheme", ["s3", "http"])
@pytest.mark.parametrize("kind", ["jsonl", "zst", "parquet"])
@pytest.mark.parametrize("fault", [*PASSING, *FINAL])
def test_a_fault_costs_nothing_or_is_told(s3: ObjectServer, scheme: str, kind: str, fault: str) -> None:
    data = jsonl(8_000, 11)
    name = {"jsonl": "a.jsonl", "zst": "a.jsonl.zst", "parquet": "a.parquet"}[kind]
    path = f"bucket/{name}"
    # All more than 1 MiB, for what is smaller is asked for as a whole.
    lines = data.splitlines(keepends=True)
    passed_over = b"\x50\x2a\x4d\x18" + (1 << 20).to_bytes(4, "little") + bytes(1 << 20)
    parts = [packed(b"".join(lines[:4_000]), "zst"), passed_over, packed(b"".join(lines[4_000:]), "zst")]
    content = {
        "jsonl": lambda: data,
        "zst": lambda: b"".join(parts),
        "parquet": lambda: parquet(data, 20, compression="none", use_dictionary=False),
    }[kind]()
    assert len(content) > 1 << 20
    s3.objects[path] = content
    url = f"s3://{path}" if scheme == "s3" else f"{s3.url}/{path}"
    expected = fasttok.count_corpus(url)
    assert expected.totals.documents == 8_000 and not expected.ledger.skipped
    # The last but one of the ranges, and where it may pass by every second one.
    ranges = sum(headers.get("range") not in (None, "bytes=0-0") for _, _, headers, _ in s3.requests)
    assert ranges >= 2
    if fault in PASSING:
        s3.faults[path] = [fault, None] * ranges
        report = fasttok.count_corpus(url)
        assert sums(report) == sums(expected) and not report.ledger.skipped
    s3.faults[path] = [None, fault] if fault in FINAL else [None, *[fault] * 20]
    report = fasttok.count_corpus(url)
    assert report.totals.documents < 8_000 and report.ledger.skipped
    [(reason, detail)] = {(reason, detail) for reason, detail in entries(report)[:1]}
    assert reason == FINAL.get(fault, "truncated" if fault in ("short", "wrong length", "reset") else "unreadable") or (
        fault in PASSING and reason in ("truncated", "unreadable")
    ), (reason, detail)
    assert "at byte " in detail, detail
    assert {entry.file for entry in report.ledger.entries} == {url}
    assert fault in FINAL or "after 4 attempts" in detail, detail
    with pytest.raises(fasttok.FasttokError):
        s3.objects[path] = content
        s3.faults[path] = [None, fault] if fault in FINAL else [None, *[fault] * 20]
        fasttok.count_corpus(url, on_error="fail")


@pytest.mark.parametrize("scheme", ["s3", "http"])
def test_faults_of_many_small_objects(s3: ObjectServer, scheme: str) -> None:
    """They are read ahead; the order of the rows, and what is told of each, is as if they were not."""
    names = [f"bucket/{number:02}.{'parquet' if number % 5 == 4 else 'jsonl'}" for number in range(40)]
    for number, name in enumerate(names):
        data = jsonl(50 + number, number)
        s3.objects[name] = parquet(data) if name.endswith("parquet") else data
    s3.faults |= {names[7]: ["changed"], names[9]: ["reset", "503"], names[23]: ["403"]}
    root = "s3://bucket" if scheme == "s3" else f"{s3.url}/bucket"
    paths = f"{root}/" if scheme == "s3" else [f"{s3.url}/{name}" for name in names]
    report = fasttok.count_corpus(paths, by="file")
    assert [reason for reason, _ in entries(report)] == ["changed", "unreadable"]
    files = [entry.file for entry in report.ledger.entries]
    assert files == [f"{s3.url}/{names[i]}" if scheme == "http" else f"s3://{names[i]}" for i in (7, 23)]
    left = [number for number in range(40) if number not in (7, 23)]
    assert report.totals.documents == sum(50 + number for number in left)
    assert [group.documents for group in report.groups if group.documents] == [50 + number for number in left]
    # One range of each, but for the one that was cut, and where a connection that was kept turns out to be closed.
    asked = Counter(path for _, path, headers, _ in s3.requests if headers.get("range") not in (None, "bytes=0-0"))
    assert len(asked) == 40 and asked[f"/{names[9]}"] > 1 and asked.total() < 60, asked


def test_a_plan_tells_of_what_cannot_be_read(s3: ObjectServer) -> None:
    from fasttok.measures.plan import plan_corpus

    names = ["a.jsonl", "b.parquet", "c.txt.gz", "d.txt"]
    for name in names:
        s3.objects[f"bucket/{name}"] = b"one two\n"
        s3.faults[f"bucket/{name}"] = ["403"]
    planned = [(file.file, file.reason, file.detail) for file in plan_corpus("s3://bucket/", "o200k_base")]
    assert sorted(planned) == [(f"s3://bucket/{name}", "unreadable", "at byte 0: HTTP 403 Forbidden") for name in names]


def test_a_server_is_left_alone_as_long_as_it_says(server: ObjectServer) -> None:
    server.objects["a.txt"] = b"one two"
    server.faults["a.txt"] = ["503"]
    assert fasttok.count_corpus(f"{server.url}/a.txt").totals.tokens["o200k_base"] == 2
    times = [at for _, _, headers, at in server.requests if headers["range"] != "bytes=0-0"]
    # It says one second, and the fixture allows so much of it; without it, it would be a hundredth.
    assert times[1] - times[0] >= 0.1


def test_dates_of_retry_after() -> None:
    from email.utils import formatdate

    from fasttok.inputs.remote.web import _retry_after

    assert _retry_after("7") == 7
    assert 50 < (_retry_after(formatdate(time.time() + 60, usegmt=True)) or 0) <= 60
    assert _retry_after(formatdate(0, usegmt=True)) == 0
    assert _retry_after("soon") is None and _retry_after(None) is None


def test_pauses_grow_by_chance_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for failures in range(1, 20):
        longest = min(remote.LONGEST_PAUSE, remote.FIRST_PAUSE * 2 ** (failures - 1))
        pauses = [remote._pause(failures, None) for _ in range(100)]
        assert longest / 2 <= min(pauses) < max(pauses) <= longest
    assert remote._pause(1, 10.0) == 10 and remote._pause(1, 1e9) == remote.LONGEST_ASKED_PAUSE
    assert remote._pause(9, 0.0) > 1


@pytest.mark.parametrize("scheme", ["s3", "http"])
def test_a_line_of_one_byte_a_second_is_given_up(
    s3: ObjectServer, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "ATTEMPT_SECONDS", 0.3)
    s3.objects |= {"bucket/a.txt": jsonl(2000), "bucket/b.txt": b"one two"}
    s3.faults["bucket/a.txt"] = ["slow"] * 20
    root = "s3:/" if scheme == "s3" else s3.url
    report = fasttok.count_corpus([f"{root}/bucket/a.txt", f"{root}/bucket/b.txt"])
    assert (report.totals.documents, report.ledger.skipped) == (1, 1)
    [(reason, detail)] = entries(report)
    assert reason in ("unreadable", "truncated") and "after 4 attempts" in detail


@pytest.mark.parametrize("scheme", ["s3", "http", "fsspec"])
def test_a_range_that_never_comes_is_not_waited_for(s3: ObjectServer, scheme: str) -> None:
    """By Ctrl-C from the command line, and by `cancel`."""
    s3.objects["bucket/a.jsonl"] = jsonl(30_000)
    s3.faults["bucket/a.jsonl"] = [None, *["hang"] * 9]
    url = {"s3": "s3://bucket/a.jsonl", "http": f"{s3.url}/bucket/a.jsonl"}.get(scheme)
    hangs = threading.Event()
    options: dict[str, Any] = {}
    if scheme == "fsspec":
        memory, url = filesystem({"/x/a.jsonl": s3.objects["bucket/a.jsonl"]}), "memory://x/a.jsonl"

        def cat_file(*args: Any, **keywords: Any) -> bytes:
            if keywords["start"] > 0:
                hangs.wait(HANG)
            return type(memory).cat_file(memory, *args, **keywords)

        memory.cat_file = cat_file
        options["filesystem"] = memory
    asked = threading.Event()

    def watch() -> None:
        while not asked.is_set():
            if scheme == "fsspec" or len(s3.requests) > 2:
                time.sleep(0.1)
                asked.at = time.monotonic()  # type: ignore[attr-defined]
                asked.set()
            time.sleep(0.01)

    threading.Thread(target=watch, daemon=True).start()
    with pytest.raises(fasttok.CancelledError):
        fasttok.count_corpus(url, cancel=asked, **options)
    # A guard against waiting for the range, which comes after a minute.
    assert time.monotonic() - asked.at < HANG / 4  # type: ignore[attr-defined]
    hangs.set()
    if scheme == "fsspec":
        return
    s3.faults["bucket/a.jsonl"] = [None, *["hang"] * 9]
    before = len(s3.requests)
    process = subprocess.Popen(
        [*FASTTOK, "count", str(url)], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while len(s3.requests) < before + 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=HANG / 2)
    assert process.returncode == 130, (out, err)
    assert "Traceback" not in err and "panic" not in err and "fatal" not in err.lower()


LEFT_IN_THE_MIDDLE = """
import os, sys, time
import fasttok

documents = fasttok.documents(sys.argv[1])
next(documents)

class Last:
    def __del__(self, sleep=time.sleep, write=os.write):
        write(1, b"ending")
        sleep(0.5)

# Modules are taken apart when Python has ended all else.
sys.last = Last()
"""


@pytest.mark.parametrize("scheme", ["s3", "http"])
def test_an_answer_does_not_meet_a_python_that_has_ended(s3: ObjectServer, scheme: str) -> None:
    """A thread of obstore would call it then, which panics or crashes."""
    s3.objects["bucket/a.jsonl"] = jsonl(30_000)
    s3.faults["bucket/a.jsonl"] = [None, None, *["hang"] * 9]
    url = {"s3": "s3://bucket/a.jsonl", "http": f"{s3.url}/bucket/a.jsonl"}[scheme]
    command = [sys.executable, "-c", LEFT_IN_THE_MIDDLE, url]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.read(6) == b"ending"
        # All connections are closed, which is an answer to what was asked.
        s3.closing.set()
        _, err = process.communicate(timeout=HANG)
    assert (process.returncode, err) == (0, b"")


def test_nothing_of_a_run_is_left_in_obstore(s3: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from fasttok.inputs.remote.objects import Objects

    s3.objects["bucket/a.jsonl"] = jsonl(30_000)
    s3.faults["bucket/a.jsonl"] = [None, *["hang"] * 9]
    asked: list[weakref.ref[Any]] = []
    told = Objects._told

    async def and_remember(objects: Objects, future: Any) -> Any:
        asked.append(weakref.ref(future))
        answer = told(objects, future)
        del future
        return await answer

    monkeypatch.setattr(Objects, "_told", and_remember)
    before = len(s3.requests)
    cancelled = threading.Event()
    end = threading.Thread(target=lambda: (wait_until(lambda: len(s3.requests) >= before + 3), cancelled.set()))
    end.start()
    with pytest.raises(fasttok.CancelledError):
        fasttok.count_corpus("s3://bucket/a.jsonl", cancel=cancelled)
    end.join()
    # The range that was under way is given up in a thread of obstore, which lets go of its future when it is through.
    assert len(asked) >= 3 and not [future for future in asked if future() is not None]


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + HANG
    while not is_so() and time.monotonic() < until:
        time.sleep(0.01)


def test_a_server_without_ranges_is_read_from_the_beginning(server: ObjectServer) -> None:
    data = jsonl(12_000, 3)
    server.objects |= {"a.jsonl": data, "a.parquet": parquet(data), "empty.txt": b""}
    paths = [f"{server.url}/{name}" for name in server.objects]
    expected = sums(fasttok.count_corpus(paths))
    server.has_ranges = False
    server.faults["a.jsonl"] = ["reset", "short"]
    server.requests.clear()
    assert sums(fasttok.count_corpus(paths)) == expected
    # To see what it is, once to the end, and twice since the line was cut.
    assert sum(path == "/a.jsonl" for _, path, _, _ in server.requests) == 4


def test_redirects_are_followed(server: ObjectServer) -> None:
    server.objects["there.txt"] = b"one two"
    other = ObjectServer()
    other.objects["far.txt"] = b"one two three"
    server.redirects |= {"here.txt": f"{server.url}/there.txt?signed={SECRET}", "away.txt": f"{other.url}/far.txt"}
    server.redirects["loop.txt"] = f"{server.url}/loop.txt"
    try:
        login = server.url.replace("http://", f"http://user:{SECRET}@")
        report = fasttok.count_corpus([f"{login}/here.txt", f"{login}/away.txt", f"{login}/loop.txt"])
        assert (report.totals.documents, report.ledger.skipped) == (2, 1)
        assert [entry.file for entry in report.ledger.entries] == [f"{server.url}/loop.txt"]
        assert all("authorization" in headers for _, _, headers, _ in server.requests)
        # Another server is not told who logs in.
        assert other.requests and not any("authorization" in headers for _, _, headers, _ in other.requests)
    finally:
        other.close()


@pytest.fixture
def secure(server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectServer]:
    """A server of https, which is trusted."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    made += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key)]
    made = [openssl, *made, "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    secure = ObjectServer((certificate, key))
    yield secure
    secure.close()


def test_redirects_from_https_to_http_are_refused(secure: ObjectServer, server: ObjectServer) -> None:
    assert secure.url.startswith("https://")
    secure.objects["a.txt"] = server.objects["a.txt"] = b"one two"
    secure.redirects |= {
        "down.txt": f"{server.url}/a.txt?sig={SECRET}",
        "twice.txt": f"{secure.url}/down.txt",
        "other.txt": f"ftp://user:{SECRET}@127.0.0.1/a.txt",
        "bad.txt": "http://[:x/",
        "within.txt": "/a.txt",
    }
    server.redirects["up.txt"] = f"{secure.url}/a.txt"
    login = secure.url.replace("https://", f"https://user:{SECRET}@")
    report = fasttok.count_corpus([f"{login}/a.txt", f"{login}/within.txt", f"{server.url}/up.txt"])
    assert (report.totals.documents, report.ledger.skipped) == (3, 0)
    server.requests.clear()
    refused = "the server redirects from https to"
    meant = f"{refused} http, which is refused; give the http:// URL itself if it is to be trusted"
    for name, detail in {
        "down": meant,
        "twice": meant,
        "other": f"{refused} ftp, which is refused",
        "bad": "the server redirects to what is no URL",
    }.items():
        report = fasttok.count_corpus(f"{login}/{name}.txt?sig={SECRET}")
        assert entries(report) == [("unreadable", detail)], name
        assert SECRET not in report.to_json()
        with pytest.raises(fasttok.FasttokError, match=detail.partition(";")[0]) as raised:
            fasttok.count_corpus(f"{login}/{name}.txt?sig={SECRET}", on_error="fail")
        assert SECRET not in "".join(traceback.format_exception(raised.value))
    # Nothing was asked for in plain.
    assert not server.requests


def test_a_login_goes_to_no_other_server_and_stays_away(server: ObjectServer) -> None:
    """Of a chain of redirects that comes back to the first server, too."""
    other = ObjectServer()
    server.objects["end.txt"] = b"one two"
    server.redirects["begin.txt"] = f"{other.url}/there.txt"
    other.redirects["there.txt"] = f"{server.url}/end.txt"
    try:
        login = server.url.replace("http://", f"http://user:{SECRET}@")
        assert fasttok.count_corpus(f"{login}/begin.txt").totals.documents == 1
        told = [(path, "authorization" in headers) for _, path, headers, _ in [*server.requests, *other.requests]]
        assert set(told) == {("/begin.txt", True), ("/there.txt", False), ("/end.txt", False)}
        # Nor does what a server says in a redirect make a login.
        server.redirects["mine.txt"] = f"{login}/end.txt"
        server.requests.clear()
        assert fasttok.count_corpus(f"{server.url}/mine.txt").totals.documents == 1
        assert not any("authorization" in headers for _, _, headers, _ in server.requests)
    finally:
        other.close()


def test_what_may_not_be_read_is_a_row(s3: ObjectServer) -> None:
    s3.objects["bucket/b.txt"] = b"one two"
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/a.txt"
        report = fasttok.count_corpus(["s3://bucket/b.txt", nobody])
    assert (report.totals.documents, report.ledger.skipped) == (1, 1)
    [entry] = report.ledger.entries
    assert (entry.file, entry.reason) == (nobody, "unreadable")
    assert "refused" in entry.detail and "after 4 attempts" in entry.detail and " at 0x" not in entry.detail


def filesystem(objects: dict[str, bytes]) -> Any:
    """A memory file system of its own: that of fsspec is one for all."""

    class Memory(fsspec.get_filesystem_class("memory")):  # type: ignore[misc]
        store: ClassVar[dict[str, Any]] = {}
        pseudo_dirs: ClassVar[list[str]] = [""]
        cachable = False

    memory = Memory()
    for name, content in objects.items():
        memory.pipe_file(name, content)
    return memory


def test_file_systems_and_stores_that_are_given(tmp_path: Path) -> None:
    objects = corpus()
    local = written(tmp_path / "dir", objects)
    expected = sums(fasttok.count_corpus(local, by="extension"))
    memory = filesystem({f"/x/{name}": content for name, content in objects.items()})
    store = obstore.store.MemoryStore()
    for name, content in objects.items():
        obstore.put(store, f"x/{name}", content)
    disk = fsspec.filesystem("file")
    for given, path in ((memory, "x"), (memory, "memory://x"), (memory, "/x/"), (store, "x"), (disk, str(local))):
        report = fasttok.count_corpus(path, filesystem=given, by="extension")
        assert sums(report) == expected, path
    for given, path in ((memory, "x/*.jsonl"), (store, "x/*.jsonl")):
        report = fasttok.count_corpus(path, filesystem=given)
        assert sums(report) == sums(fasttok.count_corpus(f"{local}/*.jsonl"))
    assert fasttok.count_corpus("", filesystem=store).totals == fasttok.count_corpus("x", filesystem=store).totals
    with pytest.raises(fasttok.NotFoundError):
        fasttok.count_corpus("x/no.txt", filesystem=memory)
    with pytest.raises(TypeError, match=r"filesystem is a file system of fsspec or a store of obstore, not builtins\."):
        fasttok.count_corpus("x", filesystem=object())
    assert fasttok.documents("x/a.jsonl", filesystem=memory).__next__().file == "x/a.jsonl"
    assert fasttok.density("x/a.jsonl", filesystem=memory, by="lang").totals.documents == 300


def test_urls_of_other_file_systems() -> None:
    name = uuid.uuid4().hex
    shared = fsspec.filesystem("memory")
    shared.pipe_file(f"/{name}/a.txt", b"one two")
    try:
        assert fasttok.count_corpus(f"memory://{name}/*.txt").totals.tokens["o200k_base"] == 2
        assert fasttok.count_corpus(f"memory://{name}/").totals.documents == 1
    finally:
        shared.rm(f"/{name}", recursive=True)
    with pytest.raises(ValueError, match="nosuch://"):
        fasttok.count_corpus("nosuch://a/b")


@pytest.mark.parametrize("kind", ["fsspec", "obstore"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_an_object_that_is_changed_meanwhile_is_no_mixture(kind: str, name: str) -> None:
    data = jsonl(20_000, 2)
    content = data if name == "a.jsonl" else parquet(data, row_group_size=4_000)
    if kind == "fsspec":
        given: Any = filesystem({f"/x/{name}": content})
        change = lambda: given.pipe_file(f"/x/{name}", content)  # noqa: E731
    else:
        given = obstore.store.MemoryStore()
        obstore.put(given, f"x/{name}", content)
        change = lambda: obstore.put(given, f"x/{name}", content)  # noqa: E731
    changed = threading.Event()
    read = backend.Sink.__call__

    def and_change(sink: backend.Sink, part: bytes) -> None:
        read(sink, part)
        if not changed.is_set():
            changed.set()
            change()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend.Sink, "__call__", and_change)
        report = fasttok.count_corpus(f"x/{name}", filesystem=given)
    assert changed.is_set()
    assert {entry.reason for entry in report.ledger.entries} == {"changed"}, entries(report)
    assert "the object was changed while it was read" in entries(report)[0][1]
    assert report.totals.documents < 20_000


def test_a_checkpoint_goes_on_inside_an_object(s3: ObjectServer, tmp_path: Path) -> None:
    """A run is ended at several moments, and the report of the last one is that of an undisturbed run."""
    objects = {
        "a.jsonl": jsonl(15_000, 1),
        "b.jsonl.gz": packed(jsonl(5_000, 2), "gz"),
        "c.parquet": parquet(jsonl(3000)),
    }
    s3.objects |= {f"bucket/{name}": content for name, content in objects.items()}
    expected = sums(fasttok.count_corpus("s3://bucket/", by="extension"))
    state = tmp_path / "state"
    options: dict[str, Any] = {"by": "extension", "checkpoint": state, "checkpoint_seconds": 0}
    for documents in (1, 5_000, 13_000, 20_000):
        ended = threading.Event()

        def end(progress: Any, documents: int = documents, ended: threading.Event = ended) -> None:
            if progress.documents >= documents:
                ended.set()

        try:
            fasttok.count_corpus("s3://bucket/", on_progress=end, cancel=ended, threads=1, **options)
        except fasttok.CancelledError:
            continue
        break
    s3.sent = 0
    report = fasttok.count_corpus("s3://bucket/", **options)
    assert sums(report) == expected
    for file in state.iterdir():
        assert SECRET.encode() not in file.read_bytes()


def test_a_checkpoint_is_of_the_objects_that_it_was_made_with(s3: ObjectServer, tmp_path: Path) -> None:
    s3.objects |= {"bucket/a.txt": b"one two", "bucket/b.txt": b"three"}
    fasttok.count_corpus("s3://bucket/", checkpoint=tmp_path)
    fasttok.count_corpus("s3://bucket/", checkpoint=tmp_path)
    # The same size, another ETag.
    s3.objects["bucket/a.txt"] = b"two one"
    with pytest.raises(fasttok.FasttokError, match=r"s3://bucket/a\.txt was changed"):
        fasttok.count_corpus("s3://bucket/", checkpoint=tmp_path)


def test_nothing_secret_is_shown(server: ObjectServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """In no report, ledger, error, progress, manifest or checkpoint, whatever goes wrong."""

    def run(*arguments: str | Path) -> Result:
        # Sixteen processes would take half of the time of all these tests.
        code = cli.main([str(argument) for argument in arguments])
        return Result(code, *capfd.readouterr())

    data = jsonl(1000)
    server.objects |= {"a.jsonl": data, "bad.jsonl": b"{]\n" + data, "b.jsonl": data}
    server.objects["denied.jsonl"] = data
    server.faults["denied.jsonl"] = ["403"] * 9
    login = server.url.replace("http://", f"http://user:{SECRET}@")
    query = f"?X-Amz-Signature={SECRET}&token={SECRET}"
    names = ["a.jsonl", "bad.jsonl", "denied.jsonl", "forbidden.jsonl"]
    server.redirects["forbidden.jsonl"] = f"{login}/no-such-file{query}"
    urls = [f"{login}/{name}{query}" for name in names[:3]]
    ledger, state, listed, out, rows = (
        tmp_path / name for name in ("ledger", "state", "list", "report.json", "rows.parquet")
    )
    listed.write_text("".join(f"{login}/{name}{query}\n" for name in ("b.jsonl", "gone.jsonl", "forbidden.jsonl")))
    more = ["--files-from", listed, "--ledger", ledger, "--checkpoint", state, "--by", "file"]
    shown = [run("count", *urls, *more, "--json", "-o", out), run("count", *urls, *more, "--table")]
    shown += [
        run("count", f"{login}/gone.jsonl{query}"),
        run("count", f"{login}/*.nothing{query}"),
        run("count", f"{login}/bad.jsonl{query}", "--on-error", "fail"),
        run("count", urls[0], "--text-field", "nothing"),
        run("count", f"nosuch://user:{SECRET}@x/y{query}"),
        run("count", f"ftp://user:{SECRET}@127.0.0.1:1/y{query}"),
        run("density", *urls[:2], "--by", "lang", "--json"),
        run("verify", "o200k_base", urls[1]),
        run("count", urls[0], "--checkpoint", state),
        run("count", *urls, "--plan"),
        run("count", *urls, "--plan", "--json"),
        run("count", *urls, "--sample", "50%"),
        run("count", *urls, "--per-document", rows),
        run("cost", *urls, "-m", "gpt-4o"),
    ]
    texts = [text for result in shown for text in (result.out, result.err)]
    texts += [path.read_bytes().decode("latin-1") for path in (ledger, out, rows, *state.iterdir())]
    for fault in PASSING:
        server.faults["b.jsonl"] = [fault] * 9
        report = fasttok.count_corpus(f"{login}/b.jsonl{query}")
        texts += [report.to_json(), str(report)]
        with pytest.raises(fasttok.FasttokError) as raised:
            server.faults["b.jsonl"] = [fault] * 9
            fasttok.count_corpus(f"{login}/b.jsonl{query}", on_error="fail")
        texts.append("".join(traceback.format_exception(raised.value)))
    for text in texts:
        assert SECRET not in text, text
        assert "user:" not in text and "Amz" not in text, text
    assert shown[0].code == 3 and shown[2].code == 1
    report = json.loads(out.read_text())
    assert report["manifest"]["inputs"] == [f"{server.url}/{name}" for name in names[:3]]
    reasons = {entry["file"].rpartition("/")[2]: entry["reason"] for entry in report["ledger"]["entries"]}
    assert reasons.keys() >= {"bad.jsonl", "denied.jsonl", "gone.jsonl", "forbidden.jsonl"}
    # The server was told all of it.
    assert any(path == f"/a.jsonl{query}" for _, path, _, _ in server.requests)


def test_queries_tell_objects_apart_that_have_one_name(server: ObjectServer) -> None:
    server.objects["download"] = b'{"text": "one"}\n{"text": "two"}\n'
    report = fasttok.count_corpus([f"{server.url}/download?id={i}" for i in (1, 2, 1)], by="file")
    assert [group.key["file"] for group in report.groups] == [f"{server.url}/download", f"{server.url}/download (2)"]
    assert report.manifest["inputs_repeated"] == 1


def test_a_checkpoint_is_of_what_a_query_asks_for(server: ObjectServer, tmp_path: Path) -> None:
    """And of no signature, of which there is a new one for each run."""
    server.objects["download"] = b'{"text": "one"}\n'

    def count(*queries: str) -> int:
        urls = [f"{server.url}/download?{query}" for query in queries]
        return fasttok.count_corpus(urls, checkpoint=tmp_path / "state").totals.documents

    signed = f"&X-Amz-Date=1&X-Amz-Signature={SECRET}"
    assert count("id=1", f"id=2{signed}") == 2
    assert count(f"id=1{signed}", "id=2&X-Amz-Date=2&X-Amz-Signature=other") == 2
    for queries in (("id=2", "id=1"), ("id=1", "id=3"), ("id=1", "")):
        with pytest.raises(fasttok.CheckpointError, match=r"/download( \(2\))? is asked for with another query"):
            count(*queries)
    for file in (tmp_path / "state").iterdir():
        assert SECRET.encode() not in file.read_bytes() and b"id=" not in file.read_bytes()


def test_what_libraries_log_of_us_holds_no_query(server: ObjectServer, caplog: pytest.LogCaptureFixture) -> None:
    server.objects["a.jsonl"] = jsonl(10)
    server.redirects["b.jsonl"] = f"{server.url}/a.jsonl?sig={SECRET}"
    server.faults["a.jsonl"] = ["reset", "500"]
    login = server.url.replace("http://", f"http://user:{SECRET}@")
    with caplog.at_level(logging.DEBUG):
        fasttok.count_corpus([f"{login}/a.jsonl?sig={SECRET}", f"{login}/b.jsonl?sig={SECRET}"])
        assert "GET /a.jsonl HTTP/1.1" in caplog.text and SECRET not in caplog.text
        # What others ask for is their affair.
        urllib3.request("GET", f"{server.url}/a.jsonl?mine=1")
        assert "GET /a.jsonl?mine=1" in caplog.text


def test_missing_credentials_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not that somebody at a strange address does not answer."""
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    with pytest.raises(fasttok.InputError, match=r"az://bucket cannot be opened: .*; set AZURE_STORAGE_ACCOUNT_NAME"):
        fasttok.count_corpus("az://bucket/a.txt")
    from fasttok.inputs.remote.objects import _failure

    machine = "Generic S3 error: Error performing PUT http://169.254.169.254/latest/api/token in 1.2ms - "
    for said in ("HTTP error: error sending request", "Server returned non-2xx status code: 404 Not Found: "):
        failure = _failure(RuntimeError(machine + said))
        assert "there are no credentials" in failure.detail and not failure.is_passing
    assert _failure(RuntimeError(f"{machine}Server returned non-2xx status code: 503 Busy: ")).is_passing


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, url in (("obstore", "s3://bucket/a"), ("urllib3", "https://host/a"), ("fsspec", "ftp://host/a")):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            with pytest.raises(fasttok.MissingExtraError, match=r"pip install 'fasttok-engine\[remote\]'"):
                fasttok.count_corpus(url)


def test_what_takes_files_alone_refuses_remote_ones(server: ObjectServer) -> None:
    from fasttok.integrations.shares import SharedRun

    server.objects["a.jsonl"] = jsonl(10)
    url = f"{server.url}/a.jsonl"
    secret = f"{url}?sig={SECRET}"
    with pytest.raises(fasttok.FasttokError, match="no hash is made of remote files") as hashed:
        fasttok.count_corpus(secret, hash_inputs=True)
    with pytest.raises(fasttok.InputError, match="only files can be shared") as shared:
        SharedRun("test", secret, "o200k_base", (), False, (), 1, 1, {})
    for source in (secret, [secret], f"en={secret}"):
        with pytest.raises(fasttok.NotParallelError, match="files on disk") as parallel:
            fasttok.premium(source, ["o200k_base"])
        assert SECRET not in str(parallel.value)
    assert SECRET not in f"{hashed.value} {shared.value}"


def test_local_runs_import_nothing_of_this(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two")
    code = (
        "import sys, fasttok; fasttok.count_corpus(sys.argv[1]); "
        "print([m for m in ('asyncio', 'obstore', 'fsspec', 'urllib3', 'fasttok.inputs.remote') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_threads_of_a_run_end_with_it(s3: ObjectServer) -> None:
    s3.objects["bucket/a.txt"] = b"one two"
    for _ in range(3):
        fasttok.count_corpus(["s3://bucket/a.txt", f"{s3.url}/bucket/a.txt"])
    assert not [thread.name for thread in threading.enumerate() if thread.name == "fasttok-remote"]
