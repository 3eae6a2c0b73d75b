"""`fasttok show`: the tokens of a text in colours."""

from __future__ import annotations

import os
import sys

import click

from fasttok._util.paths import STDIN
from fasttok.cli import complete
from fasttok.cli.options import Command
from fasttok.cli.output import check_outputs, emit, tell
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
@click.option("--html", type=complete.PATH, metavar="FILE", help="Write the colours as a page, and print no tokens.")
def command(text: str, encoding: str, color: str, html: str | None) -> None:
    """Show the tokens of a text: of a file, of standard input, or of the argument itself where there is no such file.

    In colours, each token has another background than its neighbours, line ends are shown as ↵, and characters
    that several tokens have a part of are followed by how many. Without colours there is a line for each: where it
    begins and ends, in characters, the ids of its tokens, and its text.
    """
    from fasttok.measures.show import show
    from fasttok.reports.presenters import presenter_of

    is_file = text != STDIN and os.path.exists(text)
    check_outputs([text] if is_file else [], {"--html": html})
    view = show(read_text(text) if text == STDIN or is_file else text, encoding)
    on_terminal = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    if html is not None:
        view.to_html(html)
    elif color == "always" or (color == "auto" and on_terminal):
        # What the text holds of escape sequences is written out.
        click.echo(view.coloured(), color=True)
    elif view.spans:
        emit(f"{view}\n", None)
    said = presenter_of(view.kind).summary(view)
    if not is_file and _is_like_a_path(text):
        said += "; there is no such file, so that these are the tokens of its name"
    tell(said)


def _is_like_a_path(text: str) -> bool:
    """Whether a file may have been meant: one word with a folder or a suffix."""
    stem, suffix = os.path.splitext(text)
    return not any(c.isspace() for c in text) and text != STDIN and (os.sep in text or (len(suffix) > 1 and stem != ""))
