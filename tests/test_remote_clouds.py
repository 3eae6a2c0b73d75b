"""Google, Azure and Hugging Face: servers on the loopback that speak the few calls by which each is read, with pages,
redirects to other hosts and what may not be read. What is counted is what files of the same bytes give."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from cli_support import fasttok as run
from object_server import ObjectServer

import fasttok

pytest.importorskip("obstore")
pytest.importorskip("fsspec")
pytest.importorskip("huggingface_hub")
from fasttok.inputs import remote

SECRET = "hunter2"
ACCOUNT = "devstoreaccount1"
"""Of Azure's emulators, to whose servers alone plain http is sent."""

OBJECTS = {
    "a.jsonl": '{"text": "one two", "lang": "en"}\n{"text": "Straße", "lang": "de"}\n'.encode(),
    "b/with spaces & signs +%=,;@!()'.jsonl": '{"text": "中文"}\n'.encode(),
    "b/percent%20.txt": b"one",
    "broken.jsonl": b'{"text": "one"}\n{"text": \n{"text": "two"}\n',
    "empty.txt": b"",
    "large.txt": b"one two three four\n" * 40_000,
    "ü/中文 🙂.txt": "русский текст".encode(),
    ".hidden/x.txt": b"hidden",
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "FIRST_PAUSE", 0.005)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    server = ObjectServer()
    yield server
    server.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in OBJECTS.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "folder"


def told(report: Any, root: str) -> Any:
    """All that a report says of what it read, of files by their names below `root`."""
    said = report if isinstance(report, dict) else json.loads(report.to_json())
    kept = {name: said[name] for name in ("totals", "groups", "ledger")}
    # The largest group is the first one in what the command writes.
    kept["groups"] = sorted(kept["groups"], key=lambda group: str(group["key"]))
    return json.loads(json.dumps(kept, ensure_ascii=False).replace(f"{root}/", ""))


@pytest.mark.parametrize("scheme", ["gs", "az"])
def test_a_bucket_of_another_cloud_is_a_folder(
    server: ObjectServer, folder: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if scheme == "gs":
        account = {"gcs_base_url": server.url, "disable_oauth": True}
        keys = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
        monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", json.dumps({**account, **keys}))
        monkeypatch.setenv("GOOGLE_ALLOW_HTTP", "true")
        within = "bucket"
    else:
        monkeypatch.setenv("AZURE_STORAGE_USE_EMULATOR", "true")
        monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", server.url)
        within = f"{ACCOUNT}/bucket"
    server.objects |= {f"{within}/dir/{name}": content for name, content in OBJECTS.items()}
    server.objects |= {f"{within}/dir/": b"", f"{within}/dirt/no.txt": b"no"}
    root = f"{scheme}://bucket/dir"
    for options in ({"by": "file"}, {"by": ["folder:1", "extension"], "hidden": True}):
        expected = told(fasttok.count_corpus(folder, **options), str(folder))
        assert told(fasttok.count_corpus(f"{root}/", **options), root) == expected
    for pattern in ("*.jsonl", "**/*.txt", "ü/*", "b/percent%*"):
        expected = told(fasttok.count_corpus(f"{folder}/{pattern}"), str(folder))
        assert told(fasttok.count_corpus(f"{root}/{pattern}"), root) == expected
    for name in OBJECTS:
        expected = told(fasttok.count_corpus(folder / name), str(folder))
        assert told(fasttok.count_corpus(f"{root}/{name}"), root) == expected, name
    with pytest.raises(fasttok.NotFoundError):
        fasttok.count_corpus(f"{root}/no.txt")
    large = f"{within}/dir/large.txt"
    server.faults[large] = ["reset", "503"]
    assert not fasttok.count_corpus(f"{root}/large.txt").ledger.skipped
    server.faults[large] = ["changed"]
    assert fasttok.count_corpus(f"{root}/large.txt").ledger.by_reason == {"changed": 1}
    server.faults[large] = ["403"]
    [entry] = fasttok.count_corpus(f"{root}/large.txt").ledger.entries
    assert (entry.file, entry.reason, "403" in entry.detail) == (f"{root}/large.txt", "unreadable", True)


class Hub:
    """Hugging Face's API for the data sets ``org/open``, ``org/private`` and ``org/gated``, which have the same files;
    these are at another host, as large ones are there."""

    TOKEN = f"hf_{SECRET}"
    PAGE = 3

    def __init__(self, files: ObjectServer) -> None:
        self.files = files
        self.requests: list[tuple[str, str, str | None]] = []
        hub = self

        class Handler(_HubHandler):
            server_of_files = hub

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def environment(self, token: str | None) -> dict[str, str]:
        more = {"HF_ENDPOINT": self.url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_TELEMETRY": "1"}
        return more | ({"HF_TOKEN": token} if token else {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"})


class _HubHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of_files: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        hub = self.server_of_files
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        hub.requests.append((self.command, self.path, self.headers.get("Authorization")))
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        api, _, rest = parts.path.partition("/datasets/")
        org, name, *more = rest.split("/")
        is_known = self.headers.get("Authorization") == f"Bearer {hub.TOKEN}"
        if org != "org" or name not in ("open", "private", "gated") or (name == "private" and not is_known):
            return self._answer({"error": "Repository not found"}, 401, {"X-Error-Code": "RepoNotFound"})
        if not api:
            return self._resolve(name, unquote("/".join(more[2:])), is_known)
        if not more or more[0] == "revision":
            said = {"id": f"org/{name}", "sha": "a" * 40, "private": name == "private", "gated": name == "gated"}
            return self._answer({**said, "siblings": [], "tags": [], "downloads": 1, "likes": 1, "disabled": False})
        entries: list[dict[str, Any]] = [
            {"type": "file", "path": path, "size": len(content), "oid": hub.files.etag(path).strip('"')}
            for path, content in hub.files.objects.items()
        ]
        folders = {path.rpartition("/")[0] for path in hub.files.objects} - {""}
        entries += [{"type": "directory", "path": path, "size": 0, "oid": "d" * 40} for path in folders]
        entries.sort(key=lambda entry: str(entry["path"]))
        if more[0] == "paths-info":
            asked = parse_qs(body)["paths"]
            return self._answer([entry for entry in entries if entry["path"] in asked])
        prefix = unquote("/".join(more[2:]))
        entries = [entry for entry in entries if not prefix or str(entry["path"]).startswith(f"{prefix}/")]
        if query.get("recursive") != ["true"]:
            start = len(prefix) + 1 if prefix else 0
            entries = [entry for entry in entries if "/" not in str(entry["path"])[start:]]
        if prefix and not entries:
            return self._answer({"error": "not found"}, 404, {"X-Error-Code": "EntryNotFound"})
        at = int(query.get("cursor", ["0"])[0])
        headers = {}
        if len(entries) > at + hub.PAGE:
            again = parts.query.partition("&cursor=")[0]
            headers["Link"] = f'<{hub.url}{parts.path}?{again}&cursor={at + hub.PAGE}>; rel="next"'
        return self._answer(entries[at : at + hub.PAGE], 200, headers)

    def _resolve(self, name: str, path: str, is_known: bool) -> None:
        if name == "gated":
            error = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to dataset org/gated is restricted"}
            return self._answer({"error": "restricted"}, 403 if is_known else 401, error)
        url = f"{self.server_of_files.files.url}/{quote(path)}?X-Amz-Signature={SECRET}"
        return self._answer({}, 302, {"Location": url})

    def _answer(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        for key, text in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(key, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@pytest.fixture
def hub(server: ObjectServer) -> Iterator[Hub]:
    server.objects |= OBJECTS
    hub = Hub(server)
    yield hub
    hub.close()


def test_a_data_set_of_the_hub_is_a_folder(hub: Hub, folder: Path) -> None:
    expected = told(fasttok.count_corpus(folder, by="file"), str(folder))
    for name, token in (("open", None), ("private", hub.TOKEN)):
        root = f"hf://datasets/org/{name}"
        result = run("count", root, "--by", "file", "--json", **hub.environment(token))
        assert told(result.json(), root) == expected
    # The pages of the listing, the files at the other host, and the token at the hub alone.
    assert sum("cursor=" in path for _, path, _ in hub.requests) >= 2
    assert {authorization for _, _, authorization in hub.requests} == {None, f"Bearer {hub.TOKEN}"}
    assert hub.files.requests and not any("authorization" in headers for _, _, headers, _ in hub.files.requests)
    root = "hf://datasets/org/open@main"
    result = run("count", f"{root}/b", "--by", "file", "--json", **hub.environment(None))
    assert told(result.json(), root) == told(fasttok.count_corpus(folder / "b", by="file"), str(folder))
    root = "hf://datasets/org/open"
    result = run("count", f"{root}/**/*.txt", "--json", **hub.environment(None))
    assert told(result.json(), root)["totals"] == told(fasttok.count_corpus(f"{folder}/**/*.txt"), "")["totals"]


def test_what_the_hub_refuses_is_told_without_the_token(hub: Hub) -> None:
    for name, token, words in (
        ("gated", None, "401"),
        ("gated", hub.TOKEN, "403"),
        ("private", None, "hf://datasets/org/private/a.jsonl"),
        ("private", f"hf_{SECRET}_wrong", "hf://datasets/org/private/a.jsonl"),
        ("no-such", hub.TOKEN, "hf://datasets/org/no-such/a.jsonl"),
    ):
        result = run("count", f"hf://datasets/org/{name}/a.jsonl", **hub.environment(token))
        assert result.code in (1, 3) and words in result.out + result.err, (name, result)
        assert SECRET not in result.out + result.err
