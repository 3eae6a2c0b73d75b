"""`fasttok demo`: the main job on a small parallel sample that ships inside."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import click

from fasttok.cli.options import Command
from fasttok.cli.output import check_outputs, choose_format, deliver, output_options
from fasttok.measures.count import count_corpus
from fasttok.reports.count import Group, Report

if TYPE_CHECKING:
    from rich.console import Console

ENCODINGS = ("o200k_base", "cl100k_base", "p50k_base", "r50k_base")
"""One for each vocabulary: o200k_harmony, p50k_edit and gpt2 count plain text as these do."""

PIVOT = "eng_Latn"
LANGUAGES = {
    "arb_Arab": "Arabic",
    "deu_Latn": "German",
    "eng_Latn": "English",
    "fra_Latn": "French",
    "hin_Deva": "Hindi",
    "jpn_Jpan": "Japanese",
    "kor_Hang": "Korean",
    "rus_Cyrl": "Russian",
    "spa_Latn": "Spanish",
    "tha_Thai": "Thai",
    "tur_Latn": "Turkish",
    "vie_Latn": "Vietnamese",
    "zho_Hans": "Chinese, simplified",
    "zho_Hant": "Chinese, traditional",
}

NOTE = (
    "The same 40 sentences in each language, written for this demonstration. They show what the command "
    "does; they are too few, and of too many kinds, to be evidence about any language or tokenizer."
)


@click.command(name="demo", cls=Command)
@output_options
def command(*, json: bool, csv: bool, table: bool, output: str | None) -> None:
    """Count the sample that ships inside: 40 sentences in 14 languages.

    It is made for demonstration and is no evidence about any language or tokenizer.
    """
    shape = choose_format(json=json, csv=csv, table=table, output=output)
    check_outputs([], {"--output": output})
    with as_file(files("fasttok") / "demo" / "sample.jsonl") as sample:
        report = count_corpus(sample, ENCODINGS, by="language").sorted_by("tokens", reverse=True)
    # The table has the note below it.
    deliver(report, shape, output, lambda console: _print(report, console), summary=None if shape == "table" else NOTE)


def _print(report: Report, console: Console) -> None:
    from rich.text import Text

    from fasttok.render.table import Column, Layout, decimal, print_layout

    first = report.encodings[0]
    names = Column("language", [LANGUAGES[code(group)] for group in report.groups], is_name=True, is_key=True)

    measured = [group.measures(first) for group in report.groups]
    console.print(Text(f"{first}: what the same text costs in each language\n", style="bold"))
    print_layout(
        Layout(
            [
                names,
                Column("bytes", [f"{group.bytes:,}" for group in report.groups]),
                Column("chars", [f"{group.chars:,}" for group in report.groups]),
                Column("tokens", [f"{measure['tokens']:,}" for measure in measured]),
                Column("tok/char", [decimal(measure["tokens_per_char"], 3) for measure in measured]),
                Column("B/tok", [decimal(measure["bytes_per_token"], 2) for measure in measured]),
                Column("× English", [decimal(times(report, group, first), 2) for group in report.groups]),
            ]
        ),
        console,
    )
    console.print(Text("\nTokens relative to English, by encoding\n", style="bold"))
    relative = [
        Column(name, [decimal(times(report, group, name), 2) for group in report.groups]) for name in report.encodings
    ]
    print_layout(Layout([names, *relative]), console)
    console.print(Text(f"\n{NOTE}", style="dim"))


def code(group: Group) -> str:
    """The language of a group, as a FLORES code."""
    return group.key["language"] or ""


def times(report: Report, group: Group, encoding: str) -> float | None:
    """How many times the tokens of the pivot language the group has."""
    pivot = next(other for other in report.groups if code(other) == PIVOT)
    return group.tokens[encoding] / pivot.tokens[encoding] if pivot.tokens[encoding] else None
