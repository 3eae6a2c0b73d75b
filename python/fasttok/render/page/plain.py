"""The page of any report: its blocks and its manifest. Knows no kind of report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from fasttok.render.blocks import Block, Lines, Title
from fasttok.render.html import table
from fasttok.render.layout import Layout
from fasttok.render.page.shell import page, paragraph, section


def plain_page(manifest: Mapping[str, Any], heading: str, blocks: Sequence[Block], summary: str) -> str:
    """The page of a report that has no charts in its page."""
    parts: list[str] = []
    notes = []
    for block in blocks:
        if isinstance(block, Title):
            parts.append(f"<h3>{escape(block.text)}</h3>")
        elif isinstance(block, Layout):
            parts.append(f'<div class="scroll" tabindex="0" role="region" aria-label="Table">{table(block)}</div>')
        elif isinstance(block, Lines):
            parts += [paragraph(line) for line in block.lines]
        else:
            notes.append(paragraph(block.text))
    body = section("found", "What was found", *parts)
    if notes:
        body += section("notes", "To read the numbers", *notes)
    return page(heading, f"{summary}.", body, {}, manifest, {})
