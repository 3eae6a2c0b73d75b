"""`fasttok prompts`: the tokens of conversations as they are sent to a model."""

from __future__ import annotations

import json as json_library
from datetime import datetime
from typing import Any

import click

from fasttok.cli import complete
from fasttok.cli.options import Command, corpus_arguments, corpus_options, paths_argument, paths_or_piped
from fasttok.cli.output import choose_format, deliver_counted, output_options
from fasttok.options import LogKeywords
from fasttok.reports.prompt import RENDERINGS


@click.command(
    name="prompts",
    cls=Command,
    short_help="Count conversations as they are sent to a model.",
    epilog="Exit codes: 0 all rows counted, 1 error, 2 wrong usage, 3 some rows were skipped, 130 interrupted.",
)
@paths_argument
@click.option(
    "-e",
    "--encoding",
    default="o200k_harmony",
    show_default=True,
    metavar="NAME",
    shell_complete=complete.encodings,
    help="The encoding: a name or a tokenizer file.",
)
@click.option(
    "--rendering",
    type=click.Choice(RENDERINGS),
    help="How conversations become what is sent. [default: what belongs to the encoding]",
)
@click.option("--template", metavar="FILE", help="A chat template, a tokenizer_config.json, or the folder of one.")
@click.option(
    "--no-generation-prompt", is_flag=True, help="End with the last message, not where the model is to answer."
)
@click.option(
    "--date",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="What the model is told to be the date. [default: a template is told today's]",
)
@click.option(
    "--variable",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="What else a template asks for, as JSON or as a text: enable_thinking=false. May be repeated.",
)
@corpus_options(LogKeywords)
@output_options
def command(
    paths: tuple[str, ...],
    encoding: str,
    rendering: Any,
    template: str | None,
    no_generation_prompt: bool,
    date: datetime | None,
    variables: tuple[str, ...],
    json: bool,
    csv: bool,
    table: bool,
    output: str | None,
    **corpus: Any,
) -> int:
    """Count the conversations in files as they are sent to a model: with what marks roles and turns, and with the
    tools.

    PATH is a file (also .gz, .zst, .bz2, .xz), a folder, a glob in quotes, or - for standard input. Records are those
    that count --format messages reads: chats, instruction data, requests of batches.

    Each number is labelled: exact, an estimate, or of the texts only, with what it leaves out.

    "How long are our prompts for this model?"

    \b
        fasttok prompts chats.jsonl -e tokenizer.json --template chat.jinja
    """
    from fasttok.measures.prompts import count_prompts

    shape = choose_format(json=json, csv=csv, table=table, output=output)
    inputs = paths_or_piped(paths, corpus)
    arguments = corpus_arguments(corpus, [*inputs, *([template] if template else [])], {"--output": output})
    report = count_prompts(
        inputs,
        encoding,
        rendering=rendering,
        template=template,
        add_generation_prompt=not no_generation_prompt,
        date=None if date is None else date.date(),
        variables=dict(map(_variable, variables)),
        **arguments,
    )
    return deliver_counted(report, shape, output, report.ledger, corpus)


def _variable(given: str) -> tuple[str, Any]:
    name, equals, value = given.partition("=")
    if not name or not equals:
        raise click.UsageError(f"--variable is NAME=VALUE, not {given}")
    try:
        return name, json_library.loads(value, parse_constant=_refused)
    except ValueError:
        return name, value


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is Python's, and no JSON")
