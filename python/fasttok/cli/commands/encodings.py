"""`fasttok encodings`: what is there to count with, without asking the network."""

from __future__ import annotations

import click

from fasttok.cli.options import Command
from fasttok.cli.output import Format, check_outputs, choose_format, deliver, output_options, tell


@click.command(name="encodings", cls=Command, short_help="List the encodings that ship inside or are cached.")
@output_options
def command(*, json: bool, csv: bool, table: bool, output: str | None) -> None:
    """List the encodings that ship inside, and those in the cache of the Hugging Face hub.

    The hash is the SHA-256 of the vocabulary file that an encoding was made from. Tokenizers in the cache that
    cannot be counted exactly are listed with the reason.
    """
    from fasttok.measures.encodings import encodings

    allowed: tuple[Format, ...] = ("json", "csv", "tsv", "table")
    shape = choose_format(json=json, csv=csv, table=table, output=output, allowed=allowed)
    check_outputs([], {"--output": output})
    found = encodings()
    deliver(found, shape, output, quiet=True)
    if shape == "table":
        tell(*(f"{entry.name}: {entry.error}" for entry in found if entry.error is not None))
