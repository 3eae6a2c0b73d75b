"""`fasttok count`: the tokens of files, folders and standard input."""

from __future__ import annotations

from typing import Any

import click

from fasttok.cli.budget import budget_option, checked
from fasttok.cli.options import (
    Command,
    by_option,
    corpus_arguments,
    corpus_options,
    encodings_option,
    numbers,
    paths_argument,
    paths_or_default,
    sort_options,
)
from fasttok.cli.output import Format, choose_format, deliver, deliver_counted, output_options
from fasttok.options import CorpusKeywords, SamplingKeywords
from fasttok.reports.count import SORT_KEYS


@click.command(
    name="count",
    cls=Command,
    epilog="Exit codes: 0 all rows counted, 1 error, 2 wrong usage, 3 some rows were skipped, 4 more tokens than "
    "--budget, 130 interrupted.",
)
@paths_argument
@encodings_option()
@by_option
@corpus_options(SamplingKeywords)
@click.option(
    "--quantiles", is_flag=True, help="Tell how long documents are in tokens: p50, p90, p99, and the longest."
)
@click.option(
    "--limit",
    "limits",
    callback=numbers,
    multiple=True,
    metavar="N[,N]",
    help="Count documents with more than N tokens: context windows, say.",
)
@budget_option
@click.option("--plan", is_flag=True, help="List what would be read, and count nothing.")
@sort_options(SORT_KEYS, "tokens", of="groups", name="key", by="name")
@output_options
def command(
    paths: tuple[str, ...],
    encodings: list[str],
    by: list[str],
    quantiles: bool,
    limits: list[int],
    budget: int | None,
    plan: bool,
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

    Plain text is one document per file; .jsonl, .ndjson and JSON lines under the name .json, under a name without
    extension or on standard input are one document per line. .gz, .zst, .bz2 and .xz are unpacked, in folders if they
    hold records.

    On a terminal the result is a table. On a pipe it is tab-separated, with a header and whole numbers.
    """
    from fasttok.measures.count import count_corpus

    shape = choose_format(json=json, csv=csv, table=table, output=output)
    inputs = paths_or_default(paths, corpus)
    arguments = corpus_arguments(corpus, inputs, {"--output": output})
    if plan:
        return _deliver_plan(inputs, encodings or ["o200k_base"], by, arguments, shape, output, corpus["quiet"])
    report = count_corpus(inputs, encodings or ["o200k_base"], by=by, quantiles=quantiles, limits=limits, **arguments)
    report = report.sorted_by(sort, reverse=reverse)
    code = deliver_counted(report, shape, output, report.ledger, corpus)
    return checked(report, budget, code, quiet=corpus["quiet"])


def _deliver_plan(
    inputs: list[str],
    encodings: list[str],
    by: list[str],
    arguments: dict[str, Any],
    shape: Format,
    output: str | None,
    quiet: bool,
) -> int:
    """A dry run: the exit code says nothing of what would be skipped."""
    from fasttok.measures.plan import plan_corpus

    taken = {name: value for name, value in arguments.items() if name in CorpusKeywords.__annotations__}
    return deliver(plan_corpus(inputs, encodings, by=by, **taken), shape, output, quiet=quiet)
