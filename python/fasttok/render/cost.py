"""What the tables and the page of a cost report have in common: title, notes, the rows that are shown. No layout."""

from __future__ import annotations

from fasttok.render import estimates, format
from fasttok.render.blocks import SHOWN
from fasttok.render.format import money
from fasttok.reports.cost import CostReport, CostRow


def title(report: CostReport) -> str:
    """What was billed as what."""
    manifest = report.manifest
    if is_of_messages(report):
        cached = f", {100 * manifest['cached_share']:g} % of the input cached" if manifest["cached_share"] else ""
        return f"Cost in {report.currency} of these conversations as they are sent{cached}"
    billed = "this text as input"
    if manifest["output_field"] is not None:
        billed = f"{manifest['text_field']!r} as input and {manifest['output_field']!r} as output"
    elif manifest["output_tokens"]:
        billed += f" and {manifest['output_tokens']:,} tokens of output per document"
    if manifest["cached_share"]:
        billed += f", {100 * manifest['cached_share']:g} % of the input cached"
    return f"Cost in {report.currency} of {billed}"


def notes(report: CostReport) -> list[str]:
    """What must be known to read the numbers."""
    manifest = report.manifest
    found = list(estimates.of_tokenizers(manifest["estimates"]))
    if any(row.long_context_documents for row in report.totals):
        what = "requests" if is_of_messages(report) else "documents"
        found.append(f"long: {what} so long that the rates of a long context hold for all their tokens.")
    if manifest["requests_per_day"] is not None:
        found.append(
            f"a month: {manifest['days_a_month']} days of {manifest['requests_per_day']:,.10g} requests, of which "
            f"these documents are taken as a random sample. 95 % intervals: {_months(report)}."
        )
    if is_of_messages(report):
        found.append(
            "written: each text once. tokens in: as often as it is sent, for each answer is a request that sends all "
            "before it. What an API puts around messages is not counted."
        )
        return found
    found.append("Documents are counted as they are: what an API adds (roles, tools, a system prompt) is not in them.")
    return found


def counted(report: CostReport) -> tuple[str, str]:
    """What is counted as documents: one, and several."""
    return ("text", "texts") if is_of_messages(report) else ("document", "documents")


def is_of_messages(report: CostReport) -> bool:
    """Whether documents are texts of conversations."""
    return bool(report.manifest["format"] == "messages")


def _months(report: CostReport) -> str:
    return ", ".join(
        f"{row.model} {money(row.monthly_low)}–{money(row.monthly_high)}"
        for row in report.totals
        if row.monthly_low is not None
    )


def rows_shown(report: CostReport) -> list[CostRow]:
    """The rows of the groups that are shown, and of the totals."""
    return [*report.groups[: SHOWN * len(report.models)], *report.totals]


def base_name(report: CostReport) -> str | None:
    """The group that others are compared with."""
    base = report.manifest["base"]
    return None if base is None else ",".join(format.key(value) for value in base.values())
