"""Names on the Hugging Face hub with and without network: every server here is on this machine."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from training import byte_level, trained

pytest.importorskip("huggingface_hub")

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LOAD = """
import sys, fasttok
try:
    enc = fasttok.load(sys.argv[1])
    print(enc.name, enc.count("the tool of all"))
except fasttok.FasttokError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture(scope="module")
def tokenizer() -> bytes:
    pytest.importorskip("tokenizers")
    return json.dumps(trained(pre_tokenizer=byte_level(use_regex=True))).encode()


@pytest.fixture
def refuses() -> Iterator[str]:
    """A port that is taken and on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def hangs() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def hub(tokenizer: bytes) -> Iterator[str]:
    """A hub with one file in one repository."""

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(False)

        def do_GET(self) -> None:
            self.answer(True)

        def answer(self, with_body: bool) -> None:
            there = self.path.partition("?")[0].endswith("/tokenizer.json") and "/owner/name/" in f"/{self.path}"
            self.send_response(200 if there else 404)
            if there:
                self.send_header("ETag", f'"{hashlib.sha256(tokenizer).hexdigest()}"')
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("Content-Length", str(len(tokenizer)))
            else:
                self.send_header("X-Error-Code", "EntryNotFound" if "/owner/name/" in self.path else "RepoNotFound")
                self.send_header("Content-Length", "0")
            self.end_headers()
            if there and with_body:
                self.wfile.write(tokenizer)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def cache(tmp_path: Path, tokenizer: bytes) -> Path:
    """A cache of the library with Someone/Some-Model in it."""
    repository = tmp_path / "hub" / "models--Someone--Some-Model"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    (snapshot / "tokenizer.json").write_bytes(tokenizer)
    return tmp_path / "hub"


def run(code: list[str], endpoint: str, cache: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, since the library reads its environment when it is imported.

    With the library's own retries it would take minutes.
    """
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environment |= {"HF_ENDPOINT": endpoint, "HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "0", **more}
    return subprocess.run(
        [sys.executable, *code], capture_output=True, text=True, timeout=60, env=environment, check=False
    )


@pytest.fixture(params=["refuses", "hangs", "no such host"])
def nowhere(request: pytest.FixtureRequest) -> str:
    if request.param == "no such host":
        return "http://no-such-host.invalid"
    return str(request.getfixturevalue(request.param))


def test_without_network_it_says_so_and_what_to_pass(nowhere: str, cache: Path) -> None:
    found = run(["-c", LOAD, "Other/Model"], nowhere, cache)
    assert found.stdout.startswith("FileError Other/Model is not in the cache of the Hugging Face hub")
    assert "there is no network to fetch it" in found.stdout
    assert "pass the path of its tokenizer.json" in found.stdout
    # Nothing of the library's waiting and trying again.
    assert found.stderr == ""


def test_the_command_says_it_in_a_line(nowhere: str, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    found = run(["-m", "fasttok", "count", "-e", "Other/Model", str(tmp_path / "a.txt")], nowhere, cache)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("fasttok: Other/Model is not in the cache")
    assert found.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["Someone/Some-Model", f"Someone/Some-Model@{COMMIT}"])
def test_without_network_the_cache_is_enough(nowhere: str, cache: Path, name: str) -> None:
    found = run(["-c", LOAD, name], nowhere, cache)
    assert found.stdout.split()[0] == name
    assert found.stderr == ""


def test_offline_mode_asks_nobody(hangs: str, cache: Path) -> None:
    assert run(["-c", LOAD, "Someone/Some-Model"], hangs, cache, HF_HUB_OFFLINE="1").stdout.startswith("Someone/")
    found = run(["-c", LOAD, "Other/Model"], hangs, cache, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set" in found.stdout and "no network" not in found.stdout


def test_the_limit_can_be_set(hangs: str, cache: Path) -> None:
    found = run(["-c", LOAD, "Other/Model"], hangs, cache, HF_HUB_ETAG_TIMEOUT="1")
    assert "no network" in found.stdout
    assert "within 1 s" in found.stdout or "timed out" in found.stdout


def test_with_network_it_is_fetched(hub: str, cache: Path, tokenizer: bytes) -> None:
    found = run(["-c", LOAD, "owner/name"], hub, cache)
    assert found.stdout.split()[0] == "owner/name", (found.stdout, found.stderr)
    (file,) = (cache / "models--owner--name" / "snapshots").glob("*/tokenizer.json")
    assert file.read_bytes() == tokenizer
    found = run(["-c", LOAD, "owner/other"], hub, cache)
    assert found.stdout.startswith("NotFoundError"), (found.stdout, found.stderr)
