"""Words as white space separates them, and how many of them encodings keep whole.

What a word is, the compiled part decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fasttok._fasttok import _single_token_words

if TYPE_CHECKING:
    from fasttok._fasttok import Encoding


def single_token_retention(
    languages: Sequence[str], encodings: Sequence[Encoding], threads: int | None = None
) -> list[list[float | None]]:
    """STRR by encoding and language: the share of running words that are one token, at the start of a text or after a
    space. None for text mostly in a script that puts no space between words.

    languages: the text of each language; units are separated by white space.
    """
    counted = _single_token_words([[text] for text in languages], encodings, threads)
    return [[None if words is None else words[i][0] / words[i][1] for words in counted] for i in range(len(encodings))]
