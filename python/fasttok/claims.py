"""What is often printed about tokens, measured on the text that a user supplies.

A registry of claims, each with what it says in numbers, and what measures it. A verdict is taken from the interval: a
claim *holds* where the whole interval lies within what it says, *fails* where the whole interval lies outside, and
*depends* otherwise, or where encodings or texts disagree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fasttok._bootstrap import CONFIDENCE, RESAMPLES, SEED, interval, resampled_sums
from fasttok._encodings import Spec, resolve_all
from fasttok._inputs import PathLike, as_paths
from fasttok._languages import of_language
from fasttok._manifest import run_manifest
from fasttok._progress import shown
from fasttok._records import Reader, merged
from fasttok._tabular import Kind, Tabular, written
from fasttok.errors import InputError
from fasttok.parallel import Parallel, open_parallel
from fasttok.report import Ledger, Progress

if TYPE_CHECKING:
    import numpy.typing as npt

    from fasttok import Encoding

__all__ = ["CLAIMS", "Claim", "ClaimsReport", "Measurement", "check_claims"]

SCHEMA = "fasttok.claims/1"
NOTHING_READ = Ledger(0, 0, 0, {}, [], True)

Verdict = Literal["holds", "fails", "depends", "not measured"]
Measure = Literal["chars_per_token", "tokens_per_char", "tokens_per_100_words", "premium", "saving"]

MEASURES: dict[str, str] = {
    "chars_per_token": "characters / tokens",
    "tokens_per_char": "tokens / characters",
    "tokens_per_100_words": "100 × tokens / words, words being what stands between white space",
    "premium": "tokens / tokens of the English text that says the same",
    "saving": "tokens under the older vocabulary / tokens under the newer one",
}


@dataclass(frozen=True)
class Claim:
    """One printed claim, and what it says in numbers."""

    id: str
    says: str
    """As it is commonly put."""
    source: str
    """Where it is found, in general terms."""
    measure: Measure
    language: str
    """The ISO 639-3 code of the text that it is about."""
    low: float
    high: float
    """It holds where the measure lies from `low` to `high`. What is said to be 'about' has 10 % on either side; a
    factor of saving has 10 % of the saving, and at least 0.05, for it is printed with one decimal."""
    encodings: str = ".*"
    """A pattern of the encodings it is about."""
    older: str | None = None
    """For `saving`: the encoding that is compared with."""


def _saving(language: str, name: str, factor: float) -> Claim:
    margin = max(0.05, 0.1 * (factor - 1))
    return Claim(
        id=f"o200k-{language}",
        says=f"The vocabulary o200k_base takes {factor:g} times fewer tokens for {name}",
        source="announcement of the vocabulary, one sentence a language",
        measure="saving",
        language=language,
        low=factor - margin,
        high=factor + margin,
        encodings="o200k_base",
        older="cl100k_base",
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "four-characters", "1 token is about 4 characters of English", "help pages of several makers",
        "chars_per_token", "eng", 3.6, 4.4,
    ),
    Claim(
        "hundred-words", "100 words of English are 130 to 150 tokens", "help pages and tutorials",
        "tokens_per_100_words", "eng", 130, 150,
    ),
    Claim(
        "chinese-fewer", "Chinese inherently uses fewer tokens than English", "posts and forums",
        "premium", "zho", 0, 1,
    ),
    Claim(
        "chinese-character", "1 Chinese character is 1.5 to 2 tokens", "help pages and tutorials",
        "tokens_per_char", "zho", 1.5, 2,
    ),
    Claim(
        "deepseek-english", "1 English character is about 0.3 tokens (DeepSeek)", "the maker's documentation",
        "tokens_per_char", "eng", 0.27, 0.33, "(?i).*deepseek.*",
    ),
    Claim(
        "deepseek-chinese", "1 Chinese character is about 0.6 tokens (DeepSeek)", "the maker's documentation",
        "tokens_per_char", "zho", 0.54, 0.66, "(?i).*deepseek.*",
    ),
    _saving("hin", "Hindi", 2.9),
    _saving("guj", "Gujarati", 4.4),
    _saving("tel", "Telugu", 3.5),
    _saving("tam", "Tamil", 3.3),
    _saving("arb", "Arabic", 2.0),
    _saving("rus", "Russian", 1.7),
    _saving("kor", "Korean", 1.7),
    _saving("vie", "Vietnamese", 1.5),
    _saving("zho", "Chinese", 1.4),
    _saving("jpn", "Japanese", 1.4),
    _saving("deu", "German", 1.2),
    _saving("eng", "English", 1.1),
)  # fmt: skip


@dataclass(frozen=True)
class Measurement:
    """One claim, measured on one text under one encoding."""

    claim: str
    text: str
    """The name of the text."""
    encoding: str
    value: float
    low: float
    high: float
    """The interval of the value."""
    units: int
    """Documents, or units of parallel text."""
    verdict: Verdict


@dataclass(frozen=True, repr=False)
class ClaimsReport(Tabular):
    """Claims with their measurements and verdicts."""

    manifest: Mapping[str, Any]
    claims: Sequence[Claim]
    measurements: Sequence[Measurement]

    ledger: Ledger = NOTHING_READ
    """The rows of the texts by language; parallel text is read whole or not at all."""

    def of(self, claim: str) -> list[Measurement]:
        """The measurements of one claim."""
        return [entry for entry in self.measurements if entry.claim == claim]

    def verdict(self, claim: str) -> Verdict:
        """What all measurements of a claim say together."""
        found = {entry.verdict for entry in self.of(claim)}
        if not found:
            return "not measured"
        return found.pop() if len(found) == 1 else "depends"

    def fields(self) -> Sequence[tuple[str, Kind]]:
        return [
            ("claim", "string"),
            ("says", "string"),
            ("text", "string"),
            ("encoding", "string"),
            ("units", "integer"),
            ("value", "real"),
            ("low", "real"),
            ("high", "real"),
            ("verdict", "string"),
        ]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        says = {claim.id: claim.says for claim in self.claims}
        for m in self.measurements:
            yield (m.claim, says[m.claim], m.text, m.encoding, m.units, m.value, m.low, m.high, m.verdict)

    def to_dict(self) -> dict[str, Any]:
        """The report as the JSON has it."""
        return {
            "schema": SCHEMA,
            "manifest": dict(self.manifest),
            "claims": [
                {**vars(claim), "measure_in_words": MEASURES[claim.measure], "verdict": self.verdict(claim.id)}
                for claim in self.claims
            ],
            "measurements": [dict(vars(entry)) for entry in self.measurements],
            "ledger": self.ledger.to_dict(),
        }

    def text(self, shape: str) -> Iterator[str]:
        if shape == "markdown":
            yield self.to_markdown()
        else:
            yield from super().text(shape)

    def to_markdown(self, path: PathLike | None = None) -> str:
        """The report as Markdown. With `path`, also written there: whole or not at all."""
        lines = ["| claim | verdict | measured |", "|---|---|---|"]
        for claim in self.claims:
            lines.append(f"| [{claim.says}](#{claim.id}) | {self.verdict(claim.id)} | {self._span(claim)} |")
        for claim in self.claims:
            found = self.of(claim.id)
            lines += ["", f'<a id="{claim.id}"></a>', "", f"### {claim.says}", ""]
            lines.append(
                f"Found in: {claim.source}. Measured: {MEASURES[claim.measure]}"
                + (f" (older: `{claim.older}`)" if claim.older else "")
                + f". Holds from {claim.low:g} to {claim.high:g}. Verdict: **{self.verdict(claim.id)}**."
            )
            if not found:
                lines += ["", "Not measured: no text in this language, or no encoding that it is about, was given."]
                continue
            lines += ["", "| text | encoding | value | 95 % interval | units | verdict |", "|---|---|---|---|---|---|"]
            lines += [
                f"| {m.text} | {m.encoding} | {m.value:.3g} | {m.low:.3g}–{m.high:.3g} | {m.units:,} | {m.verdict} |"
                for m in found
            ]
        return written("\n".join(lines) + "\n", path, self._inputs())

    def _span(self, claim: Claim) -> str:
        values = [entry.value for entry in self.of(claim.id)]
        if not values:
            return "-"
        shown = sorted({f"{min(values):.3g}", f"{max(values):.3g}"}, key=float)
        return f"{'–'.join(shown)} (said: {claim.low:.3g}–{claim.high:.3g})"

    def summary(self) -> str:
        """One line: how many claims hold, fail and depend."""
        verdicts = [self.verdict(claim.id) for claim in self.claims]
        counts = ", ".join(
            f"{verdicts.count(verdict)} {verdict}"
            for verdict in ("holds", "fails", "depends", "not measured")
            if verdict in verdicts
        )
        ledger, rows = self.ledger, ""
        if ledger.seen:
            rows = f"; {ledger.seen:,} rows seen, {ledger.counted:,} counted, {ledger.skipped:,} skipped"
        return f"{len(verdicts)} claims: {counts}{rows}"

    def __repr__(self) -> str:
        return f"<fasttok.ClaimsReport of {self.summary()}>"


def check_claims(
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec],
    *,
    parallel: Parallel | None = None,
    texts: Mapping[str, PathLike | Sequence[PathLike]] | None = None,
    text: str | None = None,
    threads: int | None = None,
    progress: bool | Progress = False,
) -> ClaimsReport:
    """Measure every claim of the registry that the text suffices for.

    encodings: names, tokenizer files or encodings. A claim about some vocabulary is measured where it is among them.
    parallel: parallel text. Its languages serve claims about a language's text too, its units as documents.
    texts: text by language (``eng``, ``zho``, …): JSONL files and what else :func:`fasttok.cost` reads.
    text: the field of JSONL records; ``"text"`` by default.
    progress: as for :func:`fasttok.count_corpus`.

    Rows that cannot be counted are skipped and stand in the ledger.

    Raises ``ValueError`` without any text.
    """
    if parallel is None and not texts:
        raise ValueError("no text to measure claims on: give parallel text, or texts by language")
    loaded = resolve_all(encodings)
    sources = _Sources(loaded, threads)
    with shown(progress) as told:
        for language, paths in (texts or {}).items():
            sources.add_documents(language, as_paths(paths), text, told)
    if parallel is not None:
        sources.add_parallel(parallel)
    measurements = [entry for claim in CLAIMS for entry in _measure(claim, sources)]
    manifest = {
        **run_manifest(loaded),
        "special": "text",
        "interval": {
            "method": "percentile bootstrap over documents or units",
            "confidence": CONFIDENCE,
            "resamples": RESAMPLES,
            "seed": SEED,
        },
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
    return ClaimsReport(manifest, CLAIMS, measurements, merged([NOTHING_READ, *sources.ledgers]))


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
        self.ledgers: list[Ledger] = []
        self._threads = threads

    def add_documents(self, language: str, paths: Sequence[str], field: str | None, progress: Progress | None) -> None:
        reader = Reader(paths, text_field=field, progress=progress)
        parts = []
        for batch in reader.batches():
            _, sizes = reader.counted(batch, lambda records: self._sizes([record.text for record in records]))
            if sizes is not None:
                parts.append(sizes)
        self.ledgers.append(reader.ledger)
        if not parts:
            if reader.ledger.skipped:
                return
            raise InputError(f"no documents in {', '.join(paths)}")
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
