"""What a run would read, as a table: the largest files, and sums by format."""

from __future__ import annotations

from collections import Counter

from fasttok.render import format
from fasttok.render.blocks import Block, Note, Title
from fasttok.render.drawing import Drawing
from fasttok.render.layout import Column, Layout
from fasttok.reports.plan import Plan, PlannedFile
from fasttok.reports.presenters import register

SHOWN = 20
"""The most files that a table shows: --json and --csv have all."""


def _kind(file: PlannedFile) -> str:
    if file.reason is not None:
        return f"not read: {file.reason}"
    return f"{file.format or '?'}{f' in {file.compression}' if file.compression else ''}"


def _formats(plan: Plan) -> Layout:
    files, sizes = Counter(map(_kind, plan)), Counter[str]()
    for file in plan:
        sizes[_kind(file)] += file.bytes or 0
    kinds = sorted(files, key=lambda kind: (kind.startswith("not read"), -sizes[kind], kind))
    totals = plan.totals()
    return Layout(
        [
            Column("format", [*kinds, "read"], is_name=True, is_key=True),
            Column("files", [*(f"{files[kind]:,}" for kind in kinds), f"{totals['files']:,}"]),
            Column("bytes", [*(f"{sizes[kind]:,}" for kind in kinds), f"{totals['bytes']:,}"]),
        ],
        footer_rows=1,
    )


def _largest(plan: Plan) -> Layout:
    largest = sorted(plan, key=lambda file: (-(file.bytes or 0), file.file))[:SHOWN]
    return Layout(
        [
            Column("file", [format.key(file.file) for file in largest], is_name=True, is_key=True, keeps_end=True),
            Column("format", [_kind(file) for file in largest], is_name=True),
            Column("bytes", ["-" if file.bytes is None else f"{file.bytes:,}" for file in largest]),
        ],
        given_up=(("bytes", 12),),
    )


def _blocks(plan: Plan, width: int | None) -> list[Block]:
    if not len(plan):
        return [Note("No file was found.")]
    title = "Files" if len(plan) <= SHOWN else f"The {SHOWN} largest of {len(plan):,} files"
    blocks: list[Block] = [_formats(plan), Title(title), _largest(plan)]
    rate = plan.manifest["rate"]
    if plan.seconds is None:
        blocks.append(Note("No time is expected: there is no uncompressed text on this disk to measure a rate by."))
    else:
        expected = "Less than 0.1 s" if plan.seconds < 0.1 else f"About {plan.seconds:,.{plan.seconds < 10:d}f} s"
        blocks.append(
            Note(
                f"{expected}, by the {rate['mb_per_second']:,.0f} MB/s "
                f"at which a worker counted the beginning of {format.key(rate['file'])}; packed files count threefold."
            )
        )
    return blocks


def _told(plan: Plan) -> str:
    totals = plan.totals()
    return (
        f"{totals['files']:,} files, {format.size(totals['bytes'])} as stored, would be read; "
        f"{totals['files_passed_by']:,} would not; nothing was counted"
    )


register(Plan.kind, Drawing("a plan", _blocks, _told))
