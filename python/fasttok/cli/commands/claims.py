"""`fasttok claims`: what is often printed about tokens, measured on your text."""

from __future__ import annotations

from typing import Any

import click

from fasttok.cli import complete
from fasttok.cli.options import (
    Command,
    corpus_arguments,
    corpus_options,
    encodings_option,
    html_option,
    pairs,
    pictures,
    write_pictures,
)
from fasttok.cli.output import choose_format, deliver_counted, output_options
from fasttok.options import ReadingKeywords


@click.command(
    name="claims",
    cls=Command,
    short_help="Measure common claims about tokens on text of your own.",
    epilog="Exit codes: 0 all rows counted, 1 error, 2 wrong usage, 3 some rows were skipped, 130 interrupted.",
)
@encodings_option("o200k_base,cl100k_base")
@click.option(
    "--parallel",
    type=complete.PATH,
    metavar="DIR|FILE",
    multiple=True,
    help="Parallel text with English, as for 'premium'.",
)
@click.option(
    "--text",
    "texts",
    callback=pairs,
    multiple=True,
    metavar="CODE=FILE",
    help="Documents in a language (eng, zho, …): JSONL, or plain text.",
)
@corpus_options(ReadingKeywords)
@click.option("--markdown", is_flag=True, help="Print Markdown.")
@output_options
@html_option
def command(
    encodings: Any,
    parallel: tuple[str, ...],
    texts: dict[str, str],
    markdown: bool,
    json: bool,
    csv: bool,
    table: bool,
    output: str | None,
    html: str | None,
    **corpus: Any,
) -> int:
    """Measure what is often printed about tokens, on text of your own.

    "1 token is about 4 characters of English", "Chinese uses fewer tokens than English": each with the
    measurement, its interval and a verdict.
    """
    from fasttok.measures.claims import check_claims

    shape = choose_format(
        json=json,
        csv=csv,
        table=table,
        markdown=markdown,
        output=output,
        allowed=("json", "csv", "tsv", "table", "markdown", "parquet", "arrow"),
    )
    arguments = corpus_arguments(corpus, [*parallel, *texts.values()], {"--output": output, **pictures(html)})
    if not parallel and not texts:
        raise click.UsageError("no text to measure on: give --parallel DIR, --text CODE=FILE or both")
    report = check_claims(
        encodings,
        parallel=None if not parallel else parallel[0] if len(parallel) == 1 else list(parallel),
        texts=texts,
        **arguments,
    )
    write_pictures(report, html)
    return deliver_counted(report, shape, output, report.ledger, corpus)
