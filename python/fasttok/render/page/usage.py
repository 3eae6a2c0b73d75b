"""The page of a usage report: where tokens went, how contexts grew, the sessions that used most, recorded against
recounted."""

from __future__ import annotations

from typing import Any

from fasttok.render import format
from fasttok.render.blocks import first
from fasttok.render.charts import bars, growth, growth_values, part_values
from fasttok.render.format import money, percent
from fasttok.render.html import Cell, sortable
from fasttok.render.page.shell import chart, page, paragraph, section
from fasttok.render.usage import encoding_label, model_label, notes, part_name, parts, share, title
from fasttok.reports.usage import UsageReport

DEFINITIONS = {
    "recorded": "What the logs say was used, each request once; input has what came from a cache in it.",
    "written": "Tokens of each text once.",
    "sent": "Tokens of each text as often as a request sent it: every request sends the history of its conversation.",
    "re-sent": "Of what was sent: what an earlier request of the conversation sent too, or the model wrote.",
    "prefix": "Of what was sent: what a request begins with as the one before in the same conversation did. A prefix "
    "cache can have covered at most that.",
    "context": "The input of one request.",
}


def usage_page(report: UsageReport) -> str:
    """The page of a usage report."""
    charts: list[dict[str, Any]] = []
    sections = []
    if report.groups:
        sections.append(section("groups", f"By {', '.join(report.by)}", _groups(report)))
    if report.models:
        said = f"The texts of the logs as if these models had been asked, in {report.currency}: all input is fresh."
        sections.append(section("models", "On models that were named", paragraph(said), _models(report)))
    if report.encodings:
        name = report.encodings[0]
        shares = part_values(report)
        charts.append(
            {"id": "parts-chart", "spec": bars({"name": "rows"}, "tokens sent", "~s").to_dict(), "values": shares}
        )
        sections.append(
            section(
                "parts",
                "What was sent",
                paragraph(f"Under {encoding_label(report, name)}, each text as often as a request sent it."),
                chart("parts-chart", "Tokens sent by role and part"),
                _parts(report),
            )
        )
    if report.turns:
        values = growth_values(report)
        charts.append({"id": "growth-chart", "spec": growth({"name": "rows"}).to_dict(), "values": values})
        sections.append(
            section(
                "growth",
                "How contexts grow",
                paragraph("The input of the n-th request of a conversation, on average over all conversations."),
                chart("growth-chart", "Context by turn"),
                _longest(report),
            )
        )
    if report.sessions:
        sections.append(section("sessions", "The sessions that used most", _sessions(report)))
    if report.encodings:
        sections.append(section("compared", "Recorded against recounted", _compared(report)))
    rules = "".join(paragraph(f"{log['title']}: {log['rule']}") for log in report.manifest["logs"])
    if rules:
        sections.append(section("rules", "Why nothing is counted twice", rules))
    ledger = report.ledger
    said = "".join(paragraph(note) for note in notes(report))
    said += paragraph(f"{ledger.seen:,} rows seen, {ledger.counted:,} read, {ledger.skipped:,} skipped.")
    sections.append(section("notes", "To read the numbers", said))
    data = {"charts": charts} if charts else {}
    return page("Where the tokens went", _lead(report), "".join(sections), DEFINITIONS, report.manifest, data)


def _lead(report: UsageReport) -> str:
    totals = report.totals
    lead = f"{title(report)}: {totals.requests or 0:,} requests"
    if totals.recorded is not None and totals.recorded.requests:
        lead += (
            f" used {totals.recorded.input_tokens:,} tokens of input and {totals.recorded.output_tokens:,} of output, "
            "as recorded"
        )
    if totals.cost is not None:
        lead += f", and cost {money(totals.cost)} {report.currency}"
    for name, each in list(totals.recount.items())[:1]:
        lead += (
            f". Recounted with {encoding_label(report, name)}, {each.written_tokens:,} tokens were written and "
            f"{each.sent_tokens:,} sent, {percent(share(each.resent_tokens, each.sent_tokens))} of them again"
        )
    return f"{lead}."


def _number(value: float | None, digits: int = 0) -> Cell:
    return Cell(format.decimal(value, digits), value)


def _groups(report: UsageReport) -> str:
    of_texts = report.groups[0].requests is None
    priced = report.manifest["cost_of"] is not None and not of_texts
    head = [*report.by]
    head += [] if of_texts else ["Requests", "Input", "Cached", "Output"]
    head += [f"{what}, {name}" for name in report.encodings for what in ("Written", "Sent")]
    head += [f"Cost, {report.currency}"] * priced
    rows = []
    for row in first(report.groups):
        cells = [Cell(format.key(value), value or "") for value in row.key.values()]
        if row.recorded is not None:
            cached = share(row.recorded.cached_input_tokens, row.recorded.input_tokens)
            cells += [_number(row.requests), _number(row.recorded.input_tokens), Cell(percent(cached), cached)]
            cells.append(_number(row.recorded.output_tokens))
        elif not of_texts:
            cells += [Cell(format.NONE)] * 4
        for each in row.recount.values():
            cells += [_number(each.written_tokens), _number(each.sent_tokens)]
        rows.append([*cells, *[Cell(money(row.cost), row.cost)] * priced])
    return sortable("groups-table", "Tokens by group", head, rows, len(report.by))


def _models(report: UsageReport) -> str:
    head = [*report.by, "On model", "Encoding", "Input", "Output", f"Cost, {report.currency}"]
    rows = [
        [
            *(Cell(format.key(value), value or "") for value in row.key.values()),
            Cell(model_label(report, name), name),
            Cell(each.encoding, each.encoding),
            _number(each.input_tokens),
            _number(each.output_tokens),
            Cell(money(each.cost), each.cost),
        ]
        for row in (first(report.groups) if report.by else [report.totals])
        for name, each in row.models.items()
    ]
    return sortable("models-table", "Cost by model", head, rows, len(report.by) + 2)


def _parts(report: UsageReport) -> str:
    name = report.encodings[0]
    whole = report.totals.recount[name].sent_tokens
    rows = []
    for part in parts(report):
        sent = share(part.sent_tokens[name], whole)
        rows.append(
            [
                Cell(part.role, part.role),
                Cell(part_name(part), part.part),
                _number(part.texts),
                _number(part.written_tokens[name]),
                _number(part.sent_tokens[name]),
                Cell(percent(sent), sent),
            ]
        )
    return sortable(
        "parts-table", "Tokens by role and part", ("Role", "Part", "Texts", "Written", "Sent", "Share"), rows, 2
    )


def _longest(report: UsageReport) -> str:
    head = ["Session", "Agent", "Model", "Turn", "Input", *(f"Sent, {name}" for name in report.encodings)]
    rows = [
        [
            *(Cell(format.key(name), name or "") for name in (each.session, each.agent, each.model)),
            _number(each.turn),
            _number(each.input_tokens),
            *(_number(each.sent_tokens.get(name)) for name in report.encodings),
        ]
        for each in report.longest_contexts
    ]
    return sortable("longest-table", "The longest contexts", head, rows, 3)


def _sessions(report: UsageReport) -> str:
    priced = report.manifest["cost_of"] is not None
    head = ["Session", "Requests", "Input", "Output", "Growth a turn", *[f"Cost, {report.currency}"] * priced]
    rows = [
        [
            Cell(format.key(each.session), each.session),
            _number(each.requests),
            _number(each.input_tokens),
            _number(each.output_tokens),
            _number(each.growth_per_turn),
            *[Cell(money(each.cost), each.cost)] * priced,
        ]
        for each in report.sessions
    ]
    return sortable("sessions-table", "Sessions by what they used", head, rows, 1)


def _compared(report: UsageReport) -> str:
    recorded = report.totals.recorded
    rows = []
    for name, each in report.totals.recount.items():
        for what, said, found, difference in (
            ("input", recorded and recorded.input_tokens, each.sent_tokens, each.input_difference),
            ("output", recorded and recorded.output_tokens, each.output_tokens, each.output_difference),
        ):
            rows.append(
                [
                    Cell(encoding_label(report, name), name),
                    Cell(what, what),
                    _number(said if isinstance(said, int) else None),
                    _number(found),
                    Cell(format.signed(difference), difference),
                ]
            )
    head = ("Encoding", "Of requests", "Recorded", "Recounted", "Difference")
    return sortable("compared-table", "Recorded and recounted tokens", head, rows, 2)
