"""S3 as moto's server has it, on the loopback: another one than ours, with listings of 1,000 keys, signatures that are
checked, and the errors that Amazon's has. What is read from it is what is read from files of the same bytes."""

from __future__ import annotations

import gzip
import io
import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import urllib3
from cli_support import fasttok as run
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import S3Backend, get_canned_acl, s3_backends
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

import fasttok

obstore = pytest.importorskip("obstore")
zstandard = pytest.importorskip("zstandard")

SECRET = "hunter2"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAHUNTER", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}


@pytest.fixture(autouse=True)
def quiet() -> None:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty server, which the environment names."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": url}.items():
            monkeypatch.setenv(name, value)
        for name in ("http_proxy", "HTTP_PROXY", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SKIP_SIGNATURE"):
            monkeypatch.delenv(name, raising=False)
        ask(url, "POST", "/moto-api/reset")
        ask(url, "PUT", "/bucket")
        yield url
    finally:
        server.stop()


def when_read(monkeypatch: pytest.MonkeyPatch, key: str, call: Callable[[S3Backend], Any]) -> None:
    """Calls `call` when the object is first asked for, before it is answered."""
    get, is_done = S3Backend.get_object, threading.Event()

    def patched(backend: S3Backend, bucket_name: str, key_name: str, *others: Any, **more: Any) -> Any:
        if key_name == key and not is_done.is_set():
            is_done.set()
            call(backend)
        return get(backend, bucket_name, key_name, *others, **more)

    monkeypatch.setattr(S3Backend, "get_object", patched)


def ask(url: str, method: str, path: str, body: bytes = b"") -> None:
    """For what obstore does not do: a bucket is made, the server is set up."""
    answer = urllib3.request(method, f"{url}{path}", body=body)
    assert answer.status == 200, answer.data


def store(url: str) -> S3Store:
    return S3Store(
        "bucket",
        endpoint=url,
        region="us-east-1",
        access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        secret_access_key=SECRET,
        client_options={"allow_http": True},
    )


def put(url: str, objects: dict[str, bytes]) -> None:
    bucket = store(url)
    for name, content in objects.items():
        obstore.put(bucket, name, content)


def jsonl(n: int, seed: int) -> bytes:
    rng = random.Random(seed)
    words = ["one", "Straße", "中文字", "the", "of", "x=f(y);", "русский", "12345"]
    rows = [{"text": " ".join(rng.choices(words, k=rng.randrange(1, 60))), "lang": f"l{i % 3}"} for i in range(n)]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def parquet(data: bytes) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([json.loads(line) for line in data.splitlines()]), out, row_group_size=500)
    return out.getvalue()


def corpus() -> dict[str, bytes]:
    return {
        "plain.jsonl": jsonl(12_000, 1),
        "b/packed.jsonl.gz": gzip.compress(jsonl(3_000, 2)),
        "b/packed.jsonl.zst": zstandard.compress(jsonl(3_000, 3)),
        "b/table.parquet": parquet(jsonl(2_000, 4)),
        "with spaces & signs +%=,;@!()'.jsonl": jsonl(20, 5),
        "ü/中文 🙂.jsonl": jsonl(30, 6),
        "percent%20.jsonl": jsonl(10, 8),
        "empty.jsonl": b"",
        "broken.jsonl": b'{"text": "one"}\n{"text": \n{"text": "two"}\n',
        ".hidden/x.jsonl": jsonl(5, 7),
    }


def written(folder: Path, objects: dict[str, bytes]) -> Path:
    for name, content in objects.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def told(report: Any, root: str) -> Any:
    """All that a report says of what it read, of files by their names below `root`."""
    said = json.loads(report.to_json())
    kept = {name: said[name] for name in ("totals", "groups", "ledger")}
    return json.loads(json.dumps(kept, ensure_ascii=False).replace(f"{root}/", ""))


def test_a_bucket_is_counted_as_a_folder_is(url: str, tmp_path: Path) -> None:
    objects = corpus()
    put(url, {f"dir/{name}": content for name, content in objects.items()})
    put(url, {"dirt/x.jsonl": b"no", "other.txt": b"no"})
    local = written(tmp_path / "dir", objects)
    for options in ({"by": "file"}, {"by": ["folder:1", "extension"], "hidden": True}, {"by": "lang", "limits": [100]}):
        expected = told(fasttok.count_corpus(local, **options), str(local))
        for path in ("s3://bucket/dir", "s3://bucket/dir/", "s3a://bucket/dir/"):
            assert told(fasttok.count_corpus(path, **options), path.rstrip("/")) == expected, (path, options)
    assert expected["totals"]["documents"] == 20_062 and expected["ledger"]["skipped"] == 1
    for pattern in ("*.jsonl", "**/*.jsonl*", "b/[p]*", "b", "ü/*", "**/table.{parquet,txt}", "with*", "percent%*"):
        remote = told(fasttok.count_corpus(f"s3://bucket/dir/{pattern}", by="file"), "s3://bucket/dir")
        assert remote == told(fasttok.count_corpus(f"{local}/{pattern}", by="file"), str(local)), pattern
    for name in objects:
        expected = told(fasttok.count_corpus(local / name), str(local))
        assert told(fasttok.count_corpus(f"s3://bucket/dir/{name}"), "s3://bucket/dir") == expected, name


def test_it_is_google_s_cloud_as_well(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the interface that it has in common with S3."""
    account = {"gcs_base_url": url, "disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", json.dumps(account))
    monkeypatch.setenv("GOOGLE_ALLOW_HTTP", "true")
    objects = corpus()
    put(url, {f"dir/{name}": content for name, content in objects.items()})
    for name in objects:
        # Requests of it are not signed.
        backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        backend.put_object_acl("bucket", f"dir/{name}", get_canned_acl("public-read"))
    local = written(tmp_path / "dir", objects)
    for options in ({"by": "file"}, {"by": ["folder:1", "extension"], "hidden": True}):
        expected = told(fasttok.count_corpus(local, **options), str(local))
        assert told(fasttok.count_corpus("gs://bucket/dir/", **options), "gs://bucket/dir") == expected
    for name in objects:
        expected = told(fasttok.count_corpus(local / name), str(local))
        assert told(fasttok.count_corpus(f"gs://bucket/dir/{name}"), "gs://bucket/dir") == expected, name


def test_all_pages_of_a_listing_are_read(url: str) -> None:
    # One more than two pages of Amazon's size.
    for i in range(2_001):
        # By requests it would take half a minute.
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object("bucket", f"many/{i % 7}/{i:04}.txt", b"one two")
    report = fasttok.count_corpus("s3://bucket/many/", by="folder:1")
    assert (report.totals.documents, report.totals.tokens["o200k_base"]) == (2_001, 4_002)
    assert [group.documents for group in report.groups] == [286] * 6 + [285]
    assert fasttok.count_corpus("s3://bucket/many/*/00*.txt").totals.documents == 100


def test_an_object_that_is_removed_after_it_was_listed_is_a_row(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put(url, {f"{i}.jsonl": jsonl(4_000, i) for i in range(6)})
    when_read(monkeypatch, "0.jsonl", lambda backend: backend.delete_object("bucket", "5.jsonl"))

    report = fasttok.count_corpus("s3://bucket/", threads=1)
    [entry] = report.ledger.entries
    assert (entry.file, entry.reason) == ("s3://bucket/5.jsonl", "not_found")
    assert report.totals.documents == 20_000


def test_an_object_that_is_written_again_is_no_mixture(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put(url, {f"{i}.jsonl": jsonl(4_000, i) for i in range(6)})
    when_read(monkeypatch, "0.jsonl", lambda backend: backend.put_object("bucket", "5.jsonl", jsonl(4_000, 99)))

    report = fasttok.count_corpus("s3://bucket/", threads=1)
    [entry] = report.ledger.entries
    assert (entry.file, entry.reason) == ("s3://bucket/5.jsonl", "changed")
    assert report.totals.documents == 20_000


def test_credentials_that_are_wrong_are_told_and_not_shown(url: str) -> None:
    put(url, {"a.txt": b"one two"})
    # From now on each request must be signed by somebody whom the server knows.
    ask(url, "POST", "/moto-api/reset-auth", b"0")
    try:
        for path in ("s3://bucket/a.txt", "s3://bucket/", "s3://bucket/*.txt"):
            for options in ([], ["--json"], ["--plan"], ["--sample", "50%"]):
                result = run("count", path, *options)
                assert result.code in (1, 3) or "--plan" in options, (path, options, result)
                assert "403" in result.out + result.err, (path, options, result)
                for secret in (SECRET, "AKIAHUNTER", "Signature"):
                    assert secret not in result.out + result.err
        report = fasttok.count_corpus("s3://bucket/a.txt")
        [entry] = report.ledger.entries
        assert (entry.file, entry.reason) == ("s3://bucket/a.txt", "unreadable")
        with pytest.raises(fasttok.FasttokError, match="403"):
            fasttok.count_corpus("s3://bucket/a.txt", on_error="fail")
    finally:
        ask(url, "POST", "/moto-api/reset-auth", b"inf")


def test_what_does_not_exist_is_told(url: str) -> None:
    put(url, {"a.txt": b"one two"})
    for path in ("s3://bucket/no.txt", "s3://bucket/no/", "s3://no-such-bucket/a.txt", "s3://no-such-bucket/"):
        result = run("count", path)
        assert result.code != 0 and path in result.err, (path, result)


def test_a_checkpoint_goes_on(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(
        url,
        {
            "a.jsonl": jsonl(15_000, 1),
            "b.jsonl.gz": gzip.compress(jsonl(5_000, 2)),
            "c.parquet": parquet(jsonl(3_000, 3)),
        },
    )
    expected = told(fasttok.count_corpus("s3://bucket/", by="extension"), "s3://bucket")
    options: dict[str, Any] = {"by": "extension", "checkpoint": tmp_path, "checkpoint_seconds": 0}
    for key in ("a.jsonl", "b.jsonl.gz", "c.parquet"):
        ended = threading.Event()

        def end(_: Any, ended: threading.Event = ended) -> None:
            ended.set()
            time.sleep(1)

        with monkeypatch.context() as patch, pytest.raises(fasttok.CancelledError):
            when_read(patch, key, end)
            fasttok.count_corpus("s3://bucket/", cancel=ended, threads=1, **options)
    assert told(fasttok.count_corpus("s3://bucket/", **options), "s3://bucket") == expected
    for file in tmp_path.iterdir():
        assert SECRET.encode() not in file.read_bytes()
