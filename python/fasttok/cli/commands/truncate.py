"""`fasttok truncate`: as much of a text as has at most so many tokens."""

from __future__ import annotations

import json as json_lines

import click

from fasttok.cli import complete
from fasttok.cli.options import Command
from fasttok.cli.output import check_outputs, emit
from fasttok.cli.text import encoding_option, read_text, text_argument, tokens_option


@click.command(name="truncate", cls=Command, short_help="Cut a text to at most N tokens.")
@text_argument
@tokens_option
@encoding_option
@click.option(
    "--side",
    type=click.Choice(["right", "left"]),
    default="right",
    show_default=True,
    help="From which side text is left out.",
)
@click.option("--json", is_flag=True, help="Print a JSON object: text, tokens, truncated.")
@click.option("-o", "--output", type=complete.PATH, metavar="FILE", help="Write to FILE, whole or not at all.")
def command(path: str, most: int, encoding: str, side: str, json: bool, output: str | None) -> None:
    """Print the longest beginning of a text that has at most N tokens, or with --side left the longest end.

    The text is FILE, or standard input without one or with -. It is cut between characters only, and exactly: what is
    printed is counted by itself. Nothing is added, not even a line end.

    \b
        git diff | fasttok truncate -n 8000 -e cl100k_base
    """
    from fasttok.tokenizers.resolve import resolve

    check_outputs([path], {"--output": output})
    result = resolve(encoding).truncate(read_text(path), most, side="left" if side == "left" else "right")
    if json:
        fields = {"text": result.text, "tokens": result.tokens, "truncated": result.truncated}
        emit(json_lines.dumps(fields, ensure_ascii=False) + "\n", output)
    else:
        emit(result.text, output)
