"""Events to sums: what was written, what each request sent of it, and what was recorded. Reads no file.

Work is linear in what is read: a text is counted once, a conversation is a sum that grows, and a request sends that
sum. By kinds of texts it is not added up request by request: what is there when requests are counted later, less what
came after some of them, is the same (see `_Sent`). What is kept grows with conversations and requests, not with their
texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fasttok.inputs.agent_logs.events import Event, Text, Usage

OF_TEXTS = ("role", "part", "tool", "language")
"""What is grouped by that a text has and not its request: the order of a `Kind`."""

Key = tuple[str | None, ...]
Kind = tuple[str, str, str | None, str | None]


@dataclass(slots=True, eq=False)
class Request:
    """A request of a model: who asked, what it sent, and what was recorded."""

    session: str
    agent: str
    model: str | None
    user: str | None
    day: str | None
    turn: int
    """Of its conversation, from 1."""
    usage: Usage | None = None
    is_final: bool = False
    sent: tuple[int, ...] | None = None
    """Tokens of its input by encoding; None where the log has no texts of it."""
    new: tuple[int, ...] = ()
    """Those of them that no request of the conversation sent before, and that the model did not write."""
    prefix: tuple[int, ...] = ()
    """Those of them that the request before it begins with too."""
    answer: list[int] = field(default_factory=list)
    """Tokens of the answer by encoding."""

    def value(self, key: str) -> str | None:
        """What it is grouped by."""
        found: str | None = getattr(self, key)
        return found


@dataclass(slots=True, eq=False)
class Flow:
    """Texts of one kind in one group: how many, and tokens by encoding."""

    texts: int
    written: list[int]
    sent: list[int]


@dataclass(slots=True, eq=False)
class _Sent:
    """Texts of one kind in a history. `requests` of the conversation sent `tokens * requests + since`."""

    tokens: list[int]
    since: list[int]


@dataclass(slots=True, eq=False)
class _Conversation:
    """The history that the next request sends."""

    kinds: dict[Kind, _Sent]
    total: list[int]
    pending: list[tuple[Text, Event]]
    """Texts that no request has sent yet."""
    new: list[int]
    last: tuple[int, ...]
    """What the request before sent."""
    history: list[Text] | None = None
    """The texts, where a request may take some of them back."""
    request: str | None = None
    current: Request | None = None
    turns: int = 0
    requests: int = 0
    """Those that sent the history and are not in the sums yet; all of them are in the group `key`."""
    key: Key = ()


class Flows:
    """All sums of a run. `by` are the keys of groups."""

    def __init__(self, by: Sequence[str], encodings: int) -> None:
        self.by = tuple(by)
        self.encodings = encodings
        self.flows: dict[tuple[Key, Kind], Flow] = {}
        """Made at the end."""
        self._of_events = tuple(key for key in self.by if key not in OF_TEXTS)
        self._sums: dict[Key, dict[Kind, Flow]] = {}
        """By what events have of the keys."""
        self.requests: list[Request] = []
        self._by_name: dict[str, Request] = {}
        self._conversations: dict[str, _Conversation] = {}
        self._zeros = (0,) * encodings

    def add(self, event: Event) -> None:
        """Take an event whose texts are counted."""
        talk = self._conversations.get(event.thread)
        if talk is None:
            talk = _Conversation({}, [0] * self.encodings, [], [0] * self.encodings, self._zeros)
            self._conversations[event.thread] = talk
        if event.keeps is not None:
            self._keep(talk, event.keeps, keeps_list=event.request is not None)
        if event.request is None:
            for text in event.texts:
                self._join(talk, text, event, is_new=True)
            return
        if event.keeps is not None:
            for text in event.texts:
                self._join(talk, text, event, is_new=True)
        if event.request != talk.request:
            talk.request = event.request
            talk.current = self._begin(talk, event)
        if talk.current is not None:
            self._record(talk.current, event)
        for text in event.texts if event.keeps is None else event.answer:
            self._join(talk, text, event, is_new=False)
            if talk.current is not None and not event.is_repeated:
                for i, count in enumerate(text.counts or ()):
                    talk.current.answer[i] += count

    def end(self, agents: Mapping[str, str]) -> None:
        """After the last event: texts that no request sent were written all the same. `agents` says what some are
        called."""
        for talk in self._conversations.values():
            self._settle(talk)
            for text, event in talk.pending:
                self._write(text, self._key(event, event.model))
        self._conversations.clear()
        self._by_name.clear()
        for request in self.requests:
            request.agent = agents.get(request.agent, request.agent)
        for of_events, flows in self._sums.items():
            values = dict(zip(self._of_events, of_events, strict=True))
            agent = values.get("agent")
            if agent is not None:
                values["agent"] = agents.get(agent, agent)
            for kind, flow in flows.items():
                of_texts = dict(zip(OF_TEXTS, kind, strict=True))
                key = tuple([of_texts[name] if name in of_texts else values[name] for name in self.by])
                same = self.flows.setdefault((key, kind), flow)
                if same is not flow:
                    same.texts += flow.texts
                    for i in range(self.encodings):
                        same.written[i] += flow.written[i]
                        same.sent[i] += flow.sent[i]
        self._sums.clear()

    def _begin(self, talk: _Conversation, event: Event) -> Request | None:
        """The request that an event begins; None for one that another log has, which counts there."""
        sent = tuple(talk.total)
        for text, of in talk.pending:
            self._write(text, self._key(of, event.model or of.model))
        pending, talk.pending = tuple(talk.new), []
        talk.new = [0] * self.encodings
        prefix, talk.last = talk.last, sent
        talk.turns += 1
        if event.is_repeated:
            return self._by_name.get(str(event.request))
        request = Request(
            event.session, event.agent, event.model, event.user, event.day, talk.turns, answer=[0] * self.encodings
        )
        if event.has_texts:
            request.sent, request.new, request.prefix = sent, pending, prefix
            key = self._key(event, event.model)
            if key != talk.key:
                self._settle(talk)
                talk.key = key
            talk.requests += 1
        self.requests.append(request)
        self._by_name[str(event.request)] = request
        return request

    def _record(self, request: Request, event: Event) -> None:
        if event.usage is not None:
            if request.usage is None:
                request.usage = event.usage
            else:
                request.usage.raise_to(event.usage)
            request.is_final = request.is_final or event.is_final
        request.model = request.model or event.model

    def _join(self, talk: _Conversation, text: Text, event: Event, *, is_new: bool) -> None:
        counts = text.counts or self._zeros
        kind = (text.role, text.part, text.tool, text.language)
        sent = talk.kinds.get(kind)
        if sent is None:
            sent = talk.kinds[kind] = _Sent([0] * self.encodings, [0] * self.encodings)
        for i, count in enumerate(counts):
            sent.tokens[i] += count
            sent.since[i] -= count * talk.requests
            talk.total[i] += count
        if talk.history is not None:
            talk.history.append(text)
        if not is_new:
            self._write(text, self._key(event, event.model))
            return
        for i, count in enumerate(() if text.is_copy else counts):
            talk.new[i] += count
        talk.pending.append((text, event))

    def _keep(self, talk: _Conversation, keeps: int, *, keeps_list: bool) -> None:
        """Take back all texts of the history but the first `keeps`."""
        if talk.history is None:
            talk.history = []
        for text in talk.history[keeps:] if keeps_list else ():
            sent = talk.kinds[text.role, text.part, text.tool, text.language]
            for i, count in enumerate(text.counts or ()):
                sent.tokens[i] -= count
                sent.since[i] += count * talk.requests
                talk.total[i] -= count
        if keeps_list:
            del talk.history[keeps:]
        else:
            self._settle(talk)
            talk.kinds, talk.total, talk.history = {}, [0] * self.encodings, None
        talk.last = tuple(map(min, talk.last, talk.total))

    def _settle(self, talk: _Conversation) -> None:
        """Add what the requests of a conversation sent to the sums of their group."""
        if talk.requests:
            for kind, sent in talk.kinds.items():
                flow = self._flow(talk.key, kind)
                for i, tokens in enumerate(sent.tokens):
                    flow.sent[i] += tokens * talk.requests + sent.since[i]
                    sent.since[i] = 0
        talk.requests = 0

    def _write(self, text: Text, key: Key) -> None:
        if text.is_copy:
            return
        flow = self._flow(key, (text.role, text.part, text.tool, text.language))
        flow.texts += 1
        for i, count in enumerate(text.counts or ()):
            flow.written[i] += count

    def _key(self, event: Event, model: str | None) -> Key:
        """What an event has of the keys of groups."""
        if not self._of_events:
            return ()
        return tuple([model if key == "model" else getattr(event, key) for key in self._of_events])

    def _flow(self, key: Key, kind: Kind) -> Flow:
        flows = self._sums.get(key)
        if flows is None:
            flows = self._sums[key] = {}
        flow = flows.get(kind)
        if flow is None:
            flow = flows[kind] = Flow(0, [0] * self.encodings, [0] * self.encodings)
        return flow
