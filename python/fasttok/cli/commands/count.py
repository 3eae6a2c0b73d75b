"""`fasttok count`: the tokens of files, folders and standard input."""

from __future__ import annotations

import os
from typing import Any

import click
from click.core import ParameterSource

from fasttok._fasttok import _path_name
from fasttok.cli.budget import budget_option, checked
from fasttok.cli.options import (
    Command,
    by_option,
    corpus_arguments,
    corpus_options,
    encodings_option,
    html_option,
    numbers,
    paths_argument,
    paths_or_default,
    pictures,
    sort_options,
    top_option,
    write_pictures,
)
from fasttok.cli.output import (
    OK,
    SHOWN_SKIPPED,
    SKIPPED,
    Format,
    choose_format,
    deliver,
    deliver_counted,
    emit,
    output_options,
    passed_over,
    skipped_lines,
    tell,
    where_listed,
)
from fasttok.options import CorpusKeywords, SamplingKeywords
from fasttok.reports.count import HEADERS, QUANTILES, SORT_KEYS, Report


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
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    metavar="N",
    help="With --by folder: N levels of folders; the table is a tree with bars.",
)
@click.option("--total", is_flag=True, help="Print the number of tokens, and nothing else.")
@click.option("--plan", is_flag=True, help="List what would be read, and count nothing.")
@sort_options(SORT_KEYS, "tokens", of="groups", name="key", by="name", headers=HEADERS)
@top_option
@output_options
@html_option
def command(
    paths: tuple[str, ...],
    encodings: Any,
    by: list[str],
    quantiles: bool,
    limits: list[int],
    budget: int | None,
    depth: int | None,
    total: bool,
    plan: bool,
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
    """Count the tokens of files, folders and standard input.

    PATH is a file, a folder (walked as ripgrep walks it), a glob in quotes, a URL (s3://bucket/folder/, gs://, az://,
    https://, hf://), or - for standard input. Without PATH, what is piped in is counted; if nothing is, the current
    folder. Several files are a row each.

    Plain text is one document per file; .jsonl, .ndjson and JSON lines under the name .json, under a name without
    extension or on standard input are one document per line. .gz, .zst, .bz2 and .xz are unpacked, in folders if they
    hold records.

    On a terminal the result is a table. On a pipe it is tab-separated, with a header and whole numbers.

    \b
        fasttok count src/ -t py --by folder --depth 2
        git diff | fasttok count -m gpt-5.5 --total
    """
    from fasttok.measures.count import count_corpus

    if total and (json or csv or table or plan or by or top or html):
        raise click.UsageError("--total is a number alone: it goes with no other form of output, and no groups")
    shape = "table" if total else choose_format(json=json, csv=csv, table=table, output=output)
    inputs = paths_or_default(paths, corpus)
    arguments = corpus_arguments(corpus, inputs, {"--output": output, **pictures(html)})
    as_named = False
    if sort in QUANTILES and not quantiles:
        raise click.UsageError(f"--sort {sort} needs --quantiles")
    if depth is not None:
        if by != ["folder"] or top is not None:
            raise click.UsageError("--depth goes with --by folder, and without --top")
        by = [f"folder:{depth}"]
    elif _are_files(inputs, by, corpus) and not total and shape != "json":
        # As wc has it. A report in JSON is of what --by says, so that it can be merged with others.
        by = ["file"]
        as_named = not (reverse or _is_given("sort"))
    if plan:
        if html is not None:
            raise click.UsageError("--plan counts nothing, so that there is no page of it")
        return _deliver_plan(inputs, encodings, by, arguments, shape, output, corpus["quiet"])
    report = count_corpus(inputs, encodings, by=by, quantiles=quantiles, limits=limits, **arguments)
    if total:
        return checked(report, budget, _deliver_total(report, output, corpus), quiet=corpus["quiet"])
    if as_named:
        report = report.in_order_of([_path_name(path) for path in inputs])
    else:
        report = report.sorted_by(sort, reverse=reverse)
    if top is not None:
        report = report.top(top)
    write_pictures(report, html)
    drawn_as = None if depth is None else "tree"
    code = deliver_counted(report, shape, output, report.ledger, corpus, drawn_as=drawn_as)
    return checked(report, budget, code, quiet=corpus["quiet"])


def _are_files(inputs: list[str], by: list[str], corpus: dict[str, Any]) -> bool:
    """Whether several files are named and nothing else, and no groups are asked for."""
    labels = corpus["language_field"] or corpus["language_from_path"] or corpus["detect_language"]
    # A URL that ends with a slash is a folder.
    has_folder = any(path.endswith("/") or os.path.isdir(path) for path in inputs)
    return len(inputs) > 1 and not by and not labels and not has_folder


def _is_given(option: str) -> bool:
    """Whether the command line has it, whatever its value."""
    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE


def _deliver_total(report: Report, output: str | None, corpus: dict[str, Any]) -> int:
    """The tokens by each encoding: numbers alone where there is one."""
    tokens = report.totals.tokens
    lines = tokens.values() if len(tokens) == 1 else (f"{count}\t{name}" for name, count in tokens.items())
    emit("".join(f"{line}\n" for line in lines), output)
    if not corpus["quiet"]:
        tell(*skipped_lines(report.ledger, where_listed(corpus)), *passed_over(report.manifest))
    return SKIPPED if report.ledger.skipped else OK


def _deliver_plan(
    inputs: list[str],
    encodings: Any,
    by: list[str],
    arguments: dict[str, Any],
    shape: Format,
    output: str | None,
    quiet: bool,
) -> int:
    """A dry run: the exit code is that of a run, as far as it is known before."""
    from fasttok.measures.plan import plan_corpus

    taken = {name: value for name, value in arguments.items() if name in CorpusKeywords.__annotations__}
    plan = plan_corpus(inputs, encodings, by=by, **taken)
    unread = plan.skipped
    notes = [f"cannot be read: {file.file}: {file.detail}" for file in unread[:SHOWN_SKIPPED]]
    if more := len(unread) - len(notes):
        notes.append(f"cannot be read: {more:,} more; --json lists them")
    return deliver(plan, shape, output, quiet=quiet, notes=notes, skips=bool(unread))
