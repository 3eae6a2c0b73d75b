"""`fasttok verify`: whether an encoding gives what its reference gives, on one's own text."""

from __future__ import annotations

import json as json_module

import click

from fasttok._util.escapes import escaped
from fasttok.cli.options import Command
from fasttok.cli.output import FAILED, OK, SKIPPED, check_outputs, choose_format, emit, skipped_lines, tell


@click.command(
    name="verify",
    cls=Command,
    epilog="Exit codes: 0 the same ids everywhere, 1 a difference or an error, 2 wrong usage, 3 the same ids but "
    "some rows were skipped, 130 interrupted.",
)
@click.argument("tokenizer")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--field", metavar="NAME", help="The JSONL field with the text. [default: text]")
@click.option("--format", type=click.Choice(["text", "lines", "jsonl"]), help="Read every file as this.")
@click.option(
    "--built-in",
    type=click.IntRange(min=0),
    default=5_000,
    show_default=True,
    metavar="N",
    help="Compare on N generated texts, too.",
)
@click.option("--no-progress", is_flag=True, help="Show no progress bar.")
@click.option("--json", is_flag=True, help="Print JSON.")
@click.option("-o", "--output", metavar="FILE", help="Write to FILE: whole or not at all.")
def command(
    tokenizer: str,
    paths: tuple[str, ...],
    field: str | None,
    format: str | None,
    built_in: int,
    no_progress: bool,
    json: bool,
    output: str | None,
) -> int:
    """Compare TOKENIZER with the library that defines it: tiktoken, tokenizers, sentencepiece or mistral-common.

    TOKENIZER is a tokenizer file, a folder, a name on the Hugging Face hub or an embedded encoding. Every id of
    every document is compared, with special tokens as plain text and as tokens; so are generated texts that
    tokenizers get wrong, half of them made of the vocabulary's own tokens that begin or end inside a character.

    PATH is the same as for `fasttok count`: a file (also .gz, .zst), a folder, a glob in quotes, or -.
    """
    from fasttok.inputs.documents import Reader
    from fasttok.render.progress import shown
    from fasttok.tokenizers.resolve import resolve
    from fasttok.verify.compare import named, verify

    shape = choose_format(json=json, output=output, allowed=("json", "table"))
    check_outputs([tokenizer, *paths], {"--output": output})
    if not built_in and not paths:
        raise click.UsageError("nothing to compare: no PATH and --built-in 0")
    with shown(not no_progress) as told:
        reader = Reader(list(paths), ("file",), field, format=format, progress=told)  # type: ignore[arg-type]
        found = verify(resolve(tokenizer), named(reader) if paths else (), built_in)
    if paths:
        found.skipped = reader.ledger.skipped
        tell(*skipped_lines(reader.ledger, "fasttok count --ledger FILE lists them"))
    if shape == "json":
        emit(json_module.dumps(found.to_dict(), indent=2, ensure_ascii=False) + "\n", output)
    else:
        emit(_told(found.to_dict()), output)
    if found.differences:
        return FAILED
    return SKIPPED if found.skipped else OK


def _told(found: dict[str, object]) -> str:
    first = found["first"]
    assert isinstance(first, list)
    lines = []
    for one in first:
        lines += [
            f"{escaped(one['document'])}, special={one['special']}, near character {one['offset']}: {one['text']!r}",
            f"  fasttok    {one['fasttok']} (counts {one['count']})",
            f"  reference  {one['reference']}",
        ]
    documents = f"{found['documents']:,} documents and {found['built_in']:,} built-in texts"
    lines.append(
        f"{found['encoding']} ({found['pretokenizer']}) and {found['reference']} {found['reference_version']}: "
        f"{documents}, {found['comparisons']:,} comparisons, {found['differences']:,} differences"
    )
    if found["reference_failed"]:
        lines.append(f"{found['reference']} itself failed {found['reference_failed']:,} times")
    if found["skipped"]:
        lines.append(f"{found['skipped']:,} records could not be read")
    return "\n".join(lines) + "\n"
