"""Measuring what is often printed about tokens on the text that a user supplies.

The claims are in `fasttok.measures.claims_registry`, the results in `fasttok.reports.claims`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fasttok._util.languages import of_language
from fasttok._util.paths import PathLike
from fasttok.errors import InputError
from fasttok.inputs.documents import Reader
from fasttok.inputs.outputs import ledger_written, watched
from fasttok.inputs.parallel import Parallel, open_parallel
from fasttok.inputs.paths import as_paths
from fasttok.measures.bootstrap import bootstrap_manifest, interval, resampled_sums
from fasttok.measures.claims_registry import CLAIMS
from fasttok.options import ReadingKeywords, documented, given
from fasttok.reports.claims import Claim, ClaimsReport, Measurement, Verdict
from fasttok.reports.ledger import NOTHING_READ, merged
from fasttok.reports.manifest import describe_account, describe_inputs, run_manifest
from fasttok.tokenizers.resolve import Spec, resolve_all

if TYPE_CHECKING:
    import numpy.typing as npt
    from typing_extensions import Unpack

    from fasttok._fasttok import Encoding


@documented(ReadingKeywords)
def check_claims(
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec],
    *,
    parallel: Parallel | None = None,
    texts: Mapping[str, PathLike | Sequence[PathLike]] | None = None,
    progress: bool = False,
    **options: Unpack[ReadingKeywords],
) -> ClaimsReport:
    """Measure every claim of the registry that the text suffices for.

    encodings: names, tokenizer files or encodings. A claim about some vocabulary is measured where it is among them.
    parallel: parallel text. Its languages serve claims about a language's text too, its units as documents.
    texts: text by language (``eng``, ``zho``, …): JSONL files and what else :func:`fasttok.cost` reads.
    progress: as for :func:`fasttok.count_corpus`.
    {options}

    Rows that cannot be counted are skipped and stand in the ledger.

    Raises ``ValueError`` without any text.
    """
    if parallel is None and not texts:
        raise ValueError("no text to measure claims on: give parallel text, or texts by language")
    loaded = resolve_all(encodings)
    taken = given("check_claims", options, ReadingKeywords)
    by_language = {language: as_paths(paths) for language, paths in (texts or {}).items()}
    inputs = [path for paths in by_language.values() for path in paths]
    sources = _Sources(loaded, taken.threads)
    with watched(progress, taken) as watched_options, ledger_written(inputs, watched_options) as run_options:
        for language, paths in by_language.items():
            sources.add_documents(language, Reader(paths, options=run_options))
    if parallel is not None:
        sources.add_parallel(parallel)
    measurements = [entry for claim in CLAIMS for entry in _measure(claim, sources)]
    manifest = {
        **run_manifest(loaded, taken.threads),
        "special": "text",
        "inputs": {language: describe_inputs(paths) for language, paths in by_language.items()},
        **taken.manifest(ReadingKeywords),
        **describe_account(*(reader.account for reader in sources.readers)),
        "bootstrap": bootstrap_manifest("documents, or units of parallel text"),
        "texts": [
            {
                "name": text.name,
                "language": text.language,
                "documents": len(text.sizes.chars),
                "chars": int(text.sizes.chars.sum()),
            }
            for text in sources.texts
        ],
    }
    return ClaimsReport(
        manifest, CLAIMS, measurements, merged([NOTHING_READ, *(reader.ledger for reader in sources.readers)])
    )


@dataclass(frozen=True)
class _Sizes:
    """The sizes of documents, which are not kept themselves."""

    chars: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]
    tokens: Mapping[str, npt.NDArray[np.int64]]
    """By encoding."""


@dataclass(frozen=True)
class _Text:
    """The documents of one language."""

    name: str
    language: str
    sizes: _Sizes
    english: _Text | None = None
    """For parallel text: the same in English."""


class _Sources:
    def __init__(self, encodings: Mapping[str, Encoding], threads: int | None) -> None:
        self.encodings = encodings
        self.texts: list[_Text] = []
        self.readers: list[Reader] = []
        self._threads = threads

    def add_documents(self, language: str, reader: Reader) -> None:
        parts: list[_Sizes] = []
        reader.each(
            lambda records: self._sizes([record.text for record in records]), lambda _, sizes: parts.append(sizes)
        )
        self.readers.append(reader)
        if not parts:
            if reader.ledger.skipped:
                return
            raise InputError(f"no documents in {', '.join(reader.paths)}")
        sizes = _Sizes(
            np.concatenate([part.chars for part in parts]),
            np.concatenate([part.words for part in parts]),
            {label: np.concatenate([part.tokens[label] for part in parts]) for label in self.encodings},
        )
        documents = len(sizes.chars)
        # A claim knows its language by one code, users by several.
        language = next(iter(of_language(language, [claim.language for claim in CLAIMS])), language)
        name = f"{documents:,} documents" if documents > 1 else "1 document"
        self.texts.append(_Text(name, language, sizes))

    def add_parallel(self, source: Parallel) -> None:
        opened = open_parallel(source)
        wanted = {
            language: [opened.find("eng")] if language == "eng" else of_language(language, opened.languages)
            for language in dict.fromkeys(["eng", *(claim.language for claim in CLAIMS)])
        }
        text = opened.text(code for codes in wanted.values() for code in codes)
        (at,) = wanted.pop("eng")
        english = self._sized("parallel text", "eng", list(text.units[at]), None)
        self.texts.append(english)
        for language, codes in wanted.items():
            # Of written varieties, such as two scripts, each.
            for code in codes:
                name = f"parallel text, {text.names.get(code, code)}"
                self.texts.append(self._sized(name, language, list(text.units[code]), english))

    def _sized(self, name: str, language: str, documents: Sequence[str], english: _Text | None) -> _Text:
        return _Text(name, language, self._sizes(documents), english)

    def _sizes(self, documents: Sequence[str]) -> _Sizes:
        return _Sizes(
            np.array([len(document) for document in documents], dtype=np.int64),
            np.array([len(document.split()) for document in documents], dtype=np.int64),
            {label: e.count_batch(documents, threads=self._threads) for label, e in self.encodings.items()},
        )


def _measure(claim: Claim, sources: _Sources) -> Iterator[Measurement]:
    for text in sources.texts:
        if text.language != claim.language:
            continue
        for label in sources.encodings:
            if not re.fullmatch(claim.encodings, label):
                continue
            pair = _pair(claim, text, label)
            if pair is None:
                continue
            dividend, divisor = pair
            if not divisor.sum():
                # Documents without a character, say.
                continue
            factor = 100 if claim.measure == "tokens_per_100_words" else 1
            value = factor * float(dividend.sum() / divisor.sum())
            sums = resampled_sums(np.stack([dividend, divisor]))
            # Of a few documents, all that are drawn may be empty.
            drawn = sums[sums[:, 1] > 0]
            low, high = (factor * float(bound) for bound in interval(drawn[:, 0] / drawn[:, 1]))
            verdict = _judged(claim, low, high)
            yield Measurement(claim.id, text.name, label, value, low, high, len(text.sizes.chars), verdict)


def _pair(claim: Claim, text: _Text, label: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None:
    """What is divided by what, document by document; None where this text cannot tell."""
    tokens = text.sizes.tokens[label]
    if claim.measure == "chars_per_token":
        return text.sizes.chars, tokens
    if claim.measure == "tokens_per_char":
        return tokens, text.sizes.chars
    if claim.measure == "tokens_per_100_words":
        return tokens, text.sizes.words
    if claim.measure == "premium":
        return None if text.english is None else (tokens, text.english.sizes.tokens[label])
    older = text.sizes.tokens.get(claim.older or "")
    return None if older is None else (older, tokens)


def _judged(claim: Claim, low: float, high: float) -> Verdict:
    if claim.low <= low and high <= claim.high:
        return "holds"
    if high < claim.low or low > claim.high:
        return "fails"
    return "depends"
