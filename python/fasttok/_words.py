"""Words as white space separates them, and how many of them an encoding keeps whole."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fasttok import Encoding

# Tibetan and the scripts of Thai, Lao, Burmese, Khmer, Chinese and Japanese: no space stands between words.
_WITHOUT_SPACES = re.compile(
    "[\u0e01-\u0e7f\u0e81-\u0eff\u0f40-\u0fbc\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)

_LETTER = re.compile(r"[^\W\d_]")


def spaced_words(units: Sequence[str]) -> Counter[str] | None:
    """How often each word occurs: what stands between white space, without punctuation and symbols at its ends.

    None for text mostly in a script that puts no space between words.
    """
    letters = bare = 0
    words: Counter[str] = Counter()
    for unit in units:
        bare += len(_WITHOUT_SPACES.findall(unit))
        letters += len(_LETTER.findall(unit))
        words.update(filter(None, map(_trimmed, unit.split())))
    return None if 2 * bare > letters or not words else words


def single_token_retention(words: Counter[str], encoding: Encoding) -> float:
    """STRR: the share of running words that are one token, at the start of a text or after a space."""
    distinct = list(words)
    alone = encoding.count_batch(distinct)
    spaced = encoding.count_batch([" " + word for word in distinct])
    kept = sum(words[word] for word, one in zip(distinct, (alone == 1) | (spaced == 1), strict=True) if one)
    return kept / words.total()


def _trimmed(word: str) -> str:
    start, end = 0, len(word)
    while start < end and unicodedata.category(word[start])[0] in "PS":
        start += 1
    while end > start and unicodedata.category(word[end - 1])[0] in "PS":
        end -= 1
    return word[start:end]
