"""Logs of agents in each format, made by hand, whose sums are known. Every text is words of one token each in
o200k_base ("a b c" is three), so that a recount can be done on the fingers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

DAY = "2026-11-02"


def words(count: int) -> str:
    """A text of `count` tokens."""
    return " ".join("a" for _ in range(count))


def lines(path: Path, records: Iterable[Any], end: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records) + end, encoding="utf-8")
    return path


# ---- Claude Code ----


def claude(kind: str, uuid: str, content: Any, *, session: str = "s1", day: str = DAY, **more: Any) -> dict[str, Any]:
    outer = {
        name: more.pop(name)
        for name in ("isSidechain", "agentId", "requestId", "toolUseResult", "parentUuid")
        if name in more
    }
    message = {"role": kind, "content": content, **more}
    return {
        "type": kind,
        "uuid": uuid,
        "sessionId": session,
        "timestamp": f"{day}T10:00:00Z",
        "message": message,
        **outer,
    }


def claude_answer(
    uuid: str, id: str, block: Any, used: tuple[int, int, int, int], stop: str | None = None, **more: Any
) -> dict[str, Any]:
    """`used`: input, read from the cache, written to it, output."""
    usage = dict(
        zip(
            ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"),
            used,
            strict=True,
        )
    )
    return claude(
        "assistant", uuid, [block], id=f"msg_{id}", requestId=f"req_{id}", model="claude-opus-4-5", usage=usage,
        stop_reason=stop, **more,
    )  # fmt: skip


TASK = {"type": "tool_use", "id": "t1", "name": "Task", "input": {"subagent_type": "Explore"}}


def claude_session(session: str = "s1") -> list[dict[str, Any]]:
    """Two requests of the main agent and one of a subagent.

    First request: 3 lines, streamed, 10+100+20 in, 50 out in the end. Second: 5+150+0 in, 7 out. The subagent's:
    1+0+9 in, 4 out, of which only a placeholder is known.
    """
    return [
        {"type": "summary", "summary": "secret summary", "leafUuid": "x"},
        claude("user", "u1", words(4), session=session),
        claude_answer("a1", "1", {"type": "thinking", "thinking": words(3)}, (10, 100, 20, 1), session=session),
        claude_answer("a2", "1", {"type": "text", "text": words(2)}, (10, 100, 20, 1), session=session),
        claude_answer("a3", "1", TASK, (10, 100, 20, 50), "tool_use", session=session),
        claude("user", "b1", words(6), session=session, isSidechain=True, agentId="g1"),
        claude_answer(
            "b2", "2", {"type": "text", "text": words(5)}, (1, 0, 9, 4), session=session, isSidechain=True, agentId="g1"
        ),
        claude(
            "user", "u2", [{"type": "tool_result", "tool_use_id": "t1", "content": words(5)}], session=session,
            toolUseResult={"agentId": "g1"},
        ),
        claude_answer("a4", "3", {"type": "text", "text": words(8)}, (5, 150, 0, 7), "end_turn", session=session),
    ]  # fmt: skip


# ---- Codex ----


def codex(kind: str, payload: Any, day: str = DAY) -> dict[str, Any]:
    return {"timestamp": f"{day}T10:00:00.000Z", "type": kind, "payload": payload}


def codex_usage(
    total: tuple[int, int, int, int], last: tuple[int, int, int, int] | None, day: str = DAY
) -> dict[str, Any]:
    """Input, cached, output, reasoning."""

    def said(used: tuple[int, int, int, int]) -> dict[str, int]:
        names = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens")
        return {**dict(zip(names, used, strict=True)), "total_tokens": used[0] + used[2]}

    info = {"total_token_usage": said(total), "last_token_usage": None if last is None else said(last)}
    return codex(
        "event_msg", {"type": "token_count", "info": info, "rate_limits": {"primary": {"used_percent": 3}}}, day
    )


def codex_message(role: str, text: str) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return codex("response_item", {"type": "message", "role": role, "content": [{"type": kind, "text": text}]})


def codex_reasoning(text: str) -> dict[str, Any]:
    said = {"summary": [{"type": "summary_text", "text": text}], "encrypted_content": "xx"}
    return codex("response_item", {"type": "reasoning", **said})


def codex_session(id: str = "c1", **meta: Any) -> list[dict[str, Any]]:
    """Two requests: 100 in (40 cached), 30 out (10 reasoning); then 150 in (90 cached), 20 out. The first totals come
    three times."""
    return [
        codex("session_meta", {"id": id, "cwd": "/secret", "base_instructions": {"text": words(7)}, **meta}),
        codex("turn_context", {"model": "gpt-5-codex"}),
        codex_message("user", words(4)),
        codex("event_msg", {"type": "user_message", "message": words(4)}),
        codex_reasoning(words(3)),
        codex("response_item", {"type": "function_call", "name": "shell", "arguments": words(5), "call_id": "k1"}),
        codex("event_msg", {"type": "token_count", "info": None, "rate_limits": {}}),
        codex_usage((100, 40, 30, 10), (100, 40, 30, 10)),
        codex_usage((100, 40, 30, 10), (100, 40, 30, 10)),
        codex("response_item", {"type": "function_call_output", "call_id": "k1", "output": words(9)}),
        codex_usage((100, 40, 30, 10), (100, 40, 30, 10)),
        codex_message("assistant", words(2)),
        codex_usage((250, 130, 50, 10), (150, 90, 20, 0)),
    ]  # fmt: skip


# ---- OpenTelemetry ----


def message(role: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


def text(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content}


def span(id: str, parent: str | None, start: int, operation: str, **attributes: Any) -> dict[str, Any]:
    """A span as a line of its own. `attributes`: with `_` for `.`, below `gen_ai.`."""
    said = {f"gen_ai.{name.replace('__', '.')}": value for name, value in attributes.items()}
    return {
        "name": operation,
        "context": {"trace_id": "0xAB", "span_id": f"0x{id}"},
        "parent_id": parent,
        "start_time": f"{DAY}T10:00:{start:02}.000000Z",
        "attributes": {"gen_ai.operation.name": operation, **said},
    }


def otel_tree() -> list[dict[str, Any]]:
    """An agent of two requests, a tool, and an agent in it of one request; children come before their parents.

    Leaves: 100 in, 10 out; 160 in (100 cached), 20 out; 50 in, 5 out. An agent says the sum of what is below it again.
    """
    system = [text(words(7))]
    ask, call = (
        message("user", text(words(4))),
        {"type": "tool_call", "id": "k", "name": "search", "arguments": words(2)},
    )
    result = {"type": "tool_call_response", "id": "k", "response": words(9)}
    first_answer = message("assistant", call)
    return [
        span("02", "0x01", 1, "chat", usage__input_tokens=100, usage__output_tokens=10, request__model="gpt-5",
             system_instructions=system, input__messages=[ask], output__messages=json.dumps([first_answer])),
        span("05", "0x04", 3, "chat", usage__input_tokens=50, usage__output_tokens=5, request__model="gpt-5-mini",
             input__messages=[message("user", text(words(6)))],
             output__messages=[message("assistant", text(words(5)))]),
        span("04", "0x03", 2, "invoke_agent", agent__name="helper", usage__input_tokens=50, usage__output_tokens=5),
        span("03", "0x01", 2, "execute_tool", tool__name="search"),
        span("06", "0x01", 4, "chat", usage__input_tokens=160, usage__output_tokens=20, request__model="gpt-5",
             usage__cache_read__input_tokens=100, system_instructions=system,
             input__messages=[ask, first_answer, message("tool", result)],
             output__messages=[message("assistant", text(words(8)))]),
        span("01", None, 0, "invoke_agent", agent__name="lead", conversation__id="o1",
             usage__input_tokens=310, usage__output_tokens=35),
    ]  # fmt: skip


def as_otlp(spans: list[dict[str, Any]]) -> dict[str, Any]:
    """The same spans as OTLP JSON."""

    def value(said: Any) -> dict[str, Any]:
        if isinstance(said, bool):
            return {"boolValue": said}
        if isinstance(said, int):
            return {"intValue": str(said)}
        if isinstance(said, str):
            return {"stringValue": said}
        if isinstance(said, list):
            return {"arrayValue": {"values": [value(each) for each in said]}}
        return {"kvlistValue": {"values": attributes(said)}}

    def attributes(said: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"key": name, "value": value(each)} for name, each in said.items()]

    def plain(span: dict[str, Any]) -> dict[str, Any]:
        second = int(span["start_time"][17:19])
        return {
            "traceId": "ab",
            "spanId": span["context"]["span_id"][2:],
            "parentSpanId": "" if span["parent_id"] is None else span["parent_id"][2:],
            "name": span["name"],
            "startTimeUnixNano": str((1793613600 + second) * 10**9),
            "attributes": attributes(span["attributes"]),
        }

    scope = {"scope": {"name": "made by hand"}, "spans": [plain(span) for span in spans]}
    return {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [scope]}]}


# ---- ATIF ----


def atif(session: str | None = "t1", **more: Any) -> dict[str, Any]:
    """Two requests: 100 in (40 cached), 30 out; 150 in, 20 out."""
    return {
        "schema_version": "ATIF-v1.5",
        **({} if session is None else {"session_id": session}),
        "agent": {"name": "mini", "version": "1", "model_name": "gpt-5"},
        "steps": [
            {"step_id": 1, "timestamp": f"{DAY}T10:00:00Z", "source": "system", "message": words(7)},
            {"step_id": 2, "timestamp": f"{DAY}T10:00:01Z", "source": "user", "message": words(4)},
            {
                "step_id": 3,
                "timestamp": f"{DAY}T10:00:02Z",
                "source": "agent",
                "message": words(2),
                "reasoning_content": words(3),
                "tool_calls": [{"tool_call_id": "k", "function_name": "shell", "arguments": words(5)}],
                "observation": {"results": [{"source_call_id": "k", "content": words(9)}]},
                "metrics": {"prompt_tokens": 100, "completion_tokens": 30, "cached_tokens": 40},
            },
            {
                "step_id": 4,
                "timestamp": "2026-11-03T10:00:03Z",
                "source": "agent",
                "message": words(8),
                "metrics": {"prompt_tokens": 150, "completion_tokens": 20},
            },
        ],
        "final_metrics": {"total_prompt_tokens": 250, "total_completion_tokens": 50, "total_cached_tokens": 40},
        **more,
    }
