"""Events to sums: what was written, what each request sent of it, and what was recorded. Reads no file.

Work is linear in what is read: a text is counted once, a conversation is a sum that grows, and a request sends that
sum. What is kept grows with conversations and requests, not with their texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fasttok.inputs.agent_logs.events import Event, Text, Usage

OF_TEXTS = frozenset({"role", "part", "tool"})

Key = tuple[str | None, ...]
Kind = tuple[str, str, str | None]
"""Role, part and tool of texts."""


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
class _Conversation:
    """The history that the next request sends."""

    kinds: dict[Kind, list[int]]
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


class Flows:
    """All sums of a run. `by` are the keys of groups."""

    def __init__(self, by: Sequence[str], encodings: int) -> None:
        self.by = tuple(by)
        self.encodings = encodings
        self.flows: dict[tuple[Key, Kind], Flow] = {}
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
            for text, event in talk.pending:
                self._write(text, event, event.model)
        self._conversations.clear()
        self._by_name.clear()
        for request in self.requests:
            request.agent = agents.get(request.agent, request.agent)
        if "agent" in self.by and agents:
            at = self.by.index("agent")
            flows, self.flows = self.flows, {}
            for (key, kind), flow in flows.items():
                named = (*key[:at], agents.get(str(key[at]), key[at]), *key[at + 1 :]), kind
                same = self.flows.setdefault(named, flow)
                if same is not flow:
                    same.texts += flow.texts
                    for i in range(self.encodings):
                        same.written[i] += flow.written[i]
                        same.sent[i] += flow.sent[i]

    def _begin(self, talk: _Conversation, event: Event) -> Request | None:
        """The request that an event begins; None for one that another log has, which counts there."""
        sent = tuple(talk.total)
        for text, of in talk.pending:
            self._write(text, of, event.model or of.model)
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
            for kind, counts in talk.kinds.items():
                flow = self._flow(event, kind, event.model)
                for i, count in enumerate(counts):
                    flow.sent[i] += count
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
        kind = (text.role, text.part, text.tool)
        summed = talk.kinds.get(kind)
        if summed is None:
            summed = talk.kinds[kind] = [0] * self.encodings
        for i, count in enumerate(counts):
            summed[i] += count
            talk.total[i] += count
        if talk.history is not None:
            talk.history.append(text)
        if not is_new:
            self._write(text, event, event.model)
            return
        for i, count in enumerate(() if text.is_copy else counts):
            talk.new[i] += count
        talk.pending.append((text, event))

    def _keep(self, talk: _Conversation, keeps: int, *, keeps_list: bool) -> None:
        """Take back all texts of the history but the first `keeps`."""
        if talk.history is None:
            talk.history = []
        for text in talk.history[keeps:] if keeps_list else ():
            for i, count in enumerate(text.counts or ()):
                talk.kinds[text.role, text.part, text.tool][i] -= count
                talk.total[i] -= count
        if keeps_list:
            del talk.history[keeps:]
        else:
            talk.kinds, talk.total, talk.history = {}, [0] * self.encodings, None
        talk.last = tuple(map(min, talk.last, talk.total))

    def _write(self, text: Text, event: Event, model: str | None) -> None:
        if text.is_copy:
            return
        flow = self._flow(event, (text.role, text.part, text.tool), model)
        flow.texts += 1
        for i, count in enumerate(text.counts or ()):
            flow.written[i] += count

    def _flow(self, event: Event, kind: Kind, model: str | None) -> Flow:
        if self.by:
            role, part, tool = kind
            values = {
                "agent": event.agent,
                "model": model,
                "role": role,
                "part": part,
                "tool": tool,
                "user": event.user,
                "session": event.session,
                "day": event.day,
            }
            at = tuple([values[key] for key in self.by]), kind
        else:
            at = (), kind
        flow = self.flows.get(at)
        if flow is None:
            flow = self.flows[at] = Flow(0, [0] * self.encodings, [0] * self.encodings)
        return flow
