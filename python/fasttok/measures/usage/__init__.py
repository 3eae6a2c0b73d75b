"""Where the tokens of agents went: their logs read, recounted, priced, and grouped.

Logs are read, and their texts counted, in the compiled part, which gives requests and sums of texts. Rows of a report
are made of them in `rows`. Here is the run.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from fasttok._fasttok import LOG_FORMATS, Encoding, _log_usage
from fasttok._util.nearest import nearest
from fasttok._util.paths import PathLike
from fasttok.errors import MissingExtraError, PriceTableError
from fasttok.inputs.outputs import ledger_written, watched
from fasttok.inputs.paths import as_names, given_paths, require_existing
from fasttok.inputs.prices import read_price_table
from fasttok.measures.cost.pricing import priced_models
from fasttok.measures.usage.models import NamedModels
from fasttok.measures.usage.pricing import Pricing
from fasttok.measures.usage.rows import Rows
from fasttok.options import LogKeywords, documented, given
from fasttok.reports.ledger import Ledger
from fasttok.reports.manifest import describe_account, describe_sources, describe_work, run_manifest
from fasttok.reports.usage import KEYS, UsageReport, UsageRow
from fasttok.tokenizers.models import encoding_name_for_model
from fasttok.tokenizers.resolve import Spec, resolve_all

if TYPE_CHECKING:
    from typing_extensions import Unpack


@documented(LogKeywords)
def usage(
    paths: PathLike | Iterable[PathLike],
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec] = (),
    *,
    by: str | Iterable[str] = (),
    models: str | Iterable[str] = (),
    tokenizers: Mapping[str, Spec] | None = None,
    log_format: Literal["codex", "claude-code", "atif", "otel"] | None = None,
    cost_of: Literal["recorded", "recount"] | None = None,
    prices: PathLike | Mapping[str, Any] | None = None,
    price_date: date | None = None,
    redact: bool = False,
    progress: bool = False,
    **options: Unpack[LogKeywords],
) -> UsageReport:
    """Where the tokens of agents went, by the logs in `paths`: Claude Code sessions, Codex rollouts, OpenTelemetry
    GenAI spans, ATIF trajectories.

    paths: files, globs, folders, or ``"-"``. Any of them may be compressed.
    encodings: what texts are recounted with, as for :func:`count_corpus`; without any, what the logs record is all.
    by: what is grouped by: ``"agent"``, ``"model"``, ``"user"``, ``"session"``, ``"day"``; or texts by ``"role"``,
        ``"part"``, ``"tool"``.
    models: models to recount the texts for, each with its tokenizer, and to price them as if these had been asked, in
        groups of requests and of texts. All input is billed as fresh.
    tokenizers: what counts for a model: the name of an encoding, a tokenizer file, or an encoding. With another model's
        tokenizer the figures are an estimate, and every form of the report says so.
    log_format: read every file as this, whatever it looks like.
    cost_of: price the figures that are recorded, or those that are recounted (with the first encoding). Recorded ones
        where `prices` or `price_date` is given and no models are.
    prices, price_date: as for :func:`cost`. A model without a price is listed, and has no cost.
    redact: call sessions, users and files by numbers.
    progress: `True` shows a bar on standard error when that is a terminal and the work takes over a second.
    {options}

    What is recorded and what is recounted are two figures, which no sum has both of. The texts of the logs are in no
    report.

    Raises ``PriceTableError`` for a table that cannot be used.
    """
    keys = as_names(by)
    for key in keys:
        if key not in KEYS:
            near = nearest(key, KEYS)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(KEYS)}"
            raise ValueError(f"usage is not grouped by {key!r}{hint}")
    if log_format is not None and log_format not in LOG_FORMATS:
        raise ValueError(f"log_format must be {' or '.join(map(repr, LOG_FORMATS))}, not {log_format!r}")
    asked = as_names(models)
    if cost_of is None and not asked and (prices is not None or price_date is not None):
        cost_of = "recorded"
    if cost_of not in (None, "recorded", "recount"):
        raise ValueError(f"cost_of must be 'recorded' or 'recount', not {cost_of!r}")
    taken = given("usage", options, LogKeywords)
    inputs = given_paths(paths, taken)
    is_nothing = isinstance(encodings, (list, tuple, dict)) and not encodings
    loaded = {} if is_nothing else resolve_all(encodings)
    if cost_of == "recount" and not loaded:
        raise ValueError("cost_of='recount' needs an encoding to recount with")
    table = None if prices is None else read_price_table(prices)
    pricing = None if cost_of is None else Pricing(table, price_date, 0 if cost_of == "recount" else None)

    priced = NamedModels(priced_models(asked, table, price_date, dict(tokenizers or {})), loaded)
    loaded = priced.encodings
    for price in (model.price for model in priced.models):
        if price.output is None:
            raise PriceTableError(f"{price.source} has no price of output tokens for {price.model!r}")

    manifest = run_manifest(loaded, taken.threads)
    clock = time.perf_counter()
    require_existing(inputs if taken.filesystem is None else [])
    with watched(progress, taken) as watched_options, ledger_written(inputs, watched_options) as run_options:
        used = _log_usage(
            inputs,
            list(loaded.values()),
            keys,
            run_options,
            limits=priced.limits,
            log_format=log_format,
            detect_bytes=taken.detect_bytes if "language" in keys else None,
        )
    seconds = time.perf_counter() - clock

    met = {request.model for request in used.requests}
    proxies = {name: {model for model in met if not _is_own(model, each)} for name, each in loaded.items()}
    rows = Rows(keys, used, list(loaded), proxies, pricing, priced)
    of_logs = [] if pricing is None else [price for price in pricing.prices.values() if price]
    stated = list(dict.fromkeys([*of_logs, *(named.price for named in priced.models)]))
    currencies = {price.currency for price in stated}
    if len(currencies) > 1:
        raise PriceTableError(
            f"prices are in {' and '.join(sorted(currencies))}, and no rate of exchange is known: state all models in "
            "one table"
        )
    sessions = _numbered("session", (request.session for request in used.requests)) if redact else {}
    groups = rows.groups() if keys else []
    ledger = Ledger._from_account(used.account)
    manifest["run"] |= describe_work(seconds, used.bytes / seconds / 1e6 if seconds else None)
    manifest |= {
        **describe_sources(inputs, taken),
        "by": keys,
        "log_format": log_format,
        **taken.manifest(LogKeywords),
        "logs": [
            {
                "format": log.format,
                "title": log.title,
                "files": log.files,
                "rule": log.rule,
                "records": log.records,
                "repeated_records": log.repeated_records,
                "not_counted": log.not_counted,
            }
            for log in used.logs
            if log.files
        ],
        "proxies": {name: sorted(model or "(none)" for model in found) for name, found in proxies.items() if found},
        "cost_of": cost_of,
        "currency": next(iter(currencies), None),
        "prices": [price.to_dict() for price in stated],
        "unpriced": {} if pricing is None else dict(sorted(pricing.unpriced.items())),
        "models": priced.manifest(),
        "redacted": redact,
        **describe_account(used.account),
    }
    if redact:
        manifest, ledger = _redacted(manifest, ledger, is_own_table=table is not None)
        groups = _renamed(groups, sessions)
    return UsageReport(
        manifest,
        rows.totals(),
        groups,
        rows.parts(),
        rows.turns(),
        rows.sessions(sessions),
        rows.longest(sessions),
        ledger,
    )


def _is_own(model: str | None, encoding: Encoding) -> bool:
    """Whether an encoding is the model's own."""
    if model is None:
        return False
    try:
        return encoding_name_for_model(model) == encoding.name
    except (ValueError, KeyError, MissingExtraError):
        return False


def _numbered(what: str, names: Iterable[str | None]) -> dict[str, str]:
    """Names that say nothing, in the order in which the true ones come."""
    return {name: f"{what} {i}" for i, name in enumerate(dict.fromkeys(n for n in names if n is not None), 1)}


def _renamed(groups: list[UsageRow], sessions: Mapping[str, str]) -> list[UsageRow]:
    users = _numbered("user", (row.key.get("user") for row in groups))
    # Sessions without a request have a name too.
    others = (row.key.get("session") for row in groups if row.key.get("session") not in sessions)
    names = {**sessions, **_numbered("session without requests", others)}

    def key(row: UsageRow) -> dict[str, str | None]:
        by = {"session": names, "user": users}
        return {name: by[name][value] if name in by and value else value for name, value in row.key.items()}

    return [replace(row, key=key(row)) for row in groups]


def _redacted(manifest: dict[str, Any], ledger: Ledger, *, is_own_table: bool) -> tuple[dict[str, Any], Ledger]:
    """Without paths (`is_own_table`: prices are from one, too), and without the details of the ledger, which may quote
    a name or a piece of a log."""
    files = _numbered("file", (entry.file for entry in ledger.entries))
    entries = [
        replace(
            entry,
            file=files[entry.file],
            detail=None,
            position={name: value for name, value in entry.position.items() if isinstance(value, int)},
        )
        for entry in ledger.entries
    ]
    said = {**manifest, "inputs": [f"input {i + 1}" for i in range(len(manifest["inputs"]))]}
    if said.get("files_from") is not None:
        said["files_from"] = "a list"
    said["prices"] = [{**price, "source": "a price table"} if is_own_table else price for price in said["prices"]]
    said |= {"unchecked": [], "input_files": {**said["input_files"], "listed": []}}
    return said, replace(ledger, entries=entries)
