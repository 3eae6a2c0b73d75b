"""Exact, parallel token counting.

>>> import fasttok
>>> enc = fasttok.get_encoding("o200k_base")
>>> enc.count("How many tokens is this?")
6
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._encodings import encoding_for_model, get_encoding, list_encodings
from ._fasttok import Encoding, __version__
from ._models import encoding_name_for_model
from .errors import (
    FasttokError,
    FileError,
    InputError,
    InvalidUtf8Error,
    NotFoundError,
    SpecialTokenError,
    TokenizerFileError,
    UnknownEncodingError,
    UnknownModelError,
    UnknownTokenError,
    UnsupportedTokenizerError,
)

if TYPE_CHECKING:
    from .report import Report, count_corpus

__all__ = [
    "Encoding",
    "FasttokError",
    "FileError",
    "InputError",
    "InvalidUtf8Error",
    "NotFoundError",
    "Report",
    "SpecialTokenError",
    "TokenizerFileError",
    "UnknownEncodingError",
    "UnknownModelError",
    "UnknownTokenError",
    "UnsupportedTokenizerError",
    "__version__",
    "count_corpus",
    "encoding_for_model",
    "encoding_name_for_model",
    "get_encoding",
    "list_encodings",
]


def __getattr__(name: str) -> object:
    """Reports are imported when they are asked for: counting a text needs none of it."""
    if name in ("Report", "count_corpus"):
        from . import report

        return getattr(report, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
