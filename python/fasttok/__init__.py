"""Exact, parallel token counting.

>>> import fasttok
>>> enc = fasttok.get_encoding("o200k_base")
>>> enc.count("How many tokens is this?")
6
"""

from __future__ import annotations

from . import _fasttok as _fasttok
from . import errors as errors
from ._util import deferred as _deferred
from ._util import lazy_numpy as lazy_numpy
from .reports import presenters as _presenters

# The public names, here and nowhere else. What a name needs is imported when it is asked for: counting a text needs no
# reports and nothing that makes them.
with _deferred.deferred(globals()) as _public:
    from . import duckdb as duckdb
    from . import pandas as pandas
    from . import polars as polars
    from . import typing as typing
    from ._fasttok import ArrowArray as ArrowArray
    from ._fasttok import ArrowChunkedArray as ArrowChunkedArray
    from ._fasttok import Encoding as Encoding
    from ._fasttok import LimitedCount as LimitedCount
    from ._fasttok import TokenCounter as TokenCounter
    from ._fasttok import TokenIndex as TokenIndex
    from ._fasttok import TruncatedText as TruncatedText
    from ._fasttok import __version__ as __version__
    from .errors import CancelledError as CancelledError
    from .errors import CharacterTooLongError as CharacterTooLongError
    from .errors import CheckpointError as CheckpointError
    from .errors import FasttokError as FasttokError
    from .errors import FileError as FileError
    from .errors import InputError as InputError
    from .errors import InvalidUtf8Error as InvalidUtf8Error
    from .errors import MergeError as MergeError
    from .errors import MisalignedError as MisalignedError
    from .errors import MissingExtraError as MissingExtraError
    from .errors import NoCutError as NoCutError
    from .errors import NoPlotError as NoPlotError
    from .errors import NotFoundError as NotFoundError
    from .errors import NotParallelError as NotParallelError
    from .errors import OverwriteError as OverwriteError
    from .errors import PriceTableError as PriceTableError
    from .errors import Remedy as Remedy
    from .errors import SimdLevelError as SimdLevelError
    from .errors import SpecialTokenError as SpecialTokenError
    from .errors import TemplateError as TemplateError
    from .errors import TextLimitError as TextLimitError
    from .errors import TokenizerFileError as TokenizerFileError
    from .errors import TooManyGroupsError as TooManyGroupsError
    from .errors import TooManySkippedError as TooManySkippedError
    from .errors import UnknownEncodingError as UnknownEncodingError
    from .errors import UnknownFieldError as UnknownFieldError
    from .errors import UnknownGroupError as UnknownGroupError
    from .errors import UnknownModelError as UnknownModelError
    from .errors import UnknownPriceError as UnknownPriceError
    from .errors import UnknownTokenError as UnknownTokenError
    from .errors import UnsupportedTokenizerError as UnsupportedTokenizerError
    from .inputs.iterate import DocumentIterator as DocumentIterator
    from .inputs.iterate import documents as documents
    from .inputs.messages import MessageText as MessageText
    from .inputs.messages import message_texts as message_texts
    from .inputs.parallel import ParallelText as ParallelText
    from .inputs.parallel import read_parallel as read_parallel
    from .inputs.prices import PriceTable as PriceTable
    from .inputs.prices import find_price as find_price
    from .inputs.prices import read_price_table as read_price_table
    from .measures.arrow import count_arrow as count_arrow
    from .measures.awaiting import acount as acount
    from .measures.budget import count_up_to as count_up_to
    from .measures.budget import split as split
    from .measures.budget import truncate as truncate
    from .measures.claims import check_claims as check_claims
    from .measures.claims_registry import CLAIMS as CLAIMS
    from .measures.cost import cost as cost
    from .measures.count import count_corpus as count_corpus
    from .measures.density import density as density
    from .measures.encodings import encodings as encodings
    from .measures.messages import count_messages as count_messages
    from .measures.models import models as models
    from .measures.plan import plan_corpus as plan_corpus
    from .measures.premium import premium as premium
    from .measures.prompt import count_prompt as count_prompt
    from .measures.prompts import count_prompts as count_prompts
    from .measures.show import show as show
    from .measures.usage import usage as usage
    from .reports.base import BaseReport as BaseReport
    from .reports.claims import Claim as Claim
    from .reports.claims import ClaimsReport as ClaimsReport
    from .reports.claims import Measurement as Measurement
    from .reports.cost import CostReport as CostReport
    from .reports.cost import CostRow as CostRow
    from .reports.cost import SameContent as SameContent
    from .reports.count import DocumentLengths as DocumentLengths
    from .reports.count import Group as Group
    from .reports.count import Intervals as Intervals
    from .reports.count import Report as Report
    from .reports.count import Tally as Tally
    from .reports.density import Density as Density
    from .reports.density import DensityGroup as DensityGroup
    from .reports.density import DensityReport as DensityReport
    from .reports.density import Estimate as Estimate
    from .reports.encodings import EncodingEntry as EncodingEntry
    from .reports.encodings import Encodings as Encodings
    from .reports.ledger import Ledger as Ledger
    from .reports.ledger import LedgerEntry as LedgerEntry
    from .reports.ledger import SkippedKind as SkippedKind
    from .reports.merge import merge_reports as merge_reports
    from .reports.models import Model as Model
    from .reports.models import Models as Models
    from .reports.plan import Plan as Plan
    from .reports.plan import PlannedFile as PlannedFile
    from .reports.premium import EncodingSummary as EncodingSummary
    from .reports.premium import LanguagePremium as LanguagePremium
    from .reports.premium import PremiumReport as PremiumReport
    from .reports.prices import Price as Price
    from .reports.prices import Rate as Rate
    from .reports.prices import Tier as Tier
    from .reports.prompt import PromptCount as PromptCount
    from .reports.prompts import PromptsReport as PromptsReport
    from .reports.prompts import PromptSums as PromptSums
    from .reports.schemas import schema as schema
    from .reports.tokens import TokenSpan as TokenSpan
    from .reports.tokens import TokenView as TokenView
    from .reports.usage import LongContext as LongContext
    from .reports.usage import Recorded as Recorded
    from .reports.usage import Recount as Recount
    from .reports.usage import SessionUsage as SessionUsage
    from .reports.usage import Turn as Turn
    from .reports.usage import UsagePart as UsagePart
    from .reports.usage import UsageReport as UsageReport
    from .reports.usage import UsageRow as UsageRow
    from .reports.verification import Difference as Difference
    from .reports.verification import VerificationReport as VerificationReport
    from .tokenizers.load import load as load
    from .tokenizers.models import encoding_name_for_model as encoding_name_for_model
    from .tokenizers.origin import save as save
    from .tokenizers.resolve import encoding_for_model as encoding_for_model
    from .tokenizers.resolve import get_encoding as get_encoding
    from .tokenizers.resolve import list_encodings as list_encodings

# A module is no name of `import *`.
__all__ = sorted(name for name, module in _public.items() if module != __name__)

_presenters.drawn_by(f"{__name__}.render")


def __getattr__(name: str) -> object:
    return _deferred.resolve(name, _public, globals())


def __dir__() -> list[str]:
    return sorted({*globals(), *_public})
