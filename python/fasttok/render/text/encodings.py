"""A list of encodings as a table."""

from __future__ import annotations

from fasttok.render.blocks import Block
from fasttok.render.drawing import Drawing
from fasttok.render.layout import Column, Layout
from fasttok.reports.encodings import Encodings
from fasttok.reports.presenters import register


def _blocks(found: Encodings, width: int | None) -> list[Block]:
    def number(value: int | None) -> str:
        return "" if value is None else f"{value:,}"

    cells = {
        "encoding": [entry.name for entry in found],
        "pretokenizer": [entry.pretokenizer or "refused" for entry in found],
        "vocabulary": [number(entry.n_vocab) for entry in found],
        "special": [number(entry.special_tokens) for entry in found],
        "MB": ["" if entry.bytes is None else f"{entry.bytes / 1e6:.1f}" for entry in found],
        "sha256": [(entry.hash or "")[:8] for entry in found],
    }
    names = ("encoding", "pretokenizer", "sha256")
    columns = [Column(header, column, is_name=header in names) for header, column in cells.items()]
    return [Layout(columns, given_up=(("MB", 0), ("special", 0)))]


def _told(found: Encodings) -> str:
    refused = sum(entry.error is not None for entry in found)
    return f"{len(found):,} encodings" + (f", {refused:,} of which cannot be counted exactly" if refused else "")


register(Encodings.kind, Drawing("a list of encodings", _blocks, _told))
