"""Words as white space separates them, and how many of them an encoding keeps whole.

What a word is, the compiled part decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fasttok._fasttok import _spaced_words

if TYPE_CHECKING:
    import numpy.typing as npt

    from fasttok import Encoding


@dataclass(frozen=True)
class Words:
    """Distinct words, and how often each occurs."""

    distinct: list[str]
    spaced: list[str]
    """The same, each after a space."""
    counts: npt.NDArray[np.int64]


def spaced_words(units: Sequence[str]) -> Words | None:
    """The words of `units`: what stands between white space, without punctuation and symbols at its ends.

    None for text mostly in a script that puts no space between words.
    """
    found = _spaced_words(units)
    if found is None:
        return None
    words, counts = found
    return Words(words, [" " + word for word in words], np.array(counts, dtype=np.int64))


def single_token_retention(
    texts: Sequence[Words | None], encoding: Encoding, threads: int | None = None
) -> list[float | None]:
    """STRR of each text: the share of running words that are one token, at the start of a text or after a space."""
    # All in one call, which costs more than a text's words do.
    known = [words for words in texts if words is not None]
    alone = encoding.count_batch([word for words in known for word in words.distinct], threads=threads)
    spaced = encoding.count_batch([word for words in known for word in words.spaced], threads=threads)
    is_kept = (alone == 1) | (spaced == 1)
    shares: list[float | None] = []
    at = 0
    for words in texts:
        if words is None:
            shares.append(None)
            continue
        kept = is_kept[at : at + len(words.distinct)]
        at += len(words.distinct)
        shares.append(int(words.counts[kept].sum()) / int(words.counts.sum()))
    return shares
