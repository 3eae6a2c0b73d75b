"""The pages in docs/ that are made of measurements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benches.languages.tokenizers import TOKENIZERS
from fasttok import ClaimsReport, PremiumReport

CORPORA = {
    "ntrex128": "NTREX-128: news, translated by professionals sentence by sentence, {units:,} sentences, "
    "{languages:,} languages and varieties",
    "udhr": "UDHR: the Universal Declaration of Human Rights, {units:,} articles, {languages:,} translations of "
    "uneven quality",
}
ASKED = ("zho-CN", "zho-TW", "yue", "jpn", "kor", "vie", "hin", "arb", "rus", "deu", "fra", "spa")
"""Languages that are asked about most, in NTREX-128."""
ASKED_OF_RIGHTS = ("cmn_hans", "cmn_hant", "yue", "jpn", "kor", "vie", "hin", "arb", "rus", "deu_1996", "fra", "spa")


@dataclass(frozen=True)
class Comparison:
    """What came of counting with the reference, Hugging Face's tokenizers, too."""

    version: str
    units: int
    differences: Mapping[str, int]
    """Units that are counted otherwise, by tokenizer."""

    def in_words(self) -> str:
        """One sentence; nothing where nothing could be compared."""
        if not self.differences:
            return ""
        worst = sum(self.differences.values())
        outcome = "no count differs" if not worst else f"{worst:,} counts differ ({dict(self.differences)})"
        return (
            f"Compared with tokenizers {self.version} on {self.units:,} units in all languages, for "
            f"{', '.join(self.differences)}: {outcome}."
        )


def languages_page(reports: Mapping[str, PremiumReport], refused: Mapping[str, str], compared: Comparison) -> str:
    """docs/languages.md."""
    news, rights = reports["ntrex128"], reports["udhr"]
    parts = [
        "# What the same text costs in over a hundred languages",
        "",
        "Made by `python -m benches.languages` from two parallel texts that do not ship with fasttok:",
        "",
        *(f"- {CORPORA[name].format(**report.manifest)}." for name, report in reports.items()),
        "",
        "A number is the [premium](premium.md): tokens of the language / tokens of English, sums over all units, with "
        "the 95 % bootstrap interval over units below it. 1.27 means that the same content takes 27 % more tokens. "
        "Text is counted as it is, special tokens as text, nothing added; the Declaration in normalization form C, "
        "because some of its files are decomposed. The same command writes the tables as CSV "
        "and Parquet, with bytes, bytes/token, STRR and ranks, and as a page to sort and filter.",
        "",
        "| tokenizer | used by | made from |",
        "|---|---|---|",
        *_tokenizers(news),
    ]
    if refused:
        parts += ["", f"Not measured, because fasttok could not load them: {', '.join(sorted(refused))}."]
    parts += [
        "",
        "## Asked most",
        "",
        "Whether Chinese takes fewer tokens than English depends on the tokenizer, and on which Chinese:",
        "",
        *_matrix(news, [code for code in ASKED if code in news.languages]),
        "",
        "The register matters too. The same comparison on the articles of the Declaration (legal prose):",
        "",
        *_matrix(rights, [code for code in ASKED_OF_RIGHTS if code in rights.languages]),
        "",
        "## How unequal languages are",
        "",
        "Gini: over the tokens of all languages of a text; 0 would be the same for all.",
    ]
    for name, report in reports.items():
        parts += ["", f"**{name}**", "", *_summaries(report)]
    parts += [
        "",
        f"## All {len(news.languages)} languages and varieties of NTREX-128",
        "",
        *_matrix(news, news.languages),
    ]
    dearest, cheapest = rights.languages[:25], rights.languages[-10:]
    parts += [
        "",
        "## The Declaration: the dearest and the cheapest",
        "",
        f"Of {len(rights.languages)} translations, by {rights.encodings[0]}. The intervals are wide: there are "
        f"{rights.manifest['units']} units.",
        "",
        *_matrix(rights, [*dearest, *cheapest]),
        "",
        "## How this was measured",
        "",
        f"fasttok {news.manifest['fasttok']}, Unicode {news.manifest['unicode']}, {news.manifest['time'][:10]}. "
        f"Intervals: {news.manifest['interval']['method']}, {news.manifest['interval']['resamples']:,} resamples, seed "
        f"{news.manifest['interval']['seed']}. What they do not know of: other kinds of text, other translators. News "
        "and law are not chat or code.",
        "",
        compared.in_words(),
    ]
    return "\n".join(parts).rstrip("\n") + "\n"


def claims_page(report: ClaimsReport, refused: Mapping[str, str]) -> str:
    """docs/claims.md."""
    texts = report.manifest["texts"]
    documents = ", ".join(
        f"{text['documents']:,} documents in {text['language']} ({text['chars']:,} characters)"
        for text in texts
        if not text["name"].startswith("parallel")
    )
    parts = [
        "# What is printed about tokens, measured",
        "",
        "Numbers about tokens are passed on without the text, the tokenizer or the year they were measured with. Here "
        "are some, each with a measurement, its interval and a verdict: it **holds** where the whole 95 % interval of "
        "every measurement lies within what is said, **fails** where all lie outside, and **depends** otherwise. What "
        'is said to be "about" a number is given 10 % on either side.',
        "",
        f"Measured on NTREX-128 (parallel news, units as documents) and {documents}: books, laws, articles and "
        "technical documentation. Names and code in it are Latin letters, in Chinese too, which is what tokens per "
        "character of real Chinese documents are like. Your text is another: measure it.",
        "",
        "```console",
        "$ fasttok claims --parallel ntrex128 --text eng=english.jsonl --text zho=chinese.jsonl \\",
        "    -e o200k_base,cl100k_base",
        "```",
        "",
        f"This page is made by `python -m benches.languages` (fasttok {report.manifest['fasttok']}, "
        f"{report.manifest['time'][:10]}).",
    ]
    if refused:
        parts += ["", f"Not measured, because fasttok could not load them: {', '.join(sorted(refused))}."]
    return "\n".join(parts) + "\n\n" + report.to_markdown()


def _tokenizers(report: PremiumReport) -> list[str]:
    made = {entry["label"]: entry for entry in report.manifest["encodings"]}
    return [
        f"| {t.label} | {t.makers} | `{t.spec}`, sha256 `{made[t.label]['hash'][:12]}` |"
        for t in TOKENIZERS
        if t.label in made
    ]


def _summaries(report: PremiumReport) -> list[str]:
    def name(language: str, encoding: str) -> str:
        return report.get(language, encoding).name or language

    lines = ["| tokenizer | Gini | lowest | median | highest |", "|---|---|---|---|---|"]
    for s in sorted(report.summaries, key=lambda summary: summary.gini):
        lines.append(
            f"| {s.encoding} | {s.gini:.3f} ({s.gini_low:.3f}–{s.gini_high:.3f}) | {s.min:.2f} "
            f"{name(s.min_language, s.encoding)} | {s.median:.2f} | {s.max:.2f} {name(s.max_language, s.encoding)} |"
        )
    return lines


def _matrix(report: PremiumReport, languages: list[str]) -> list[str]:
    lines = [f"| language | {' | '.join(report.encodings)} |", f"|---|{'---|' * len(report.encodings)}"]
    rows = {(row.language, row.encoding): row for row in report.premiums}
    for language in languages:
        cells = []
        for encoding in report.encodings:
            row = rows[language, encoding]
            cells.append(f"{row.premium:.2f}<br><sub>{row.low:.2f}–{row.high:.2f}</sub>")
        name = rows[language, report.encodings[0]].name
        label = f"{name} `{language}`" if name else f"`{language}`"
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return lines
