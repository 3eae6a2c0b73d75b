"""One text in, by file or on standard input, and what it is counted by: what commands on a single text share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from fasttok._util.paths import STDIN
from fasttok.cli import complete
from fasttok.errors import InvalidUtf8Error

Function = TypeVar("Function", bound=Callable[..., Any])

text_argument = click.argument("path", metavar="[FILE]", type=complete.PATH, default=STDIN)

encoding_option = click.option(
    "-e",
    "--encoding",
    "-m",
    "--model",
    "encoding",
    metavar="NAME",
    default="o200k_base",
    show_default=True,
    shell_complete=complete.encodings,
    help="The encoding to count with: a name, a model (gpt-5.5) or a tokenizer file.",
)

tokens_option = click.option(
    "-n",
    "--tokens",
    "most",
    type=click.IntRange(min=0),
    metavar="N",
    required=True,
    help="The most tokens that a text may have.",
)


def read_text(path: str) -> str:
    """The text of a file, or of standard input for ``-``: UTF-8, every byte as it is."""
    if path == STDIN:
        if sys.stdin.isatty():
            raise click.UsageError("no text: name a FILE, or pipe one in")
        data = sys.stdin.buffer.read()
    else:
        with open(path, "rb") as file:
            data = file.read()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        name = "standard input" if path == STDIN else path
        raise InvalidUtf8Error(f"{name} is not UTF-8 at byte {error.start}", offset=error.start) from None
