"""`fasttok encodings`: what is there to count with, without asking the network."""

from __future__ import annotations

import csv as csv_module
import io
import json as json_module
from typing import Any

import click

import fasttok
from fasttok.cli.options import Command
from fasttok.cli.output import Format, check_outputs, choose_format, emit, emit_table, output_options, tell
from fasttok.errors import FasttokError
from fasttok.tokenizers import hub

COLUMNS = ("name", "source", "pretokenizer", "n_vocab", "special_tokens", "bytes", "hash", "file", "error")


def listed() -> list[dict[str, Any]]:
    """The embedded encodings, then the repositories in the cache of the Hugging Face hub."""
    rows = [_row(fasttok.get_encoding(name), name=name, source="embedded") for name in fasttok.list_encodings()]
    for name, file in hub.cached():
        about = {"name": str(name), "source": "hub", "bytes": file.stat().st_size, "file": str(file)}
        try:
            rows.append(_row(fasttok.load(file.parent, name=str(name)), **about))
        except FasttokError as error:
            rows.append({**dict.fromkeys(COLUMNS), **about, "error": str(error)})
    return rows


def _row(encoding: fasttok.Encoding, **about: Any) -> dict[str, Any]:
    return {
        **dict.fromkeys(COLUMNS),
        "pretokenizer": encoding.pretokenizer,
        "n_vocab": encoding.n_vocab,
        "special_tokens": len(encoding.special_tokens),
        "hash": encoding.hash,
        **about,
    }


@click.command(name="encodings", cls=Command)
@output_options
def command(*, json: bool, csv: bool, table: bool, output: str | None) -> None:
    """List the encodings that ship inside, and those in the cache of the Hugging Face hub.

    The hash is the SHA-256 of the vocabulary file that an encoding was made from. Tokenizers in the cache that
    cannot be counted exactly are listed with the reason.
    """
    allowed: tuple[Format, ...] = ("json", "csv", "tsv", "table")
    shape = choose_format(json=json, csv=csv, table=table, output=output, allowed=allowed)
    check_outputs([], {"--output": output})
    rows = listed()
    if shape == "json":
        emit(json_module.dumps(rows, indent=2) + "\n", output)
    elif shape == "table":
        _print_table(rows, output)
    else:
        out = io.StringIO()
        writer = csv_module.writer(out, lineterminator="\n", delimiter="," if shape == "csv" else "\t")
        writer.writerow(COLUMNS)
        writer.writerows([["" if row[name] is None else row[name] for name in COLUMNS] for row in rows])
        emit(out.getvalue(), output)


def _print_table(rows: list[dict[str, Any]], output: str | None) -> None:
    from fasttok.render.table import Column, Layout, print_layout

    def number(value: int | None) -> str:
        return "" if value is None else f"{value:,}"

    cells = {
        "encoding": [row["name"] for row in rows],
        "pretokenizer": [row["pretokenizer"] or "refused" for row in rows],
        "vocabulary": [number(row["n_vocab"]) for row in rows],
        "special": [number(row["special_tokens"]) for row in rows],
        "MB": ["" if row["bytes"] is None else f"{row['bytes'] / 1e6:.1f}" for row in rows],
        "sha256": [(row["hash"] or "")[:8] for row in rows],
    }
    names = ("encoding", "pretokenizer", "sha256")
    columns = [Column(header, column, is_name=header in names) for header, column in cells.items()]
    emit_table(lambda console: print_layout(Layout(columns), console), output)
    tell(*(f"{row['name']}: {row['error']}" for row in rows if row["error"] is not None))
