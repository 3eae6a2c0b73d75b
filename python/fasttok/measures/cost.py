"""What text costs: tokens times price, by group and by model.

This module multiplies. Prices are `fasttok.inputs.prices`', records `fasttok.inputs.documents`', and what the same
content costs in another language is `fasttok.premium`'s to say: the text that is counted here says nothing about that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttok._fasttok import Document, Encoding
from fasttok._util.languages import matching, of_language
from fasttok._util.nearest import nearest
from fasttok._util.paths import PathLike
from fasttok._util.types import Progress
from fasttok.errors import InputError, PriceTableError, Remedy, UnknownModelError
from fasttok.inputs.documents import Reader
from fasttok.inputs.outputs import ledger_written
from fasttok.inputs.parallel import Parallel, open_parallel
from fasttok.inputs.paths import as_names, as_paths, too_many_groups
from fasttok.inputs.prices import PriceTable, find_price, read_price_table
from fasttok.measures.premium import premium
from fasttok.options import CorpusKeywords, CorpusOptions, documented, given
from fasttok.reports.cost import CostReport, CostRow, SameContent, label
from fasttok.reports.manifest import describe_account, describe_inputs, run_manifest
from fasttok.reports.presenters import shown
from fasttok.reports.prices import Price
from fasttok.tokenizers.models import encoding_name_for_model
from fasttok.tokenizers.resolve import Spec, resolve, stand_in

if TYPE_CHECKING:
    from typing_extensions import Unpack

DAYS = 30
"""Of a month, in projections."""

_Z = 1.959963984540054
"""The normal distribution's 97.5 % point."""


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
    progress: bool | Progress = False,
    **options: Unpack[CorpusKeywords],
) -> CostReport:
    """What the documents in `paths` cost as input to each of `models`, each document one request.

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
    progress: `True` shows a bar on standard error when that is a terminal and the work takes over a second. A callable
        gets bytes read, bytes in all (or None) and documents, now and then.
    requests_per_day: project the cost of a month of 30 days from these documents as a sample.
    wh_per_mtok: watt-hours a million tokens, to state the energy.
    {options}

    The rates of a long context hold for every token of a document whose input has more tokens than the tier says.

    Raises ``UnknownPriceError`` for a model without a price, ``UnknownModelError`` for one without a public
    tokenizer, ``PriceTableError`` for a table that cannot be used.
    """
    inputs = as_paths(paths)
    if not inputs:
        raise ValueError("no paths to count")
    names = as_names(models)
    if not names:
        raise ValueError("no models to count the cost for")
    taken = given("cost", options)
    keys = taken.keys(as_names(by))
    if base is not None and len(keys) != 1:
        raise ValueError("a base is a group: 'base' needs one key in 'by'")
    if not 0 <= cached_share <= 1:
        raise ValueError(f"cached_share lies between 0 and 1, not at {cached_share!r}")
    if output_tokens < 0:
        raise ValueError("output_tokens cannot be negative")
    if output_tokens and output_field is not None:
        raise ValueError("output_field and output_tokens exclude each other")

    table = None if prices is None else read_price_table(prices)
    billed = _billed(names, table, price_date, dict(tokenizers or {}))
    if any(model.price.output is None for model in billed) and (output_tokens or output_field is not None):
        (first, *_) = [model.price for model in billed if model.price.output is None]
        raise PriceTableError(f"{first.source} has no price of output tokens for {first.model!r}")
    if cached_share and any(model.price.cached_input is None for model in billed):
        (first, *_) = [model.price for model in billed if model.price.cached_input is None]
        raise PriceTableError(f"{first.source} has no price of cached input for {first.model!r}")

    share = Decimal(str(cached_share))
    sums = _Sums(billed, output_tokens, share, keys, taken)
    with shown(progress) as told, ledger_written(inputs, taken) as run_options:
        reader = Reader(inputs, keys, run_options, output_field, told)
        reader.each(sums.count, sums.add)

    groups = sorted(sums.groups, key=lambda key: tuple((value is None, value or "") for value in key))
    base_key = None if base is None else _find_group(base, keys[0], [key[0] for key in groups])
    energy = None if wh_per_mtok is None else Decimal(str(wh_per_mtok))
    finish = _Finish(keys, sums, share, requests_per_day, energy, base_key)
    rows = [finish.row(key, i) for key in groups for i in range(len(billed))] if keys else []
    totals = [finish.total(i) for i in range(len(billed))]

    same: list[SameContent] = []
    report = None
    if parallel is not None:
        wanted = pivot or base or "eng_Latn"
        spoken = open_parallel(parallel, named=[wanted])
        at = spoken.find(wanted)
        counted = {label(model.name, model.stands_in): model.encoding for model in billed}
        report = premium(
            spoken.text([at, *_spoken(groups, spoken.languages, at)]), counted, pivot=at, special=taken.special
        )
        by_label = {label(model.name, model.stands_in): model for model in billed}
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
        **run_manifest({model.name: model.encoding for model in billed}),
        "inputs": describe_inputs(inputs),
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


@dataclass(frozen=True)
class _Billed:
    """A model, what counts for it, and what it costs."""

    name: str
    encoding: Encoding
    price: Price
    stands_in: str | None
    """Whose tokenizer counts, where it is not the model's own."""


def _billed(
    names: Sequence[str], table: PriceTable | None, on: date | None, tokenizers: Mapping[str, Spec]
) -> list[_Billed]:
    unused = [model for model in tokenizers if model not in names]
    if unused:
        near = nearest(unused[0], names)
        raise ValueError(
            f"a tokenizer is given for {unused[0]!r}, which is not among the models"
            + (f"; did you mean {near[0]}?" if near else "")
        )
    billed = []
    for name in names:
        price = find_price(name, table, on)
        given = tokenizers.get(name, price.tokenizer)
        spec: Spec
        if given is not None:
            spec = given
        else:
            try:
                spec = encoding_name_for_model(name)
            except UnknownModelError as error:
                stop = "" if str(error.reason).endswith("?") else "."
                raise UnknownModelError(
                    str(error.reason),
                    remedy=Remedy(
                        f"{stop} If you have its tokenizer, or for an estimate with another: {{option}}",
                        "tokenizers",
                        key=name,
                    ),
                    name=name,
                    nearest=error.nearest,
                    reason=error.reason,
                ) from None
        encoding = resolve(spec)
        billed.append(_Billed(name, encoding, price, None if given is None else stand_in(name, given, encoding)))
    currencies = sorted({model.price.currency for model in billed})
    if len(currencies) > 1:
        raise PriceTableError(
            f"prices are in {' and '.join(currencies)}, and no rate of exchange is known: state all models in one table"
        )
    return billed


class _Tally:
    """The sums of one group on one model, by tier: tier 0 is the base rate."""

    def __init__(self, tiers: int) -> None:
        self.documents = [0] * tiers
        self.input = [0] * tiers
        self.output = [0] * tiers
        self.squares = 0.0
        """Sum of the squares of the documents' costs, for the interval of a projection."""


class _Group:
    def __init__(self, tiers: Sequence[int]) -> None:
        self.documents = 0
        self.bytes = 0
        self.chars = 0
        self.tallies = [_Tally(count) for count in tiers]


class _Sums:
    """Sums over documents by group and model."""

    def __init__(
        self,
        billed: Sequence[_Billed],
        output_tokens: int,
        cached_share: Decimal,
        keys: Sequence[str],
        options: CorpusOptions,
    ) -> None:
        self.billed = billed
        self.keys = keys
        self.options = options
        self.output_tokens = output_tokens
        self.groups: dict[tuple[str | None, ...], _Group] = {}
        self._tiers = [[0, *(threshold + 1 for threshold in model.price.thresholds)] for model in billed]
        self.rates = [
            [_rates(model.price, tokens, cached_share) for tokens in tiers]
            for model, tiers in zip(billed, self._tiers, strict=True)
        ]
        """For each model and tier: what a token of input and of output costs."""

    def count(self, records: Sequence[Document]) -> dict[Encoding, tuple[Any, Any]]:
        """The tokens of the records' texts and of their answers, by encoding."""
        texts = [record.text for record in records]
        answers = [record.answer for record in records if record.answer is not None]
        special, threads = self.options.special, self.options.threads
        counts = {}
        for encoding in dict.fromkeys(model.encoding for model in self.billed):
            tokens = encoding.count_batch(texts, special=special, threads=threads)
            if answers:
                output = encoding.count_batch(answers, special=special, threads=threads)
            else:
                output = np.full(len(records), self.output_tokens, dtype=np.int64)
            counts[encoding] = tokens, output
        return counts

    def add(self, records: Sequence[Document], counts: Mapping[Encoding, tuple[Any, Any]]) -> None:
        """Add records of which `count` gave `counts`."""
        places: dict[tuple[str | None, ...], list[int]] = {}
        for i, record in enumerate(records):
            places.setdefault(record.key, []).append(i)
        for key, at in places.items():
            group = self._group(key)
            group.documents += len(at)
            group.bytes += sum(len(records[i].text.encode()) for i in at)
            group.chars += sum(len(records[i].text) for i in at)
        for m, model in enumerate(self.billed):
            tokens, output = counts[model.encoding]
            tier = np.searchsorted(self._tiers[m], tokens, side="right") - 1
            per_input = np.array([float(rates[0]) for rates in self.rates[m]])
            per_output = np.array([float(rates[1]) for rates in self.rates[m]])
            spent = tokens * per_input[tier] + output * per_output[tier]
            for key, at in places.items():
                tally = self.groups[key].tallies[m]
                for t in range(len(tally.documents)):
                    chosen = [i for i in at if tier[i] == t] if len(tally.documents) > 1 else at
                    tally.documents[t] += len(chosen)
                    tally.input[t] += int(tokens[chosen].sum())
                    tally.output[t] += int(output[chosen].sum())
                tally.squares += float(np.square(spent[at]).sum())

    def _group(self, key: tuple[str | None, ...]) -> _Group:
        if key not in self.groups:
            if key and len(self.groups) >= self.options.max_groups:
                raise too_many_groups(self.keys, self.options.max_groups)
            self.groups[key] = _Group([len(tiers) for tiers in self._tiers])
        return self.groups[key]


def _rates(price: Price, input_tokens: int, cached_share: Decimal) -> tuple[Decimal, Decimal]:
    """What a token of input and a token of output of such a request cost."""
    fresh = price.input.at(input_tokens)
    if cached_share and price.cached_input is not None:
        fresh = fresh * (1 - cached_share) + price.cached_input.at(input_tokens) * cached_share
    answer = Decimal(0) if price.output is None else price.output.at(input_tokens)
    return fresh / 1_000_000, answer / 1_000_000


@dataclass(frozen=True)
class _Finish:
    """Makes rows of sums."""

    keys: Sequence[str]
    sums: _Sums
    cached_share: Decimal
    requests_per_day: float | None
    wh_per_mtok: Decimal | None
    base: str | None

    def row(self, key: tuple[str | None, ...], model: int) -> CostRow:
        ratio = None
        row = self._row(key, [self.sums.groups[key]], model, None)
        if self.base is not None:
            base = self._row(key, [self.sums.groups[(self.base,)]], model, None)
            if row.cost_per_document is not None and base.cost_per_document:
                ratio = row.cost_per_document / base.cost_per_document
        return self._row(key, [self.sums.groups[key]], model, ratio)

    def total(self, model: int) -> CostRow:
        return self._row((), list(self.sums.groups.values()), model, None)

    def _row(self, key: tuple[str | None, ...], groups: Sequence[_Group], m: int, ratio: float | None) -> CostRow:
        model = self.sums.billed[m]
        tallies = [group.tallies[m] for group in groups]
        documents = sum(group.documents for group in groups)
        given = answered = Decimal(0)
        for tier, (per_input, per_output) in enumerate(self.sums.rates[m]):
            given += per_input * sum(tally.input[tier] for tally in tallies)
            answered += per_output * sum(tally.output[tier] for tally in tallies)
        tokens_in = sum(sum(tally.input) for tally in tallies)
        tokens_out = sum(sum(tally.output) for tally in tallies)
        spent = float(given + answered)
        monthly = low = high = None
        if self.requests_per_day is not None:
            monthly, low, high = self._month(spent, sum(tally.squares for tally in tallies))
        per_document = spent / documents if documents else None
        wh = self.wh_per_mtok if self.wh_per_mtok is not None else model.price.wh_per_mtok
        return CostRow(
            key=dict(zip(self.keys, key, strict=False)),
            model=model.name,
            encoding=model.encoding.name,
            estimate=model.stands_in is not None,
            tokenizer_of=model.stands_in,
            documents=documents,
            bytes=sum(group.bytes for group in groups),
            chars=sum(group.chars for group in groups),
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            long_context_documents=sum(sum(tally.documents[1:]) for tally in tallies),
            input_cost=float(given),
            output_cost=float(answered),
            cost=spent,
            cost_per_document=_without_noise(per_document),
            per_document_ratio=_without_noise(ratio),
            monthly_cost=_without_noise(monthly),
            monthly_low=_without_noise(low),
            monthly_high=_without_noise(high),
            energy_wh=None if wh is None else float(wh * (tokens_in + tokens_out) / 1_000_000),
        )

    def _month(self, spent: float, squares: float) -> tuple[float | None, float | None, float | None]:
        """The cost of a month, of requests of which all documents together are a sample, and its interval."""
        assert self.requests_per_day is not None
        n = sum(group.documents for group in self.sums.groups.values())
        if n == 0:
            return None, None, None
        requests = self.requests_per_day * DAYS
        mean = spent / n
        if n == 1:
            return requests * mean, None, None
        error = (max(0.0, squares / n - mean * mean) / (n - 1)) ** 0.5
        return requests * mean, requests * max(0.0, mean - _Z * error), requests * (mean + _Z * error)


def _without_noise(value: float | None) -> float | None:
    """`value` to the 15 digits that a float holds: 0.3 and not 0.30000000000000004."""
    return None if value is None else float(f"{value:.15g}")


def _find_group(base: str, name: str, groups: Sequence[str | None]) -> str:
    """The group that `base` means: of that name, or the one in the same language."""
    known = [group for group in groups if group is not None]
    found = matching(base, known)
    if len(found) == 1:
        return found[0]
    if not known:
        raise InputError(f"there is no group {base!r} to compare with: no document has a value in {name!r}")
    if found:
        raise InputError(f"{base!r} may be any of the groups {', '.join(found)}: name one of them")
    near = of_language(base, known) or nearest(base, known) or known[:8]
    raise InputError(f"there is no group {base!r} to compare with; there are {', '.join(near)}")


def _spoken(groups: Sequence[tuple[str | None, ...]], languages: Sequence[str], pivot: str) -> list[str]:
    """The languages of parallel text that groups are in, varieties of the pivot aside; all where no group names one.

    A group in one variety of a language is compared with that; one of which there is no such variety, with all.
    """
    values = dict.fromkeys(value for key in groups for value in key if value is not None)
    meant = {code for value in values for code in matching(value, languages) or of_language(value, languages)}
    meant -= set(of_language(pivot, languages))
    return [language for language in languages if language in meant] or list(languages)
