"""Where a command's data go: a terminal, a pipe or a file; as a table, TSV, CSV or JSON."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click

from fasttok._files import write_atomically

Format = Literal["table", "tsv", "csv", "json"]
Function = TypeVar("Function", bound=Callable[..., Any])


def output_options(function: Function) -> Function:
    """Add `--json`, `--csv`, `--table` and `-o FILE`."""
    for option in (
        click.option("-o", "--output", metavar="FILE", help="Write to FILE: whole or not at all."),
        click.option("--table", is_flag=True, help="Print the table, also on a pipe."),
        click.option("--csv", is_flag=True, help="Print CSV."),
        click.option("--json", is_flag=True, help="Print JSON."),
    ):
        function = option(function)
    return function


def choose_format(*, json: bool, csv: bool, table: bool, output: str | None) -> Format:
    """What is asked for; else what the name of the output file says; else a table on a terminal and TSV on a pipe."""
    chosen: list[Format] = []
    if json:
        chosen.append("json")
    if csv:
        chosen.append("csv")
    if table:
        chosen.append("table")
    if len(chosen) > 1:
        raise click.UsageError("--json, --csv and --table exclude each other")
    if chosen:
        return chosen[0]
    if output is not None:
        extension = os.path.splitext(output)[1].lower()
        by_extension: dict[str, Format] = {".json": "json", ".csv": "csv"}
        return by_extension.get(extension, "tsv")
    return "table" if sys.stdout.isatty() else "tsv"


def check_writable(path: str) -> None:
    """Refuse an output file that cannot be written, before the work is done rather than after."""
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        reason = "it is a folder"
    elif not os.path.exists(path) and not os.path.isdir(folder):
        reason = f"there is no folder {os.path.dirname(path) or folder}"
    elif not os.access(path if os.path.exists(path) else folder, os.W_OK):
        reason = "permission denied"
    else:
        return
    raise click.ClickException(f"cannot write {path}: {reason}")


def emit(text: str, output: str | None) -> None:
    """Write data to the file `output`, or to standard output."""
    if output is None:
        # Bytes, so that lines end the same everywhere and the locale changes nothing.
        data = text.encode("utf-8", "backslashreplace")
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        write_atomically(output, text)
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror or error}") from None


def stop_writing() -> None:
    """Point standard output at nothing, so that what is still buffered fails no more when the process ends."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
