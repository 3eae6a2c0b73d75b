"""Exact, parallel token counting.

>>> import fasttok
>>> enc = fasttok.get_encoding("o200k_base")
>>> enc.count("How many tokens is this?")
6
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ._fasttok import Encoding, __version__
from ._util import lazy_numpy as lazy_numpy
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
    SimdLevelError,
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
from .tokenizers.models import encoding_name_for_model
from .tokenizers.resolve import encoding_for_model, get_encoding, list_encodings

if TYPE_CHECKING:
    from .inputs.parallel import ParallelText, read_parallel
    from .inputs.prices import PriceTable, find_price, read_price_table
    from .measures.claims import check_claims
    from .measures.cost import cost
    from .measures.count import count_corpus
    from .measures.density import density
    from .measures.models import models
    from .measures.premium import premium
    from .reports.claims import ClaimsReport
    from .reports.cost import CostReport
    from .reports.count import Report
    from .reports.density import DensityReport
    from .reports.models import Model, Models
    from .reports.premium import PremiumReport
    from .reports.schemas import schema
    from .tokenizers.load import load, save

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
    "PriceTable",
    "PriceTableError",
    "Report",
    "SimdLevelError",
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
    "find_price",
    "get_encoding",
    "list_encodings",
    "load",
    "models",
    "premium",
    "read_parallel",
    "read_price_table",
    "save",
    "schema",
]

_LAZY = {
    "ClaimsReport": "reports.claims",
    "CostReport": "reports.cost",
    "DensityReport": "reports.density",
    "Model": "reports.models",
    "Models": "reports.models",
    "ParallelText": "inputs.parallel",
    "PremiumReport": "reports.premium",
    "PriceTable": "inputs.prices",
    "Report": "reports.count",
    "check_claims": "measures.claims",
    "cost": "measures.cost",
    "count_corpus": "measures.count",
    "density": "measures.density",
    "find_price": "inputs.prices",
    "load": "tokenizers.load",
    "models": "measures.models",
    "premium": "measures.premium",
    "read_parallel": "inputs.parallel",
    "read_price_table": "inputs.prices",
    "save": "tokenizers.load",
    "schema": "reports.schemas",
}
"""Reports are imported when they are asked for: counting a text needs none of them."""


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
