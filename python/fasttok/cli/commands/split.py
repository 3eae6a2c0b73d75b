"""`fasttok split`: a text in slices of at most so many tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from fasttok.cli import complete
from fasttok.cli.options import Command
from fasttok.cli.output import check_outputs, emit
from fasttok.cli.text import encoding_option, read_text, text_argument, tokens_option

if TYPE_CHECKING:
    from fasttok._util.types import Boundary


@click.command(name="split", cls=Command, short_help="Split a text into slices of at most N tokens.")
@text_argument
@tokens_option
@encoding_option
@click.option(
    "--overlap",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    help="The most tokens of the end of a slice with which the next one begins.",
)
@click.option(
    "--boundary",
    type=click.Choice(["char", "word", "sentence", "line", "paragraph"]),
    default="char",
    show_default=True,
    help="Where slices end, if one fits that does; else at the next finer boundary.",
)
@click.option("-0", "--null", is_flag=True, help="Print the slices as they are, each ended by a NUL, for xargs -0.")
@click.option("-o", "--output", type=complete.PATH, metavar="FILE", help="Write to FILE, whole or not at all.")
def command(
    path: str, most: int, encoding: str, overlap: int, boundary: Boundary, null: bool, output: str | None
) -> None:
    """Print a text in slices of at most N tokens, each counted by itself: JSON lines of index, tokens and text.

    The text is FILE, or standard input without one or with -. Without --overlap the slices joined are the text.

    \b
        fasttok split -n 512 --boundary paragraph book.txt > slices.jsonl
    """
    from fasttok.tokenizers.resolve import resolve

    if overlap and overlap >= most:
        raise click.UsageError(f"--overlap must be less than -n, which is {most}, not {overlap}")
    check_outputs([path], {"--output": output})
    loaded = resolve(encoding)
    slices = loaded.split(read_text(path), most, overlap=overlap, boundary=boundary)

    def lines() -> Iterator[str]:
        for i, text in enumerate(slices):
            fields = {"index": i, "tokens": loaded.count(text), "text": text}
            yield json.dumps(fields, ensure_ascii=False) + "\n"

    emit((f"{text}\0" for text in slices) if null else lines(), output)
