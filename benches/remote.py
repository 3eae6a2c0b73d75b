"""Rates of counting remote files beside local ones, by how long each request takes: `python -m benches.remote --help`.

The server is on the loopback, a process of its own that answers each request after a pause and then sends as fast as it
can: what is measured is what latency costs, not a network.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import statistics
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

import fasttok
from benches.compare import machine
from fasttok._fasttok import simd_level

MB = 1_000_000
SMALL = 100_000
"""Bytes of each of the small files."""


class Handler(BaseHTTPRequestHandler):
    """Objects as far as S3 and https ask for them here: ranges, HEAD, one page of a listing."""

    protocol_version = "HTTP/1.1"
    # Else what comes after the headers waits for their acknowledgement, up to 40 ms.
    disable_nagle_algorithm = True
    folder: ClassVar[Path]
    pause: ClassVar[float]

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        time.sleep(self.pause)
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        if "list-type" in query:
            self._list(query["prefix"][0])
            return
        path = self.folder / unquote(parts.path).removeprefix("/bucket/")
        if not path.is_file():
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        size = path.stat().st_size
        start, end = 0, size
        wanted = self.headers.get("Range")
        if wanted:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last) + 1, size)
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.send_header("ETag", f'"{path.name}-{size}"')
        self.send_header("Last-Modified", "Fri, 27 Nov 2026 15:00:00 GMT")
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.flush()
        with path.open("rb") as file:
            while start < end:
                sent = os.sendfile(self.connection.fileno(), file.fileno(), start, end - start)
                if not sent:
                    break
                start += sent

    def _list(self, prefix: str) -> None:
        contents = "".join(
            f"<Contents><Key>{prefix}{path.name}</Key><Size>{path.stat().st_size}</Size><LastModified>"
            f'2026-11-27T15:00:00.000Z</LastModified><ETag>"{path.name}-{path.stat().st_size}"</ETag></Contents>'
            for path in sorted((self.folder / prefix).iterdir())
        )
        body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve(folder: Path, pause: float, answer: Connection) -> None:
    """A server, for a process of its own; tells its address."""
    Handler.folder, Handler.pause = folder, pause

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Who asks may go away at any moment."""

    server = Server(("127.0.0.1", 0), Handler)
    answer.send(f"http://127.0.0.1:{server.server_address[1]}")
    # Ends with who started it.
    threading.Thread(target=server.serve_forever, daemon=True).start()
    answer.poll(None)


def write(folder: Path, size: int, small: int) -> dict[str, str]:
    """Files of about `size` bytes of text, by form: what is counted, below the folder."""
    rng = random.Random(1)
    sounds = ["ka", "lo", "mi", "ter", "on", "es", "ing", "ber", "sta", "ru"]
    words = ["".join(rng.choices(sounds, k=rng.randrange(1, 5))) for _ in range(20_000)]
    texts, sum_of = [], 0
    while sum_of < size:
        texts.append(" ".join(rng.choices(words, k=400)))
        sum_of += len(texts[-1])
    lines = [json.dumps({"text": text}) + "\n" for text in texts]
    data = "".join(lines).encode()
    (folder / "text.jsonl").write_bytes(data)
    (folder / "text.jsonl.zst").write_bytes(zstandard.ZstdCompressor(level=3).compress(data))
    pq.write_table(pa.table({"text": texts}), folder / "text.parquet", compression="snappy", row_group_size=4_000)
    (folder / "small").mkdir()
    each = max(1, round(SMALL / len(lines[0])))
    for number in range(small):
        at = number * each % len(lines)
        (folder / "small" / f"{number:04}.jsonl").write_text("".join(lines[at : at + each]))
    return {
        "JSONL": "text.jsonl",
        "`.jsonl.zst`": "text.jsonl.zst",
        "Parquet": "text.parquet",
        f"{small} files of 100 kB": "small/",
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benches.remote", description=__doc__)
    parser.add_argument("--mb", type=float, default=60, help="of text in each large file (default: %(default)s)")
    parser.add_argument("--small", type=int, default=100, help="how many small files (default: %(default)s)")
    parser.add_argument("--pauses", default="0,20,100", metavar="MS,...", help="before each answer")
    parser.add_argument("--rounds", type=int, default=3, help="medians are told (default: %(default)s)")
    arguments = parser.parse_args()
    pauses = [float(pause) for pause in arguments.pauses.split(",")]
    environment = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
    os.environ.update(environment)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        forms = write(folder, int(arguments.mb * MB), arguments.small)
        print(f"o200k_base, {simd_level()}, {len(machine.available_cores())} cores, {machine.load_average()} load\n")
        print(f"| MB of text per second | local | {' | '.join(f's3, {p:g} ms | https, {p:g} ms' for p in pauses)} |")
        print("|---" * (2 + 2 * len(pauses)) + "|")
        begin = multiprocessing.get_context("spawn")
        pipes = [begin.Pipe() for _ in pauses]
        servers = [
            begin.Process(target=serve, args=(folder, pause / 1000, theirs), daemon=True)
            for pause, (_, theirs) in zip(pauses, pipes, strict=True)
        ]
        for server in servers:
            server.start()
        urls = [ours.recv() for ours, _ in pipes]
        for form, path in forms.items():
            files = sorted((folder / path).iterdir()) if path.endswith("/") else [folder / path]
            calls = [("", [str(file) for file in files])]
            for url in urls:
                calls.append((url, [f"s3://bucket/{path}"]))
                calls.append((url, [f"{url}/bucket/{file.relative_to(folder)}" for file in files]))
            times: list[list[float]] = [[] for _ in calls]
            told = set()
            for _ in range(arguments.rounds):
                for number, (url, paths) in enumerate(calls):
                    os.environ["AWS_ENDPOINT_URL"] = url
                    begun = time.perf_counter()
                    report = fasttok.count_corpus(paths, by="file")
                    times[number].append(time.perf_counter() - begun)
                    told.add((report.totals.bytes, report.totals.tokens["o200k_base"], report.ledger.skipped))
            if len(told) != 1:
                raise SystemExit(f"{form}: not the same totals: {told}")
            rates = [told_bytes(told) / MB / statistics.median(each) for each in times]
            print(f"| {form} | {' | '.join(f'{rate:.0f}' for rate in rates)} |", flush=True)
        for server in servers:
            server.terminate()
    return 0


def told_bytes(told: set[tuple[int, int, int]]) -> int:
    [(size, _, _)] = told
    return size


if __name__ == "__main__":
    raise SystemExit(main())
