"""Texts that have to fit: the methods of `Encoding` for it, by whatever names an encoding. How text is cut is not known
here."""

from __future__ import annotations

from fasttok._fasttok import LimitedCount, TruncatedText
from fasttok._util.types import Boundary, Side
from fasttok.tokenizers.resolve import Spec, resolve


def truncate(text: str, n: int, encoding: Spec = "o200k_base", *, side: Side = "right") -> TruncatedText:
    """The longest beginning of `text` that has at most `n` tokens, or with ``side="left"`` the longest end of it.

    encoding: what names an encoding, see `fasttok.load`.

    Returns and raises what `Encoding.truncate` does, and raises what `fasttok.load` does.

    >>> truncate("Hello world, hello again", 3)
    TruncatedText(text='Hello world,', tokens=3, truncated=True)
    """
    return resolve(encoding).truncate(text, n, side=side)


def split(
    text: str, n: int, encoding: Spec = "o200k_base", *, overlap: int = 0, boundary: Boundary = "char"
) -> list[str]:
    """`text` in slices of at most `n` tokens each, each the longest that ends at a `boundary`.

    encoding: what names an encoding, see `fasttok.load`.
    overlap: the most tokens of the end of a slice with which the next one begins.

    Returns and raises what `Encoding.split` does, and raises what `fasttok.load` does.

    >>> split("One two. Three four five.", 4, boundary="sentence")
    ['One two. ', 'Three four five.']
    """
    return resolve(encoding).split(text, n, overlap=overlap, boundary=boundary)


def count_up_to(text: str, limit: int, encoding: Spec = "o200k_base") -> LimitedCount:
    """The number of tokens of `text` if it is at most `limit`; counting ends soon after it is more.

    encoding: what names an encoding, see `fasttok.load`.

    Returns and raises what `Encoding.count_up_to` does, and raises what `fasttok.load` does.

    >>> count_up_to("Hello world", 2), count_up_to("Hello world" * 1000, 2)
    (LimitedCount(tokens=2, exceeded=False), LimitedCount(tokens=None, exceeded=True))
    """
    return resolve(encoding).count_up_to(text, limit)
