"""`fasttok demo`: the main job on a small parallel sample that ships inside."""

from __future__ import annotations

import click

from fasttok.cli.options import Command
from fasttok.cli.output import check_outputs, choose_format, deliver, output_options

ENCODINGS = ("o200k_base", "cl100k_base", "p50k_base", "r50k_base")
"""One for each vocabulary: o200k_harmony, p50k_edit and gpt2 count plain text as these do."""


@click.command(name="demo", cls=Command, short_help="Count the sample that ships inside.")
@output_options
def command(*, json: bool, csv: bool, table: bool, output: str | None) -> None:
    """Count the sample that ships inside: 40 sentences in 14 languages.

    It is made for demonstration and is no evidence about any language or tokenizer.
    """
    from importlib.resources import as_file, files

    from fasttok.measures.count import count_corpus

    shape = choose_format(json=json, csv=csv, table=table, output=output)
    check_outputs([], {"--output": output})
    with as_file(files("fasttok") / "demo" / "sample.jsonl") as sample:
        report = count_corpus(sample, ENCODINGS, by="language").sorted_by("tokens", reverse=True)
    # The table has the note below it.
    deliver(report, shape, output, quiet=shape == "table", drawn_as="demo")
