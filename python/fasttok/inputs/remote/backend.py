"""What reads one kind of store, and the threads for libraries that block. Knows no protocol."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar

Result = TypeVar("Result")

_READER = "fasttok-read"
_LOGGERS = ("urllib3.connectionpool", "urllib3.util.retry", "httpx")
"""What logs the URLs that are asked for, with what signs them."""

Info: TypeAlias = "tuple[str, int, str | None]"
"""An object: what of its name is below what was asked for, its size, and what changes with its content."""

CONNECT_SECONDS = 10.0
SILENT_SECONDS = 30.0
"""As long a server may say nothing."""
ATTEMPT_SECONDS = 60.0
"""As long an attempt to read a range may take in all: what came until then is kept."""


class Sink:
    """Takes the bytes of a range as they come, until the attempt is over."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._lock = threading.Lock()
        self._is_open = True

    def __call__(self, part: bytes) -> None:
        """Take some. Raises ``RuntimeError`` when nobody wants them any more."""
        with self._lock:
            if not self._is_open:
                raise RuntimeError("the attempt is over")
            self._parts.append(part)

    def close(self) -> bytes:
        """What came."""
        with self._lock:
            self._is_open = False
            return b"".join(self._parts)


class Backend(Protocol):
    """Reads one kind of store. Raises ``Failure``; what a library raises besides is taken for passing where it is an
    ``OSError``."""

    async def stat(self, path: str) -> Info | None:
        """The object of this name; None if there is none."""

    async def below(self, folder: str) -> list[Info]:
        """The objects whose names begin with `folder`, which is empty or ends with a slash."""

    async def read(self, path: str, info: Info, offset: int, length: int, sink: Sink) -> None:
        """Give `sink` up to `length` bytes from `offset` on of the object, which must be as `info` says."""

    async def settle(self) -> None:
        """Wait until nothing is left of questions that were taken back: what a library does in threads of its own must
        not meet a Python that has ended."""


async def in_thread(work: Callable[..., Result], *arguments: Any) -> Result:
    """What `work` returns, which blocks. Nobody waits for its thread: not who is cancelled, nor the end of Python."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(set_it: Callable[[Any], None], value: object) -> None:
        def settle_now() -> None:
            if not future.done():
                set_it(value)

        # The run, and its loop, may be over.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle_now)

    def run() -> None:
        try:
            result = work(*arguments)
        except BaseException as error:
            settle(future.set_exception, error)
        else:
            settle(future.set_result, result)

    for name in _LOGGERS:
        # No logger takes a filter twice.
        logging.getLogger(name).addFilter(_without_queries)
    threading.Thread(target=run, name=_READER, daemon=True).start()
    return await future


def _without_queries(record: logging.LogRecord) -> bool:
    """Take what is asked in URLs out of what libraries log for us. What they log for others is left alone."""
    if record.threadName == _READER:
        record.msg, record.args = re.sub(r"\?[^\s\"']*", "", record.getMessage()), ()
    return True
