"""S3, Google Cloud Storage and Azure by obstore: requests that can be cancelled, conditional reads, and credentials
from the environment, in one library without dependencies. Its own retries are off: what came before a failure would be
asked for again."""

from __future__ import annotations

import asyncio
import os
import re
import weakref
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from typing import Any

from fasttok._util.extras import need
from fasttok.errors import InputError
from fasttok.inputs.remote import backend as limits
from fasttok.inputs.remote.backend import Info, Sink
from fasttok.inputs.remote.failure import Failure, changed, in_words, of_status

_PART = 1 << 20

_OF_MACHINES = ("//169.254.", "//metadata.google.internal")
"""Where a machine of a cloud asks for its credentials, which obstore does where the environment has none."""
_NO_CREDENTIALS = (
    "there are no credentials, neither in the environment nor given to this machine; the guide (remote files) says in "
    "which variables they are looked for, and how a public bucket is read without"
)


def of_bucket(scheme: str, host: str) -> Objects:
    """The store of a bucket or a container."""
    need("obstore", "remote", f"a path that begins with {scheme}://")
    from obstore.store import from_url

    options: Any = {
        "connect_timeout": f"{limits.CONNECT_SECONDS:g}s",
        "timeout": f"{limits.ATTEMPT_SECONDS:g}s",
    }
    if _may_be_plain(scheme):
        options["allow_http"] = True
    root = f"{scheme}://{host}"
    retries: Any = {"max_retries": 0, "retry_timeout": timedelta(seconds=limits.ATTEMPT_SECONDS)}
    try:
        return Objects(from_url(root, client_options=options, retry_config=retries), f"{root}/")
    except Exception as error:
        said = in_words(error)
        advice = "; set AZURE_STORAGE_ACCOUNT_NAME" if "Account must be specified" in said else ""
        raise InputError(f"{root} cannot be opened: {said}{advice}") from None


def _may_be_plain(scheme: str) -> bool:
    """Whether the environment names a server that is asked by plain http, which is meant for this machine."""
    cloud = {"s3": "AWS", "s3a": "AWS", "gs": "GOOGLE"}.get(scheme, "AZURE")
    endpoint = os.environ.get("AWS_ENDPOINT_URL", os.environ.get("AWS_ENDPOINT", "")) if cloud == "AWS" else ""
    return endpoint.startswith("http://") or os.environ.get(f"{cloud}_ALLOW_HTTP", "").lower() in ("true", "1")


class Objects:
    """A store of obstore, in which the names of objects begin with `root`."""

    def __init__(self, store: Any, root: str) -> None:
        import obstore

        self._obstore, self._store, self._root = obstore, store, root
        # A thread of obstore that has an answer, or is told that nobody wants it, holds the future until it is through
        # with Python.
        self._futures: weakref.WeakSet[Any] = weakref.WeakSet()

    async def settle(self) -> None:
        while self._futures:
            # What its threads let go of is given up when it is called the next time, whatever for.
            self._obstore.parse_scheme("memory:///")
            await asyncio.sleep(0.001)

    async def _told(self, future: Awaitable[Any]) -> Any:
        """What obstore says. Everything that it works at goes through here."""
        self._futures.add(future)
        try:
            return await future
        finally:
            # An exception keeps this frame, and so what is in it.
            del future

    async def _next(self, stream: AsyncIterator[Any]) -> Any:
        """What comes next; None at the end."""
        try:
            return await self._told(stream.__anext__())
        except StopAsyncIteration:
            return None

    def _key(self, path: str) -> str:
        return path[len(self._root) :]

    async def stat(self, path: str) -> Info | None:
        key = self._key(path)
        if not key:
            return None
        try:
            meta = await self._told(self._obstore.head_async(self._store, key))
        except Exception as error:
            failure = _failure(error)
            if failure.reason == "not_found":
                return None
            raise failure from None
        return "", meta["size"], meta["e_tag"]

    async def below(self, folder: str) -> list[Info]:
        key = self._key(folder)
        found: list[Info] = []
        try:
            batches = aiter(self._obstore.list(self._store, prefix=key or None))
            while (batch := await self._next(batches)) is not None:
                found += [
                    (meta["path"][len(key) :], meta["size"], meta["e_tag"])
                    for meta in batch
                    if meta["path"].startswith(key)
                ]
        except Exception as error:
            raise _failure(error) from None
        return found

    async def read(self, path: str, info: Info, offset: int, length: int, sink: Sink) -> None:
        _, size, version = info
        options: Any = {"range": (offset, offset + length)}
        # Without quotes, as Azure lists them, it is none that a server takes; then the answer alone tells.
        if version is not None and version.startswith('"'):
            options["if_match"] = version
        try:
            result = await self._told(self._obstore.get_async(self._store, self._key(path), options=options))
            if (result.meta["size"], _bare(result.meta["e_tag"])) != (size, _bare(version)):
                raise changed()
            parts = aiter(result.stream(min_chunk_size=_PART))
            while (part := await self._next(parts)) is not None:
                sink(bytes(part))
        except Failure:
            raise
        except Exception as error:
            raise _failure(error) from None


def _bare(version: str | None) -> str | None:
    return version and version.strip('"')


def _failure(error: Exception) -> Failure:
    """What an exception of obstore means: they have few kinds, and no status."""
    kind = type(error).__name__
    if isinstance(error, FileNotFoundError):
        return Failure("not_found", "the object was there when the run began and is gone")
    if kind == "PreconditionError":
        return changed()
    status = re.search(r"status code: (\d{3})([A-Za-z ]*)", str(error))
    if any(address in str(error) for address in _OF_MACHINES):
        # Nobody answers there, or has none to give; who is busy has some.
        is_busy = status is not None and of_status(int(status[1])).is_passing
        return Failure("unreadable", _NO_CREDENTIALS, is_passing=is_busy)
    if status is not None:
        return of_status(int(status[1]), status[2])
    if "non-partial response" in str(error):
        return Failure("unreadable", "the server gives the whole object where a part of it is asked for")
    return Failure("unreadable", in_words(error), is_passing=kind in ("GenericError", "TimeoutError"))
