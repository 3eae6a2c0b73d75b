"""What fsspec has a file system for: Hugging Face, FTP, SFTP, memory, and whatever object of it the user gives.

File systems block, so each call has a thread, and have no conditional reads: after each range it is asked whether the
object is still what it was.
"""

from __future__ import annotations

import inspect
import json
from datetime import datetime
from typing import Any

from fasttok._util.extras import need
from fasttok.errors import InputError
from fasttok.inputs.remote.backend import Info, Sink, in_thread
from fasttok.inputs.remote.failure import Failure, changed, in_words, of_status

_VERSIONS = (
    "ETag", "etag", "e_tag", "blob_id", "oid", "checksum", "md5", "LastModified", "last_modified", "modified",
    "mtime", "updated",
)  # fmt: skip
"""What file systems call what changes with the content."""
_CREATED = "created"
"""What the others have; it is taken where there is nothing better."""

_HUB = "hf"


def by_url(path: str) -> FileSystem:
    """The file system that a URL names."""
    scheme = path.partition("://")[0]
    purpose = f"a path that begins with {scheme}://"
    fsspec = need("fsspec", "remote", purpose)
    if scheme == _HUB:
        need("huggingface_hub", "hub", purpose)
    try:
        found, _ = fsspec.core.url_to_fs(path)
    except Exception as error:
        # Some connect at once.
        raise InputError(f"{purpose} cannot be read: {in_words(error)}") from None
    return FileSystem(found)


def given(filesystem: Any) -> FileSystem:
    """What the user gave. Raises ``TypeError`` where it is none."""
    lacks = [name for name in ("info", "find", "cat_file") if not hasattr(filesystem, name)]
    if lacks:
        kind = type(filesystem)
        raise TypeError(
            f"filesystem is a file system of fsspec or a store of obstore, not {kind.__module__}.{kind.__qualname__}"
        )
    return FileSystem(filesystem)


class FileSystem:
    """A file system of fsspec."""

    def __init__(self, filesystem: Any) -> None:
        self._filesystem = filesystem
        self._takes_refresh = _takes(filesystem.info, "refresh")

    async def stat(self, path: str) -> Info | None:
        return await in_thread(self._stat, path)

    async def below(self, folder: str) -> list[Info]:
        return await in_thread(self._list, folder)

    async def read(self, path: str, info: Info, offset: int, length: int, sink: Sink) -> None:
        await in_thread(self._read, path, info, offset, length, sink)

    async def settle(self) -> None:
        # Threads of Python end with it, wherever they are.
        return

    def _stat(self, path: str) -> Info | None:
        try:
            found = self._info(path)
        except FileNotFoundError:
            return None
        except Exception as error:
            raise _failure(error) from None
        return None if found.get("type") == "directory" else _object("", found)

    def _list(self, folder: str) -> list[Info]:
        base = self._filesystem._strip_protocol(folder).rstrip("/")
        try:
            found = self._filesystem.find(base, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except Exception as error:
            raise _failure(error) from None
        return [
            _object(name[len(base) :].lstrip("/"), info)
            for name, info in found.items()
            if info.get("type") != "directory" and name != base
        ]

    def _read(self, path: str, info: Info, offset: int, length: int, sink: Sink) -> None:
        _, size, version = info
        try:
            part = self._range(path, offset, offset + length)
            now = _object("", self._info(path))
        except Failure:
            raise
        except Exception as error:
            raise _failure(error) from None
        if now[1] != size or not _is_same(version, now[2]):
            raise changed()
        sink(part)

    def _range(self, path: str, start: int, end: int) -> bytes:
        from fsspec.spec import AbstractFileSystem

        name = self._filesystem._strip_protocol(path)
        if getattr(type(self._filesystem), "cat_file", None) is not AbstractFileSystem.cat_file:
            return bytes(self._filesystem.cat_file(name, start=start, end=end))
        # Which would read ahead, and forget it.
        with self._filesystem.open(name, "rb", cache_type="none") as file:
            file.seek(start)
            return bytes(file.read(end - start))

    def _info(self, path: str) -> dict[str, Any]:
        name = self._filesystem._strip_protocol(path)
        found: dict[str, Any] = (
            self._filesystem.info(name, refresh=True) if self._takes_refresh else self._filesystem.info(name)
        )
        return found


def _takes(function: Any, name: str) -> bool:
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def _object(below: str, info: dict[str, Any]) -> Info:
    size = info.get("size")
    if not isinstance(size, int):
        raise Failure("unreadable", "the file system does not say how long the file is")
    named = [name for name in _VERSIONS if info.get(name) is not None]
    if not named and info.get(_CREATED) is not None:
        named = [_CREATED]
    return below, size, json.dumps({name: _said(info[name]) for name in named}) if named else None


def _said(value: Any) -> str:
    """A time may come as a time, as seconds or in words, by how it was asked for."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            return str(value)
    return str(value.timestamp() if isinstance(value, datetime) else value)


def _is_same(before: str | None, now: str | None) -> bool:
    """Whether all that is known at both times is the same: a listing may know less than who asks for a file itself."""
    if before is None or now is None:
        return True
    then, known = json.loads(before), json.loads(now)
    return all(known.get(name, value) == value for name, value in then.items())


def _failure(error: Exception) -> Failure:
    """What an exception of a file system, or of what it is made of, means."""
    status = getattr(getattr(error, "response", None), "status_code", None) or getattr(error, "status", None)
    if isinstance(status, int):
        return of_status(status, type(error).__name__)
    if isinstance(error, FileNotFoundError):
        return Failure("not_found", "the file was there when the run began and is gone")
    is_passing = isinstance(error, OSError) and not isinstance(error, PermissionError)
    return Failure("unreadable", in_words(error), is_passing=is_passing)
