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
    NoPlotError,
    NotFoundError,
    NotParallelError,
    OverwriteError,
    PriceTableError,
    Remedy,
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
from .reports import presenters as _presenters
from .tokenizers.models import encoding_name_for_model
from .tokenizers.resolve import encoding_for_model, get_encoding, list_encodings

if TYPE_CHECKING:
    from . import typing as typing
    from .inputs.parallel import ParallelText, read_parallel
    from .inputs.prices import PriceTable, find_price, read_price_table
    from .measures.claims import check_claims
    from .measures.claims_registry import CLAIMS
    from .measures.cost import cost
    from .measures.count import count_corpus
    from .measures.density import density
    from .measures.encodings import encodings
    from .measures.models import models
    from .measures.premium import premium
    from .reports.base import BaseReport
    from .reports.claims import Claim, ClaimsReport, Measurement
    from .reports.cost import CostReport, CostRow, SameContent
    from .reports.count import Group, Report, Tally
    from .reports.density import Density, DensityGroup, DensityReport, Estimate
    from .reports.encodings import EncodingEntry, Encodings
    from .reports.ledger import Ledger, LedgerEntry, SkippedKind
    from .reports.models import Model, Models
    from .reports.premium import EncodingSummary, LanguagePremium, PremiumReport
    from .reports.prices import Price, Rate, Tier
    from .reports.schemas import schema
    from .reports.verification import Difference, VerificationReport
    from .tokenizers.load import load, save

__all__ = [
    "CLAIMS",
    "BaseReport",
    "Claim",
    "ClaimsReport",
    "CostReport",
    "CostRow",
    "Density",
    "DensityGroup",
    "DensityReport",
    "Difference",
    "Encoding",
    "EncodingEntry",
    "EncodingSummary",
    "Encodings",
    "Estimate",
    "FasttokError",
    "FileError",
    "Group",
    "InputError",
    "InvalidUtf8Error",
    "LanguagePremium",
    "Ledger",
    "LedgerEntry",
    "Measurement",
    "MisalignedError",
    "MissingExtraError",
    "Model",
    "Models",
    "NoPlotError",
    "NotFoundError",
    "NotParallelError",
    "OverwriteError",
    "ParallelText",
    "PremiumReport",
    "Price",
    "PriceTable",
    "PriceTableError",
    "Rate",
    "Remedy",
    "Report",
    "SameContent",
    "SimdLevelError",
    "SkippedKind",
    "SpecialTokenError",
    "Tally",
    "TextLimitError",
    "Tier",
    "TokenizerFileError",
    "TooManyGroupsError",
    "UnknownEncodingError",
    "UnknownFieldError",
    "UnknownGroupError",
    "UnknownModelError",
    "UnknownPriceError",
    "UnknownTokenError",
    "UnsupportedTokenizerError",
    "VerificationReport",
    "__version__",
    "check_claims",
    "cost",
    "count_corpus",
    "density",
    "encoding_for_model",
    "encoding_name_for_model",
    "encodings",
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

_presenters.drawn_by(f"{__name__}.render")

_LAZY = {
    name: module
    for module, names in {
        "inputs.parallel": ("ParallelText", "read_parallel"),
        "inputs.prices": ("PriceTable", "find_price", "read_price_table"),
        "measures.claims": ("check_claims",),
        "measures.claims_registry": ("CLAIMS",),
        "measures.cost": ("cost",),
        "measures.count": ("count_corpus",),
        "measures.density": ("density",),
        "measures.encodings": ("encodings",),
        "measures.models": ("models",),
        "measures.premium": ("premium",),
        "reports.base": ("BaseReport",),
        "reports.claims": ("Claim", "ClaimsReport", "Measurement"),
        "reports.cost": ("CostReport", "CostRow", "SameContent"),
        "reports.count": ("Group", "Report", "Tally"),
        "reports.density": ("Density", "DensityGroup", "DensityReport", "Estimate"),
        "reports.encodings": ("EncodingEntry", "Encodings"),
        "reports.ledger": ("Ledger", "LedgerEntry", "SkippedKind"),
        "reports.models": ("Model", "Models"),
        "reports.premium": ("EncodingSummary", "LanguagePremium", "PremiumReport"),
        "reports.prices": ("Price", "Rate", "Tier"),
        "reports.schemas": ("schema",),
        "reports.verification": ("Difference", "VerificationReport"),
        "tokenizers.load": ("load", "save"),
    }.items()
    for name in names
}
"""Reports and what makes them are imported when they are asked for: counting a text needs none of them."""


def __getattr__(name: str) -> object:
    if name == "typing":
        return importlib.import_module(f"{__name__}.{name}")
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
