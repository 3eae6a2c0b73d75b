"""Prompts of conversations as a table."""

from __future__ import annotations

from fasttok.render import summaries
from fasttok.render.blocks import Block, Note
from fasttok.render.drawing import Drawing
from fasttok.render.layout import Column, Layout
from fasttok.reports.presenters import register
from fasttok.reports.prompts import PromptsReport


def _blocks(report: PromptsReport, width: int | None) -> list[Block]:
    names = {
        "conversations": "conversations",
        "messages": "messages",
        "tokens": "tokens",
        "text_tokens": "of texts",
        "longest": "longest",
    }
    columns = [Column(header, [f"{getattr(each, name):,}" for each in report.sums]) for name, header in names.items()]
    blocks: list[Block] = [
        Layout(
            [Column("the number is", [each.label for each in report.sums], is_name=True, is_key=True), *columns],
            given_up=(("of texts", 13), ("messages", 13)),
        )
    ]
    blocks += [
        Note(f"{each.label}: leaves out {'; '.join(each.leaves_out)}.") for each in report.sums if each.leaves_out
    ]
    if other := report.manifest["not_counted"]:
        blocks.append(Note(f"Not counted: {', '.join(f'{count:,} {kind}' for kind, count in other.items())}."))
    return blocks


def _told(report: PromptsReport) -> str:
    return summaries.run(report.manifest, report.ledger, report.manifest["text_bytes"])


register(PromptsReport.kind, Drawing("prompts", _blocks, _told))
