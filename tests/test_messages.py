"""Conversations as texts: held against a plain reader of their shapes and tiktoken, in files and in memory."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from agent_logs import claude
from cli_support import fasttok, write_jsonl
from references import References

import fasttok as library

Tokens = Callable[[str], int]
Said = tuple[str, str, "str | None", str]
"""Role, part, turn and text."""

ROLES = {
    "developer": "system",
    "human": "user",
    "gpt": "assistant",
    "model": "assistant",
    "function": "tool",
    "observation": "tool",
}


def compact(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Plain:
    """What a conversation says, read in the plainest way."""

    def __init__(self) -> None:
        self.texts: list[Said] = []
        self.turn = 0
        self.answered = True

    def add(self, role: str, part: str, text: str) -> None:
        if text:
            self.texts.append((role, part, str(self.turn), text))

    def call(self, name: str, arguments: Any) -> None:
        self.add("assistant", "tool_call", name)
        if arguments is not None:
            self.add("assistant", "tool_call", compact(arguments))

    def content(self, content: Any, role: str, part: str) -> None:
        if isinstance(content, str):
            self.add(role, part, content)
            return
        for each in content or []:
            kind = each["type"]
            if kind in ("text", "input_text", "output_text"):
                self.add(role, part, each["text"])
            elif kind == "thinking":
                self.add("assistant", "reasoning", each["thinking"])
            elif kind == "tool_use":
                self.call(each["name"], each["input"])
            elif kind == "tool_result":
                self.content(each["content"], "tool", "tool_result")

    def message(self, message: dict[str, Any]) -> None:
        said = message.get("role") or message["from"]
        role = ROLES.get(said, said)
        content = message.get("content", message.get("value"))
        results = isinstance(content, list) and any(each["type"] == "tool_result" for each in content)
        if role == "user" and not results:
            self.turn += self.answered
            self.answered = False
        elif role != "system":
            self.answered = True
        if message.get("reasoning_content"):
            self.add(role, "reasoning", message["reasoning_content"])
        self.content(content, role, {"system": "system", "tool": "tool_result"}.get(role, "text"))
        if message.get("refusal"):
            self.add(role, "text", message["refusal"])
        for call in message.get("tool_calls") or []:
            self.call(call["function"]["name"], call["function"]["arguments"])


def plain(record: dict[str, Any]) -> list[Said]:
    read = Plain()
    if "instruction" in record:
        read.turn = 1
        read.add("user", "text", record["instruction"])
        read.add("user", "text", record.get("input") or "")
        read.add("assistant", "text", record["output"])
        return read.texts
    record = record.get("body", record)
    read.content(record.get("system"), "system", "system")
    if record.get("tools"):
        read.add("system", "system", compact(record["tools"]))
    for message in record["messages"] if "messages" in record else record["conversations"]:
        read.message(message)
    return read.texts


WORDS = [
    "word",
    "Grüße",
    "中文字符",
    "日本語の文",
    "नमस्ते",
    'a "quote"',
    "back\\slash",
    "line\nend",
    "\u2028",
    "\x7f\x01",
    "😀",
    " ",
    "x" * 60,
]


def text(rng: random.Random) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randrange(8)))


def value(rng: random.Random, depth: int = 2) -> Any:
    kind = rng.randrange(7 if depth else 5)
    if kind == 5:
        return [value(rng, depth - 1) for _ in range(rng.randrange(3))]
    if kind == 6:
        return {text(rng): value(rng, depth - 1) for _ in range(rng.randrange(3))}
    return [text(rng), rng.randrange(-9, 10**6), rng.random() * 10 ** rng.randrange(-9, 20), True, None][kind]


def part(rng: random.Random) -> dict[str, Any]:
    return rng.choice(
        [
            {"type": "text", "text": text(rng)},
            {"type": "input_text", "text": text(rng), "annotations": [value(rng)]},
            {"type": "image_url", "image_url": {"url": "data:x"}},
            {"text": text(rng), "type": "output_text"},
        ]
    )


def openai(rng: random.Random) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    for i in range(rng.randrange(7)):
        content = rng.choice([text(rng), [part(rng) for _ in range(rng.randrange(3))]])
        kind = rng.randrange(4)
        if kind == 0:
            messages.append({"role": rng.choice(["system", "developer", "critic"]), "content": content})
        elif kind == 1:
            messages.append({"content": content, "role": "user", "name": "x"})
        elif kind == 2:
            messages.append({"role": "tool", "tool_call_id": f"call {i}", "content": content})
        else:
            message: dict[str, Any] = {"role": "assistant", "content": rng.choice([None, content])}
            if rng.random() < 0.5:
                arguments = rng.choice([json.dumps(value(rng)), {"a": value(rng)}, [], ""])
                message["tool_calls"] = [
                    {"id": f"call {i}", "function": {"name": "f" + text(rng), "arguments": arguments}}
                ]
            message["reasoning_content"] = rng.choice([None, text(rng)])
            message["refusal"] = rng.choice([None, text(rng)])
            messages.append(message)
    tools = {"tools": rng.choice([[], [{"type": "function", "function": {"name": "f", "x": value(rng)}}]])}
    record = {"messages": messages, "source": rng.choice(["web", "app"]), **rng.choice([{}, tools])}
    return record if rng.random() < 0.7 else {"custom_id": str(rng.random()), "body": record, "source": "batch"}


def anthropic(rng: random.Random) -> dict[str, Any]:
    messages = []
    for _ in range(rng.randrange(5)):
        result = {"type": "tool_result", "tool_use_id": "t", "content": rng.choice([text(rng), [part(rng)]])}
        messages.append(
            {"role": "user", "content": rng.choice([text(rng), [part(rng), result], [result], [part(rng)]])}
        )
        thinking = {"type": "thinking", "thinking": text(rng), "signature": "x"}
        use = {"type": "tool_use", "id": "t", "name": "bash", "input": {"cmd": value(rng)}}
        messages.append({"role": "assistant", "content": rng.sample([thinking, part(rng), use], k=rng.randrange(4))})
    return {"system": rng.choice([text(rng), [{"type": "text", "text": text(rng)}]]), "messages": messages}


def sharegpt(rng: random.Random) -> dict[str, Any]:
    names = ["system", "human", "gpt", "observation"]
    said = [{"from": rng.choice(names), "value": text(rng)} for _ in range(rng.randrange(6))]
    return {"id": "x", "conversations": said}


def alpaca(rng: random.Random) -> dict[str, Any]:
    record = {"instruction": text(rng), "output": text(rng)}
    return record | rng.choice([{}, {"input": text(rng)}, {"input": ""}, {"input": None}])


def conversations(seed: int, many: int) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    return [rng.choice([openai, openai, anthropic, sharegpt, alpaca])(rng) for _ in range(many)]


@pytest.fixture(scope="module")
def tokens(references: References) -> Tokens:
    """tiktoken's count."""
    encoding = references["o200k_base"]
    return lambda text: len(encoding.encode_ordinary(text))


def expected(records: list[dict[str, Any]], by: tuple[int, ...], tokens: Tokens) -> Counter[tuple[str | None, ...]]:
    sums: Counter[tuple[str | None, ...]] = Counter()
    for record in records:
        for said in plain(record):
            sums[tuple(said[i] for i in by)] += tokens(said[3])
    return sums


def found(report: library.Report) -> Counter[tuple[str | None, ...]]:
    return Counter({tuple(group.key.values()): group.tokens["o200k_base"] for group in report.groups})


def layouts(records: list[dict[str, Any]], folder: Path) -> Iterator[Path]:
    lines = [json.dumps(record, ensure_ascii=i % 2 == 0) for i, record in enumerate(records)]
    written = {
        "lines.jsonl": "\n".join(lines),
        "array.json": "[" + ",\n".join(lines) + "]",
        "pretty.json": json.dumps(records, indent=2, ensure_ascii=False),
        "no-name": "\n\n".join(lines) + "\n",
    }
    for name, content in written.items():
        (folder / name).write_text(content, encoding="utf-8")
        yield folder / name
    (folder / "packed.gz").write_bytes(gzip.compress(written["lines.jsonl"].encode()))
    yield folder / "packed.gz"


class TestEqualsAPlainReader:
    @pytest.mark.parametrize("seed", range(4))
    def test_random_conversations(self, seed: int, tmp_path: Path, tokens: Tokens) -> None:
        records = conversations(seed, 300)
        texts = [said for record in records for said in plain(record)]
        for path in layouts(records, tmp_path):
            for by, places in (("role", (0,)), (["role", "part", "turn"], (0, 1, 2)), (["turn", "part"], (2, 1))):
                report = library.count_corpus(path, by=by, format="messages")
                assert found(report) == expected(records, places, tokens), (path.name, by)
                assert report.totals.documents == report.ledger.counted == report.ledger.seen == len(texts)
            assert sum(report.manifest["messages"]["records"].values()) == len(records)

    @pytest.mark.parametrize("seed", range(4, 8))
    def test_in_memory_as_in_a_file(self, seed: int, tmp_path: Path) -> None:
        records = conversations(seed, 200)
        path = write_jsonl(tmp_path / "a.jsonl", records)
        for by in ([], ["role", "part", "turn", "shape"], ["source"], ["script"]):
            one = library.count_messages(records, by=by)
            other = library.count_corpus(path, by=by, format="messages")
            assert found(one) == found(other)
            assert one.totals == other.totals
            assert one.manifest["messages"] == other.manifest["messages"]
        for record in records:
            said = [(t.role, t.part, str(t.turn), t.text) for t in library.message_texts(record)]
            assert said == plain(record)

    def test_shapes_of_arguments(self) -> None:
        messages = [{"role": "user", "content": "one two"}, {"role": "assistant", "content": "three"}]
        one = library.count_messages(messages, by="role")
        assert found(one) == {("user",): 2, ("assistant",): 1}
        for other in ({"messages": messages}, [{"messages": messages}], [messages], iter([messages]), iter(messages)):
            assert found(library.count_messages(other, by="role")) == found(one)
        assert library.count_messages([]).totals.documents == 0
        assert library.count_messages([messages] * 3, ["o200k_base", "cl100k_base"]).totals.documents == 6

    def test_usage_counts_the_same_texts(self, tmp_path: Path) -> None:
        rng = random.Random(3)
        messages = [message for _ in range(40) for message in anthropic(rng)["messages"]]
        # A log of Claude Code has no other parts.
        said = json.dumps(messages).replace('"input_text"', '"text"').replace('"output_text"', '"text"')
        messages = json.loads(said)
        log = [claude(message["role"], f"u{i}", message["content"]) for i, message in enumerate(messages)]
        usage = library.usage(write_jsonl(tmp_path / "log.jsonl", log), "o200k_base")
        sums = {(part.role, part.part): part.written_tokens["o200k_base"] for part in usage.parts}
        counted = found(library.count_messages(messages, by=["role", "part"]))
        assert {key: tokens for key, tokens in sums.items() if tokens} == counted

    def test_turns_are_in_the_order_of_numbers(self) -> None:
        messages = [{"role": role, "content": "a"} for _ in range(11) for role in ("user", "assistant")]
        turns = [str(turn) for turn in range(1, 12)]
        report = library.count_messages([{"messages": messages}], by="turn")
        for each in (report, report.sorted_by("key")):
            assert [group.key["turn"] for group in each.groups] == turns
        assert [group.key["turn"] for group in report.sorted_by("key", reverse=True).groups] == turns[::-1]
        assert [row.split(",")[0] for row in report.to_csv().splitlines()[1:]][:11] == turns

    def test_languages_of_texts(self) -> None:
        chinese = "请问你们的退货政策是什么？我上周买的鞋子太小了，想换一双大一号的。"
        english = "You can send them back within thirty days, and we will pay for the parcel."
        messages = [{"role": "user", "content": chinese}, {"role": "assistant", "content": english}]
        report = library.count_messages(messages, by=["role", "language"], detect_language=True)
        assert {tuple(group.key.values()) for group in report.groups} == {("user", "zh"), ("assistant", "en")}


BROKEN = [
    ({"messages": [{"role": "user", "content": 5}]}, "bad_message"),
    ({"messages": [{"role": "user", "content": "counted"}, {"role": "user"}]}, "bad_message"),
    ({"messages": {"role": "user", "content": "a"}}, "bad_message"),
    ({"messages": [{"content": "a"}]}, "bad_message"),
    ({"text": "a"}, "unknown_shape"),
    ({"messages": None}, "unknown_shape"),
    ({"custom_id": "1", "response": None, "error": {"code": "expired", "message": "too late"}}, "error_row"),
    ({"messages": [{"role": "user", "content": "\ud800"}]}, "lone_surrogate"),
    ([], "not_an_object"),
]


class TestLedger:
    def test_half_of_a_pair_can_be_replaced(self, tokens: Tokens) -> None:
        call = {"type": "tool_use", "name": "f", "input": {"a": "\ud800"}}
        said = [{"role": "user", "content": "a \ud800 b"}, {"role": "assistant", "content": [call]}]
        report = library.count_messages(said, errors="replace")
        expected = sum(map(tokens, ["a \ufffd b", "f", '{"a":"\ufffd"}']))
        assert report.totals.tokens == {"o200k_base": expected}
        assert library.count_messages(said).ledger.by_reason == {"lone_surrogate": 2}

    def test_what_does_not_fit(self, tmp_path: Path) -> None:
        good = {"messages": [{"role": "user", "content": "good"}]}
        records = [good, *(record for record, _ in BROKEN), good]
        lines = [*map(json.dumps, records), '{"messages": [{"role": "user", "content": "cut']
        path = tmp_path / "a.jsonl"
        path.write_text("\n".join(lines), encoding="utf-8")
        report = library.count_corpus(path, format="messages")
        assert (report.totals.documents, report.totals.tokens) == (2, {"o200k_base": 2})
        entries = [(entry.line, entry.reason) for entry in report.ledger.entries]
        reasons = [*(reason for _, reason in BROKEN), None, "broken_json"]
        assert entries == [(i, reason) for i, reason in enumerate(reasons, 2) if reason]
        assert report.ledger.seen == report.ledger.counted + report.ledger.skipped == 12
        in_memory = library.count_messages(records)
        # A list is no record there: it is a conversation, whose messages it holds.
        assert in_memory.ledger.by_reason == Counter(reason for _, reason in BROKEN[:-1])
        with pytest.raises(library.InputError, match="message 1 is a number"):
            library.message_texts(BROKEN[0][0])  # type: ignore[arg-type]
        with pytest.raises(library.InputError, match="message 1"):
            library.count_messages(records, on_error="fail")

    def test_media_is_listed(self) -> None:
        content = [{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "input_audio"}, {"type": "image_url"}]
        report = library.count_messages([{"role": "user", "content": content}])
        assert report.manifest["messages"] == {
            "records": {"messages": 1},
            "not_counted": {"image_url": 2, "input_audio": 1},
        }
        jsonschema.validate(json.loads(report.to_json()), library.schema("report"))

    def test_records_are_bounded(self, tmp_path: Path, tokens: Tokens) -> None:
        short = {"messages": [{"role": "user", "content": "one"}]}
        long = {"messages": [{"role": "user", "content": "two " * 5000}]}
        many = {"messages": [{"role": "user", "content": ["a"] * (2**18 + 1)}]}
        path = write_jsonl(tmp_path / "a.jsonl", [short, long, many, short])
        report = library.count_corpus(path, format="messages")
        assert report.ledger.by_reason == {"too_many_texts": 1}
        assert report.totals.tokens["o200k_base"] == 2 * tokens("one") + tokens("two " * 5000)
        report = library.count_corpus(path, format="messages", max_record_bytes=10_000)
        assert report.ledger.by_reason == {"record_too_large": 2}
        assert [entry.line for entry in report.ledger.entries] == [2, 3]
        assert report.totals.tokens["o200k_base"] == 2 * tokens("one")

    def test_columns_are_refused(self, tmp_path: Path) -> None:
        pa = pytest.importorskip("pyarrow")
        pq = pytest.importorskip("pyarrow.parquet")
        path = tmp_path / "a.parquet"
        pq.write_table(pa.table({"messages": [[{"role": "user", "content": "a"}]]}), path)
        report = library.count_corpus([path], format="messages")
        (entry,) = report.ledger.entries
        assert entry.reason == "unsupported_format"
        assert "JSON lines" in (entry.detail or "")

    def test_merged_reports(self, tmp_path: Path) -> None:
        records = conversations(9, 40)
        parts = [write_jsonl(tmp_path / f"{i}.jsonl", records[i::2]) for i in range(2)]
        reports = [library.count_corpus(path, by="role", format="messages") for path in parts]
        merged = library.merge_reports(reports)
        whole = library.count_corpus(parts, by="role", format="messages")
        assert found(merged) == found(whole)
        assert merged.manifest["messages"] == whole.manifest["messages"]


TABLE = {
    "date": "2026-11-01",
    "models": {
        "flat": {"input": 2, "output": 8, "cached_input": 0.5, "tokenizer": "o200k_base"},
        "tiered": {
            "input": 1,
            "output": 4,
            "tokenizer": "o200k_base",
            "long_context": [{"above": 40, "input": 3, "output": 5}],
        },
    },
}


def billed(records: list[dict[str, Any]], tier: int | None, count: Tokens) -> dict[str, list[float]]:
    """By role: tokens as sent, tokens of answers, written ones, and cost, by adding up request by request."""
    sums: dict[str, list[float]] = {}
    for record in records:
        texts = [(role, count(said)) for role, _, _, said in plain(record)]
        for role, tokens in texts:
            sums.setdefault(role, [0, 0, 0, 0])[2] += tokens
        i = 0
        while i < len(texts):
            start = next((j for j in range(i, len(texts)) if texts[j][0] == "assistant"), len(texts))
            end = next((j for j in range(start, len(texts)) if texts[j][0] != "assistant"), len(texts))
            is_long = tier is not None and sum(tokens for _, tokens in texts[:start]) > tier
            given, answered = (2, 8) if tier is None else (3, 5) if is_long else (1, 4)
            for role, tokens in texts[:start]:
                sums[role][0] += tokens
                sums[role][3] += tokens * given / 1e6
            for role, tokens in texts[start:end]:
                sums[role][1] += tokens
                sums[role][3] += tokens * answered / 1e6
            i = end
    return sums


class TestCost:
    @pytest.mark.parametrize("seed", range(10, 14))
    def test_as_sent_request_by_request(self, seed: int, tmp_path: Path, tokens: Tokens) -> None:
        records = conversations(seed, 120)
        path = write_jsonl(tmp_path / "a.jsonl", records)
        report = library.cost(path, ["flat", "tiered"], by="role", prices=TABLE, format="messages")
        for model, tier in (("flat", None), ("tiered", 40)):
            for role, (sent, answered, written, cost) in billed(records, tier, tokens).items():
                row = report.get(model, role)
                assert (row.input_tokens, row.output_tokens, row.written_tokens) == (sent, answered, written), role
                assert row.cost == pytest.approx(cost)
        assert sum(row.cost for row in report.groups if row.model == "flat") == pytest.approx(report.get("flat").cost)
        jsonschema.validate(json.loads(report.to_json()), library.schema("cost"))
        assert "as they are sent" in str(report)

    def test_a_chat_by_hand(self, tmp_path: Path) -> None:
        # One token a word: requests send 1, 3 and 5 words, and are answered by one each.
        said = [{"role": ("user", "assistant")[i % 2], "content": "word"} for i in range(6)]
        path = write_jsonl(tmp_path / "a.jsonl", [{"messages": said}])
        row = library.cost(path, "flat", prices=TABLE, format="messages").get("flat")
        assert (row.requests, row.documents, row.written_tokens) == (3, 6, 6)
        assert (row.input_tokens, row.output_tokens) == (9, 3)
        by_turn = library.cost(path, "flat", by="turn", prices=TABLE, format="messages")
        assert [by_turn.get("flat", turn).requests for turn in "123"] == [3, 2, 1]
        # A text of turn 1 by the user is sent 3 times, the answer to it twice.
        assert [by_turn.get("flat", turn).input_tokens for turn in "123"] == [5, 3, 1]

    def test_batches_are_joined(self, tmp_path: Path) -> None:
        def asked(name: str) -> dict[str, Any]:
            return {"custom_id": name, "body": {"messages": [{"role": "user", "content": "one two"}]}}

        def answered(name: str) -> dict[str, Any]:
            message = {"role": "assistant", "content": "three"}
            return {"custom_id": name, "response": {"status_code": 200, "body": {"choices": [{"message": message}]}}}

        failed = {"custom_id": "d", "response": None, "error": {"code": "expired", "message": ""}}
        asks = write_jsonl(tmp_path / "in.jsonl", [asked(name) for name in "abdee"])
        answers = write_jsonl(
            tmp_path / "out.jsonl", [answered("b"), answered("c"), failed, answered("a"), answered("e")]
        )
        for paths in ([asks, answers], [answers, asks]):
            report = library.cost(paths, "flat", prices=TABLE, format="messages")
            assert report.manifest["batch"] == {
                "joined": 2,
                "failed": 1,
                "without_answer": 0,
                "without_request": 1,
                "ambiguous": 3,
                "named": {"ambiguous": ["e"], "without_request": ["c"]},
            }
            counted = library.count_corpus(paths, format="messages")
            assert counted.manifest["batch"] == report.manifest["batch"]
            assert counted.totals.tokens["o200k_base"] == report.get("flat").written_tokens
            jsonschema.validate(json.loads(counted.to_json()), library.schema("report"))
            jsonschema.validate(json.loads(report.to_json()), library.schema("cost"))
            row = report.get("flat")
            # a and b are a request each; d and both of e have no answer, c and the answer of e no request.
            assert (row.requests, row.input_tokens, row.output_tokens) == (7, 10, 4)
            assert report.ledger.by_reason == {"error_row": 1}
        alone = library.count_corpus(asks, format="messages")
        assert (alone.manifest["batch"]["without_answer"], alone.manifest["batch"]["named"]) == (3, {})
        assert "batch" not in library.merge_reports([alone, library.count_corpus(answers, format="messages")]).manifest
        said = fasttok("count", asks, answers, "--format", "messages").err
        assert "by custom_id: 2 joined, 1 failed, 1 without request (c), 3 ambiguous (e)" in said

    def test_answers_of_batches_are_in_the_turn_of_their_requests(self, tmp_path: Path) -> None:
        def asked(name: str, turns: int) -> dict[str, Any]:
            said = [{"role": role, "content": "word"} for _ in range(turns) for role in ("user", "assistant")][:-1]
            return {"custom_id": name, "body": {"messages": [{"role": "system", "content": "word"}, *said]}}

        def answered(name: str, words: int) -> dict[str, Any]:
            message = {"role": "assistant", "content": "word" + " word" * (words - 1)}
            return {"custom_id": name, "response": {"status_code": 200, "body": {"choices": [{"message": message}]}}}

        parquet = pytest.importorskip("pyarrow.parquet")
        # A message of a user that is an image begins a turn, though it has no text.
        image = {"custom_id": "i", "body": {"messages": [{"role": "user", "content": [{"type": "image"}]}]}}
        asks = [asked("a", 1), asked("b", 3), asked("c", 2), asked("c", 2), image]
        # c was asked twice, nobody asked x.
        answers = [answered("b", 4), answered("x", 9), answered("a", 2), answered("c", 8), answered("i", 16)]
        apart = [write_jsonl(tmp_path / "in.jsonl", asks), write_jsonl(tmp_path / "out.jsonl", answers)]
        as_one = [write_jsonl(tmp_path / "all.jsonl", answers + asks)]
        # Tokens by turn, a word each: of the requests a, b, c and c, and of the answers.
        expected = {
            "0": 1 + 1 + 1 + 1,
            "1": (1 + 2 + 2 + 2) + (2 + 16),
            "2": 2 + 1 + 1,
            "3": 1 + 4,
            None: 9 + 8,
        }
        for paths in (apart, apart[::-1], as_one):
            for threads in (1, 2):
                report = library.count_corpus(paths, by="turn", format="messages", threads=threads)
                assert {group.key["turn"]: group.tokens["o200k_base"] for group in report.groups} == expected
            dense = library.density(paths, by=["turn"], format="messages")
            assert {group.key["turn"]: group.encodings["o200k_base"].tokens for group in dense.groups} == expected
            report = library.cost(paths, "flat", by=["role", "turn"], prices=TABLE, format="messages")
            written: Counter[str | None] = Counter()
            for row in report.groups:
                written[row.key["turn"]] += row.written_tokens
            assert dict(written) == expected
            # What assistants say in requests is the output of requests before.
            output = {turn: report.get("flat", "assistant", turn).output_tokens for turn in ("1", "2", "3")}
            assert output == {"1": (1 + 1 + 1) + (2 + 16), "2": 1, "3": 4}
            table = tmp_path / "documents.parquet"
            library.count_corpus(paths, by="turn", format="messages", per_document=table)
            sums: Counter[str | None] = Counter()
            for row in parquet.read_table(table).to_pylist():
                sums[row["turn"]] += row["o200k_base"]
            assert dict(sums) == expected
        assert all(d.key[0] is None for d in library.documents(apart[1], by="turn", format="messages"))

    def test_what_does_not_go_with_it(self, tmp_path: Path) -> None:
        path = write_jsonl(tmp_path / "a.jsonl", conversations(1, 5))
        for refused in ({"output_tokens": 5}, {"output_field": "answer"}, {"requests_per_day": 5.0}):
            with pytest.raises(ValueError, match=next(iter(refused))):
                library.cost(path, "flat", prices=TABLE, format="messages", **refused)  # type: ignore[arg-type]
        with pytest.raises(library.InputError, match="text field"):
            library.count_corpus(path, format="messages", text_field="a")


class TestCommands:
    def test_every_command_reads_messages(self, tmp_path: Path, tokens: Tokens) -> None:
        path = write_jsonl(tmp_path / "a.jsonl", conversations(2, 30))
        (tmp_path / "prices.json").write_text(json.dumps(TABLE))
        for command in (
            ["count", "--by", "role,part"],
            ["density", "--by", "role,language", "--detect-language"],
            ["cost", "-m", "flat", "--prices", tmp_path / "prices.json", "--by", "role"],
        ):
            done = fasttok(*command, path, "--format", "messages", "--json")
            assert done.code == 0, done.err
            report = done.json()
            assert {group["key"]["role"] for group in report["groups"]} >= {"user", "assistant"}
            assert report["manifest"]["messages"]["records"]
        (tmp_path / "image.json").write_text(
            '[{"messages": [{"role": "user", "content": [{"type": "image\\u001b"}]}]}]'
        )
        done = fasttok("count", path, tmp_path / "image.json", "--format", "messages", "--by", "role")
        assert "texts of 31 conversations; not counted in them: " in done.err
        assert "1 image" in done.err
        assert "\x1b" not in done.err
        piped = fasttok("count", "-", "--format", "messages", "--total", stdin=path.read_bytes())
        assert int(piped.out) == sum(expected(conversations(2, 30), (0,), tokens).values())
