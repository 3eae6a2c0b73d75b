"""`fasttok models`: which models are known, what counts for them, and what they cost."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from fasttok._catalogue import Models, models
from fasttok._models import nearest
from fasttok.cli._output import check_writable, choose_format, emit, output_options


@click.command(name="models")
@click.argument("words", nargs=-1, metavar="[WORD]...")
@click.option(
    "--price-date",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="The day whose prices of genai-prices are taken. [default: today, UTC]",
)
@output_options
def command(
    words: tuple[str, ...], price_date: datetime | None, *, json: bool, csv: bool, table: bool, output: str | None
) -> None:
    """List the models that are known by name, with tokenizers and prices.

    With WORDs, those that have all of them in their name, aliases, maker or tokenizer. A tokenizer with a / is a
    repository on the Hugging Face hub, others ship inside. Asks no network.

    \b
        fasttok models qwen3.8
        fasttok models claude-opus-4.7
    """
    shape = choose_format(json=json, csv=csv, table=table, output=output)
    if output is not None:
        check_writable(output)
    found = models(" ".join(words), price_date=None if price_date is None else price_date.date())
    if not found:
        asked = " ".join(words)
        near = nearest(asked)
        hint = f"; did you mean {', '.join(near)}?" if near else ": 'fasttok models' lists all"
        raise click.ClickException(f"no model is known that has {asked!r} in its name, maker or tokenizer{hint}")
    if shape == "table":
        _print_table(found, output)
    else:
        emit({"json": found.to_json, "csv": found.to_csv, "tsv": found.to_tsv}[shape](), output)


def _print_table(found: Models, output: str | None) -> None:
    from rich.console import Console

    from fasttok._catalogue_table import print_models, render_text

    if output is not None:
        emit(render_text(found, width=200) + "\n", output)
    else:
        print_models(found, Console(file=sys.stdout))
