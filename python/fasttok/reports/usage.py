"""Where tokens went: what agents wrote and sent, and what their logs say was used. Computes and draws nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fasttok._fasttok import USAGE_KEYS
from fasttok._util.nearest import nearest
from fasttok.errors import UnknownGroupError
from fasttok.reports.base import BaseReport
from fasttok.reports.ledger import Ledger
from fasttok.reports.tabular import Kind

KEYS = USAGE_KEYS
"""What can be grouped by."""


@dataclass(frozen=True)
class Recorded:
    """What logs say was used, each request once."""

    requests: int
    """Requests whose usage is in the log."""
    input_tokens: int
    """With those from a cache, and those written to one."""
    cached_input_tokens: int
    cache_write_tokens: int
    output_tokens: int
    """With those of reasoning, where the log has them in it."""
    reasoning_tokens: int
    unfinished_requests: int
    """Requests of which the log has only what was known while they streamed: their output may have been more."""


@dataclass(frozen=True)
class Recount:
    """The texts of logs under one encoding. What belongs to requests is None in a group of texts."""

    written_tokens: int
    """Each text once."""
    sent_tokens: int
    """Each text as often as a request sent it."""
    resent_tokens: int | None
    """Those of them that were sent before in the same conversation, or that the model wrote."""
    prefix_tokens: int | None
    """Those of them that the request before in the same conversation begins with too: at most so many can a prefix
    cache have covered."""
    output_tokens: int | None
    """What the model wrote."""
    longest_context: int | None
    """The most that one request sent."""
    input_difference: int | None
    """Recorded input - sent, over the requests that have both."""
    output_difference: int | None
    """Recorded output - what the model wrote, over the requests that have both."""
    compared_requests: int | None
    """How many those are."""
    is_proxy: bool
    """Whether it is another model's tokenizer for some of the requests."""


@dataclass(frozen=True)
class ModelUsage:
    """The texts of logs on a model that was named: recounted, and priced as if it had been asked."""

    encoding: str
    """What they are counted with, by its name in the report."""
    tokenizer_of: str | None
    """Whose tokenizer it is, where it is not the model's own and the figures are an estimate."""
    input_tokens: int
    """What requests sent, of texts that are in the logs."""
    output_tokens: int
    """What was answered."""
    cost: float
    """All input as fresh input, each request at the rates of its length."""


@dataclass(frozen=True)
class UsageRow:
    """The requests and texts that share a key."""

    key: Mapping[str, str | None]
    requests: int | None
    """None in a group of texts: a request has texts of many kinds."""
    texts: int
    recorded: Recorded | None
    recount: Mapping[str, Recount]
    cost: float | None
    models: Mapping[str, ModelUsage] = field(default_factory=dict)
    """By the name of each model that was asked for."""

    def to_dict(self) -> dict[str, Any]:
        """As the report's JSON has it, but for the key."""
        return {
            "requests": self.requests,
            "texts": self.texts,
            "recorded": None if self.recorded is None else dict(vars(self.recorded)),
            "recount": {name: dict(vars(each)) for name, each in self.recount.items()},
            "cost": self.cost,
            "models": {name: dict(vars(each)) for name, each in self.models.items()},
        }


@dataclass(frozen=True)
class UsagePart:
    """Texts of one role and part, and of each encoding the tokens that were written and sent."""

    role: str
    part: str
    texts: int
    written_tokens: Mapping[str, int]
    sent_tokens: Mapping[str, int]


@dataclass(frozen=True)
class LongContext:
    """The longest context of an agent in a session, if it is among the longest of all."""

    session: str
    agent: str
    model: str | None
    turn: int
    input_tokens: int | None
    """As recorded."""
    sent_tokens: Mapping[str, int]


@dataclass(frozen=True)
class Turn:
    """The requests that are the n-th of their conversation: how much they sent, on average."""

    turn: int
    requests: int
    input_tokens: float | None
    """As recorded."""
    sent_tokens: Mapping[str, float]


@dataclass(frozen=True)
class SessionUsage:
    """A session that is among those that used most."""

    session: str
    requests: int
    input_tokens: int
    """As recorded; and so is the output."""
    output_tokens: int
    sent_tokens: Mapping[str, int]
    growth_per_turn: float | None
    """By how many tokens the context of its longest conversation grew from one request to the next, on average: as
    recorded, or where nothing is, under the first encoding."""
    cost: float | None
    contexts: Sequence[int]
    """The context of each request of its longest conversation, the same way; at most 200 of them, evenly spaced."""


@dataclass(frozen=True, repr=False)
class UsageReport(BaseReport):
    """Where tokens went, by agent, model, role, tool, user, session or day. Recorded figures and recounted ones are
    beside each other, and never added."""

    kind = "usage"
    schema = "fasttok.usage/1"

    manifest: Mapping[str, Any]
    totals: UsageRow
    groups: Sequence[UsageRow]
    parts: Sequence[UsagePart]
    turns: Sequence[Turn]
    sessions: Sequence[SessionUsage]
    longest_contexts: Sequence[LongContext]
    ledger: Ledger

    @property
    def by(self) -> list[str]:
        """What is grouped by."""
        return list(self.manifest["by"])

    @property
    def encodings(self) -> list[str]:
        """What texts were counted with."""
        return list(self.totals.recount)

    @property
    def models(self) -> list[str]:
        """The models that texts were recounted and priced for, by name."""
        return list(self.totals.models)

    @property
    def currency(self) -> str | None:
        """The currency of costs, ISO 4217; None where none were asked for."""
        currency: str | None = self.manifest["currency"]
        return currency

    def get(self, *key: str | None) -> UsageRow:
        """The row of one group; the total without a key. Raises ``UnknownGroupError`` (a ``KeyError``)."""
        if not key:
            return self.totals
        for row in self.groups:
            if tuple(row.key.values()) == key:
                return row
        shown = ", ".join(str(value) for value in key)
        known = [str(value) for row in self.groups for value in row.key.values() if value is not None]
        raise UnknownGroupError(f"there is no group {shown!r} in the report", name=shown, nearest=nearest(shown, known))

    def fields(self) -> Sequence[tuple[str, Kind]]:
        fixed: list[tuple[str, Kind]] = [("requests", "integer"), ("texts", "integer")]
        fixed += [(f"recorded_{name}", "integer") for name in Recorded.__annotations__]
        fixed += [("encoding", "string")]
        fixed += [(name, "integer") for name in Recount.__annotations__ if name != "is_proxy"]
        fixed += [("is_proxy", "boolean"), ("cost", "real")]
        if self.models:
            fixed += [("on_model", "string"), ("tokenizer_of", "string")]
            fixed += [("on_model_input_tokens", "integer"), ("on_model_output_tokens", "integer")]
            fixed += [("on_model_cost", "real")]
        return [(key, "string") for key in self.by] + fixed

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """A row a group and encoding, and of an encoding one for each model that was named and has it; a row a group
        where nothing is recounted; the totals where nothing is grouped."""
        for row in self.groups if self.by else [self.totals]:
            recorded = [getattr(row.recorded, name, None) for name in Recorded.__annotations__]
            said = (*row.key.values(), row.requests, row.texts, *recorded)
            if not row.recount:
                yield (*said, *[None] * (1 + len(Recount.__annotations__)), row.cost)
            for name, each in row.recount.items():
                recounted = (*said, name, *vars(each).values(), row.cost)
                if not row.models:
                    yield recounted
                    continue
                priced = [(model, on) for model, on in row.models.items() if on.encoding == name]
                if not priced:
                    yield (*recounted, *[None] * 5)
                for model, on in priced:
                    yield (*recounted, model, on.tokenizer_of, on.input_tokens, on.output_tokens, on.cost)

    def content(self) -> dict[str, Any]:
        """Totals, groups, parts, turns, sessions, longest contexts and ledger: see docs/usage.md."""
        return {
            "totals": self.totals.to_dict(),
            "groups": [{"key": dict(row.key), **row.to_dict()} for row in self.groups],
            "parts": [_plain(part) for part in self.parts],
            "turns": [_plain(turn) for turn in self.turns],
            "sessions": [_plain(session) for session in self.sessions],
            "longest_contexts": [_plain(each) for each in self.longest_contexts],
            "ledger": self.ledger.to_dict(),
        }

    def __repr__(self) -> str:
        recorded = self.totals.recorded
        said = "" if recorded is None else f", {recorded.input_tokens:,} tokens in, {recorded.output_tokens:,} out"
        return f"<fasttok.UsageReport of {self.totals.requests or 0:,} requests{said}>"


def _plain(entry: Any) -> dict[str, Any]:
    return {
        name: dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple) else value
        for name, value in vars(entry).items()
    }
