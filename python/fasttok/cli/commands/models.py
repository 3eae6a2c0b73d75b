"""`fasttok models`: which models are known, what counts for them, and what they cost."""

from __future__ import annotations

from datetime import datetime

import click

from fasttok.cli.options import Command, price_date_option
from fasttok.cli.output import check_outputs, choose_format, deliver, output_options


@click.command(name="models", cls=Command, short_help="List the models that are known by name.")
@click.argument("words", nargs=-1, metavar="[WORD]...")
@price_date_option
@output_options
def command(
    words: tuple[str, ...], price_date: datetime | None, *, json: bool, csv: bool, table: bool, output: str | None
) -> None:
    """List the models that are known by name, with tokenizers and prices.

    With WORDs, those that have all of them in their name, aliases, maker or tokenizer. A tokenizer with a / is a
    repository on the Hugging Face hub, others ship inside. Needs no network.

    \b
        fasttok models qwen3.8
        fasttok models claude-opus-4.7
    """
    from fasttok.measures.models import models

    shape = choose_format(json=json, csv=csv, table=table, output=output)
    check_outputs([], {"--output": output})
    found = models(" ".join(words), price_date=None if price_date is None else price_date.date())
    if not found:
        asked = " ".join(words)
        from fasttok.tokenizers.models import nearest

        near = nearest(asked)
        hint = f"; did you mean {', '.join(near)}?" if near else ": 'fasttok models' lists all"
        raise click.ClickException(f"no model is known that has {asked!r} in its name, maker or tokenizer{hint}")
    deliver(found, shape, output, quiet=True)
