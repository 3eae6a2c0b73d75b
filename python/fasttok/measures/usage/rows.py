"""The rows of a usage report, made of sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from fasttok._fasttok import LoggedRequest, LogUsage, TextFlow
from fasttok.measures.usage.models import NamedModels
from fasttok.measures.usage.pricing import Pricing
from fasttok.reports.usage import LongContext, Recorded, Recount, SessionUsage, Turn, UsagePart, UsageRow

OF_TEXTS = ("role", "part", "tool", "language")
"""What is grouped by that a text has and not its request."""
LISTED = 10
"""So many of the longest contexts, and of the sessions that used most, are listed."""
TURNS = 200
POINTS = 200


@dataclass
class _Group:
    flows: list[TextFlow] = field(default_factory=list)
    requests: list[LoggedRequest] = field(default_factory=list)


class Rows:
    """Makes rows of the sums of a run. `proxies`: for each encoding the models whose own it is not."""

    def __init__(
        self,
        by: Sequence[str],
        used: LogUsage,
        encodings: Sequence[str],
        proxies: Mapping[str, set[str | None]],
        pricing: Pricing | None,
        models: NamedModels,
    ) -> None:
        self._by = by
        self._models = models
        self._requests = used.requests
        self._flows = used.flows
        self._encodings = encodings
        self._proxies = proxies
        self._pricing = pricing
        self._costs = {} if pricing is None else {id(each): pricing.cost(each) for each in self._requests}
        self._of_texts = not set(OF_TEXTS).isdisjoint(by)

    def totals(self) -> UsageRow:
        group = _Group(self._flows, self._requests)
        return self._row({}, group, of_texts=False)

    def groups(self) -> list[UsageRow]:
        by = self._by
        groups: defaultdict[tuple[str | None, ...], _Group] = defaultdict(_Group)
        for flow in self._flows:
            groups[tuple(flow.key)].flows.append(flow)
        if not self._of_texts:
            for request in self._requests:
                groups[tuple(getattr(request, each) for each in by)].requests.append(request)
        rows = [
            self._row(dict(zip(by, key, strict=True)), group, of_texts=self._of_texts) for key, group in groups.items()
        ]
        rows.sort(key=lambda row: tuple((value is None, value or "") for value in row.key.values()))
        if not by or by[0] != "day":
            rows.sort(key=_spent, reverse=True)
        return rows

    def parts(self) -> list[UsagePart]:
        found: defaultdict[tuple[str, str], list[TextFlow]] = defaultdict(list)
        for flow in self._flows:
            found[flow.role, flow.part].append(flow)
        return [
            UsagePart(
                role,
                part,
                sum(flow.texts for flow in flows),
                self._by_name(lambda i, of=flows: sum(flow.written[i] for flow in of)),
                self._by_name(lambda i, of=flows: sum(flow.sent[i] for flow in of)),
            )
            for (role, part), flows in sorted(found.items())
        ]

    def turns(self) -> list[Turn]:
        by_turn: defaultdict[int, list[LoggedRequest]] = defaultdict(list)
        for request in self._requests:
            if request.turn <= TURNS:
                by_turn[request.turn].append(request)
        found = []
        for turn, requests in sorted(by_turn.items()):
            recorded = [each.usage.input for each in requests if each.usage is not None]
            sent = [each.sent for each in requests if each.sent is not None]
            found.append(
                Turn(
                    turn,
                    len(requests),
                    sum(recorded) / len(recorded) if recorded else None,
                    {name: sum(s[i] for s in sent) / len(sent) for i, name in enumerate(self._encodings) if sent},
                )
            )
        return found

    def longest(self, names: Mapping[str, str]) -> list[LongContext]:
        longest: dict[tuple[str, str], LoggedRequest] = {}
        for request in self._requests:
            of = request.session, request.agent
            if of not in longest or self._context(request) > self._context(longest[of]):
                longest[of] = request
        most = sorted(longest.values(), key=self._context, reverse=True)[:LISTED]
        return [
            LongContext(
                names.get(each.session, each.session),
                each.agent,
                each.model,
                each.turn,
                None if each.usage is None else each.usage.input,
                {} if each.sent is None else dict(zip(self._encodings, each.sent, strict=True)),
            )
            for each in most
            if self._context(each)
        ]

    def sessions(self, names: Mapping[str, str]) -> list[SessionUsage]:
        by_session: defaultdict[str, list[LoggedRequest]] = defaultdict(list)
        for request in self._requests:
            by_session[request.session].append(request)
        made = [self._session(names.get(name, name), requests) for name, requests in by_session.items()]
        made.sort(key=lambda s: (s.cost or 0, s.input_tokens + s.output_tokens, *s.sent_tokens.values()), reverse=True)
        return made[:LISTED]

    def _session(self, name: str, requests: Sequence[LoggedRequest]) -> SessionUsage:
        threads: defaultdict[str, list[int]] = defaultdict(list)
        for request in requests:
            threads[request.agent].append(self._context(request))
        contexts = max(threads.values(), key=len)
        growth = (contexts[-1] - contexts[0]) / (len(contexts) - 1) if len(contexts) > 1 else None
        step = max(1, -(-len(contexts) // POINTS))
        return SessionUsage(
            name,
            len(requests),
            sum(each.usage.input for each in requests if each.usage is not None),
            sum(each.usage.output for each in requests if each.usage is not None),
            self._by_name(lambda i: sum(each.sent[i] for each in requests if each.sent is not None)),
            growth,
            self._cost(requests),
            tuple(contexts[::step]),
        )

    def _context(self, request: LoggedRequest) -> int:
        """How much a request sent: as recorded, or else under the first encoding."""
        if request.usage is not None and request.usage.input:
            return request.usage.input
        return request.sent[0] if request.sent else 0

    def _cost(self, requests: Iterable[LoggedRequest]) -> float | None:
        if self._pricing is None:
            return None
        costs = [cost for each in requests if (cost := self._costs[id(each)]) is not None]
        return float(sum(costs, Decimal(0))) if costs else None

    def _by_name(self, value: object) -> dict[str, int]:
        return {name: value(i) for i, name in enumerate(self._encodings)}  # type: ignore[operator]

    def _row(self, key: Mapping[str, str | None], group: _Group, *, of_texts: bool) -> UsageRow:
        requests = group.requests
        return UsageRow(
            key,
            None if of_texts else len(requests),
            sum(flow.texts for flow in group.flows),
            None if of_texts else _recorded(requests),
            {name: self._recount(i, name, group, of_texts=of_texts) for i, name in enumerate(self._encodings)},
            None if of_texts else self._cost(requests),
            self._models.of_flows(group.flows) if of_texts else self._models.of_requests(requests),
        )

    def _recount(self, i: int, name: str, group: _Group, *, of_texts: bool) -> Recount:
        written = sum(flow.written[i] for flow in group.flows)
        sent = sum(flow.sent[i] for flow in group.flows)
        if of_texts:
            proxy = bool(self._proxies[name])
            return Recount(written, sent, None, None, None, None, None, None, None, proxy)
        counted = [each for each in group.requests if each.sent is not None]
        both = [each for each in counted if each.usage is not None]
        return Recount(
            written,
            sent,
            sent - sum(each.new[i] for each in counted),
            sum(each.prefix[i] for each in counted),
            sum(each.answer[i] for each in counted),
            max((each.sent[i] for each in counted if each.sent is not None), default=0),
            sum(each.usage.input - each.sent[i] for each in both if each.usage is not None and each.sent is not None),
            sum(each.usage.output - each.answer[i] for each in both if each.usage is not None),
            len(both),
            any(each.model in self._proxies[name] for each in counted),
        )


def _recorded(requests: Sequence[LoggedRequest]) -> Recorded:
    used = [(each.usage, each.is_final) for each in requests if each.usage is not None]
    return Recorded(
        len(used),
        sum(usage.input for usage, _ in used),
        sum(usage.cached_input for usage, _ in used),
        sum(usage.cache_write for usage, _ in used),
        sum(usage.output for usage, _ in used),
        sum(usage.reasoning for usage, _ in used),
        sum(not is_final for _, is_final in used),
    )


def _spent(row: UsageRow) -> tuple[float, int, int]:
    """The order of groups, the largest first: cost, recorded tokens, tokens sent and written."""
    recorded = 0 if row.recorded is None else row.recorded.input_tokens + row.recorded.output_tokens
    recounted = next(iter(row.recount.values()), None)
    return row.cost or 0, recorded, 0 if recounted is None else recounted.sent_tokens + recounted.written_tokens
