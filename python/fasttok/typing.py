"""Names for what functions of fasttok take, for annotations of your own. What they return is in ``fasttok`` itself.

Nothing inside the package imports this module.
"""

from __future__ import annotations

from fasttok._fasttok import Progress
from fasttok._util.paths import PathLike
from fasttok._util.types import Cancel, CancelEvent, Detector, Errors, FileFormat, OnError, OnProgress, Special
from fasttok.inputs.parallel import Normalization, Parallel
from fasttok.options import (
    CorpusKeywords,
    CountingKeywords,
    EstimatingKeywords,
    FilesKeywords,
    LogKeywords,
    PathsKeywords,
    ReadingKeywords,
    SamplingKeywords,
)
from fasttok.reports.claims import Measure, Verdict
from fasttok.reports.premium import Definition
from fasttok.reports.schemas import Name as SchemaName
from fasttok.reports.tabular import Kind
from fasttok.tokenizers.resolve import Spec

__all__ = [
    "Cancel",
    "CancelEvent",
    "CorpusKeywords",
    "CountingKeywords",
    "Definition",
    "Detector",
    "Errors",
    "EstimatingKeywords",
    "FileFormat",
    "FilesKeywords",
    "Kind",
    "LogKeywords",
    "Measure",
    "Normalization",
    "OnError",
    "OnProgress",
    "Parallel",
    "PathLike",
    "PathsKeywords",
    "Progress",
    "ReadingKeywords",
    "SamplingKeywords",
    "SchemaName",
    "Spec",
    "Special",
    "Verdict",
]
