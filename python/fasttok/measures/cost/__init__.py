"""What text costs: tokens times price, by group and by model.

Which models are priced, and how, is in `pricing`; sums over documents are in `sums`, the rows made of them in `rows`.
Here is the run. What the same content costs in another language is `fasttok.premium`'s to say: the text that is counted
here says nothing about that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fasttok._util.estimates import label
from fasttok._util.paths import PathLike
from fasttok.errors import PriceTableError
from fasttok.inputs.documents import Reader
from fasttok.inputs.outputs import ledger_written, watched
from fasttok.inputs.parallel import Parallel, open_parallel
from fasttok.inputs.paths import as_names, given_paths
from fasttok.inputs.prices import read_price_table
from fasttok.measures.cost.conversations import FIELDS, ConversationSums
from fasttok.measures.cost.languages import find_group, languages_of_groups
from fasttok.measures.cost.pricing import priced_models
from fasttok.measures.cost.rows import DAYS, RowBuilder
from fasttok.measures.cost.sums import CostSums
from fasttok.measures.premium import premium
from fasttok.options import CorpusKeywords, documented, given
from fasttok.reports.cost import CostReport, SameContent
from fasttok.reports.manifest import describe_account, describe_sources, run_manifest
from fasttok.tokenizers.resolve import Spec

if TYPE_CHECKING:
    from typing_extensions import Unpack


@documented()
def cost(
    paths: PathLike | Iterable[PathLike],
    models: str | Iterable[str],
    *,
    by: str | Iterable[str] = (),
    base: str | None = None,
    parallel: Parallel | None = None,
    pivot: str | None = None,
    output_field: str | None = None,
    output_tokens: int = 0,
    cached_share: float = 0,
    prices: PathLike | Mapping[str, Any] | None = None,
    price_date: date | None = None,
    tokenizers: Mapping[str, Spec] | None = None,
    requests_per_day: float | None = None,
    wh_per_mtok: float | None = None,
    progress: bool = False,
    **options: Unpack[CorpusKeywords],
) -> CostReport:
    """What the documents in `paths` cost as input to each of `models`, each document one request.

    With ``format="messages"`` conversations: each answer is a request, which sends all that was said before it.

    paths: files, globs, folders, or ``"-"``, read as :func:`count_corpus` reads them.
    models: names of models; ``provider/model`` for the price of one provider.
    by: what costs are grouped by: ``"file"``, ``"extension"``, ``"language"`` where labels are asked for, or a field
        of records.
    base: the group that others are compared with, by a key of `by`: cost a document, relative to that group's.
    parallel: parallel text in the languages of the groups: what the *same content* costs in each, relative to the
        language `pivot` (`base` by default), with an interval.
    output_field: the field that holds the answer, which is billed as output.
    output_tokens: the output of every request, in tokens, where there are no answers to count.
    cached_share: the share of each document's input tokens that is billed at the rate of cached input.
    prices: a table of prices, or the TOML or JSON file it is in; see :func:`fasttok.read_price_table`. It wins
        over those of genai-prices (extra `prices`).
    price_date: the day whose prices of genai-prices are taken; today, UTC, by default.
    tokenizers: what counts for a model: the name of an encoding, a tokenizer file, or an encoding. With another
        model's tokenizer the count is an estimate, and every form of the report says so.
    progress: `True` shows a bar on standard error when that is a terminal and the work takes over a second.
    requests_per_day: (not of conversations) project the cost of a month of 30 days from these documents as a sample.
    wh_per_mtok: watt-hours a million tokens, to state the energy.
    {options}

    The rates of a long context hold for every token of a document whose input has more tokens than the tier says.

    Raises ``UnknownPriceError`` for a model without a price, ``UnknownModelError`` for one without a public
    tokenizer, ``PriceTableError`` for a table that cannot be used.
    """
    names = as_names(models)
    if not names:
        raise ValueError("no models to count the cost for")
    taken = given("cost", options)
    inputs = given_paths(paths, taken)
    keys = taken.keys(as_names(by))
    if base is not None and len(keys) != 1:
        raise ValueError("a base is a group: 'base' needs one key in 'by'")
    if not 0 <= cached_share <= 1:
        raise ValueError(f"cached_share lies between 0 and 1, not at {cached_share!r}")
    if output_tokens < 0:
        raise ValueError("output_tokens cannot be negative")
    if output_tokens and output_field is not None:
        raise ValueError("output_field and output_tokens exclude each other")
    is_messages = taken.format == "messages"
    if is_messages and (output_tokens or output_field is not None):
        raise ValueError("conversations have their answers in them: leave out output_field and output_tokens")
    if is_messages and requests_per_day is not None:
        raise ValueError(
            "a conversation is several requests, so that a month of them is not known: leave out requests_per_day"
        )

    table = None if prices is None else read_price_table(prices)
    billed = priced_models(names, table, price_date, dict(tokenizers or {}))
    has_output = output_tokens or output_field is not None or is_messages
    if any(model.price.output is None for model in billed) and has_output:
        (first, *_) = [model.price for model in billed if model.price.output is None]
        raise PriceTableError(f"{first.source} has no price of output tokens for {first.model!r}")
    if cached_share and any(model.price.cached_input is None for model in billed):
        (first, *_) = [model.price for model in billed if model.price.cached_input is None]
        raise PriceTableError(f"{first.source} has no price of cached input for {first.model!r}")

    share = Decimal(str(cached_share))
    sums = CostSums(billed, output_tokens, share, keys, taken)
    with watched(progress, taken) as watched_options, ledger_written(inputs, watched_options) as run_options:
        if is_messages:
            conversations = ConversationSums(sums)
            reader = Reader(inputs, [*keys, *FIELDS], run_options)
            reader.each(conversations.count, conversations.add)
            conversations.end(reader.account)
        else:
            reader = Reader(inputs, keys, run_options, output_field)
            reader.each(sums.count, sums.add)

    groups = sorted(sums.groups, key=lambda key: tuple((value is None, value or "") for value in key))
    base_key = None if base is None else find_group(base, keys[0], [key[0] for key in groups])
    energy = None if wh_per_mtok is None else Decimal(str(wh_per_mtok))
    builder = RowBuilder(keys, sums, share, requests_per_day, energy, base_key, is_messages)
    rows = [builder.row(key, i) for key in groups for i in range(len(billed))] if keys else []
    totals = [builder.total(i) for i in range(len(billed))]

    same: list[SameContent] = []
    report = None
    if parallel is not None:
        wanted = pivot or base or "eng_Latn"
        spoken = open_parallel(parallel, named=[wanted])
        at = spoken.find(wanted)
        by_label = {label(model.name, model.stands_in): model for model in billed}
        report = premium(
            spoken.text([at, *languages_of_groups(groups, spoken.languages, at)]),
            {name: model.encoding for name, model in by_label.items()},
            pivot=at,
            special=taken.special,
        )
        same = [
            SameContent(
                model=by_label[row.encoding].name,
                language=row.language,
                name=row.name,
                pivot=at,
                ratio=row.premium,
                low=row.low,
                high=row.high,
                estimate=by_label[row.encoding].stands_in is not None,
                tokenizer_of=by_label[row.encoding].stands_in,
            )
            for row in report.premiums
            if row.language != at
        ]

    manifest = {
        **run_manifest({model.name: model.encoding for model in billed}, taken.threads),
        **describe_sources(inputs, taken),
        "by": keys,
        "base": None if base_key is None else {keys[0]: base_key},
        **taken.manifest(),
        "output_field": output_field,
        "output_tokens": output_tokens,
        "cached_share": cached_share,
        "currency": billed[0].price.currency,
        "prices": [model.price.to_dict() for model in billed],
        "estimates": {model.name: model.stands_in for model in billed if model.stands_in is not None},
        "requests_per_day": requests_per_day,
        "days_a_month": None if requests_per_day is None else DAYS,
        "wh_per_mtok": wh_per_mtok,
        **describe_account(reader.account),
        "parallel": None if report is None else dict(report.manifest),
    }
    return CostReport(manifest, totals, rows, same, reader.ledger, report)
