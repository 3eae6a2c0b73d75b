"""S3, Google Cloud Storage and Azure by obstore: requests that can be cancelled, conditional reads, and credentials
from the environment, in one library without dependencies. Its own retries are off: what came before a failure would be
asked for again."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import Any

from fasttok._util.extras import need
from fasttok.errors import InputError
from fasttok.inputs.remote import backend as limits
from fasttok.inputs.remote.backend import Info, Sink
from fasttok.inputs.remote.failure import Failure, changed, in_words, of_status

_PART = 1 << 20


def of_bucket(scheme: str, host: str) -> Objects:
    """The store of a bucket or a container."""
    need("obstore", "remote", f"a path that begins with {scheme}://")
    from obstore.store import from_url

    endpoint = os.environ.get("AWS_ENDPOINT_URL", os.environ.get("AWS_ENDPOINT", ""))
    options: Any = {
        "connect_timeout": f"{limits.CONNECT_SECONDS:g}s",
        "timeout": f"{limits.ATTEMPT_SECONDS:g}s",
    }
    if endpoint.startswith("http://"):
        options["allow_http"] = True
    root = f"{scheme}://{host}"
    retries: Any = {"max_retries": 0, "retry_timeout": timedelta(seconds=limits.ATTEMPT_SECONDS)}
    try:
        return Objects(from_url(root, client_options=options, retry_config=retries), f"{root}/")
    except Exception as error:
        raise InputError(f"{root} cannot be opened: {in_words(error)}") from None


class Objects:
    """A store of obstore, in which the names of objects begin with `root`."""

    def __init__(self, store: Any, root: str) -> None:
        import obstore

        self._obstore, self._store, self._root = obstore, store, root

    def _key(self, path: str) -> str:
        return path[len(self._root) :]

    async def stat(self, path: str) -> Info | None:
        key = self._key(path)
        if not key:
            return None
        try:
            meta = await self._obstore.head_async(self._store, key)
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
            async for batch in self._obstore.list(self._store, prefix=key or None):
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
            result = await self._obstore.get_async(self._store, self._key(path), options=options)
            if (result.meta["size"], _bare(result.meta["e_tag"])) != (size, _bare(version)):
                raise changed()
            async for part in result.stream(min_chunk_size=_PART):
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
    if status is not None:
        return of_status(int(status[1]), status[2])
    if "non-partial response" in str(error):
        return Failure("unreadable", "the server gives the whole object where a part of it is asked for")
    return Failure("unreadable", in_words(error), is_passing=kind in ("GenericError", "TimeoutError"))
