"""`fasttok density`: what text costs, by group and encoding."""

from __future__ import annotations

from typing import Any

import click

from fasttok.cli.options import (
    Command,
    by_option,
    corpus_arguments,
    corpus_options,
    encodings_option,
    html_option,
    paths_argument,
    paths_or_default,
    pictures,
    sort_options,
    top_option,
    write_pictures,
)
from fasttok.cli.output import choose_format, deliver_counted, output_options
from fasttok.options import SamplingKeywords
from fasttok.reports.density import ALWAYS, HEADERS, SUMS, TO_BASE, WITH_GRAPHEMES, WITH_PARTIAL, WITH_WORDS

SORT_KEYS = ("key", *SUMS, *ALWAYS, *WITH_GRAPHEMES, *WITH_WORDS, *WITH_PARTIAL, *TO_BASE)


@click.command(
    name="density",
    cls=Command,
    short_help="Compute tokens per character, by group and encoding.",
    epilog="Exit codes: 0 all rows counted, 1 error, 2 wrong usage, 3 some rows were skipped, 130 interrupted.",
)
@paths_argument
@encodings_option()
@by_option
@corpus_options(SamplingKeywords)
@click.option("--base", metavar="GROUP", help="Divide by this group: a language (en, eng_Latn), or keys with commas.")
@click.option("--words", is_flag=True, help="Count words (UAX #29), and those that are one token.")
@click.option("--graphemes", is_flag=True, help="Count grapheme clusters (UAX #29).")
@click.option(
    "--partial-tokens", is_flag=True, help="Count tokens that are not whole characters. Slow: texts are encoded."
)
@sort_options(SORT_KEYS, "tokens", of="groups", name="key", by="name", headers=HEADERS)
@top_option
@output_options
@html_option
def command(
    paths: tuple[str, ...],
    encodings: Any,
    by: list[str],
    base: str | None,
    words: bool,
    graphemes: bool,
    partial_tokens: bool,
    sort: str,
    reverse: bool,
    top: int | None,
    json: bool,
    csv: bool,
    table: bool,
    output: str | None,
    html: str | None,
    **corpus: Any,
) -> int:
    """Compute tokens per character, characters and bytes per token, by group and encoding.

    PATH is the same as for `fasttok count`. Where neither --by nor a source of language labels is given, the
    language of each document is detected. Labels are trusted in this order: --language-field,
    --language-from-path, --detect-language; what none of them knows is und.

    Every ratio has a 95 % bootstrap interval over documents; with --sample, the interval of the estimate.

    Density is what this text costs, not what the same content costs in another language: for that there is
    `fasttok premium`, on parallel text.
    """
    from fasttok.measures.density import density

    shape = choose_format(json=json, csv=csv, table=table, output=output)
    asked: dict[str, Any] = {"words": words, "graphemes": graphemes, "partial_tokens": partial_tokens}
    _check_sort(sort, base, asked)
    inputs = paths_or_default(paths, corpus)
    arguments = corpus_arguments(corpus, inputs, {"--output": output, **pictures(html)})
    report = density(inputs, encodings, by=by, base=base, **asked, **arguments).sorted_by(sort, reverse=reverse)
    if top is not None:
        report = report.top(top)
    write_pictures(report, html)
    return deliver_counted(report, shape, output, report.ledger, corpus)


def _check_sort(sort: str, base: str | None, asked: dict[str, bool]) -> None:
    """Refuse an order by something that is not measured, before the work is done."""
    needs = dict.fromkeys(WITH_WORDS, "words") | dict.fromkeys(WITH_GRAPHEMES, "graphemes")
    needs |= dict.fromkeys(WITH_PARTIAL, "partial_tokens")
    if sort in needs and not asked[needs[sort]]:
        raise click.UsageError(f"--sort {sort} needs --{needs[sort].replace('_', '-')}")
    if sort in TO_BASE and base is None:
        raise click.UsageError(f"--sort {sort} needs --base")
