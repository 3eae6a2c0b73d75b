"""Counting that is awaited: a call in a thread of asyncio. How texts are counted is not known here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, overload

from fasttok._util.types import Errors, Special
from fasttok.tokenizers.resolve import Spec, resolve

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@overload
async def acount(  # type: ignore[overload-overlap]  # A text is an iterable of texts, too.
    texts: str | bytes,
    encoding: Spec = "o200k_base",
    *,
    special: Special = "text",
    errors: Errors = "strict",
    threads: int | None = None,
) -> int: ...
@overload
async def acount(
    texts: Iterable[str | bytes],
    encoding: Spec = "o200k_base",
    *,
    special: Special = "text",
    errors: Errors = "strict",
    threads: int | None = None,
) -> npt.NDArray[np.int64]: ...
async def acount(
    texts: Any,
    encoding: Spec = "o200k_base",
    *,
    special: Special = "text",
    errors: Errors = "strict",
    threads: int | None = None,
) -> Any:
    """The number of tokens of a text, or of each of many, counted while other coroutines go on.

    texts: a `str` or `bytes`, which gives an int, or whatever `Encoding.count_batch` takes, which gives an int64 array
        of shape (n,).
    encoding: what names an encoding, see `fasttok.load`; it is loaded in the same thread.
    special, errors, threads: see `Encoding`; `threads` is for many texts.

    Raises what `Encoding.count`, `Encoding.count_batch` and `fasttok.load` raise. A coroutine that is cancelled ends at
    once; the thread counts to the end of the call.
    """

    def count() -> Any:
        loaded = resolve(encoding)
        if isinstance(texts, (str, bytes)):
            return loaded.count(texts, special=special, errors=errors)
        return loaded.count_batch(texts, special=special, errors=errors, threads=threads)

    return await asyncio.to_thread(count)
