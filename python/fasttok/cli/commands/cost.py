"""`fasttok cost`: what text costs, by group and model."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from fasttok.cli import complete
from fasttok.cli.options import (
    Command,
    by_option,
    corpus_arguments,
    corpus_options,
    models_option,
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


@click.command(
    name="cost",
    cls=Command,
    short_help="Compute what documents cost on each model.",
    epilog="Exit codes: 0 all rows counted, 1 error, 2 wrong usage, 3 some rows were skipped, 130 interrupted.",
)
@paths_argument
@models_option(
    "Models to bill for (see fasttok models); PROVIDER/NAME for the price of one provider.",
    required=True,
)
@by_option
@click.option("--base", metavar="GROUP", help="Compare each group's cost per document with this group's.")
@click.option(
    "--parallel",
    type=complete.PATH,
    metavar="DIR|FILE",
    multiple=True,
    help="Parallel text: what the same content costs in each language, relative to --base or --pivot.",
)
@click.option("--pivot", metavar="CODE", help="The language that the same content is compared with. [default: --base]")
@click.option("--output-field", metavar="NAME", help="The JSONL field with the answer, billed as output.")
@click.option(
    "--output-tokens", type=click.IntRange(min=0), default=0, metavar="N", help="Bill N tokens of output per document."
)
@click.option(
    "--cached-share",
    type=click.FloatRange(0, 1),
    default=0,
    metavar="SHARE",
    help="Bill this share of the input, from 0 to 1, at the rate of cached input.",
)
@prices_option
@price_date_option
@tokenizers_option("The tokenizer of a model: an encoding or a file. With another model's, the cost is an estimate.")
@click.option(
    "--requests-per-day",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Project the cost of a month from these documents as a sample.",
)
@click.option(
    "--wh-per-mtok",
    type=click.FloatRange(min=0),
    metavar="WH",
    help="State energy at WH watt-hours per million tokens.",
)
@corpus_options()
@output_options
@picture_options
def command(
    paths: tuple[str, ...],
    models: list[str],
    by: list[str],
    base: str | None,
    parallel: tuple[str, ...],
    pivot: str | None,
    output_field: str | None,
    output_tokens: int,
    cached_share: float,
    prices: str | None,
    price_date: datetime | None,
    tokenizers: dict[str, str],
    requests_per_day: float | None,
    wh_per_mtok: float | None,
    json: bool,
    csv: bool,
    table: bool,
    output: str | None,
    html: str | None,
    svg: str | None,
    png: str | None,
    **corpus: Any,
) -> int:
    """Compute what documents cost on each model: tokens times price.

    PATH is the same as for `fasttok count`: a file (also .gz, .zst, .bz2, .xz), a folder, a glob in quotes, or - for
    standard input. Each document is one request; long-context rates are taken document by document.

    "What does our Japanese traffic cost on two models, compared with English?"

    \b
        fasttok cost traffic.jsonl --by language --base en -m gpt-4o,gpt-5
    """
    from fasttok.measures.cost import cost

    shape = choose_format(json=json, csv=csv, table=table, output=output)
    inputs = paths_or_piped(paths, corpus)
    arguments = corpus_arguments(
        corpus,
        [*inputs, *parallel, *([prices] if prices else []), *tokenizers.values()],
        {"--output": output, **pictures(html, svg, png)},
    )
    if base is not None and len(by) != 1:
        raise click.UsageError("--base names a group: it needs one key in --by, such as --by language")
    if output_field is not None and output_tokens:
        raise click.UsageError("--output-field and --output-tokens exclude each other")
    unknown = [model for model in tokenizers if model not in models]
    if unknown:
        raise click.UsageError(f"--tokenizer names {unknown[0]}, which is not among the models")

    report = cost(
        inputs,
        models,
        by=by,
        base=base,
        parallel=None if not parallel else parallel[0] if len(parallel) == 1 else list(parallel),
        pivot=pivot,
        output_field=output_field,
        output_tokens=output_tokens,
        cached_share=cached_share,
        prices=prices,
        price_date=None if price_date is None else price_date.date(),
        tokenizers=tokenizers,
        requests_per_day=requests_per_day,
        wh_per_mtok=wh_per_mtok,
        **arguments,
    )
    write_pictures(report, html, svg, png)
    return deliver_counted(report, shape, output, report.ledger, corpus)
