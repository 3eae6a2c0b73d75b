"""`fasttok usage`: where the tokens of agents went, by their logs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from fasttok._fasttok import LOG_FORMATS
from fasttok.cli import complete
from fasttok.cli.options import (
    Command,
    corpus_arguments,
    corpus_options,
    models_option,
    names,
    paths_argument,
    paths_or_piped,
    picture_options,
    pictures,
    price_date_option,
    prices_option,
    tokenizers_option,
    write_pictures,
)
from fasttok.cli.output import choose_format, deliver_counted, output_options
from fasttok.options import LogKeywords
from fasttok.reports.usage import KEYS


@click.command(
    name="usage",
    cls=Command,
    short_help="Show where the tokens of agents went, by their logs.",
    epilog="Exit codes: 0 all rows counted, 1 error, 2 wrong usage, 3 some rows were skipped, 130 interrupted.",
)
@paths_argument
@click.option(
    "-e",
    "--encoding",
    "encodings",
    callback=names,
    multiple=True,
    metavar="NAME[,NAME]",
    shell_complete=complete.encodings,
    help="Recount the texts with these encodings: names or tokenizer files. [default: recorded figures alone]",
)
@click.option(
    "--by",
    callback=names,
    multiple=True,
    metavar="KEY[,KEY]",
    help=f"Group by {', '.join(KEYS)}.",
)
@click.option(
    "--format", "log_format", type=click.Choice(LOG_FORMATS), help="Read every file as this. [default: by content]"
)
@click.option(
    "--cost",
    "cost_of",
    type=click.Choice(("recorded", "recount")),
    help="Price the figures that are recorded, or those that are recounted.",
)
@models_option("Recount the texts for these models, and price them as if these had been asked (see fasttok models).")
@prices_option
@price_date_option
@tokenizers_option(
    "The tokenizer of a model of -m: an encoding or a file. With another model's, the cost is an estimate."
)
@click.option("--redact", is_flag=True, help="Call sessions, users and files by numbers.")
@corpus_options(LogKeywords)
@output_options
@picture_options
def command(
    paths: tuple[str, ...],
    encodings: list[str],
    by: list[str],
    log_format: Any,
    cost_of: Any,
    models: list[str],
    prices: str | None,
    price_date: datetime | None,
    tokenizers: dict[str, str],
    redact: bool,
    json: bool,
    csv: bool,
    table: bool,
    output: str | None,
    html: str | None,
    svg: str | None,
    png: str | None,
    **corpus: Any,
) -> int:
    """Show where the tokens of agents went, by their logs: Claude Code sessions, Codex rollouts, OpenTelemetry GenAI
    spans, ATIF trajectories.

    PATH is a file (also .gz, .zst, .bz2, .xz), a folder, a glob in quotes, or - for standard input.

    What logs record and what a recount of their texts gives are beside each other, and never added. Texts are in no
    report, and nothing leaves the machine.

    "Which tools filled the context of our agents last week?"

    \b
        fasttok usage ~/.codex/sessions -e o200k_base --by tool

    "What would the same work cost on two other models, by language?"

    \b
        fasttok usage ~/.codex/sessions --by role,language -m gpt-5.5,gpt-5-mini
    """
    from fasttok.measures.usage import usage

    shape = choose_format(json=json, csv=csv, table=table, output=output)
    inputs = paths_or_piped(paths, corpus)
    unknown = [key for key in by if key not in KEYS]
    if unknown:
        raise click.UsageError(f"--by takes {', '.join(KEYS)}, not {unknown[0]}")
    if cost_of == "recount" and not encodings:
        raise click.UsageError("--cost recount needs -e, an encoding to recount with")
    unknown = [model for model in tokenizers if model not in models]
    if unknown:
        raise click.UsageError(f"--tokenizer names {unknown[0]}, which is not among the models of -m")
    arguments = corpus_arguments(
        corpus,
        [*inputs, *([prices] if prices else []), *tokenizers.values()],
        {"--output": output, **pictures(html, svg, png)},
    )
    report = usage(
        inputs,
        encodings,
        by=by,
        models=models,
        tokenizers=tokenizers,
        log_format=log_format,
        cost_of=cost_of,
        prices=prices,
        price_date=None if price_date is None else price_date.date(),
        redact=redact,
        **arguments,
    )
    write_pictures(report, html, svg, png)
    return deliver_counted(report, shape, output, report.ledger, corpus)
