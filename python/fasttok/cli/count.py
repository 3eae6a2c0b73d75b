"""`fasttok count`: the tokens of files, folders and standard input."""

from __future__ import annotations

import sys

import click

from fasttok._inputs import STDIN
from fasttok.cli._options import names, print_skipped, stdin_has_data
from fasttok.cli._output import check_writable, choose_format, emit, output_options
from fasttok.report import SORT_KEYS, Report, count_corpus


@click.command(
    name="count",
    epilog="Exit codes: 0 all rows counted, 1 error, 2 wrong usage, 3 some rows were skipped, 130 interrupted.",
)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "-e",
    "--encoding",
    "encodings",
    callback=names,
    multiple=True,
    metavar="NAME[,NAME]",
    help="Encodings to count with, in one pass. [default: o200k_base]",
)
@click.option(
    "--by",
    callback=names,
    multiple=True,
    metavar="KEY[,KEY]",
    help="Group by file, extension, or any field of JSONL records.",
)
@click.option(
    "--field",
    default="text",
    show_default=True,
    metavar="NAME",
    help="The JSONL field that holds the text. In a.b, b is inside a.",
)
@click.option(
    "--format",
    type=click.Choice(["text", "lines", "jsonl"]),
    help="Read every file as this, whatever its name. [default: by extension]",
)
@click.option("--lines", is_flag=True, help="In plain text, a line is a document.")
@click.option(
    "--special",
    type=click.Choice(["text", "token", "error"]),
    default="text",
    show_default=True,
    help="A special token in the text is plain text, one token, or an error.",
)
@click.option(
    "--errors",
    type=click.Choice(["strict", "replace"]),
    default="strict",
    show_default=True,
    help="Bytes that are not UTF-8 are an error, or are counted as U+FFFD.",
)
@click.option(
    "--on-error",
    type=click.Choice(["skip", "fail"]),
    default="skip",
    show_default=True,
    help="A row that cannot be counted is listed and skipped, or ends the run.",
)
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="Workers. [default: one a core]")
@click.option("--hidden", is_flag=True, help="Count hidden files and folders too.")
@click.option("--no-ignore", is_flag=True, help="Count what .gitignore and .ignore leave out too.")
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
@click.option("--ledger", metavar="FILE", help="Write every skipped row to FILE, as JSONL.")
@click.option("--no-progress", is_flag=True, help="Show no progress bar.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but data and errors.")
def command(
    paths: tuple[str, ...],
    encodings: list[str],
    by: list[str],
    field: str,
    format: str | None,
    lines: bool,
    special: str,
    errors: str,
    on_error: str,
    threads: int | None,
    hidden: bool,
    no_ignore: bool,
    sort: str,
    reverse: bool,
    json: bool,
    csv: bool,
    table: bool,
    output: str | None,
    ledger: str | None,
    no_progress: bool,
    quiet: bool,
) -> int:
    """Count the tokens of files, folders and standard input.

    PATH is a file, a folder (walked as ripgrep walks it), a glob in quotes, or - for standard input. Without
    PATH, what is piped in is counted; if nothing is, the current folder.

    Plain text is a document a file; .jsonl and .ndjson a document a line; .gz and .zst are unpacked.

    On a terminal the result is a table. On a pipe it is tab-separated, with a header and whole numbers.
    """
    from fasttok.cli._app import OK, SKIPPED

    shape = choose_format(json=json, csv=csv, table=table, output=output)
    for file in (output, ledger):
        if file is not None:
            check_writable(file)
    inputs = list(paths) or [STDIN if stdin_has_data() else "."]

    report = count_corpus(
        inputs,
        encodings or ["o200k_base"],
        by=by,
        text=field,
        format=format,  # type: ignore[arg-type]
        lines=lines,
        special=special,  # type: ignore[arg-type]
        errors=errors,  # type: ignore[arg-type]
        on_error=on_error,  # type: ignore[arg-type]
        threads=threads,
        hidden=hidden,
        ignore_files=not no_ignore,
        ledger_path=ledger,
        progress=not (no_progress or quiet),
    ).sorted_by(sort, reverse=reverse)

    if shape == "table":
        _print_table(report, output)
    else:
        emit({"json": report.to_json, "csv": report.to_csv, "tsv": report.to_tsv}[shape](), output)
    sys.stdout.flush()
    if not quiet:
        print_skipped(report.ledger, ledger or "--ledger FILE or --json lists them")
        print(report.summary(), file=sys.stderr)
    return SKIPPED if report.ledger.skipped else OK


def _print_table(report: Report, output: str | None) -> None:
    from rich.console import Console

    from fasttok._table import print_report, render_text

    if output is not None:
        emit(render_text(report, width=200) + "\n", output)
    else:
        print_report(report, Console(file=sys.stdout))
