"""Claims with their measurements and verdicts, as tables."""

from __future__ import annotations

from fasttok.render import format, summaries
from fasttok.render.blocks import Block, Title
from fasttok.render.drawing import Drawing
from fasttok.render.layout import Column, Layout
from fasttok.reports.claims import MEASURES, Claim, ClaimsReport
from fasttok.reports.presenters import register


def _measured(report: ClaimsReport, claim: Claim) -> Layout:
    found = report.of(claim.id)
    return Layout(
        [
            Column("text", [m.text for m in found], is_name=True, is_key=True),
            Column("encoding", [m.encoding for m in found], is_name=True),
            Column("said", [format.range(claim.low, claim.high) for _ in found]),
            Column("measured", [format.general(m.value) for m in found]),
            Column(
                format.confidence(report.manifest["bootstrap"]["confidence"]),
                [format.range(m.low, m.high) for m in found],
            ),
            Column("verdict", [m.verdict for m in found], is_name=True),
        ],
        given_up=((format.confidence(report.manifest["bootstrap"]["confidence"]), 12),),
    )


def _blocks(report: ClaimsReport, width: int | None) -> list[Block]:
    blocks: list[Block] = []
    for claim in report.claims:
        if report.of(claim.id):
            blocks += [Title(f"{claim.says}: {report.verdict(claim.id)}", close=True), _measured(report, claim)]
    return blocks


def _told(report: ClaimsReport) -> str:
    verdicts = [report.verdict(claim.id) for claim in report.claims]
    counts = ", ".join(
        f"{verdicts.count(verdict)} {verdict}"
        for verdict in ("holds", "fails", "depends", "not measured")
        if verdict in verdicts
    )
    rows = f"; {summaries.rows(report.ledger)}" if report.ledger.seen else ""
    return f"{len(verdicts)} claims: {counts}{rows}"


def _markdown(report: ClaimsReport) -> str:
    lines = ["| claim | verdict | measured |", "|---|---|---|"]
    for claim in report.claims:
        values = [entry.value for entry in report.of(claim.id)]
        shown = sorted({format.general(min(values)), format.general(max(values))}, key=float) if values else []
        span = f"{'–'.join(shown)} (said: {format.range(claim.low, claim.high)})" if values else format.NONE
        lines.append(f"| [{claim.says}](#{claim.id}) | {report.verdict(claim.id)} | {span} |")
    confidence = format.confidence(report.manifest["bootstrap"]["confidence"])
    for claim in report.claims:
        found = report.of(claim.id)
        lines += ["", f'<a id="{claim.id}"></a>', "", f"### {claim.says}", ""]
        lines.append(
            f"Found in: {claim.source}. Measured: {MEASURES[claim.measure]}"
            + (f" (older: `{claim.older}`)" if claim.older else "")
            + f". Holds from {claim.low:g} to {claim.high:g}. Verdict: **{report.verdict(claim.id)}**."
        )
        if not found:
            lines += ["", "Not measured: no text in this language, or no encoding that it is about, was given."]
            continue
        lines += ["", f"| text | encoding | value | {confidence} | units | verdict |", "|---|---|---|---|---|---|"]
        lines += [
            f"| {m.text} | {m.encoding} | {format.general(m.value)} | {format.range(m.low, m.high)} | {m.units:,} "
            f"| {m.verdict} |"
            for m in found
        ]
    return "\n".join(lines) + "\n"


register(ClaimsReport.kind, Drawing("a claims report", _blocks, _told, as_markdown=_markdown))
