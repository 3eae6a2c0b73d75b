"""Exact, parallel token counting.

>>> import fasttok
>>> enc = fasttok.get_encoding("o200k_base")
>>> enc.count("How many tokens is this?")
6
"""

from __future__ import annotations

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

__all__ = [
    "Encoding",
    "FasttokError",
    "FileError",
    "InputError",
    "InvalidUtf8Error",
    "NotFoundError",
    "SpecialTokenError",
    "TokenizerFileError",
    "UnknownEncodingError",
    "UnknownModelError",
    "UnknownTokenError",
    "UnsupportedTokenizerError",
    "__version__",
    "encoding_for_model",
    "encoding_name_for_model",
    "get_encoding",
    "list_encodings",
]
