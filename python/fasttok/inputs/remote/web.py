"""What a web server gives, by urllib3: a URL is one object, with its query, which obstore cannot ask for.

A server without ranges is read from the beginning to the end, as long as it is asked for one range after the other.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from fasttok._util.extras import need
from fasttok.inputs.remote import backend as limits
from fasttok.inputs.remote.backend import Info, Sink, in_thread
from fasttok.inputs.remote.failure import Failure, changed, in_words, of_status

_PART = 1 << 16
_REDIRECTS = 5
_CONNECTIONS = 32
"""Kept for each server: more than requests are on their way at once."""


class Web:
    """The objects of one web server."""

    def __init__(self, scheme: str, host: str) -> None:
        self._urllib3 = urllib3 = need("urllib3", "remote", f"a path that begins with {scheme}://")
        timeout = urllib3.Timeout(connect=limits.CONNECT_SECONDS, read=limits.SILENT_SECONDS)
        options: dict[str, Any] = {"timeout": timeout, "maxsize": _CONNECTIONS}
        name = urlsplit(f"{scheme}://{host}").hostname or ""
        proxy = None if proxy_bypass(name) else getproxies().get(scheme)
        self._pool = urllib3.PoolManager(**options) if proxy is None else urllib3.ProxyManager(proxy, **options)
        # Of objects that come without ranges: the answer that is being read, and how far it is.
        self._whole: dict[str, _Whole] = {}
        self._lock = threading.Lock()

    async def stat(self, path: str) -> Info | None:
        return await in_thread(self._stat, path)

    async def below(self, folder: str) -> list[Info]:
        # Nobody can ask a web server what it has.
        return []

    async def read(self, path: str, info: Info, offset: int, length: int, sink: Sink) -> None:
        await in_thread(self._read, path, info, offset, length, sink)

    async def settle(self) -> None:
        # Threads of Python end with it, wherever they are.
        return

    def _stat(self, path: str) -> Info | None:
        # Not HEAD: a URL may be signed for GET alone, and this says whether there are ranges.
        response = self._get(path, {"Range": "bytes=0-0"})
        try:
            if response.status in (404, 410):
                return None
            if response.status == 206:
                _, size = _range_of(response)
                return "", size, _version(response)
            if response.status == 416 and response.headers.get("Content-Range", "").endswith("/0"):
                return "", 0, _version(response)
            if response.status != 200:
                raise _failure(response)
            length = response.headers.get("Content-Length", "")
            if not length.isdecimal():
                raise Failure("unreadable", "the server says neither ranges nor the length; download the file")
            with self._lock:
                self._whole[path] = _Whole()
            return "", int(length), _version(response)
        finally:
            response.close()

    def _read(self, path: str, info: Info, offset: int, length: int, sink: Sink) -> None:
        whole = self._whole.get(path)
        if whole is not None:
            with whole.lock:
                self._read_whole(whole, path, info, offset, length, sink)
            return
        _, size, version = info
        headers = {"Range": f"bytes={offset}-{offset + length - 1}"}
        if version is not None and version.startswith('"'):
            headers["If-Match"] = version
        response = self._get(path, headers)
        try:
            if response.status not in (200, 206):
                raise changed() if response.status == 416 else _failure(response)
            if _version(response) != version:
                raise changed()
            if response.status == 200:
                raise Failure("unreadable", "the server gives the whole object where a part of it is asked for")
            start, now = _range_of(response)
            if now != size:
                raise changed()
            if start != offset:
                raise Failure("unreadable", f"the server gives bytes from {start} on, not from {offset} on")
            for part in self._parts(response, length):
                sink(part)
        finally:
            # What is left unread cannot be used for the next request.
            if response.length_remaining == 0:
                response.release_conn()
            else:
                response.close()

    def _read_whole(self, whole: _Whole, path: str, info: Info, offset: int, length: int, sink: Sink) -> None:
        if whole.response is None or whole.at > offset:
            whole.close()
            response = whole.response = self._get(path, {})
            if response.status != 200:
                whole.response = None
                response.close()
                raise _failure(response)
            if (response.headers.get("Content-Length"), _version(response)) != (str(info[1]), info[2]):
                whole.close()
                raise changed()
        try:
            for part in self._parts(whole.response, offset - whole.at):
                whole.at += len(part)
            for part in self._parts(whole.response, length):
                whole.at += len(part)
                sink(part)
        except BaseException:
            whole.close()
            raise

    def _get(self, path: str, headers: dict[str, str]) -> Any:
        """The answer to a request, after redirects. Who logs in is told to no other server."""
        parts = urlsplit(path)
        login, at, host = parts.netloc.rpartition("@")
        url = urlunsplit(parts._replace(netloc=host, fragment=""))
        # Packed by the server, ranges would be of something else.
        headers = {**headers, "Accept-Encoding": "identity"}
        if at:
            headers |= self._urllib3.make_headers(basic_auth=unquote(login))
        for _ in range(_REDIRECTS + 1):
            response = self._ask(url, headers)
            to = response.get_redirect_location()
            if not to:
                return response
            response.close()
            before, url = url, _redirected(url, to)
            if _server(url) != _server(before):
                headers.pop("authorization", None)
        raise Failure("unreadable", f"the server redirects more than {_REDIRECTS} times")

    def _ask(self, url: str, headers: dict[str, str]) -> Any:
        errors = self._urllib3.exceptions
        try:
            return self._pool.request(
                "GET", url, headers=headers, retries=False, redirect=False, preload_content=False, decode_content=False
            )
        except errors.LocationValueError as error:
            raise Failure("unreadable", in_words(error)) from None
        except errors.HTTPError as error:
            raise self._passing(error) from None

    def _parts(self, response: Any, length: int) -> Iterator[bytes]:
        while length > 0:
            try:
                part = response.read1(min(_PART, length))
            except self._urllib3.exceptions.HTTPError as error:
                raise self._passing(error) from None
            if not part:
                return
            length -= len(part)
            yield part

    def _passing(self, error: Exception) -> Failure:
        reason = getattr(error, "reason", None)
        return Failure("unreadable", in_words(reason if isinstance(reason, Exception) else error), is_passing=True)


class _Whole:
    """An object that comes without ranges, and how far it is read."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.response: Any = None
        self.at = 0

    def close(self) -> None:
        if self.response is not None:
            self.response.close()
        self.response, self.at = None, 0


def _redirected(url: str, to: str) -> str:
    """Where a server at `url` sends who asks. Raises ``Failure`` where that must not be followed."""
    try:
        url, scheme = urljoin(url, to), urlsplit(url).scheme
        parts = urlsplit(url)
        _server(url)
    except ValueError:
        raise Failure("unreadable", "the server redirects to what is no URL") from None
    if parts.scheme != scheme and parts.scheme != "https":
        # Of http alone there is one that may be meant.
        advice = "; give the http:// URL itself if it is to be trusted" if parts.scheme == "http" else ""
        raise Failure("unreadable", f"the server redirects from {scheme} to {parts.scheme}, which is refused{advice}")
    # A login in it would be of whoever wrote it.
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def _server(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _failure(response: Any) -> Failure:
    return of_status(response.status, response.reason or "", _retry_after(response.headers.get("Retry-After")))


def _retry_after(value: str | None) -> float | None:
    """The seconds that a header says, as a number or as a date."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _version(response: Any) -> str | None:
    found: str | None = response.headers.get("ETag") or response.headers.get("Last-Modified")
    return found


def _range_of(response: Any) -> tuple[int, int]:
    """Where the bytes of an answer begin, and the size of the whole."""
    said = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", "").strip())
    if said is None:
        raise Failure("unreadable", "the server gives a part of the object and does not say of what size it is")
    return int(said[1]), int(said[2])
