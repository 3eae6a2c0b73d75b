"""`fasttok encodings`: the encodings that ship inside."""

from __future__ import annotations

import csv as csv_module
import io
import json as json_module
import sys

import click

import fasttok
from fasttok.cli._output import choose_format, emit, output_options

COLUMNS = ("name", "pretokenizer", "n_vocab", "special_tokens", "hash")


@click.command(name="encodings")
@output_options
def command(*, json: bool, csv: bool, table: bool, output: str | None) -> None:
    """List the encodings that ship inside.

    The hash is the SHA-256 of the official vocabulary file that an encoding was made from.
    """
    shape = choose_format(json=json, csv=csv, table=table, output=output)
    rows = []
    for name in fasttok.list_encodings():
        encoding = fasttok.get_encoding(name)
        rows.append((name, encoding.pretokenizer, encoding.n_vocab, len(encoding.special_tokens), encoding.hash))

    if shape == "json":
        listed = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        emit(json_module.dumps(listed, indent=2) + "\n", output)
    elif shape == "table" and output is None:
        from rich.console import Console

        from fasttok._table import Column, Layout, print_layout

        cells = [[str(row[i]) for row in rows] for i in range(2)]
        cells += [[f"{row[i]:,}" for row in rows] for i in (2, 3)]
        cells.append([row[4][:16] for row in rows])
        headers = ("encoding", "pretokenizer", "vocabulary", "special", "sha256")
        columns = [
            Column(h, c, is_name=h not in ("vocabulary", "special")) for h, c in zip(headers, cells, strict=True)
        ]
        print_layout(Layout(columns), Console(file=sys.stdout))
    else:
        out = io.StringIO()
        writer = csv_module.writer(out, lineterminator="\n", delimiter="," if shape == "csv" else "\t")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
        emit(out.getvalue(), output)
