"""`fasttok count`: the tokens of files, folders and standard input."""

from __future__ import annotations

import sys
from typing import Any

import click

from fasttok.cli._options import corpus_arguments, corpus_options, print_passed_over, print_skipped
from fasttok.cli._output import check_writable, choose_format, emit, output_options
from fasttok.report import SORT_KEYS, Report, count_corpus


@click.command(
    name="count",
    epilog="Exit codes: 0 all rows counted, 1 error, 2 wrong usage, 3 some rows were skipped, 130 interrupted.",
)
@corpus_options
@click.option(
    "--sort",
    type=click.Choice(SORT_KEYS),
    default="tokens",
    show_default=True,
    metavar="COLUMN",
    help=f"Order of the groups, largest first: {', '.join(SORT_KEYS[1:])}; or key, by name.",
)
@click.option("--reverse", is_flag=True, help="The other way round.")
@output_options
def command(
    sort: str,
    reverse: bool,
    json: bool,
    csv: bool,
    table: bool,
    output: str | None,
    **corpus: Any,
) -> int:
    """Count the tokens of files, folders and standard input.

    PATH is a file, a folder (walked as ripgrep walks it), a glob in quotes, or - for standard input. Without
    PATH, what is piped in is counted; if nothing is, the current folder.

    Plain text is a document a file; .jsonl, .ndjson and JSON lines under the name .json, under a name without
    extension or on standard input a document a line. .gz and .zst are unpacked, in folders if they hold records.

    On a terminal the result is a table. On a pipe it is tab-separated, with a header and whole numbers.
    """
    from fasttok.cli._app import OK, SKIPPED

    shape = choose_format(json=json, csv=csv, table=table, output=output)
    if output is not None:
        check_writable(output)
    report = count_corpus(**corpus_arguments(corpus)).sorted_by(sort, reverse=reverse)

    if shape == "table":
        _print_table(report, output)
    else:
        emit({"json": report.to_json, "csv": report.to_csv, "tsv": report.to_tsv}[shape](), output)
    sys.stdout.flush()
    if not corpus["quiet"]:
        print_skipped(report.ledger, corpus["ledger"] or "--ledger FILE or --json lists them")
        print_passed_over(report.manifest)
        print(report.summary(), file=sys.stderr)
    return SKIPPED if report.ledger.skipped else OK


def _print_table(report: Report, output: str | None) -> None:
    from rich.console import Console

    from fasttok._table import print_report, render_text

    if output is not None:
        emit(render_text(report, width=200) + "\n", output)
    else:
        print_report(report, Console(file=sys.stdout))
