"""What a comparison with a reference found, in sentences."""

from __future__ import annotations

from fasttok.render import format, summaries
from fasttok.render.blocks import Block, Lines
from fasttok.render.drawing import Drawing
from fasttok.reports.presenters import register
from fasttok.reports.verification import VerificationReport


def _blocks(report: VerificationReport, width: int | None) -> list[Block]:
    lines = []
    for one in report.first:
        place = f"{format.key(one.document)}, special={one.special}, near character {one.offset}"
        lines += [
            f"{place}: {one.text!r}",
            f"  fasttok    {one.fasttok} (counts {one.count})",
            f"  reference  {one.reference}",
        ]
    return [Lines(lines, wrap=False)] if lines else []


def _told(report: VerificationReport) -> str:
    line = (
        f"{report.encoding} ({report.pretokenizer}) and {report.reference} {report.reference_version}: "
        f"{report.documents:,} documents and {report.built_in:,} built-in texts, {report.comparisons:,} comparisons, "
        f"{report.differences:,} differences"
    )
    if report.reference_failed:
        line += f"\n{report.reference} itself failed {report.reference_failed:,} times"
    if report.refused:
        line += f"\n{report.refused:,} built-in texts are beyond a limit of the tokenizer"
    if report.ledger.seen:
        line += f"\n{summaries.rows(report.ledger, 'compared')}"
    return line


register(VerificationReport.kind, Drawing("a verification", _blocks, _told))
