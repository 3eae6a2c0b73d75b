"""What the tables and the page of a usage report have in common: title, notes, shares. No layout."""

from __future__ import annotations

from fasttok._util.estimates import label
from fasttok.render import estimates
from fasttok.reports.usage import UsagePart, UsageReport

_PART_NAMES = {
    "text": "text",
    "tool_call": "tool calls",
    "tool_result": "tool results",
    "reasoning": "reasoning",
    "system": "system and tools",
}


def title(report: UsageReport) -> str:
    """What the report is of."""
    logs = ", ".join(log["title"] for log in report.manifest["logs"])
    return f"Token flows by {logs}" if logs else "Token flows: no logs were found"


def parts(report: UsageReport) -> list[UsagePart]:
    """Texts by role and part, those first of which most was sent under the first encoding."""
    name = report.encodings[0]
    return sorted(report.parts, key=lambda part: -part.sent_tokens[name])


def part_name(part: UsagePart) -> str:
    """What a part is called."""
    return _PART_NAMES.get(part.part, part.part)


def share(part: int | None, whole: int | None) -> float | None:
    """A part of a whole; None where there is none."""
    return part / whole if part is not None and whole else None


def encoding_label(report: UsageReport, name: str) -> str:
    """An encoding as it is shown: a proxy is labelled so."""
    return f"{name} (proxy)" if report.totals.recount[name].is_proxy else name


def model_label(report: UsageReport, name: str) -> str:
    """A model that was named, as it is shown: with another's tokenizer it is labelled so."""
    return label(name, report.totals.models[name].tokenizer_of)


def notes(report: UsageReport) -> list[str]:
    """What must be known to read the numbers."""
    manifest = report.manifest
    found = []
    recorded = report.totals.recorded
    if recorded is not None and recorded.unfinished_requests:
        found.append(
            f"Requests of which the log has only what was known while they streamed: {recorded.unfinished_requests:,}. "
            "Their recorded output is too low."
        )
    for name, models in manifest["proxies"].items():
        listed = ", ".join(models[:6]) + (", …" if len(models) > 6 else "")
        found.append(f"proxy: {name} is not the tokenizer of {listed}; its own may count more or fewer.")
    if report.encodings:
        found.append(
            "written: each text once. sent: each text as often as a request sent it. prefix: what a request begins "
            "with as the one before did, at most so much can a prefix cache cover. Recounted are the texts that are in "
            "the logs: what a log leaves out (system prompts, definitions of tools, encrypted reasoning, what an API "
            "adds) is in the difference."
        )
    else:
        found.append("Recorded figures alone: name encodings to recount the texts (-e o200k_base).")
    if manifest["cost_of"] is not None:
        found.append(
            f"Costs are of {'recorded' if manifest['cost_of'] == 'recorded' else 'recounted'} figures; input that was "
            "written to a cache is priced as input."
        )
    if report.models:
        found.append(
            "On models that were named: the texts of the logs, recounted with the tokenizer of each and priced as if "
            "it had been asked; all input is fresh. What the logs leave out is in none of it."
        )
        found += estimates.of_tokenizers({name: each.tokenizer_of for name, each in report.totals.models.items()})
    if manifest["unpriced"]:
        models = ", ".join(f"{model} ({count:,})" for model, count in manifest["unpriced"].items())
        found.append(f"Without a price, by requests: {models}.")
    media = {kind: count for log in manifest["logs"] for kind, count in log["not_counted"].items()}
    if media:
        found.append(f"Not counted: {', '.join(f'{count:,} {kind}' for kind, count in sorted(media.items()))}.")
    return found
