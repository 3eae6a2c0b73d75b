"""A usage report as tables, as a chart and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fasttok.render import format, summaries
from fasttok.render.blocks import Block, Note, Title, first
from fasttok.render.drawing import Drawing
from fasttok.render.format import money
from fasttok.render.layout import Column, Layout
from fasttok.render.text.groups import add_groups, key_columns
from fasttok.render.usage import encoding_label, model_label, notes, part_name, parts, share, title
from fasttok.reports.presenters import register
from fasttok.reports.usage import UsageReport, UsageRow


def _number(value: int | None) -> str:
    return format.NONE if value is None else f"{value:,}"


def _groups(report: UsageReport) -> Layout:
    keys = report.by
    rows: list[UsageRow] = [*first(report.groups), report.totals] if keys else [report.totals]
    named = [
        Column(
            key,
            [format.key(row.key[key]) if row.key else ("total" if i == 0 else "") for row in rows],
            is_name=True,
            is_key=True,
        )
        for i, key in enumerate(keys)
    ]
    of_texts = bool(report.groups) and report.groups[0].requests is None
    columns = [*named]
    if not of_texts:
        recorded = [row.recorded for row in rows]
        columns += [
            Column("requests", [_number(row.requests) for row in rows]),
            Column("in", [_number(None if each is None else each.input_tokens) for each in recorded]),
            Column(
                "cached",
                [
                    format.percent(share(each.cached_input_tokens, each.input_tokens)) if each else format.NONE
                    for each in recorded
                ],
            ),
            Column("out", [_number(None if each is None else each.output_tokens) for each in recorded]),
        ]
    for name in report.encodings:
        several = f" {name}" if len(report.encodings) > 1 else ""
        each_ = [row.recount[name] for row in rows]
        columns += [
            Column(f"written{several}", [_number(each.written_tokens) for each in each_]),
            Column(f"sent{several}", [_number(each.sent_tokens) for each in each_]),
        ]
        if of_texts:
            whole = report.totals.recount[name].sent_tokens
            columns.append(Column("of sent", [format.percent(share(each.sent_tokens, whole)) for each in each_]))
        else:
            columns.append(
                Column(
                    f"re-sent{several}", [format.percent(share(each.resent_tokens, each.sent_tokens)) for each in each_]
                )
            )
    if report.manifest["cost_of"] is not None and not of_texts:
        columns.append(Column("cost", [money(row.cost) for row in rows]))
    return Layout(columns, footer_rows=1 if keys else 0, given_up=_given_up(report))


def _given_up(report: UsageReport) -> tuple[tuple[str, int], ...]:
    """What the table of groups gives up: days and agents are told apart by more than their first letters."""
    short = 10 if len(report.by) > 1 else 12
    return (("cached", 24), ("requests", 16), ("re-sent", short), ("written", short), ("sent", short))


def _recount(report: UsageReport) -> Layout:
    recorded = report.totals.recorded
    names = report.encodings
    found = [report.totals.recount[name] for name in names]
    said_in = format.NONE if recorded is None else f"{recorded.input_tokens:,}"
    said_out = format.NONE if recorded is None else f"{recorded.output_tokens:,}"
    return Layout(
        [
            Column("", ["input", "output", "re-sent", "prefix, at most", "longest context"], is_name=True, is_key=True),
            Column("recorded", [said_in, said_out, "", "", ""]),
            *(
                Column(
                    format.key(encoding_label(report, name)),
                    [
                        _number(each.sent_tokens),
                        _number(each.output_tokens),
                        format.percent(share(each.resent_tokens, each.sent_tokens)),
                        format.percent(share(each.prefix_tokens, each.sent_tokens)),
                        _number(each.longest_context),
                    ],
                )
                for name, each in zip(names, found, strict=True)
            ),
            *(
                Column(
                    "difference" if len(names) == 1 else f"difference, {name}",
                    [format.signed(each.input_difference), format.signed(each.output_difference), "", "", ""],
                )
                for name, each in zip(names, found, strict=True)
            ),
        ],
        given_up=(),
    )


def _parts(report: UsageReport) -> Layout:
    name = report.encodings[0]
    total = report.totals.recount[name]
    rows = parts(report)
    return Layout(
        [
            Column("role", [part.role for part in rows], is_name=True),
            Column("part", [part_name(part) for part in rows], is_name=True, is_key=True),
            Column("texts", [f"{part.texts:,}" for part in rows]),
            Column("written", [f"{part.written_tokens[name]:,}" for part in rows]),
            Column("sent", [f"{part.sent_tokens[name]:,}" for part in rows]),
            Column("of sent", [format.percent(share(part.sent_tokens[name], total.sent_tokens)) for part in rows]),
        ],
        given_up=(("texts", 12),),
    )


def _blocks(report: UsageReport, width: int | None) -> list[Block]:
    cost = "" if report.currency is None else f"; cost in {report.currency}"
    blocks: list[Block] = [Title(f"{title(report)}{cost}"), _groups(report)]
    if report.models:
        blocks += [Title(f"On models that were named, recounted; cost in {report.currency}"), _models(report)]
    if report.encodings:
        blocks += [Title("Recorded and recounted"), _recount(report)]
        blocks += [Title(f"What was sent, under {report.encodings[0]}"), _parts(report)]
    if len(report.sessions) > 1 and "session" not in report.by:
        blocks += [Title("The sessions that used most"), _sessions(report)]
    return [*blocks, *(Note(note) for note in notes(report))]


def _models(report: UsageReport) -> Layout:
    keys = key_columns(report.by)
    model = Column("on model", [], is_name=True, is_key=True)
    numbers = [Column(name, []) for name in ("in", "out", "cost")]

    def add(row: UsageRow, key: Sequence[str]) -> None:
        for i, (name, each) in enumerate(row.models.items()):
            for column, value in zip(keys, key, strict=True):
                column.cells.append(value if i == 0 else "")
            model.cells.append(model_label(report, name))
            for column, said in zip(
                numbers, (f"{each.input_tokens:,}", f"{each.output_tokens:,}", money(each.cost)), strict=True
            ):
                column.cells.append(said)

    add_groups(report, add)
    return Layout([*keys, model, *numbers], footer_rows=len(report.models) if report.by else 0, given_up=())


def _sessions(report: UsageReport) -> Layout:
    sessions = report.sessions
    columns = [
        Column("session", [format.key(each.session) for each in sessions], is_name=True, is_key=True),
        Column("requests", [f"{each.requests:,}" for each in sessions]),
        Column("in", [f"{each.input_tokens:,}" for each in sessions]),
        Column("out", [f"{each.output_tokens:,}" for each in sessions]),
        Column("growth/turn", [format.decimal(each.growth_per_turn, 0) for each in sessions]),
    ]
    if report.manifest["cost_of"] is not None:
        columns.append(Column("cost", [money(each.cost) for each in sessions]))
    return Layout(columns, given_up=(("requests", 16),))


def _told(report: UsageReport) -> str:
    recorded = report.totals.recorded
    said = "" if recorded is None else f"; recorded: {recorded.input_tokens:,} in, {recorded.output_tokens:,} out"
    return f"{summaries.rows(report.ledger, 'read')}; {report.totals.requests or 0:,} requests{said}"


def _chart(report: UsageReport) -> Any:
    from fasttok.render.charts import usage_chart

    return usage_chart(report)


def _page(report: UsageReport) -> str:
    from fasttok.render.page.usage import usage_page

    return usage_page(report)


register(
    UsageReport.kind,
    Drawing("a usage report", _blocks, _told, lambda report: len(report.groups), chart=_chart, full_page=_page),
)
