"""Exact, parallel token counting.

>>> import fasttok
>>> enc = fasttok.get_encoding("o200k_base")
>>> enc.count("How many tokens is this?")
6
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from . import _numpy as _numpy
from ._encodings import encoding_for_model, get_encoding, list_encodings
from ._fasttok import Encoding, __version__
from ._models import encoding_name_for_model
from .errors import (
    FasttokError,
    FileError,
    InputError,
    InvalidUtf8Error,
    MisalignedError,
    MissingExtraError,
    NotFoundError,
    NotParallelError,
    OverwriteError,
    PriceTableError,
    SpecialTokenError,
    TextLimitError,
    TokenizerFileError,
    TooManyGroupsError,
    UnknownEncodingError,
    UnknownFieldError,
    UnknownGroupError,
    UnknownModelError,
    UnknownPriceError,
    UnknownTokenError,
    UnsupportedTokenizerError,
)

if TYPE_CHECKING:
    from ._catalogue import Model, Models, models
    from ._cost import CostReport, cost
    from ._density import DensityReport, density
    from ._load import load, save
    from ._premium import PremiumReport, premium
    from .claims import ClaimsReport, check_claims
    from .parallel import ParallelText, read_parallel
    from .report import Report, count_corpus

__all__ = [
    "ClaimsReport",
    "CostReport",
    "DensityReport",
    "Encoding",
    "FasttokError",
    "FileError",
    "InputError",
    "InvalidUtf8Error",
    "MisalignedError",
    "MissingExtraError",
    "Model",
    "Models",
    "NotFoundError",
    "NotParallelError",
    "OverwriteError",
    "ParallelText",
    "PremiumReport",
    "PriceTableError",
    "Report",
    "SpecialTokenError",
    "TextLimitError",
    "TokenizerFileError",
    "TooManyGroupsError",
    "UnknownEncodingError",
    "UnknownFieldError",
    "UnknownGroupError",
    "UnknownModelError",
    "UnknownPriceError",
    "UnknownTokenError",
    "UnsupportedTokenizerError",
    "__version__",
    "check_claims",
    "cost",
    "count_corpus",
    "density",
    "encoding_for_model",
    "encoding_name_for_model",
    "get_encoding",
    "list_encodings",
    "load",
    "models",
    "premium",
    "read_parallel",
    "save",
]

_LAZY = {
    "ClaimsReport": "claims",
    "CostReport": "_cost",
    "DensityReport": "_density",
    "Model": "_catalogue",
    "Models": "_catalogue",
    "ParallelText": "parallel",
    "PremiumReport": "_premium",
    "Report": "report",
    "check_claims": "claims",
    "cost": "_cost",
    "count_corpus": "report",
    "density": "_density",
    "load": "_load",
    "models": "_catalogue",
    "premium": "_premium",
    "read_parallel": "parallel",
    "save": "_load",
}
"""Reports are imported when they are asked for: counting a text needs none of them."""


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
