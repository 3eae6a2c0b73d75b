"""A server of objects on the loopback, for tests: plain HTTP with ranges and ETags, enough of S3, Google Cloud Storage
(which has S3's listings) and Azure for reading and listing, and every fault that a server or a line can have, one after
the other as a test wants them."""

from __future__ import annotations

import hashlib
import socket
import ssl
import struct
import threading
import time
from collections import defaultdict
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 3
"""Names in one page of a listing."""


@lru_cache(maxsize=256)
def _etag(content: bytes) -> str:
    # Each answer has one, and an object is asked for many times.
    return f'"{hashlib.md5(content).hexdigest()}"'


class ObjectServer:
    """Serves `objects`, by path without the first slash: ``bucket/key``.

    `faults` are taken one for each request for bytes of an object, after the first one that asks what it is: ``reset``,
    ``short``, ``wrong length``, ``503``, ``403``, ``404``, ``changed``, ``slow``, ``hang``, or None for none.
    """

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        """With a certificate and its key, by https."""
        self.objects: dict[str, bytes] = {}
        self.faults: dict[str, list[str | None]] = defaultdict(list)
        self.redirects: dict[str, str] = {}
        self.has_ranges = True
        self.requests: list[tuple[str, str, dict[str, str], float]] = []
        """Method, path with query, headers and time of each request."""
        self.sent = 0
        self.lock = threading.Lock()
        self.closing = threading.Event()
        server = self

        class Handler(_Handler):
            objects = server

        self._http = _Server(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"{'http' if certificate is None else 'https'}://127.0.0.1:{self._http.server_address[1]}"

    def etag(self, path: str) -> str:
        return _etag(self.objects[path])

    def close(self) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Who asks may go away at any moment."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else what comes after the headers waits for their acknowledgement, up to 40 ms.
    disable_nagle_algorithm = True
    objects: ObjectServer

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        server = self.objects
        headers = {name.lower(): value for name, value in self.headers.items()}
        with server.lock:
            server.requests.append((self.command, self.path, headers, time.monotonic()))
        parts = urlsplit(self.path)
        path, query = unquote(parts.path[1:]), parse_qs(parts.query, keep_blank_values=True)
        if "list-type" in query:
            self._list(path.rstrip("/"), query)
        elif query.get("comp") == ["list"]:
            self._list_of_azure(path.rstrip("/"), query)
        elif path in server.redirects:
            self._answer(302, b"", {"Location": server.redirects[path]})
        elif path not in server.objects:
            self._answer(404, b"")
        else:
            wanted = headers.get("range")
            is_question = self.command == "HEAD" or wanted == "bytes=0-0"
            with server.lock:
                faults = server.faults[path]
                fault = faults.pop(0) if faults and not is_question else None
            self._object(path, wanted, headers.get("if-match"), fault)

    def _object(self, path: str, wanted: str | None, if_match: str | None, fault: str | None) -> None:
        server = self.objects
        if fault == "changed":
            last = server.objects[path][-1]
            server.objects[path] = server.objects[path][:-1] + bytes([last ^ 1])
        if fault == "503":
            return self._answer(503, b"<Secret>AKIASECRET</Secret>", {"Retry-After": "1"})
        if fault in ("403", "404", "500"):
            return self._answer(int(fault), b"<Secret>AKIASECRET</Secret>")
        etag = server.etag(path)
        if if_match is not None and if_match != etag:
            return self._answer(412, b"")
        body = server.objects[path]
        headers = {"ETag": etag, "Last-Modified": "Fri, 27 Nov 2026 15:00:00 GMT", "Accept-Ranges": "bytes"}
        status, size = 200, len(body)
        if wanted is not None and server.has_ranges:
            start, _, end = wanted.removeprefix("bytes=").partition("-")
            if int(start) >= size:
                return self._answer(416, b"", {"Content-Range": f"bytes */{size}"})
            last = min(int(end) if end else size - 1, size - 1)
            body, status = body[int(start) : last + 1], 206
            if fault == "wrong length":
                body = body[: len(body) // 2]
            headers["Content-Range"] = f"bytes {start}-{last}/{size}"
        return self._answer(status, body, headers, fault)

    def _answer(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, fault: str | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault in ("reset", "short"):
            self._send(body[: len(body) // 2])
            self.wfile.flush()
            if fault == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR) if fault == "short" else self.connection.close()
            return
        if fault in ("slow", "hang"):
            for byte in body if fault == "slow" else ():
                if self.objects.closing.wait(1):
                    break
                self._send(bytes([byte]))
            self.objects.closing.wait(60)
            self.close_connection = True
            return
        self._send(body)

    def _send(self, body: bytes) -> None:
        try:
            self.wfile.write(body)
        except OSError:
            # Who asked is gone.
            self.close_connection = True
            return
        with self.objects.lock:
            self.objects.sent += len(body)

    def _page(self, bucket: str, query: dict[str, list[str]], mark: str) -> tuple[list[str], str]:
        """Names of a page of a listing, and after which the next one begins."""
        prefix, after = f"{bucket}/{query.get('prefix', [''])[0]}", query.get(mark, [""])[0]
        names = sorted(name for name in self.objects.objects if name.startswith(prefix) and name > after)
        return names[:PAGE], names[PAGE - 1] if len(names) > PAGE else ""

    def _list(self, bucket: str, query: dict[str, list[str]]) -> None:
        server = self.objects
        page, last = self._page(bucket, query, "continuation-token")
        contents = "".join(
            f"<Contents><Key>{escape(name[len(bucket) + 1 :])}</Key><Size>{len(server.objects[name])}</Size>"
            f"<LastModified>2026-11-27T15:00:00.000Z</LastModified><ETag>{escape(server.etag(name))}</ETag></Contents>"
            for name in page
        )
        more = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if last else ""
        is_cut = str(bool(last)).lower()
        body = f"<ListBucketResult><IsTruncated>{is_cut}</IsTruncated>{more}{contents}</ListBucketResult>"
        self._answer(200, body.encode(), {"Content-Type": "application/xml"})

    def _list_of_azure(self, container: str, query: dict[str, list[str]]) -> None:
        server = self.objects
        page, last = self._page(container, query, "marker")
        blobs = "".join(
            f"<Blob><Name>{escape(name[len(container) + 1 :])}</Name><Properties>"
            "<Last-Modified>Fri, 27 Nov 2026 15:00:00 GMT</Last-Modified>"
            # Without the quotes that it has in headers.
            f"<Etag>{server.etag(name)[1:-1]}</Etag><Content-Length>{len(server.objects[name])}</Content-Length>"
            "<Content-Type>text/plain</Content-Type></Properties></Blob>"
            for name in page
        )
        more = f"<NextMarker>{escape(last)}</NextMarker>"
        body = f"<EnumerationResults><Blobs>{blobs}</Blobs>{more}</EnumerationResults>"
        self._answer(200, body.encode(), {"Content-Type": "application/xml"})
