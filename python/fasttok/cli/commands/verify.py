"""`fasttok verify`: whether an encoding gives what its reference gives, on one's own text."""

from __future__ import annotations

from typing import Any

import click

from fasttok.cli import complete
from fasttok.cli.options import Command, corpus_arguments, corpus_options, paths_argument
from fasttok.cli.output import FAILED, OK, SKIPPED, choose_format, emit, passed_over, skipped_lines, tell, where_listed
from fasttok.options import PathsKeywords


@click.command(
    name="verify",
    cls=Command,
    short_help="Compare a tokenizer with the library that defines it.",
    epilog="Exit codes: 0 the same ids everywhere, 1 a difference or an error, 2 wrong usage, 3 the same ids but "
    "some rows were skipped, 130 interrupted.",
)
@click.argument("tokenizer", shell_complete=complete.encodings)
@paths_argument
@corpus_options(PathsKeywords)
@click.option(
    "--built-in",
    type=click.IntRange(min=0),
    default=5_000,
    show_default=True,
    metavar="N",
    help="Compare on N generated texts, too.",
)
@click.option("--json", is_flag=True, help="Print JSON.")
@click.option("-o", "--output", type=complete.PATH, metavar="FILE", help="Write to FILE: whole or not at all.")
def command(
    tokenizer: str,
    paths: tuple[str, ...],
    built_in: int,
    json: bool,
    output: str | None,
    **corpus: Any,
) -> int:
    """Compare TOKENIZER with the library that defines it: tiktoken, tokenizers, sentencepiece or mistral-common.

    TOKENIZER is a tokenizer file, a folder, a name on the Hugging Face hub or an embedded encoding. Every id of
    every document is compared, with special tokens as plain text and as tokens; so are generated texts that
    tokenizers get wrong, half of them made of the vocabulary's own tokens that begin or end inside a character.

    PATH is the same as for `fasttok count`: a file (also .gz, .zst, .bz2, .xz), a folder, a glob in quotes, or -.
    """
    from fasttok.tokenizers.resolve import resolve
    from fasttok.verify.compare import verify_files

    shape = choose_format(json=json, output=output, allowed=("json", "table"))
    arguments = corpus_arguments(corpus, [tokenizer, *paths], {"--output": output})
    if not built_in and not paths and corpus["files_from"] is None:
        raise click.UsageError("nothing to compare: no PATH and --built-in 0")
    found = verify_files(resolve(tokenizer), list(paths), built_in=built_in, **arguments)
    # All of it is what was asked for, the last line too.
    emit(found.to_json() if shape == "json" else f"{found}\n", output)
    if not corpus["quiet"]:
        tell(*skipped_lines(found.ledger, where_listed(corpus)), *passed_over(found.manifest))
    if found.differences:
        return FAILED
    return SKIPPED if found.ledger.skipped else OK
