"""Prices of models: per million tokens in, out and from the cache, with the tiers of long contexts.

A user's table comes first; what it does not have is taken from the data that the library genai-prices ships, without
network. This module knows nothing of tokens or text.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from decimal import Decimal, InvalidOperation
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fasttok._util.extras import need
from fasttok._util.nearest import nearest
from fasttok._util.paths import PathLike
from fasttok.errors import FileError, PriceTableError, Remedy, UnknownPriceError
from fasttok.reports.prices import Price, Rate, Tier
from fasttok.tokenizers.models import bare, look_up, maker_of, other_names

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, Provider


@dataclass(frozen=True)
class PriceTable:
    """A user's prices by model."""

    prices: Mapping[str, Price]
    source: str


def find_price(model: str, table: PriceTable | None = None, on: date | None = None) -> Price:
    """The price of `model`: that of `table`, else that of genai-prices on the day `on` (today, UTC, by default).

    ``provider/model`` asks for the price of one provider. Without it the maker's own price is taken, else that of the
    only provider who sells the model.

    Raises ``UnknownPriceError`` (a ``ValueError`` and ``KeyError``) with what to ask for where several providers sell
    the model (``sold_by``), or with the nearest models of the same maker, and
    ``MissingExtraError`` where the table has no price and genai-prices is not installed.
    """
    if table is not None and model in table.prices:
        return table.prices[model]
    day = on or today()
    need("genai_prices", "prices", f"the price of {model!r}, which no table of yours has,")
    return _bundled_price(model, day)


def today() -> date:
    """The day it is, UTC."""
    return datetime.now(timezone.utc).date()


def try_price(names: Sequence[str], sellers: Sequence[str], day: date) -> tuple[Price, str] | None:
    """The price on `day` of the model that has any of `names`, of the first of `sellers` who has one, and who that is.

    A seller is a provider of genai-prices (``deepseek``), or one with the owner that precedes the model's name
    there (``openrouter/qwen``). None where nobody has a price. Needs genai-prices.
    """
    from genai_prices.data_snapshot import get_snapshot

    providers = {provider.id: provider for provider in get_snapshot().providers}
    asked = [(providers[seller.partition("/")[0]], seller.partition("/")[2]) for seller in sellers]
    for exactly in (True, False):
        for provider, owner in asked:
            for name in names:
                full = f"{owner}/{name}" if owner else name
                info = (
                    next((info for info in provider.models if info.id.casefold() == full.casefold()), None)
                    if exactly
                    else provider.find_model(full.lower())
                )
                if info is not None and not _is_meant(full, info):
                    continue
                price = None if info is None else _priced(names[0], provider, info, day)
                if price is not None:
                    return price, provider.id
    return None


def read_price_table(source: PathLike | Mapping[str, Any]) -> PriceTable:
    """Read a table of prices: TOML, JSON, or a mapping of that shape.

    ``date`` and ``currency`` (ISO 4217; USD by default) hold for all; ``models`` has for each model ``input``, and
    optionally ``output``, ``cached_input`` (per million tokens), ``long_context`` (a list of objects with ``above``
    and the rates that hold for longer inputs), ``tokenizer`` and ``wh_per_mtok``.

    Raises ``PriceTableError`` (a ``ValueError``) that names the member.
    """
    if isinstance(source, Mapping):
        return _table(source, "a table given in Python", None)
    path = os.fspath(source)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from None
    try:
        parsed = _toml(data) if path.lower().endswith(".toml") else json.loads(data, parse_float=Decimal)
    except ValueError as error:
        raise PriceTableError(f"{path}: {error}") from None
    return _table(parsed, path, os.path.dirname(path))


def _toml(data: bytes) -> Any:
    if sys.version_info >= (3, 11):
        import tomllib as toml
    else:
        toml = need("tomli", "prices", "a TOML table under Python 3.10")
    return toml.loads(data.decode("utf-8"), parse_float=Decimal)


_KNOWN = {"input", "output", "cached_input", "long_context", "tokenizer", "wh_per_mtok"}


def _table(parsed: Any, source: str, folder: str | None) -> PriceTable:
    if not isinstance(parsed, Mapping) or not isinstance(parsed.get("models"), Mapping):
        raise PriceTableError(f"{source}: there is no table 'models'")
    if "date" not in parsed:
        raise PriceTableError(f"{source}: 'date' is missing: the day for which these prices hold, as 2026-11-01")
    on = _day(parsed["date"], source)
    currency = parsed.get("currency", "USD")
    if not isinstance(currency, str) or len(currency) != 3 or not currency.isupper():
        raise PriceTableError(f"{source}: 'currency' is a code of ISO 4217 such as USD, not {currency!r}")
    prices = {}
    for model, entry in parsed["models"].items():
        place = f"{source}: models.{model}"
        if not isinstance(entry, Mapping):
            raise PriceTableError(f"{place} is no table")
        unknown = [name for name in entry if name not in _KNOWN]
        if unknown:
            raise PriceTableError(f"{place}.{unknown[0]} is not known; there are {', '.join(sorted(_KNOWN))}")
        rates = {name: _rate(entry, name, place) for name in ("input", "output", "cached_input")}
        if rates["input"] is None:
            raise PriceTableError(f"{place}.input is missing: the price of a million input tokens")
        tokenizer = entry.get("tokenizer")
        if tokenizer is not None and not isinstance(tokenizer, str):
            raise PriceTableError(f"{place}.tokenizer is the name of an encoding, or a file")
        # A file is named as seen from the table.
        if tokenizer is not None and folder is not None and os.path.exists(os.path.join(folder, tokenizer)):
            tokenizer = os.path.join(folder, tokenizer)
        energy = entry.get("wh_per_mtok")
        prices[model] = Price(
            model,
            currency,
            rates["input"],
            rates["output"],
            rates["cached_input"],
            source,
            on,
            tokenizer,
            None if energy is None else _number(energy, f"{place}.wh_per_mtok"),
        )
    return PriceTable(prices, source)


def _rate(entry: Mapping[str, Any], name: str, place: str) -> Rate | None:
    long = entry.get("long_context", [])
    if not isinstance(long, Sequence) or not all(isinstance(tier, Mapping) for tier in long):
        raise PriceTableError(f"{place}.long_context is a list of tables with 'above' and rates")
    tiers = []
    for tier in long:
        above = tier.get("above")
        if not isinstance(above, int) or isinstance(above, bool) or above < 0:
            raise PriceTableError(f"{place}.long_context: 'above' is a number of tokens, not {above!r}")
        if name in tier:
            tiers.append(Tier(above, _number(tier[name], f"{place}.long_context.{name}")))
    if name not in entry:
        if tiers:
            raise PriceTableError(f"{place}.{name} is missing, but long_context has one")
        return None
    tiers.sort(key=lambda tier: tier.above)
    return Rate(_number(entry[name], f"{place}.{name}"), tuple(tiers))


def _number(value: Any, place: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        raise PriceTableError(f"{place} is a number, not {value!r}")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise PriceTableError(f"{place} is a number, not {value!r}") from None
    if not number.is_finite() or number < 0:
        raise PriceTableError(f"{place} is a price, not {value!r}")
    return number


def _day(value: Any, source: str) -> str:
    try:
        return (value if isinstance(value, date) else date.fromisoformat(value)).isoformat()
    except (TypeError, ValueError):
        raise PriceTableError(f"{source}: 'date' is a day such as 2026-11-01, not {value!r}") from None


STATE_IT = Remedy(": state it in a table of your own ({option})", "prices")
"""What to do about a price that is not known."""

_OFFERS = 8
"""So many providers are named in a message; the error has them all."""


def _bundled_price(model: str, day: date) -> Price:
    provider, info = _find_bundled(model, day)
    price = _priced(model, provider, info, day)
    if price is None:
        raise UnknownPriceError(
            f"genai-prices has no price of input tokens for {model!r}",
            remedy=STATE_IT,
            name=model,
            nearest=[],
            sold_by=[],
        )
    return price


def _priced(model: str, provider: Provider, info: ModelInfo, day: date) -> Price | None:
    """What a provider asks for a model on that day; None where it has no price of input tokens."""
    # Where prices vary within the day, noon decides.
    listed = info.get_prices(datetime.combine(day, time(12), timezone.utc))
    base, output, cached = (
        _bundled_rate(getattr(listed, name)) for name in ("input_mtok", "output_mtok", "cache_read_mtok")
    )
    if base is None:
        return None
    source = f"genai-prices {version('genai-prices')}: {provider.id}/{info.id}"
    return Price(model, "USD", base, output, cached, source, day.isoformat())


def _find_bundled(model: str, day: date) -> tuple[Provider, ModelInfo]:
    """The provider and its entry that `model` names: the provider's where one is named, else the maker's own, else
    that of the only one who sells it."""
    from genai_prices.data_snapshot import find_provider_by_id, get_snapshot

    snapshot = get_snapshot()
    # Google's API writes models/ before its names.
    asked, seller = model.removeprefix("models/"), None
    provider_id, slash, rest = asked.partition("/")
    tried: list[tuple[str, str | None]] = []
    if slash and provider_id in {provider.id for provider in snapshot.providers}:
        asked, seller = rest, provider_id
    elif slash:
        # A provider by another name (bedrock), or an owner, which is none.
        provider = find_provider_by_id(snapshot.providers, provider_id)
        tried += [] if provider is None else [(rest, provider.id)]
    elif bare(asked) != asked:
        # Region and maker before the name are Bedrock's way.
        tried.append((asked, "aws"))
    tried += [(name, seller) for name in (asked, *other_names(asked))]
    for name, by in tried:
        with contextlib.suppress(LookupError):
            found = snapshot.find_provider_model(name, None, by, None)
            if _is_meant(name, found[1]):
                return found
    sellers = [found for name in (asked, *other_names(asked)) for found in _sellers(name)]
    meant = [found for found in sellers if seller in (None, found[0].id)]
    if len(meant) == 1:
        return meant[0]
    forms = [f"{provider.id}/{info.id}" for provider, info in sellers]
    if forms:
        asks = [_in_short(_priced(model, provider, info, day)) for provider, info in sellers]
        offers = ", ".join(f"{form} ({ask})" for form, ask in list(zip(forms, asks, strict=True))[:_OFFERS])
        if len(forms) > _OFFERS:
            offers += f" and {len(forms) - _OFFERS} more"
        what = (
            f"{model!r} is sold by several providers, each at its own price: name one, as here"
            if seller is None
            else f"no price of {seller} is known for {asked!r}; there is"
        )
        raise UnknownPriceError(f"{what}: {offers}", name=model, nearest=[], sold_by=forms)
    ids = (info.id.rpartition("/")[2] for provider in snapshot.providers for info in provider.models)
    maker = maker_of(asked)
    names = sorted({name for name in ids if maker_of(name) == maker}) if maker is not None else []
    near = [name for name in nearest(asked, names) if name.casefold() != asked.casefold()]
    raise UnknownPriceError(
        f"no price is known for {model!r}" + (f"; did you mean {', '.join(near)}?" if near else ""),
        remedy=STATE_IT._replace(words=STATE_IT.words.replace(": state", " State")) if near else STATE_IT,
        name=model,
        nearest=near,
        sold_by=[],
    )


def _is_meant(name: str, info: ModelInfo) -> bool:
    """Whether an entry that genai-prices finds for `name`, maybe by no more than how it begins, is that model's:
    ``deepseek-r1-distill-qwen-7b`` is not sold at the price of ``deepseek-r1``."""
    from genai_prices.types import ClauseEquals, ClauseOr

    def spells_out(clause: object) -> bool:
        if isinstance(clause, ClauseOr):
            return any(spells_out(one) for one in clause.or_)
        return isinstance(clause, ClauseEquals) and clause.equals.casefold() == name.casefold()

    is_same = info.id.casefold() == name.casefold() or spells_out(info.match)
    return is_same or look_up(info.id).tokenizer == look_up(name).tokenizer


def _sellers(model: str) -> list[tuple[Provider, ModelInfo]]:
    """Who sells a model of this name, the owner before it aside."""
    from genai_prices.data_snapshot import get_snapshot

    name = model.rpartition("/")[2].casefold()
    return [
        (provider, info)
        for provider in get_snapshot().providers
        for info in provider.models
        if info.id.rpartition("/")[2].casefold() == name
    ]


def _in_short(price: Price | None) -> str:
    if price is None:
        return "no price"
    output = "" if price.output is None else f", {price.output.base:f} out"
    return f"{price.input.base:f} in{output}"


def _bundled_rate(price: Any) -> Rate | None:
    if price is None:
        return None
    if isinstance(price, Decimal):
        return Rate(price)
    return Rate(price.base, tuple(Tier(tier.start, tier.price) for tier in price.tiers))
