"""Objects on the net: found and read by ranges for a run of the compiled part, which asks and does not wait.

All questions are coroutines on one loop in a thread of its own, so that each can be taken back at once. Here a range is
asked for again where that may help; what a kind of store is read by is in the other modules: `web` (https), `objects`
(S3, Google, Azure, by obstore) and `filesystems` (all else, by fsspec). Nothing of this is imported before a path is
met that is a URL.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import random
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from fasttok._fasttok import _end_questions
from fasttok.errors import FasttokError
from fasttok.inputs.remote import backend as limits
from fasttok.inputs.remote.backend import Backend, Info, Sink
from fasttok.inputs.remote.failure import Failure, in_words
from fasttok.inputs.remote.memory import InMemory

Result = TypeVar("Result")

ATTEMPTS = 6
"""How often a range is asked for before it is a row of the ledger."""
FIRST_PAUSE = 0.25
"""Seconds before the second attempt; twice as many before each further one, and by chance down to half of that."""
LONGEST_PAUSE = 15.0
LONGEST_ASKED_PAUSE = 120.0
"""As long as this it is waited where a server says for how long to be left alone."""

_CLOSING_SECONDS = 1.0
"""As long may it take to take back all questions, which is done in no time."""

_OBJECT_STORES = ("s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss")
_WEB = ("http", "https")


class Stores:
    """Every store of a run. `filesystem` is what reads all paths, or None where URLs say it."""

    def __init__(self, filesystem: Any) -> None:
        self._filesystem = filesystem
        self._backends: dict[str, Backend] = {}
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def stat(self, path: str, answered: Callable[..., None]) -> Callable[[], object]:
        """Look for an object; `answered` gets an `Info` or None. The result takes the question back."""
        backend = self._backend(path)
        return self._ask(_again(lambda: backend.stat(path)), answered)

    def list(self, folder: str, answered: Callable[..., None]) -> Callable[[], object]:
        """Look for the objects below a folder; `answered` gets a list of `Info`."""
        backend = self._backend(folder)
        return self._ask(_again(lambda: backend.below(folder), is_short=False), answered)

    def read(
        self,
        path: str,
        size: int,
        version: str | None,
        offset: int,
        length: int,
        answered: Callable[..., None],
    ) -> Callable[[], object]:
        """Read a range of an object of this size and version; `answered` gets its bytes."""
        backend = self._backend(path)
        return self._ask(_read(backend, path, ("", size, version), offset, length), answered)

    def close(self) -> None:
        """Take back all questions, and wait until nobody works at them any more."""
        with self._lock:
            loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return

        async def end() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=_CLOSING_SECONDS)
            del tasks
            settling = [asyncio.ensure_future(backend.settle()) for backend in self._backends.values()]
            if settling:
                await asyncio.wait(settling, timeout=_CLOSING_SECONDS)
            loop.stop()

        with contextlib.suppress(RuntimeError):
            # Closed already, by somebody who was interrupted.
            asyncio.run_coroutine_threadsafe(end(), loop)
        thread.join(3 * _CLOSING_SECONDS)
        with self._lock:
            self._loop = self._thread = None
        atexit.unregister(self._end)

    def _end(self) -> None:
        """Python ends, and a reader may have been left in the middle."""
        _end_questions()
        self.close()

    def _backend(self, path: str) -> Backend:
        scheme, mark, rest = path.partition("://")
        host = rest.partition("/")[0]
        key = "" if self._filesystem is not None or not mark else f"{scheme}://{host}"
        with self._lock:
            found = self._backends.get(key)
            if found is None:
                found = self._backends[key] = _open(self._filesystem, scheme.lower(), host, path)
            return found

    def _ask(self, question: Coroutine[Any, Any, Result], answered: Callable[..., None]) -> Callable[[], object]:
        async def answer() -> None:
            try:
                answered(await question, None, "")
            except Failure as failure:
                answered(None, failure.reason, failure.detail)
            except FasttokError as error:
                answered(error, "raised", "")
            except Exception as error:
                answered(None, "unreadable", in_words(error))

        task = asyncio.run_coroutine_threadsafe(answer(), self._running())
        return task.cancel

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_run, args=(self._loop,), name="fasttok-remote", daemon=True)
                self._thread.start()
                atexit.register(self._end)
            return self._loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


def _open(filesystem: Any, scheme: str, host: str, path: str) -> Backend:
    if isinstance(filesystem, InMemory):
        return filesystem
    if filesystem is None and scheme in _WEB:
        from fasttok.inputs.remote.web import Web

        return Web(scheme, host)
    if filesystem is None and scheme not in _OBJECT_STORES:
        from fasttok.inputs.remote.filesystems import by_url

        return by_url(path)
    if filesystem is None or type(filesystem).__module__.split(".")[0] in ("obstore", "_obstore"):
        from fasttok.inputs.remote.objects import Objects, of_bucket

        # obstore has a file system of fsspec, too.
        if filesystem is None:
            return of_bucket(scheme, host)
        if not hasattr(filesystem, "cat_file"):
            return Objects(filesystem, "")
    from fasttok.inputs.remote.filesystems import given

    return given(filesystem)


async def _read(backend: Backend, path: str, info: Info, offset: int, length: int) -> bytes:
    """The bytes of a range. What came before an attempt failed is not asked for again."""
    got = bytearray()

    async def read_on() -> bytes:
        sink = Sink()
        try:
            await backend.read(path, info, offset + len(got), length - len(got), sink)
        finally:
            got.extend(sink.close())
        if len(got) < length:
            detail = f"the answer ends after {len(got)} of {length} bytes"
            raise Failure("truncated", detail, is_passing=True)
        return bytes(got[:length])

    return await _again(read_on)


async def _again(attempt: Callable[[], Awaitable[Result]], *, is_short: bool = True) -> Result:
    """What one of a few attempts gives. Raises ``Failure``."""
    seconds = limits.ATTEMPT_SECONDS if is_short else None
    for number in range(1, ATTEMPTS + 1):
        try:
            return await asyncio.wait_for(attempt(), seconds)
        except (asyncio.TimeoutError, TimeoutError):
            failure = Failure("unreadable", f"no end within {limits.ATTEMPT_SECONDS:g} seconds", is_passing=True)
        except Failure as error:
            failure = error
        except OSError as error:
            failure = Failure("unreadable", in_words(error), is_passing=True)
        if not failure.is_passing:
            raise failure
        if number < ATTEMPTS:
            await asyncio.sleep(_pause(number, failure.after))
    raise Failure(failure.reason, f"{failure.detail}, after {ATTEMPTS} attempts")


def _pause(failures: int, asked: float | None) -> float:
    """How long it is waited after so many failures."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (failures - 1))
    # By chance, so that ranges that failed together do not come back together.
    own = longest * random.uniform(0.5, 1)
    return own if asked is None else max(own, min(asked, LONGEST_ASKED_PAUSE))
