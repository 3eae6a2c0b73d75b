"""What a shell offers where an option or argument is being typed. Knows names, and loads no tokenizer.

`fasttok completions` prints what makes a shell ask.
"""

from __future__ import annotations

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

PATH = click.Path(readable=False)
"""What is a path to the shell, and to the command a text: files are looked at by who reads them."""


def encodings(context: click.Context, param: click.Parameter, typed: str) -> list[CompletionItem]:
    """Encodings that ship inside, models with one that can be counted with, and files; after a comma, one more."""
    from fasttok.tokenizers.models import listed, look_up
    from fasttok.tokenizers.resolve import list_encodings

    models = [name for name, _ in listed() if look_up(name).tokenizer is not None]
    return _among([*list_encodings(), *(models if typed else ())], typed) or [CompletionItem(typed, type="file")]


def models(context: click.Context, param: click.Parameter, typed: str) -> list[CompletionItem]:
    """Models that are known by name; after a comma, one more."""
    from fasttok.tokenizers.models import listed

    return _among([name for entry, others in listed() for name in (entry, *others)], typed)


def _among(names: Iterable[str], typed: str) -> list[CompletionItem]:
    before, comma, last = typed.rpartition(",")
    return [CompletionItem(f"{before}{comma}{name}") for name in dict.fromkeys(names) if name.startswith(last)]
