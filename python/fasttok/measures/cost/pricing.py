"""Which models are priced: what counts for each, and what it costs. Counts nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from fasttok._fasttok import Encoding
from fasttok._util.nearest import nearest
from fasttok.errors import PriceTableError, Remedy, UnknownModelError
from fasttok.inputs.prices import PriceTable, find_price
from fasttok.reports.prices import Price
from fasttok.tokenizers.models import encoding_name_for_model
from fasttok.tokenizers.resolve import Spec, resolve, stand_in


@dataclass(frozen=True)
class PricedModel:
    """A model, what counts for it, and what it costs."""

    name: str
    encoding: Encoding
    price: Price
    stands_in: str | None
    """Whose tokenizer counts, where it is not the model's own."""


def priced_models(
    names: Sequence[str], table: PriceTable | None, on: date | None, tokenizers: Mapping[str, Spec]
) -> list[PricedModel]:
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
        billed.append(PricedModel(name, encoding, price, None if given is None else stand_in(name, given, encoding)))
    currencies = sorted({model.price.currency for model in billed})
    if len(currencies) > 1:
        raise PriceTableError(
            f"prices are in {' and '.join(currencies)}, and no rate of exchange is known: state all models in one table"
        )
    return billed


def rates_at(price: Price, input_tokens: int, cached_share: Decimal) -> tuple[Decimal, Decimal]:
    """What a token of input and a token of output of such a request cost."""
    fresh = price.input.at(input_tokens)
    if cached_share and price.cached_input is not None:
        fresh = fresh * (1 - cached_share) + price.cached_input.at(input_tokens) * cached_share
    answer = Decimal(0) if price.output is None else price.output.at(input_tokens)
    return fresh / 1_000_000, answer / 1_000_000
