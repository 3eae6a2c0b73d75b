"""Logs of agents whose sums are known: what is recorded is counted once, what is recounted is right to the token."""

from __future__ import annotations

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from agent_logs import (
    DAY,
    TASK,
    as_otlp,
    atif,
    claude,
    claude_answer,
    claude_session,
    codex,
    codex_message,
    codex_session,
    codex_usage,
    lines,
    message,
    otel_tree,
    span,
    text,
    words,
)

import fasttok as library
from fasttok._fasttok import LOG_FORMATS

O200K = "o200k_base"


def recorded(report: library.UsageReport, *key: str | None) -> tuple[int, ...]:
    """Requests, input, cached, written to the cache, output, reasoning."""
    found = report.get(*key).recorded
    assert found is not None
    return (
        found.requests,
        found.input_tokens,
        found.cached_input_tokens,
        found.cache_write_tokens,
        found.output_tokens,
        found.reasoning_tokens,
    )


def recount(report: library.UsageReport, *key: str | None) -> tuple[int | None, ...]:
    """Written, sent, re-sent, prefix, output, longest context."""
    found = report.get(*key).recount[O200K]
    return (
        found.written_tokens,
        found.sent_tokens,
        found.resent_tokens,
        found.prefix_tokens,
        found.output_tokens,
        found.longest_context,
    )


def parts(report: library.UsageReport) -> dict[tuple[str, str], tuple[int, int]]:
    return {(each.role, each.part): (each.written_tokens[O200K], each.sent_tokens[O200K]) for each in report.parts}


def clean(report: library.UsageReport) -> None:
    ledger = report.ledger
    assert ledger.skipped == 0 and ledger.seen == ledger.counted


class TestClaudeCode:
    def test_known_sums(self, tmp_path: Path) -> None:
        report = library.usage(lines(tmp_path / "s1.jsonl", claude_session()), O200K, by="agent")
        clean(report)
        assert recorded(report, "claude-code") == (2, 130 + 155, 100 + 150, 20, 50 + 7, 0)
        # The result of the call says which agent it was.
        assert recorded(report, "claude-code/Explore") == (1, 10, 0, 9, 4, 0)
        assert recorded(report) == (3, 295, 250, 29, 61, 0)
        # 4 of the user, 3 + 2 + 8 of the answer (Task and its arguments), 5 of the tool, 8 of the second answer.
        asked = library.get_encoding(O200K).count(json.dumps(TASK["input"], separators=(",", ":")))
        call = 1 + asked
        second = 4 + 3 + 2 + call + 5
        assert recount(report, "claude-code") == (
            second + 8,
            4 + second,
            4 + second - 4 - 5,
            4,
            3 + 2 + call + 8,
            second,
        )
        assert recount(report, "claude-code/Explore") == (11, 6, 0, 0, 5, 6)
        assert report.get("claude-code/Explore").recorded.unfinished_requests == 1  # type: ignore[union-attr]
        assert parts(report)["tool", "tool_result"] == (5, 5) and parts(report)["assistant", "reasoning"] == (3, 3)
        assert report.totals.recount[O200K].is_proxy and report.manifest["proxies"] == {O200K: ["claude-opus-4-5"]}

    def test_a_subagent_has_the_name_of_its_kind_from_another_file(self, tmp_path: Path) -> None:
        session = claude_session()
        main = [record for record in session if not record.get("isSidechain")]
        lines(tmp_path / "s1.jsonl", main)
        lines(tmp_path / "s1" / "subagents" / "agent-g1.jsonl", [r for r in session if r.get("isSidechain")])
        report = library.usage(tmp_path, O200K, by="agent")
        assert recorded(report, "claude-code/Explore") == (1, 10, 0, 9, 4, 0)

    def test_what_was_queued_is_of_the_user(self, tmp_path: Path) -> None:
        queued = {
            "type": "attachment",
            "sessionId": "s1",
            "timestamp": f"{DAY}T10:00:01Z",
            "attachment": {"type": "queued_command", "prompt": words(7)},
        }
        reminder = {**queued, "attachment": {"type": "task_reminder", "content": words(50)}}
        answer = claude_answer("u2", "1", {"type": "text", "text": "a"}, (3, 0, 0, 1), "end_turn")
        # The queue is written more than once.
        records = [claude("user", "u1", words(5)), queued, queued, reminder, answer]
        report = library.usage(lines(tmp_path / "s.jsonl", records), O200K, by="role")
        users = report.get("user").recount[O200K]  # type: ignore[union-attr]
        assert (users.written_tokens, users.sent_tokens) == (12, 12)

    def test_the_largest_of_several_records_counts(self, tmp_path: Path) -> None:
        block = {"type": "text", "text": "a"}
        records = [claude_answer(f"u{i}", "1", block, (3, 2, 1, out), None) for i, out in enumerate((1, 40, 9))]
        report = library.usage(lines(tmp_path / "s.jsonl", records))
        assert recorded(report) == (1, 6, 2, 1, 40, 0)
        assert report.totals.recorded.unfinished_requests == 1  # type: ignore[union-attr]

    def test_the_same_lines_in_another_file_count_once(self, tmp_path: Path) -> None:
        """As subagents' are, which the session and a file of their own have."""
        lines(tmp_path / "a.jsonl", claude_session())
        once = library.usage(tmp_path, O200K)
        lines(tmp_path / "b" / "a.jsonl", claude_session())
        twice = library.usage(tmp_path, O200K)
        assert recorded(twice) == recorded(once) and recount(twice) == recount(once)
        assert twice.manifest["logs"][0]["repeated_records"] == 8

    def test_a_resumed_session_sends_what_it_copies_and_neither_writes_nor_asks_it_again(self, tmp_path: Path) -> None:
        before = [record for record in claude_session() if not record.get("isSidechain")]
        lines(tmp_path / "s1.jsonl", before)
        first = library.usage(tmp_path, O200K)
        resumed = copy.deepcopy(before)
        for record in resumed:
            record["sessionId"] = "s2"
        resumed += [
            claude("user", "n1", words(10), session="s2"),
            claude_answer("n2", "9", {"type": "text", "text": "a"}, (70, 0, 0, 5), "end_turn", session="s2"),
        ]
        lines(tmp_path / "s2.jsonl", resumed)
        report = library.usage(tmp_path, O200K, by="session")
        assert recorded(report, "s1") == recorded(first) and recorded(report, "s2") == (1, 70, 0, 0, 5, 0)
        written, _, _, _, _, longest = recount(first)
        assert longest is not None and written is not None
        # All that was written before, and the new question.
        assert recount(report, "s2")[:2] == (11, written + 10)
        assert recount(report, "s2")[2] == written

    def test_a_copy_with_the_final_figures_completes_a_placeholder(self, tmp_path: Path) -> None:
        block = {"type": "text", "text": "a"}
        lines(tmp_path / "a.jsonl", [claude_answer("x", "1", block, (5, 0, 0, 1), None)])
        lines(tmp_path / "b.jsonl", [claude_answer("y", "1", block, (5, 0, 0, 33), "end_turn", session="s2")])
        report = library.usage(tmp_path)
        assert recorded(report) == (1, 5, 0, 0, 33, 0)
        assert report.totals.recorded.unfinished_requests == 0  # type: ignore[union-attr]

    def test_errors_of_the_program_are_no_requests(self, tmp_path: Path) -> None:
        record = claude_answer("e", "1", {"type": "text", "text": "API Error"}, (0, 0, 0, 0))
        record["isApiErrorMessage"] = True
        report = library.usage(lines(tmp_path / "s.jsonl", [claude("user", "u", words(2)), record]), O200K)
        assert report.totals.requests == 0 and recorded(report) == (0, 0, 0, 0, 0, 0)
        assert report.manifest["logs"][0]["records"]["error"] == 1
        # What was asked was written, and never sent.
        assert recount(report)[:2] == (2, 0)

    def test_after_compaction_the_context_begins_anew(self, tmp_path: Path) -> None:
        records = [
            claude("user", "u1", words(50)),
            claude_answer("a1", "1", {"type": "text", "text": words(3)}, (50, 0, 0, 3), "end_turn"),
            {"type": "system", "subtype": "compact_boundary", "sessionId": "s1", "uuid": "c"},
            claude("user", "u2", words(6)),
            claude_answer("a2", "2", {"type": "text", "text": words(2)}, (6, 0, 0, 2), "end_turn"),
        ]
        report = library.usage(lines(tmp_path / "s.jsonl", records), O200K)
        assert recount(report) == (61, 56, 0, 0, 5, 50)

    def test_lines_without_any_id_are_a_request_each(self, tmp_path: Path) -> None:
        used = {"input_tokens": 5, "output_tokens": 1}
        record = {"type": "assistant", "sessionId": "s", "message": {"content": "a", "usage": used}}
        assert recorded(library.usage(lines(tmp_path / "s.jsonl", [record] * 3))) == (3, 15, 0, 0, 3, 0)

    def test_what_the_program_notes_for_itself_is_no_message(self, tmp_path: Path) -> None:
        """Newer kinds of records: known, counted by kind, and no part of the conversation."""
        kinds = ("content-replacement", "attribution-snapshot", "file-history-delta", "agent-setting", "task-summary")
        notes = [{"type": kind, "sessionId": "s1", "summary": words(9)} for kind in kinds]
        path = lines(tmp_path / "s1.jsonl", [*notes, *claude_session()])
        report = library.usage(path, O200K)
        clean(report)
        assert recount(report) == recount(library.usage(lines(tmp_path / "t" / "s1.jsonl", claude_session()), O200K))
        assert all(report.manifest["logs"][0]["records"][kind] == 1 for kind in kinds)

    def test_what_a_compaction_leaves_is_sent_after_it(self, tmp_path: Path) -> None:
        """The summary comes as a record of the user; the program's own words and the model's reasoning are texts as
        any other."""
        boundary = {
            "type": "system", "subtype": "compact_boundary", "sessionId": "s1", "uuid": "c", "parentUuid": None,
            "logicalParentUuid": "a1", "content": "Conversation compacted",
            "compactMetadata": {"trigger": "auto", "preTokens": 155_000},
        }  # fmt: skip
        summary = claude("user", "u2", words(12), parentUuid="c") | {"isCompactSummary": True}
        meta = claude("user", "u3", words(2), parentUuid="u2") | {"isMeta": True}
        records = [
            claude("user", "u1", words(50)),
            claude_answer("a1", "1", {"type": "text", "text": words(3)}, (50, 0, 0, 3), "end_turn"),
            boundary,
            summary,
            meta,
            claude_answer("a2", "2", {"type": "redacted_thinking", "data": "xx"}, (14, 0, 0, 9)),
            claude_answer("a3", "2", {"type": "text", "text": words(2)}, (14, 0, 0, 9), "end_turn"),
        ]
        report = library.usage(lines(tmp_path / "s.jsonl", records), O200K)
        clean(report)
        assert recorded(report) == (2, 64, 0, 0, 12, 0)
        # 50 and 3, 12 and 2 and 2; sent are 50, and then 14.
        assert recount(report) == (69, 64, 0, 0, 5, 50)
        assert report.manifest["logs"][0]["not_counted"] == {"redacted_thinking": 1}

    def test_images_are_listed(self, tmp_path: Path) -> None:
        content = [{"type": "image", "source": {}}, {"type": "text", "text": "a"}]
        report = library.usage(lines(tmp_path / "s.jsonl", [claude("user", "u", content)]), O200K)
        assert report.manifest["logs"][0]["not_counted"] == {"image": 1} and "1 image" in str(report)


class TestCodex:
    def test_known_sums(self, tmp_path: Path) -> None:
        report = library.usage(lines(tmp_path / "rollout.jsonl", codex_session()), O200K)
        clean(report)
        assert recorded(report) == (2, 250, 130, 0, 50, 10)
        # 7 of the system, 4 of the user; shell and its 5 arguments, 3 of reasoning; 9 of the tool; 2 of the answer.
        assert recount(report) == (31, 11 + 29, 40 - 11 - 9, 11, 11, 29)
        assert parts(report) == {
            ("system", "system"): (7, 14),
            ("user", "text"): (4, 8),
            ("assistant", "reasoning"): (3, 3),
            ("assistant", "tool_call"): (6, 6),
            ("tool", "tool_result"): (9, 9),
            ("assistant", "text"): (2, 0),
        }
        compared = report.totals.recount[O200K]
        assert (compared.input_difference, compared.output_difference, compared.compared_requests) == (210, 39, 2)
        assert report.manifest["logs"][0]["repeated_records"] == 2

    def test_the_model_of_a_turn_is_that_of_its_requests(self, tmp_path: Path) -> None:
        report = library.usage(lines(tmp_path / "r.jsonl", codex_session()), O200K, by="model")
        assert [row.key for row in report.groups] == [{"model": "gpt-5-codex"}]
        assert not report.totals.recount[O200K].is_proxy

    def test_totals_without_the_last_usage(self, tmp_path: Path) -> None:
        records = codex_session()
        for record in records:
            info = record["payload"].get("info")
            if info:
                info["last_token_usage"] = None
        assert recorded(library.usage(lines(tmp_path / "r.jsonl", records))) == (2, 250, 130, 0, 50, 10)

    def test_totals_that_begin_anew(self, tmp_path: Path) -> None:
        more = [codex_message("user", "a"), codex_message("assistant", "a"), codex_usage((80, 0, 9, 0), (80, 0, 9, 0))]
        report = library.usage(lines(tmp_path / "r.jsonl", codex_session() + more))
        assert recorded(report) == (3, 330, 130, 0, 59, 10)

    @pytest.mark.parametrize("parent_first", [True, False])
    def test_a_fork_counts_what_it_repeats_once(self, tmp_path: Path, parent_first: bool) -> None:
        parent = codex_session("p")
        replayed = [dict(record, timestamp="2026-11-09T00:00:00Z") for record in parent]
        own = [
            codex_message("user", words(5)),
            codex_message("assistant", words(3)),
            codex_usage((450, 330, 60, 10), (200, 200, 10, 0)),
        ]
        fork = [codex("session_meta", {"id": "f", "forked_from_id": "p"}), *replayed, *own]
        names = ("a.jsonl", "b.jsonl") if parent_first else ("b.jsonl", "a.jsonl")
        lines(tmp_path / names[0], parent)
        lines(tmp_path / names[1], fork)
        report = library.usage(tmp_path, O200K)
        assert recorded(report) == (3, 450, 330, 0, 60, 10)
        assert report.get().recount[O200K].written_tokens == 31 + 8
        # 40 of the parent; of the fork all that it has from there (without the second system text) and 5. If it is
        # read first, the first two requests are its own, and it has no system text.
        sent = 40 if parent_first else 40 - 2 * 7
        assert report.get().recount[O200K].sent_tokens == sent + 31 - 7 + 5

    @pytest.mark.parametrize("longer_first", [True, False])
    def test_a_session_in_two_files_counts_once(self, tmp_path: Path, longer_first: bool) -> None:
        session = codex_session()
        longer = [
            *session,
            codex_message("user", "a"),
            codex_message("assistant", "a"),
            codex_usage((330, 0, 59, 0), None),
        ]
        expected = library.usage(lines(tmp_path / "alone" / "r.jsonl", longer), O200K).content()
        for name, records in zip("ab" if longer_first else "ba", (longer, session), strict=True):
            lines(tmp_path / "two" / f"{name}.jsonl", records)
        found = library.usage(tmp_path / "two", O200K).content()
        for what in ("totals", "parts", "sessions"):
            assert found[what] == expected[what]

    def test_an_answer_of_a_fork_in_words_of_its_parent_is_a_request(self, tmp_path: Path) -> None:
        parent = codex_session("p")
        own = [
            codex_message("user", words(5)),
            codex_message("assistant", words(2)),
            codex_usage((450, 330, 60, 10), None),
        ]
        lines(tmp_path / "a.jsonl", parent)
        lines(tmp_path / "b.jsonl", [codex("session_meta", {"id": "f", "forked_from_id": "p"}), *parent, *own])
        assert recorded(library.usage(tmp_path)) == (3, 450, 330, 0, 60, 10)

    def test_calls_and_results_of_other_tools(self, tmp_path: Path) -> None:
        """Tools that are no functions: text as input, content as parts, a picture."""
        items = [
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": words(5)}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": words(4)}]},
            {"type": "custom_tool_call", "name": "apply_patch", "input": words(6), "call_id": "k1"},
            {"type": "custom_tool_call_output", "call_id": "k1", "output": words(3)},
            {"type": "web_search_call", "action": {"type": "search", "query": "a"}, "status": "completed"},
            {"type": "image_generation_call", "id": "i", "status": "completed", "result": "aGVsbG8="},
            {"type": "function_call", "name": "view_image", "arguments": "{}", "call_id": "k2"},
            {
                "type": "function_call_output",
                "call_id": "k2",
                "output": [{"type": "input_text", "text": words(2)}, {"type": "input_image", "image_url": "data:"}],
            },
            {"type": "ghost_snapshot", "ghost_commit": {"id": "x"}},
        ]
        path = lines(tmp_path / "r.jsonl", [codex("response_item", item) for item in items])
        report = library.usage(path, O200K, by="tool")
        clean(report)
        count = library.get_encoding(O200K).count
        assert {row.key["tool"]: row.recount[O200K].written_tokens for row in report.groups} == {
            None: 9,
            "apply_patch": count("apply_patch") + 6 + 3,
            "web_search": count("web_search") + count('{"type":"search","query":"a"}'),
            "view_image": count("view_image") + count("{}") + 2,
        }
        assert report.manifest["logs"][0]["not_counted"] == {"image": 1, "input_image": 1}

    def test_compaction(self, tmp_path: Path) -> None:
        compacted = codex(
            "compacted",
            {
                "message": words(12),
                "replacement_history": [
                    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": words(4)}]}
                ],
            },
        )
        more = [compacted, codex_message("user", "a"), codex_message("assistant", words(2))]
        report = library.usage(lines(tmp_path / "r.jsonl", codex_session() + more), O200K)
        # 12 of the summary, 4 that stay and were written before, 1 of the user.
        assert recount(report) == (31 + 12 + 1 + 2, 40 + 17, 20 + 4, 11, 13, 29)


class TestOpenTelemetry:
    def test_tools_that_the_server_calls(self, tmp_path: Path) -> None:
        call = {"type": "server_tool_call", "id": "k", "name": "search", "server_tool_call": {"query": "a"}}
        result = {"type": "server_tool_call_response", "id": "k", "server_tool_call_response": {"found": "a"}}
        picture = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "xx"}
        record = span(
            "01", None, 0, "chat", usage__input_tokens=9, usage__output_tokens=5, usage__reasoning__output_tokens=2,
            usage__cache_creation__input_tokens=4, input__messages=[message("user", text(words(4)), picture)],
            output__messages=[message("assistant", call, result, text(words(3)))],
        )  # fmt: skip
        report = library.usage(lines(tmp_path / "s.jsonl", [record]), O200K, by="tool")
        clean(report)
        assert recorded(report) == (1, 9, 0, 4, 5, 2)
        count = library.get_encoding(O200K).count
        expected = count("search") + count('{"query":"a"}') + count('{"found":"a"}')
        assert report.get("search").recount[O200K].written_tokens == expected
        assert report.get(None).recount[O200K].written_tokens == 7
        assert report.manifest["logs"][0]["not_counted"] == {"image": 1}

    @pytest.mark.parametrize("form", ["lines", "otlp", "otlp, pretty"])
    def test_a_tree_sums_to_its_leaves(self, tmp_path: Path, form: str) -> None:
        path = tmp_path / "spans.json"
        if form == "lines":
            lines(path, otel_tree())
        else:
            path.write_text(json.dumps(as_otlp(otel_tree()), indent=2 if "pretty" in form else None))
        report = library.usage(path, O200K, by="agent")
        clean(report)
        assert recorded(report) == (3, 310, 100, 0, 35, 0)
        assert recorded(report, "lead") == (2, 260, 100, 0, 30, 0) and recorded(report, "helper") == (1, 50, 0, 0, 5, 0)
        # lead: 7 of the system, 4 of the user, search and its 2 arguments, 9 of the tool, 8 of the answer.
        assert recount(report, "lead") == (31, 11 + 23, 34 - 11 - 9, 11, 11, 23)
        assert recount(report, "helper") == (11, 6, 0, 0, 5, 6)
        assert report.manifest["logs"][0]["repeated_records"] == 2
        assert library.usage(path, by="session").get("o1").requests == 3
        assert library.usage(path, by="day").get(DAY).requests == 3
        assert library.usage(path, O200K, by="tool").get("search").recount[O200K].written_tokens == 12

    def test_the_order_of_spans_does_not_matter(self, tmp_path: Path) -> None:
        tree = otel_tree()
        expected = library.usage(lines(tmp_path / "a.jsonl", tree), O200K, by="agent").content()
        lines(tmp_path / "b" / "1.jsonl", tree[3:][::-1])
        lines(tmp_path / "b" / "2.jsonl", tree[:3])
        found = library.usage(tmp_path / "b", O200K, by="agent").content()
        assert {**found, "ledger": None} == {**expected, "ledger": None}

    def test_spans_that_come_twice(self, tmp_path: Path) -> None:
        lines(tmp_path / "a.jsonl", otel_tree())
        lines(tmp_path / "b.jsonl", otel_tree())
        assert recorded(library.usage(tmp_path)) == (3, 310, 100, 0, 35, 0)

    def test_spans_whose_parents_form_a_circle(self, tmp_path: Path) -> None:
        """None of them is in another, as far as anybody can tell: nothing is dropped, and the report says so."""
        used = {"usage__input_tokens": 100, "usage__output_tokens": 5}
        tree = [span("01", "02", 0, "chat", **used), span("02", "01", 1, "chat", **used)]
        tree += [span("03", "03", 2, "chat", **used), span("04", "01", 3, "chat", **used)]
        report = library.usage(lines(tmp_path / "a.jsonl", tree))
        # What is in 01 is told as such: the usage of 01 repeats that of 04.
        assert recorded(report) == (3, 300, 0, 0, 15, 0)
        assert report.manifest["logs"][0]["records"] == {"span": 4, "span in a circle of parents": 3}

    def test_an_agent_without_spans_below_counts(self, tmp_path: Path) -> None:
        tree = [span("01", None, 0, "invoke_agent", usage__input_tokens=310, usage__output_tokens=35)]
        assert recorded(library.usage(lines(tmp_path / "a.jsonl", tree))) == (1, 310, 0, 0, 35, 0)

    def test_a_chat_span_around_a_chat_span(self, tmp_path: Path) -> None:
        """As when a framework and a client's library both tell of one request."""
        asked = {
            "input__messages": [message("user", text(words(4)))],
            "output__messages": [message("assistant", text("a"))],
        }
        used = {"usage__input_tokens": 9, "usage__output_tokens": 1}
        tree = [span("02", "0x01", 1, "chat", **asked, **used), span("01", None, 0, "chat", **asked, **used)]
        report = library.usage(lines(tmp_path / "a.jsonl", tree), O200K)
        assert recorded(report) == (1, 9, 0, 0, 1, 0) and recount(report) == (5, 4, 0, 0, 1, 4)

    def test_parents_in_a_circle(self, tmp_path: Path) -> None:
        tree = [
            span("02", "0x01", 1, "chat", usage__input_tokens=1),
            span("01", "0x02", 0, "chat", usage__input_tokens=2),
        ]
        report = library.usage(lines(tmp_path / "a.jsonl", tree))
        # Each is in the other, so that neither is known to be: both count.
        assert recorded(report) == (2, 3, 0, 0, 0, 0)
        assert report.manifest["logs"][0]["repeated_records"] == 0

    @pytest.mark.parametrize(
        "odd",
        ["\u00b2", "--5", "9" * 5000, "0001-01-01T00:00:00+14:00"],
        ids=["superscript", "signs", "digits", "year 1"],
    )
    def test_numbers_and_times_that_are_none(self, tmp_path: Path, odd: str) -> None:
        used = [{"key": "gen_ai.usage.input_tokens", "value": {"intValue": odd}}]
        record = {"traceId": "1", "spanId": "2", "startTimeUnixNano": odd, "attributes": used}
        report = library.usage(lines(tmp_path / "a.jsonl", [record, *otel_tree()]))
        clean(report)
        assert recorded(report) == (3, 310, 100, 0, 35, 0)

    def test_a_history_that_was_cut_shares_what_is_the_same(self, tmp_path: Path) -> None:
        def asked(*texts: int) -> dict[str, Any]:
            return {"input__messages": [message("user", text(words(n))) for n in texts], "usage__input_tokens": 1}

        answer = {"output__messages": [message("assistant", text(words(2)))]}
        tree = [
            span("01", None, 1, "chat", conversation__id="x", **asked(5, 6, 7), **answer),
            # The second text is dropped: of what was sent before, 5 are shared; 7 were written before.
            span("02", None, 2, "chat", conversation__id="x", **asked(5, 7, 8), **answer),
        ]
        report = library.usage(lines(tmp_path / "a.jsonl", tree), O200K)
        assert recount(report) == (5 + 6 + 7 + 2 + 8, 18 + 20, 12, 5, 4, 20)


class TestAtif:
    def test_known_sums(self, tmp_path: Path) -> None:
        path = tmp_path / "trajectory.json"
        path.write_text(json.dumps(atif(), indent=2))
        report = library.usage(path, O200K, by="day")
        clean(report)
        assert recorded(report) == (2, 250, 40, 0, 50, 0)
        assert recorded(report, "2026-11-03") == (1, 150, 0, 0, 20, 0)
        assert [row.key["day"] for row in report.groups] == [DAY, "2026-11-03"]
        assert recount(report) == (39, 11 + 31, 42 - 11 - 9, 11, 19, 31)

    def test_final_metrics_count_where_steps_have_none(self, tmp_path: Path) -> None:
        record = atif()
        for step in record["steps"]:
            step.pop("metrics", None)
        assert recorded(library.usage(lines(tmp_path / "t.jsonl", [record]))) == (1, 250, 40, 0, 50, 0)

    def test_copied_context_is_sent_and_not_counted_again(self, tmp_path: Path) -> None:
        first, second = atif(), atif("t2")
        for step in second["steps"][:3]:
            step["is_copied_context"] = True
        second["final_metrics"] = None
        lines(tmp_path / "t.jsonl", [first, second])
        report = library.usage(tmp_path, O200K, by="session")
        assert recorded(report, "t2") == (1, 150, 0, 0, 20, 0)
        assert recount(report, "t2") == (8, 31, 31, 11, 8, 31)

    def test_a_trajectory_twice(self, tmp_path: Path) -> None:
        report = library.usage(lines(tmp_path / "t.jsonl", [atif(), atif()]), O200K)
        assert recorded(report) == (2, 250, 40, 0, 50, 0) and recount(report)[:2] == (39, 42)

    def test_subagents(self, tmp_path: Path) -> None:
        inner = atif("inner", agent={"name": "helper", "version": "1"})
        report = library.usage(lines(tmp_path / "t.jsonl", [atif(subagent_trajectories=[inner])]), O200K, by="agent")
        assert recorded(report, "helper") == recorded(report, "mini") == (2, 250, 40, 0, 50, 0)
        assert {row.session for row in report.sessions} == {"t1"}


class TestFiles:
    def test_all_formats_in_one_folder_and_compressed(self, tmp_path: Path) -> None:
        lines(tmp_path / "a.jsonl", claude_session())
        packed = "".join(json.dumps(record) + "\n" for record in codex_session()).encode()
        (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(packed))
        lines(tmp_path / "c.jsonl", otel_tree())
        (tmp_path / "d.json").write_text(json.dumps(atif(), indent=1))
        report = library.usage(tmp_path, O200K)
        clean(report)
        assert recorded(report) == (10, 295 + 250 + 310 + 250, 250 + 130 + 100 + 40, 29, 61 + 50 + 35 + 50, 10)
        assert {log["format"] for log in report.manifest["logs"]} == set(LOG_FORMATS)

    def test_a_cut_off_last_line_and_broken_lines(self, tmp_path: Path) -> None:
        session = claude_session()
        path = lines(tmp_path / "s1.jsonl", session, end='{"type": "user", "mess')
        content = path.read_text().splitlines(keepends=True)
        path.write_text("".join([*content[:3], "{broken}\n", *content[3:]]))
        report = library.usage(path)
        assert recorded(report) == (3, 295, 250, 29, 61, 0)
        assert [(entry.reason, entry.line) for entry in report.ledger.entries] == [
            ("broken_json", 4),
            ("truncated", 11),
        ]
        assert report.ledger.seen == report.ledger.counted + report.ledger.skipped == 11

    def test_unknown_kinds_are_rows_of_the_ledger_by_kind(self, tmp_path: Path) -> None:
        unknown = [{"type": "hologram", "uuid": str(i), "sessionId": "s1"} for i in range(3)]
        report = library.usage(lines(tmp_path / "s1.jsonl", [*claude_session(), *unknown]))
        assert report.ledger.by_reason == {"unknown_record": 3}
        assert {entry.detail for entry in report.ledger.entries} == {"hologram"}
        assert report.manifest["logs"][0]["records"]["hologram"] == 3

    def test_a_file_that_is_no_log(self, tmp_path: Path) -> None:
        (tmp_path / "readme.md").write_text("# Not\na log\n\n- at all\n")
        lines(tmp_path / "s1.jsonl", claude_session())
        report = library.usage(tmp_path)
        assert report.ledger.by_reason == {"not_a_log": 4} and recorded(report)[0] == 3
        assert report.ledger.seen == report.ledger.counted + report.ledger.skipped

    @pytest.mark.parametrize("value", [[], [1, 2], [[]], {"name": "x"}])
    @pytest.mark.parametrize("indent", [None, 1])
    def test_json_that_is_no_log_is_skipped_whole(self, tmp_path: Path, value: Any, indent: int | None) -> None:
        path = tmp_path / "x.json"
        path.write_text(json.dumps(value, indent=indent) + "\n")
        report = library.usage(path)
        rows = len(path.read_text().splitlines())
        assert report.ledger.by_reason == {"unknown_record": rows} and report.ledger.counted == 0

    def test_a_list_of_records_is_read(self, tmp_path: Path) -> None:
        report = library.usage(lines(tmp_path / "s.jsonl", [[*claude_session(), [[]]]]))
        clean(report)
        assert recorded(report) == (3, 295, 250, 29, 61, 0)
        assert report.manifest["logs"][0]["records"]["record without a type"] == 1

    def test_a_file_whose_first_line_is_broken(self, tmp_path: Path) -> None:
        path = tmp_path / "s1.jsonl"
        path.write_text('{"broken\n' + "".join(json.dumps(record) + "\n" for record in claude_session()))
        report = library.usage(path)
        assert recorded(report) == (3, 295, 250, 29, 61, 0) and report.ledger.by_reason == {"broken_json": 1}

    def test_a_format_that_is_asked_for_decides(self, tmp_path: Path) -> None:
        path = lines(tmp_path / "s1.jsonl", claude_session())
        report = library.usage(path, log_format="codex")
        assert report.totals.requests == 0 and report.ledger.by_reason == {"unknown_record": 9}

    @pytest.mark.parametrize("records", [claude_session(), codex_session(), otel_tree(), [atif()]])
    @pytest.mark.parametrize("scale", [1, 40])
    def test_how_json_is_written_does_not_matter(
        self, tmp_path: Path, records: list[dict[str, Any]], scale: int
    ) -> None:
        """Long strings stay in their record and short ones do not; names may be escaped, too."""

        def escaped(value: Any) -> str:
            if isinstance(value, str):
                return '"' + "".join(f"\\u{ord(char):04x}" for char in value) + '"'
            if isinstance(value, dict):
                return "{ " + " ,".join(f"{escaped(name)} : {escaped(each)}" for name, each in value.items()) + "}"
            if isinstance(value, list):
                return "[" + " , ".join(map(escaped, value)) + " ]"
            return json.dumps(value)

        def scaled(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: scaled(each) for name, each in value.items()}
            if isinstance(value, list):
                return [scaled(each) for each in value]
            is_words = isinstance(value, str) and set(value) <= {"a", " "}
            return " ".join([value] * scale) if is_words else value

        records = [scaled(record) for record in records]
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        expected = library.usage(lines(tmp_path / "a" / "log.jsonl", records), O200K, by=["role", "tool"])
        (tmp_path / "b" / "log.jsonl").write_text("".join(escaped(record) + "\n" for record in records))
        found = library.usage(tmp_path / "b", O200K, by=["role", "tool"])
        clean(found)
        assert expected.totals.recount[O200K].written_tokens > 0
        for name, value in expected.content().items():
            assert found.content()[name] == value, name

    def test_half_a_surrogate_pair(self, tmp_path: Path) -> None:
        path = tmp_path / "s.jsonl"
        path.write_text(json.dumps(claude("user", "u", "a \ud83d b")) + "\n")
        assert recount(library.usage(path, O200K))[0] == library.get_encoding(O200K).count("a � b")

    @pytest.mark.parametrize("records", [claude_session(), codex_session(), otel_tree(), [atif()]])
    def test_any_member_may_be_anything(self, tmp_path: Path, records: list[dict[str, Any]]) -> None:
        """A log with a member that is not what it should be is read, or has a row in the ledger; nothing breaks."""
        paths: list[tuple[Any, ...]] = []

        def walk(value: Any, at: tuple[Any, ...]) -> None:
            paths.append(at)
            inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
            for key, each in inner:
                walk(each, (*at, key))

        walk(records, ())
        path = tmp_path / "log.jsonl"
        for at in paths[1:]:
            for odd in (None, -3, "x", [[]], {}):
                changed = copy.deepcopy(records)
                inner: Any = changed
                for key in at[:-1]:
                    inner = inner[key]
                inner[at[-1]] = odd
                lines(path, changed)
                report = library.usage(path, threads=1)
                assert report.ledger.seen == report.ledger.counted + report.ledger.skipped == len(records)
