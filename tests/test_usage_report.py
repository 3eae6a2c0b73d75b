"""The usage report: groups, costs, names that are kept out, the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agent_logs import atif, claude, claude_answer, claude_session, codex_session, lines, otel_tree, words
from cli_support import fasttok

import fasttok as library

O200K = "o200k_base"
PRICES = {
    "currency": "EUR",
    "date": "2026-11-01",
    "models": {
        "gpt-5-codex": {
            "input": 10,
            "output": 100,
            "cached_input": 1,
            "long_context": [{"above": 120, "input": 20, "output": 200}],
        }
    },
}


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    lines(folder / "s1.jsonl", claude_session())
    lines(folder / "rollout.jsonl", codex_session())
    lines(folder / "spans.jsonl", otel_tree())
    lines(folder / "t.jsonl", [atif()])
    return folder


@pytest.mark.parametrize("by", ["agent", "model", "session", "day", "user", ["agent", "day"], ["model", "session"]])
def test_groups_add_up_to_the_totals(logs: Path, by: Any) -> None:
    report = library.usage(logs, [O200K, "gpt2"], by=by)
    totals = report.totals
    assert totals.recorded is not None and sum(row.requests or 0 for row in report.groups) == totals.requests == 10
    for name, whole in vars(totals.recorded).items():
        assert sum(getattr(row.recorded, name) for row in report.groups) == whole, name
    for encoding in report.encodings:
        for name, whole in vars(totals.recount[encoding]).items():
            if name not in ("longest_context", "is_proxy"):
                assert sum(getattr(row.recount[encoding], name) for row in report.groups) == whole, name


@pytest.mark.parametrize(
    "by",
    ["role", "part", "tool", "language", ["role", "tool"], ["session", "role"], ["day", "tool"], ["language", "model"]],
)
def test_groups_of_texts_add_up_to_the_totals(logs: Path, by: Any) -> None:
    report = library.usage(logs, O200K, by=by)
    for name in ("written_tokens", "sent_tokens"):
        whole = getattr(report.totals.recount[O200K], name)
        assert sum(getattr(row.recount[O200K], name) for row in report.groups) == whole > 0
    assert all(row.recorded is None and row.requests is None and row.cost is None for row in report.groups)


def test_a_text_is_counted_as_the_encoding_counts_it(tmp_path: Path) -> None:
    said = ["Ein Satz mit Umlauten: äöü.", "日本語のテキスト。", "def f(x):\n    return x\n" * 40]
    path = lines(tmp_path / "s.jsonl", [claude("user", str(i), text) for i, text in enumerate(said)])
    report = library.usage(path, [O200K, "gpt2"])
    for name in report.encodings:
        encoding = library.get_encoding(name)
        assert report.totals.recount[name].written_tokens == sum(encoding.count(text) for text in said)


def test_a_recount_is_a_count_of_the_same_messages(tmp_path: Path) -> None:
    """What `usage` recounts of a session, `count` counts of its messages, by role: texts, tool calls and results."""
    asked = {"path": "src/größe.py", "lines": [1, 2.5, None], "quote": 'a "b" \\ \n'}
    call = {"type": "tool_use", "id": "t1", "name": "Read", "input": asked}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "def f():\n\treturn '日本語 😀'\n" * 90}
    said = [("user", "Was ist das?\u2028" * 9), ("assistant", [call]), ("user", [result]), ("assistant", "Nothing.")]
    records = [claude(role, str(i), content) for i, (role, content) in enumerate(said)]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    lines(tmp_path / "a" / "s.jsonl", records)
    lines(tmp_path / "b" / "s.jsonl", [{"messages": [{"role": role, "content": content} for role, content in said]}])
    report = library.usage(tmp_path / "a", [O200K, "gpt2"], by="role")
    count = library.count_corpus(tmp_path / "b", [O200K, "gpt2"], by="role", format="messages")
    for name in (O200K, "gpt2"):
        recounted = {row.key["role"]: row.recount[name].written_tokens for row in report.groups}
        assert recounted == {group.key["role"]: group.tokens[name] for group in count.groups}
        assert set(recounted) == {"user", "assistant", "tool"} and min(recounted.values()) > 0


def test_languages_of_texts(tmp_path: Path) -> None:
    """Each text has its own language, in the history as well: it is sent as often as the others."""
    german, chinese = "Wo ist die Bibliothek? Ich suche sie den ganzen Tag.", "图书馆在哪里？我找了一上午。"
    english = "It is next to the station, as it has always been."
    answers = [
        claude_answer(f"a{i}", str(i), {"type": "text", "text": english}, (9, 0, 0, 9), "end_turn") for i in (1, 2)
    ]
    records = [claude("user", "u1", german), answers[0], claude("user", "u2", chinese), answers[1]]
    report = library.usage(lines(tmp_path / "s.jsonl", records), O200K, by=["role", "language"])
    count = library.get_encoding(O200K).count
    found = {tuple(row.key.values()): row.recount[O200K] for row in report.groups}
    assert {key: (row.written_tokens, row.sent_tokens) for key, row in found.items()} == {
        ("user", "de"): (count(german), 2 * count(german)),
        ("user", "zh"): (count(chinese), count(chinese)),
        ("assistant", "en"): (2 * count(english), count(english)),
    }


class TestCost:
    def test_of_recorded_figures(self, logs: Path) -> None:
        report = library.usage(logs / "rollout.jsonl", prices=PRICES)
        # 60 fresh, 40 cached, 30 out; above 120 tokens of input: 60 fresh, 90 cached, 20 out.
        first, second = 60 * 10 + 40 * 1 + 30 * 100, 60 * 20 + 90 * 1 + 20 * 200
        assert report.totals.cost == pytest.approx((first + second) / 1e6, rel=1e-12) and report.currency == "EUR"
        assert report.manifest["cost_of"] == "recorded" and "Costs are of recorded figures" in str(report)

    def test_of_recounted_figures(self, logs: Path) -> None:
        report = library.usage(logs / "rollout.jsonl", O200K, prices=PRICES, cost_of="recount")
        assert report.totals.cost == pytest.approx((40 * 10 + 11 * 100) / 1e6, rel=1e-12)
        assert "Costs are of recounted figures" in str(report)

    def test_models_without_a_price_are_listed(self, tmp_path: Path, logs: Path) -> None:
        session = claude_session()
        for record in session:
            if "model" in record.get("message", {}):
                record["message"]["model"] = "a-model-of-nobody"
        report = library.usage(lines(tmp_path / "x.jsonl", session), prices=PRICES)
        assert report.totals.cost is None and report.manifest["unpriced"] == {"a-model-of-nobody": 3}
        assert "a-model-of-nobody (3)" in str(report)


NAMED = {
    "date": "2026-11-01",
    "models": {
        "flat": {"input": 2, "output": 8},
        "tiered": {
            "input": 1,
            "output": 4,
            "tokenizer": "cl100k_base",
            "long_context": [{"above": 6, "input": 3, "output": 5}, {"above": 12, "input": 7, "output": 11}],
        },
        "closed": {"input": 10, "output": 20},
    },
}


class TestNamedModels:
    """What logs would cost on models that were named."""

    def chat(self, tmp_path: Path) -> Path:
        """A request that sends 4 tokens and is answered 2, and one that sends 9 (4, 2 and 3) and is answered 5."""
        return lines(
            tmp_path / "chat.jsonl",
            [
                claude("user", "u1", words(4)),
                claude_answer("a1", "1", {"type": "text", "text": words(2)}, (1, 0, 0, 1), "end_turn"),
                claude("user", "u2", words(3)),
                claude_answer("a2", "2", {"type": "text", "text": words(5)}, (1, 0, 0, 1), "end_turn"),
            ],
        )

    def test_by_hand(self, tmp_path: Path) -> None:
        report = library.usage(
            self.chat(tmp_path),
            by="role",
            models=["flat", "tiered", "closed"],
            prices=NAMED,
            tokenizers={"flat": "o200k_base", "closed": "cl100k_base"},
        )
        expected = {
            # Millionths: the user sent 4 + 7, the assistant 2; it answered 2 and 5.
            "flat": ((11, 0, 11 * 2), (2, 7, 2 * 2 + 7 * 8)),
            # The second request is beyond 6 tokens.
            "tiered": ((11, 0, 4 * 1 + 7 * 3), (2, 7, 2 * 3 + 2 * 4 + 5 * 5)),
            "closed": ((11, 0, 11 * 10), (2, 7, 2 * 10 + 7 * 20)),
        }
        for model, of_roles in expected.items():
            for role, (sent, answered, cost) in zip(("user", "assistant"), of_roles, strict=True):
                found = report.get(role).models[model]
                assert (found.input_tokens, found.output_tokens) == (sent, answered), (model, role)
                assert found.cost == pytest.approx(cost / 1e6, rel=1e-12)
            total = report.totals.models[model]
            assert (total.input_tokens, total.output_tokens) == (13, 7)
            assert total.cost == pytest.approx(sum(cost for *_, cost in of_roles) / 1e6, rel=1e-12)
        # Nothing is priced but these, and nothing else is changed by them.
        assert report.totals.cost is None and report.manifest["cost_of"] is None and report.currency == "USD"
        assert report.get("user").recount["cl100k_base"].sent_tokens == 11
        assert report.manifest["models"]["closed"]["encoding"] == "cl100k_base"
        assert {price["model"] for price in report.manifest["prices"]} == {"flat", "tiered", "closed"}
        jsonschema = pytest.importorskip("jsonschema")
        said = json.loads(report.to_json())
        jsonschema.validate(said, library.schema("usage"))
        assert said["groups"][0]["models"]["flat"]["cost"] == report.groups[0].models["flat"].cost

    @pytest.mark.parametrize(
        "by", ["role", ["tool", "agent"], ["language", "part"], "model", ["session", "day"], "part"]
    )
    def test_groups_add_up_to_the_totals(self, logs: Path, by: Any) -> None:
        names = {"models": ["flat", "tiered"], "prices": NAMED, "tokenizers": {"flat": "gpt2"}}
        report = library.usage(logs, O200K, by=by, **names)
        assert report.encodings == [O200K, "r50k_base", "cl100k_base"]
        assert report.totals.models["tiered"].cost == library.usage(logs, **names).totals.models["tiered"].cost
        for model, total in report.totals.models.items():
            each = [row.models[model] for row in report.groups]
            assert sum(one.input_tokens for one in each) == total.input_tokens > 0
            assert sum(one.output_tokens for one in each) == total.output_tokens > 0
            assert sum(one.cost for one in each) == pytest.approx(total.cost, rel=1e-12)

    def test_every_form_labels_what_is_an_estimate(self, tmp_path: Path) -> None:
        table = {
            "models": {name: {"input": 2, "output": 8} for name in ("gpt-4o", "claude-opus-4-5")},
            "date": "2026-11-01",
        }
        (tmp_path / "prices.json").write_text(json.dumps(table))
        file = self.chat(tmp_path)
        call = (
            "usage", file, "--by", "role", "-m", "gpt-4o,claude-opus-4-5", "--tokenizer", "claude-opus-4-5=cl100k_base",
            "--prices", tmp_path / "prices.json",
        )  # fmt: skip
        table_ = fasttok(*call, "--table", "--html", tmp_path / "page.html")
        assert table_.code == 0, table_.err
        assert "claude-opus-4-5 (estimate)" in table_.out and "counted with another model's tokenizer" in table_.out
        assert "claude-opus-4-5 (estimate)" in (tmp_path / "page.html").read_text()
        head, *rows = [line.split(",") for line in fasttok(*call, "--csv").out.splitlines()]
        at = {name: head.index(name) for name in ("role", "encoding", "on_model", "tokenizer_of", "on_model_cost")}
        found = {(row[at["role"]], row[at["on_model"]]): row for row in rows}
        assert set(found) == {(r, m) for r in ("user", "assistant") for m in ("gpt-4o", "claude-opus-4-5")}
        assert found["user", "gpt-4o"][at["tokenizer_of"]] == ""
        assert found["user", "claude-opus-4-5"][at["tokenizer_of"]] != ""
        assert float(found["user", "gpt-4o"][at["on_model_cost"]]) == pytest.approx(22e-6)
        without = fasttok("usage", file, "-m", "claude-opus-4-5", "--prices", tmp_path / "prices.json")
        assert without.code == 2 and "--tokenizer" in without.err
        assert fasttok("usage", file, "-m", "gpt-4o", "--tokenizer", "x=gpt2").code == 2


def test_redact_keeps_names_out(tmp_path: Path) -> None:
    session = claude_session("secret-session")
    for record in session:
        record["user"] = "secret-user"
    folder = tmp_path / "secret-folder"
    lines(folder / "secret.jsonl", [*session, {"type": "hologram", "uuid": "1"}], end="{")
    for by in ("session", "user"):
        report = library.usage(folder, O200K, by=by, redact=True)
        shown = report.to_json() + str(report) + report.to_csv() + report._repr_html_()
        assert "secret" not in shown and f"{by} 1" in shown
        assert report.ledger.entries and all(entry.detail is None for entry in report.ledger.entries)
    assert "secret-session" in library.usage(folder, by="session").to_json()
    table = tmp_path / "secret-prices.toml"
    table.write_text('date = "2026-11-01"\ncurrency = "EUR"\n[models."claude-opus-4-8"]\ninput = 5\noutput = 25\n')
    priced = library.usage(folder, prices=table, redact=True)
    assert [price["source"] for price in priced.manifest["prices"]] == ["a price table"]
    assert "secret" not in priced.to_json()


def test_the_rate_is_of_bytes(tmp_path: Path) -> None:
    path = lines(tmp_path / "s.jsonl", [claude("user", "u", "\u4e2d" * 50_000)])
    raw = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(raw, ensure_ascii=False) + "\n", "utf-8")
    run = library.usage(path).manifest["run"]
    assert run["mb_per_second"] * run["seconds"] * 1e6 == pytest.approx(path.stat().st_size)


def test_what_a_terminal_would_obey_is_escaped(tmp_path: Path) -> None:
    session = claude_session()
    for record in session:
        if "model" in record.get("message", {}):
            record["message"]["model"] = "\x1b]0;title\x07<script>"
    report = library.usage(lines(tmp_path / "s.jsonl", session), O200K, prices=PRICES)
    assert "\\u001b]0;title" in str(report) and "\x1b" not in str(report)
    assert "<script>" not in report._repr_html_()


def test_texts_are_in_no_report(tmp_path: Path) -> None:
    record = claude("user", "u", "my-password")
    broken = tmp_path / "s.jsonl"
    lines(broken, [record], end='{"text": "my-password"')
    report = library.usage(broken, O200K, by=["role", "tool"])
    assert "my-password" not in report.to_json() + str(report)


def test_growth_and_longest_contexts(logs: Path) -> None:
    report = library.usage(logs / "rollout.jsonl", O200K)
    (session,) = report.sessions
    assert session.contexts == (100, 150) and session.growth_per_turn == 50 and session.sent_tokens == {O200K: 40}
    assert [(each.turn, each.input_tokens) for each in report.longest_contexts] == [(2, 150)]
    assert [(turn.turn, turn.input_tokens, turn.sent_tokens) for turn in report.turns] == [
        (1, 100, {O200K: 11}),
        (2, 150, {O200K: 29}),
    ]


def test_days_are_in_order(tmp_path: Path) -> None:
    days = ("2026-11-05", "2026-11-03", "2026-11-04")
    path = lines(tmp_path / "s.jsonl", [claude("user", day, words(3), day=day) for day in days])
    assert [row.key["day"] for row in library.usage(path, O200K, by="day").groups] == sorted(days)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda path: library.usage(path, by="sesion"), "did you mean session"),
        (lambda path: library.usage(path, log_format="x"), "log_format must be 'codex' or"),
        (lambda path: library.usage(path, cost_of="recount"), "needs an encoding"),
        (lambda path: library.usage(path, cost_of="x"), "cost_of must be"),
        (lambda path: library.usage(path, text_field="x"), "unexpected keyword argument 'text_field'"),
    ],
)
def test_what_is_refused(logs: Path, call: Callable[[Path], object], said: str) -> None:
    with pytest.raises((ValueError, TypeError), match=said):
        call(logs)


def test_an_unknown_group(logs: Path) -> None:
    with pytest.raises(library.UnknownGroupError, match="codx"):
        library.usage(logs, by="agent").get("codx")


class TestCommandLine:
    def test_json(self, logs: Path) -> None:
        result = fasttok("usage", logs, "--json")
        report = json.loads(result.out)
        assert result.code == 0 and report["schema"] == "fasttok.usage/1" and report["totals"]["recount"] == {}
        recorded = report["totals"]["recorded"]
        assert (recorded["input_tokens"], recorded["output_tokens"], recorded["cached_input_tokens"]) == (
            1105,
            196,
            520,
        )

    def test_csv_by_agent(self, logs: Path) -> None:
        header, *rows = fasttok("usage", logs, "--csv", "-e", O200K, "--by", "agent").out.splitlines()
        assert header.startswith("agent,requests,texts,recorded_requests") and len(rows) == 6

    def test_skipped_rows(self, tmp_path: Path) -> None:
        path = lines(tmp_path / "s1.jsonl", claude_session(), end="{")
        result = fasttok("usage", path, "--table")
        assert result.code == 3 and "truncated" in result.err

    def test_a_format_that_is_asked_for(self, logs: Path) -> None:
        assert fasttok("usage", logs / "s1.jsonl", "--format", "codex", "--json").code == 3

    @pytest.mark.parametrize("wrong", [("--by", "x"), ("--cost", "recount"), ("--format", "x")])
    def test_wrong_usage(self, logs: Path, wrong: tuple[str, str]) -> None:
        assert fasttok("usage", logs, *wrong).code == 2
