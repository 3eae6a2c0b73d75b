"""The compiled reader of agents' logs against the plain one: random records, repeated, odd and broken."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agent_logs import (
    DAY,
    as_otlp,
    atif,
    claude,
    claude_answer,
    claude_session,
    codex,
    codex_message,
    codex_reasoning,
    codex_session,
    codex_usage,
    otel_tree,
)
from log_reference import Logs, Sums

import fasttok as library
from fasttok._fasttok import LogUsage, _log_usage
from fasttok.options import CorpusOptions

O200K = library.get_encoding("o200k_base")
TEXTS = (
    "",
    "a",
    "one two",
    "Grüße, 世界 \n\t\"'\\/",
    "\ud83d half",
    "😀" * 9,
    "long " * 40,
    "x" * 63,
    "y" * 64,
    "\x01",
)
ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -3,
    7,
    1 << 63,
    1 << 64,
    10**30,
    0.5,
    "",
    "x",
    "5",
    [],
    {},
    [[]],
    [None],
    {"text": "t"},
    "é" * 70,
)
UNKNOWN: tuple[Any, ...] = (
    {"type": "hologram"},
    {"type": 5},
    {"type": "system", "subtype": "compact_boundary"},
    {},
    [],
    3,
    None,
    "text",
    [1],
)
BROKEN = ("{broken", '{"type": "user", "mess', "[1,", "nul", "NaN", "words", '"open', "{}}", " ", "\t\x0b ", "\ufeff{")


SEEDS = 250


class Maker:
    """Logs at random, small enough that ids, sessions and texts come again."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.totals = (0, 0, 0, 0)

    def id(self, name: str, of: int = 4) -> str:
        return f"{name}{self.random.randrange(of)}"

    def text(self) -> str:
        return self.random.choice(TEXTS) if self.random.random() < 0.7 else self.id("words and ", 50)

    def content(self) -> Any:
        kind = self.random.randrange(5)
        if kind == 0:
            return self.text()
        parts = [
            {"type": "text", "text": self.text()},
            {"type": "image"},
            {"text": self.text()},
            self.text(),
            {"type": 1},
        ]
        return self.random.sample(parts, kind)

    def claude(self) -> Any:
        session, uuid = self.id("s", 3), self.id("u", 40)
        more: dict[str, Any] = {"parentUuid": self.id("u", 40), "session": session}
        if self.random.random() < 0.3:
            more |= {"isSidechain": True}
            more |= {"agentId": self.id("g")} if self.random.random() < 0.5 else {}
        if self.random.random() < 0.5:
            result = {"type": "tool_result", "tool_use_id": self.id("t"), "content": self.content()}
            found: dict[str, Any] = {"toolUseResult": {"agentId": self.id("g")}} if self.random.random() < 0.5 else {}
            said = claude("user", uuid, self.random.choice((self.content(), [result])), **more, **found)
            return self.queued(said) if self.random.random() < 0.2 else said
        block = self.random.choice(
            (
                {"type": "text", "text": self.text()},
                {"type": "thinking", "thinking": self.text()},
                {
                    "type": "tool_use",
                    "id": self.id("t"),
                    "name": self.id("Tool"),
                    "input": {"path": self.text(), "n": [1, {}]},
                },
                {"type": "tool_use", "id": self.id("t"), "name": "Task", "input": {"subagent_type": self.id("Kind")}},
                {"type": "server_tool_use", "name": "web_search", "input": self.text()},
                {"type": "redacted_thinking", "data": "x"},
            )
        )
        used = tuple(self.random.randrange(100) for _ in range(4))
        return claude_answer(uuid, self.id("m", 12), block, used, self.random.choice((None, "end_turn")), **more)  # type: ignore[arg-type]

    def queued(self, said: dict[str, Any]) -> Any:
        queued = {name: said[name] for name in ("sessionId", "isSidechain", "agentId", "parentUuid") if name in said}
        queued |= {"uuid": said["uuid"]} if self.random.random() < 0.5 else {}
        queued |= {"timestamp": self.id(f"{DAY}T10:00:0", 6)} if self.random.random() < 0.8 else {}
        kind = self.random.choice(("queued_command", "queued_command", "task_reminder", 1))
        prompt = {"prompt": said["message"]["content"]} if self.random.random() < 0.9 else {}
        return {"type": "attachment", "attachment": {"type": kind, **prompt}, **queued}

    def codex(self) -> Any:
        kind = self.random.randrange(10)
        if kind == 0:
            payload = {"id": self.id("s", 3), "base_instructions": {"text": self.text()}, "model": "gpt-5"}
            forked = {"forked_from_id": self.id("s", 3)} if self.random.random() < 0.4 else {}
            return codex(
                "session_meta", {**payload, **forked, "source": self.random.choice(("cli", {"subagent": "x"}))}
            )
        if kind == 1:
            return codex("turn_context", {"model": self.id("gpt-")})
        if kind in (2, 3):
            last = (
                self.random.randrange(50),
                self.random.randrange(9),
                self.random.randrange(20),
                self.random.randrange(5),
            )
            if self.random.random() < 0.7:
                self.totals = tuple(a + b for a, b in zip(self.totals, last, strict=True))  # type: ignore[assignment]
            if self.random.random() < 0.1:
                self.totals = last
            return codex_usage(self.totals, last if self.random.random() < 0.8 else None)
        if kind == 4:
            item = {"type": "message", "role": "user", "content": self.content()}
            return codex("compacted", {"message": self.text(), "replacement_history": [item, 3]})
        if kind == 5:
            return codex_reasoning(self.text())
        if kind == 6:
            call = {"type": self.random.choice(("function_call", "custom_tool_call", "web_search_call"))}
            asked = {
                self.random.choice(("arguments", "input", "action")): self.random.choice(
                    (self.text(), {"a": [self.text()]})
                )
            }
            return codex("response_item", {**call, "call_id": self.id("c"), "name": self.id("tool"), **asked})
        if kind == 7:
            said = self.random.choice((self.text(), {"content": self.text()}, self.content(), {"b": 1}, None))
            return codex("response_item", {"type": "function_call_output", "call_id": self.id("c"), "output": said})
        if kind == 8:
            return codex("response_item", {"type": self.random.choice(("other", "image_generation_call", "novel"))})
        return codex_message(self.random.choice(("user", "assistant", "developer")), self.text())

    def mutated(self, record: Any) -> Any:
        """With something in it replaced or left out."""
        record = copy.deepcopy(record)
        places: list[tuple[Any, Any]] = []

        def walk(value: Any) -> None:
            inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
            for key, each in inner:
                places.append((value, key))
                walk(each)

        walk(record)
        if places:
            inside, key = self.random.choice(places)
            if isinstance(inside, dict) and self.random.random() < 0.3:
                del inside[key]
            else:
                inside[key] = self.random.choice(ODD)
        return record

    def records(self) -> list[Any]:
        def made(make: Callable[[], Any]) -> list[Any]:
            return [make() for _ in range(self.random.randrange(1, 40))]

        choices: tuple[Callable[[], list[Any]], ...] = (
            lambda: made(self.claude),
            lambda: made(self.codex),
            lambda: claude_session(self.id("s", 3)),
            lambda: codex_session(),
            lambda: otel_tree(),
            lambda: [as_otlp(otel_tree())],
            lambda: [self.mutated(atif()), atif()],
        )
        records = self.random.choice(choices)()
        records = [self.mutated(each) if self.random.random() < 0.2 else each for each in records]
        for _ in range(self.random.randrange(3)):
            records.insert(self.random.randrange(len(records) + 1), self.random.choice((*UNKNOWN, *records)))
        return records

    def file(self) -> str:
        records = self.records()
        kind = self.random.random()
        if kind < 0.1:
            return json.dumps(records, indent=self.random.choice((None, 1)))
        ascii = self.random.random() < 0.5
        lines = [json.dumps(each, ensure_ascii=ascii) for each in records]
        lines = [line.encode("utf-8", "replace").decode() for line in lines]
        if kind < 0.5:
            for _ in range(self.random.randrange(1, 4)):
                lines.insert(self.random.randrange(len(lines) + 1), self.random.choice(BROKEN))
        text = "\n".join(lines)
        return (
            text[: -self.random.randrange(1, 20)]
            if kind > 0.9
            else text + self.random.choice(("", "\n", "\r\n", "\n\n"))
        )


def plain(used: LogUsage) -> dict[str, Any]:
    def usage(said: Any) -> Any:
        names = ("input", "cached_input", "cache_write", "output", "reasoning")
        return None if said is None else tuple(getattr(said, name) for name in names)

    return {
        "requests": [
            (
                *(
                    each.session,
                    each.agent,
                    each.model,
                    each.user,
                    each.day,
                    each.turn,
                    usage(each.usage),
                    each.is_final,
                ),
                *(each.sent and each.sent[0], each.new[0] if each.new else 0, each.prefix[0] if each.prefix else 0),
                each.answer[0],
            )
            for each in used.requests
        ],
        # Where texts were taken back there may be nothing.
        "flows": {
            (*each.key, each.role, each.part): [each.texts, each.written[0], each.sent[0]]
            for each in used.flows
            if each.texts or each.sent[0]
        },
        "logs": {
            met.format: (met.files, met.records, met.repeated_records, met.not_counted)
            for met in used.logs
            if met.files
        },
        "skipped": sorted((row.file, row.line or 1, row.reason, row.rows) for row in used.account.entries),
        "bytes": used.bytes,
    }


def expected(paths: list[Path], by: list[str], log_format: str | None) -> dict[str, Any]:
    logs = Logs(paths, log_format)
    sums = Sums(logs, O200K.count, by)
    return {
        "requests": [
            (
                *(each.session, each.agent, each.model, each.user, each.day, each.turn),
                *(each.usage and tuple(vars(each.usage).values()), each.is_final),
                *(None if each.sent is None else each.sent, each.new, each.prefix, each.answer),
            )
            for each in sums.requests
        ],
        "flows": {key: flow for key, flow in sums.flows.items() if flow[0] or flow[2]},
        "logs": {
            parser.name: (parser.files, dict(parser.records), parser.repeated_records, dict(parser.media))
            for parser in logs.parsers
            if parser.files
        },
        "skipped": sorted(logs.skipped),
        "bytes": logs.bytes,
    }


@pytest.mark.parametrize("part", range(4))
def test_the_compiled_reader_is_the_plain_one(tmp_path: Path, part: int) -> None:
    requests = skipped = 0
    for seed in range(part * SEEDS, part * SEEDS + SEEDS):
        make = Maker(seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        paths = [folder / f"{i}.jsonl" for i in range(make.random.randrange(1, 5))]
        for path in paths:
            path.write_bytes(make.file().encode())
        by = make.random.choice(([], ["model", "role"], ["tool"], ["session", "agent", "user", "day", "part"]))
        log_format = make.random.choice((None, None, None, "codex", "claude-code", "atif", "otel"))
        used = _log_usage([str(folder)], [O200K], by, CorpusOptions(threads=2), log_format=log_format)
        found, wanted = plain(used), expected(paths, by, log_format)
        for name, value in wanted.items():
            assert found[name] == value, (seed, name)
        account = used.account
        assert account.seen == account.counted + account.skipped
        requests += len(used.requests)
        skipped += account.skipped
    # They are no empty logs.
    assert requests > 2 * SEEDS and skipped > SEEDS


def test_many_batches_in_order(tmp_path: Path) -> None:
    """More lines, and a longer one, than are read at a time: conversations and requests go on in the next batch."""
    make = Maker(0)
    records: list[Any] = []
    for i in range(5000):
        said = make.text() if i % 1000 else "some words " * 300_000
        if i % 3:
            block = {"type": "text", "text": said}
            records.append(claude_answer(f"a{i}", str(i // 2), block, (i, 1, 0, 2), session=f"s{i // 15}"))
        else:
            records.append(claude("user", f"u{i}", said, session=f"s{i // 15}"))
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    used = _log_usage([str(path)], [O200K], ["session"], CorpusOptions())
    assert plain(used) == expected([path], ["session"], None)
    assert len(used.requests) == 2500 and used.bytes > 10_000_000
