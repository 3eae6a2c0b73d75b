"""`fasttok show`: the tokens of a text in colours."""

from __future__ import annotations

import os
import sys

import click

from fasttok._util.paths import STDIN
from fasttok.cli.options import Command
from fasttok.cli.output import emit, tell
from fasttok.cli.text import encoding_option, read_text


@click.command(name="show", cls=Command, short_help="Show the tokens of a text in colours.")
@click.argument("text", metavar="[FILE|TEXT]", default=STDIN)
@encoding_option
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colours: on a terminal, always or never.",
)
def command(text: str, encoding: str, color: str) -> None:
    """Show the tokens of a text: of a file, of standard input, or of the argument itself where there is no such file.

    In colours, each token has another background than its neighbours, line ends are shown as ↵, and characters
    that several tokens have a part of are followed by how many. Without colours there is a line for each: where it
    begins and ends, in characters, the ids of its tokens, and its text.
    """
    from fasttok.measures.show import show
    from fasttok.reports.presenters import presenter_of

    view = show(read_text(text) if text == STDIN or os.path.exists(text) else text, encoding)
    on_terminal = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    if color == "always" or (color == "auto" and on_terminal):
        # What the text holds of escape sequences is written out.
        click.echo(view.coloured(), color=True)
    elif view.spans:
        emit(f"{view}\n", None)
    tell(presenter_of(view.kind).summary(view))
