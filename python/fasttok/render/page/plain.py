"""The page of any report: its blocks and its manifest. Knows no kind of report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from fasttok.render.blocks import Block, Lines, Title
from fasttok.render.html import sortable_layout
from fasttok.render.layout import Layout
from fasttok.render.page.shell import chart, page, paragraph, section


def plain_page(
    manifest: Mapping[str, Any],
    heading: str,
    blocks: Sequence[Block],
    lead: str,
    drawn: Mapping[str, Any] | None = None,
) -> str:
    """The page of a report that has none of its own. `drawn`: its chart as Vega-Lite, with its data."""
    parts: list[str] = []
    data: dict[str, Any] = {}
    if drawn is not None:
        parts.append(f'<div class="found">{chart("chart", heading)}</div>')
        spec = {**drawn, "data": {"name": "rows"}}
        data["charts"] = [{"id": "chart", "spec": spec, "values": drawn["data"]["values"]}]
    notes = []
    for i, block in enumerate(blocks):
        if isinstance(block, Title):
            parts.append(f"<h3>{escape(block.text)}</h3>")
        elif isinstance(block, Layout):
            parts.append(sortable_layout(block, f"table-{i}", heading))
        elif isinstance(block, Lines):
            parts += [paragraph(line) for line in block.lines]
        else:
            notes.append(paragraph(block.text))
    body = section("found", "What was found", *parts)
    if notes:
        body += section("notes", "To read the numbers", *notes)
    return page(heading, lead, body, {}, manifest, data)
