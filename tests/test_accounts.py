"""Every command that reads documents accounts for the same rows, and misses the others for the same reasons."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from agent_logs import codex_session
from cli_support import fasttok, on_terminal

import fasttok as library
from fasttok._fasttok import Progress
from fasttok.inputs.documents import Reader
from fasttok.render.progress import ProgressBar

PRICES = {"currency": "USD", "date": "2026-01-01", "models": {"m": {"tokenizer": "r50k_base", "input": 1, "output": 2}}}

FAULTS: dict[str, bytes] = {
    "bom.jsonl": b'\xef\xbb\xbf{"text": "hello world"}\n{"text": "second doc"}\n',
    "nan.jsonl": b'{"text":"a b","score":NaN}\n{"text":"c d","score":Infinity}\n{"text":"e f","score":-Infinity}\n',
    "bigint.jsonl": b'{"text":"x","n":' + b"9" * 5000 + b'}\n{"text":"y"}\n',
    "deep.jsonl": b'{"text":"x","d":' + b"[" * 2000 + b"]" * 2000 + b'}\n{"text":"y"}\n',
    "types.jsonl": b'{"text":null}\n{"text":5}\n{"text":["a",1]}\n{"text":{"a":1}}\n{"txt":"a"}\n{}\n[]\n"s"\n'
    b'{"text":true}\n{"text":""}\n',
    "trunc.jsonl.gz": gzip.compress(
        "".join(json.dumps({"text": f"{i} {i * 7919 % 1000} words"}) + "\n" for i in range(3000)).encode()
    )[:-2000],
    "empty.jsonl.gz": b"",
    "nothing.jsonl.gz": gzip.compress(b""),
    "gz_named_jsonl.jsonl": gzip.compress(b'{"text":"packed"}\n'),
    "dolma.json.gz": gzip.compress(b'{"text":"hello world"}\n{"text":"second doc"}\n'),
    "lone.jsonl": b'{"text":"a \\ud83d"}\n{"text":"\\ud83d\\udc4d"}\n',
    "latin.jsonl": b'{"text":"caf\xe9"}\n{"text":"cafe"}\n\n  \r\n{"text":"x"}',
    "wide.jsonl": '{"text":"a"}\n'.encode("utf-16"),
    "table.parquet": b"PAR1" + bytes(range(256)) * 4 + b"PAR1",
    "plain.txt": b"no records\nhere",
    "same.jsonl": b'{"text":"a","text":"b"}\n{"meta":{"text":"c"},"text":"d","lang":1.50}\n',
}
"""Files as they are found; `None` of them is a reason to end a run."""

COUNTED = {
    "bom.jsonl": (2, 0),
    "nan.jsonl": (0, 3),
    "bigint.jsonl": (2, 0),
    "deep.jsonl": (2, 0),
    "types.jsonl": (1, 9),
    "empty.jsonl.gz": (0, 1),
    "gz_named_jsonl.jsonl": (1, 0),
    "dolma.json.gz": (2, 0),
}
"""Rows counted and skipped, where the right answer is known beforehand."""


def count(path: Path) -> library.Ledger:
    return library.count_corpus(path, "r50k_base").ledger


def others(path: Path) -> dict[str, library.Ledger]:
    """The ledgers of the other commands, and what a reader gives."""
    density = library.density(path, "r50k_base", detect_language=False, by="file")
    found = {"density": density.ledger, "cost": library.cost(path, "m", prices=PRICES).ledger}
    reader = Reader([str(path)], by=("file",))
    read = list(reader)
    assert len(read) == reader.ledger.counted
    found["records"] = reader.ledger
    try:
        found["claims"] = library.check_claims("r50k_base", texts={"eng": path}).ledger
    except library.InputError as error:
        # Where there is not a single row there is nothing to measure on.
        assert "no documents" in str(error) and reader.ledger.seen == 0
    return found


def same(path: Path) -> library.Ledger | None:
    """The ledger that all commands agree on; nothing where all of them say that no record has the field."""
    try:
        counted = count(path)
    except library.UnknownFieldError as error:
        for command in (
            lambda: library.density(path, "r50k_base", detect_language=False, by="file"),
            lambda: library.cost(path, "m", prices=PRICES),
            lambda: list(Reader([str(path)], by=("file",))),
            lambda: library.check_claims("r50k_base", texts={"eng": path}),
        ):
            with pytest.raises(library.UnknownFieldError) as raised:
                command()
            assert str(raised.value) == str(error)
        return None
    assert counted.seen == counted.counted + counted.skipped == counted.counted + len(counted.entries)
    for command, ledger in others(path).items():
        assert ledger.to_dict() == counted.to_dict(), command
    return counted


@pytest.mark.parametrize("name", FAULTS)
def test_faults_that_were_found(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FAULTS[name])
    ledger = same(path)
    assert ledger is not None
    if name in COUNTED:
        assert (ledger.counted, ledger.skipped) == COUNTED[name]
    if name == "nan.jsonl":
        assert ["NaN" in str(e) or "Infinity" in str(e) for e in ledger.entries] == [True] * 3
        assert set(ledger.by_reason) == {"broken_json"}
    if name == "trunc.jsonl.gz":
        assert ledger.counted > 0 and ledger.by_reason == {"truncated": 1}


def test_all_of_them_in_a_folder(tmp_path: Path) -> None:
    for name, data in FAULTS.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / ".hidden.jsonl").write_bytes(b'{"text":"a"}\n')
    (tmp_path / "link.jsonl").symlink_to("nowhere")
    ledger = same(tmp_path)
    assert ledger is not None
    assert ledger.skipped > 15 and ledger.counted > 10


def mutated(rng: random.Random) -> bytes:
    """Records with something wrong in some place of them."""
    rows = []
    for _ in range(rng.randrange(1, 12)):
        value: object = rng.choice(["a b", "", "é 中 😀", None, 5, ["x"], {"text": "y"}, True, "\ud83d", 1e400])
        row = {rng.choice(["text", "text", "text", "txt"]): value, "lang": rng.choice(["en", 1, None, float("nan")])}
        rows.append(json.dumps(row, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass"))
    data = bytearray(rng.choice([b"\n", b"\r\n", b"\n\n"]).join(rows))
    for _ in range(rng.choice([0, 0, 1, 3])):
        at = rng.randrange(len(data) + 1)
        data[at : at + rng.randrange(3)] = rng.choice([b"", b"\n", b"\xff", b"\0", b'"', b"{", b"NaN", b"\xed\xa0\xbd"])
    if rng.random() < 0.2:
        packed = gzip.compress(bytes(data))
        return packed[: rng.randrange(len(packed))] if rng.random() < 0.5 else packed
    return bytes(data)


def test_random_records(tmp_path: Path) -> None:
    rng = random.Random(10)
    met: set[str] = set()
    for i in range(120):
        path = tmp_path / f"{i}.jsonl"
        path.write_bytes(mutated(rng))
        ledger = same(path)
        met |= {"unknown field"} if ledger is None else set(ledger.by_reason)
    assert len(met) >= 8 and "unknown field" in met, met


@pytest.mark.parametrize("name", ["types.jsonl", "trunc.jsonl.gz"])
@pytest.mark.parametrize(
    "arguments",
    [
        lambda path: ["count", path],
        lambda path: ["density", path, "--by", "file"],
        lambda path: ["cost", path, "-m", "gpt-4o"],
        lambda path: ["claims", "--text", f"en={path}"],
        lambda path: ["verify", "r50k_base", path, "--built-in", "0"],
    ],
    ids=["count", "density", "cost", "claims", "verify"],
)
def test_every_command_says_so(
    tmp_path: Path, tiktoken_cache: Path, name: str, arguments: Callable[[Path], list[str | Path]]
) -> None:
    command = arguments(tmp_path / name)
    if command[0] == "cost":
        pytest.importorskip("genai_prices")
    if command[0] == "verify":
        pytest.importorskip("tiktoken")
    (tmp_path / name).write_bytes(FAULTS[name])
    result = fasttok(*command, TIKTOKEN_CACHE_DIR=str(tiktoken_cache))
    assert result.code == 3, result.err
    assert f"{name}:" in result.err and "skipped" in result.err
    if command[0] != "verify":
        assert " seen, " in result.last_line and " skipped" in result.last_line


def test_the_json_of_claims_has_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "types.jsonl"
    path.write_bytes(FAULTS["types.jsonl"])
    report = fasttok("claims", "--text", f"en={path}", "--json", "-q").json()
    schema = library.schema("claims")
    jsonschema.Draft202012Validator(schema).validate(report)
    assert (report["ledger"]["seen"], report["ledger"]["skipped"]) == (10, 9)


def test_documents_without_tokens_are_measured_as_nothing(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_text('{"text":""}\n' * 3)
    report = library.check_claims("o200k_base", texts={"eng": path})
    assert (report.ledger.counted, list(report.measurements)) == (3, [])
    path.write_text('{"text":""}\n{"text":"four five six"}\n')
    for entry in library.check_claims("o200k_base", texts={"en": path}).measurements:
        assert entry.low == entry.value == entry.high


def test_special_tokens_are_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    texts = ["a", "b <|endoftext|> c", "", "<|endoftext|>", "d"]
    path.write_text("".join(json.dumps({"text": text, "answer": text}) + "\n" for text in texts))
    counted = library.count_corpus(path, "r50k_base", special="error")
    cost = library.cost(path, "m", prices=PRICES, special="error", output_field="answer")
    assert [(e.line, e.reason) for e in cost.ledger.entries] == [(2, "special_token"), (4, "special_token")]
    assert cost.ledger.by_reason == counted.ledger.by_reason
    assert (cost.ledger.seen, cost.ledger.counted) == (5, 3)
    assert cost.totals[0].input_tokens == cost.totals[0].output_tokens == counted.totals.tokens["r50k_base"]
    with pytest.raises(library.InputError, match="x.jsonl:2: .*special_token"):
        library.cost(path, "m", prices=PRICES, special="error", on_error="fail")


def test_groups_are_those_of_count(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text":"a","n":1.50,"m":{"k":"x"}}\n{"text":"b c","n":1e3,"m":null}\n{"text":"d"}\n')
    for by in ("n", "m.k", "file", "extension"):
        counted = {tuple(g.key.values()): g.tokens for g in library.count_corpus(path, "r50k_base", by=by).groups}
        billed = {tuple(g.key.values()): g.input_tokens for g in library.cost(path, "m", by=by, prices=PRICES).groups}
        assert billed == {key: next(iter(tokens.values())) for key, tokens in counted.items()}


def test_answers_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text":"a","out":"b"}\n{"text":"c"}\n{"text":"d","out":null}\n')
    (tmp_path / "b.txt").write_text("plain")
    ledger = library.cost(tmp_path, "m", prices=PRICES, output_field="out").ledger
    assert dict(ledger.by_reason) == {"missing_field": 2, "null_field": 1}


class TestProgress:
    def test_callables_are_told(self, tmp_path: Path) -> None:
        path = tmp_path / "x.jsonl"
        path.write_text('{"text":"some words"}\n' * 10_000)
        size = path.stat().st_size
        for run in (
            lambda told: library.cost(path, "m", prices=PRICES, on_progress=told),
            lambda told: library.check_claims("r50k_base", texts={"eng": path}, on_progress=told),
        ):
            met: list[Progress] = []
            run(met.append)
            assert met[-1] == Progress(size, size, 10_000, 0)
            done = [(now.bytes_read, now.documents) for now in met]
            assert done == sorted(done)
        met = []
        library.premium(
            {"en": ["a b"] * 5, "de": ["c d e"] * 5},
            ["r50k_base", "o200k_base"],
            pivot="en",
            on_progress=met.append,
        )
        assert met == [Progress(40, 80, 10, 0), Progress(80, 80, 20, 0)]

    @pytest.mark.parametrize(
        "command", ["count", "density", "cost", "claims", "verify", "premium", "usage", "prompts", "merge"]
    )
    def test_the_option_is_there(self, command: str) -> None:
        assert "--no-progress" in fasttok(command, "--help").out

    def test_every_command_has_the_bar(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "x.jsonl"
        path.write_text('{"text":"some words"}\n' * 100)
        chats = tmp_path / "chats.jsonl"
        chats.write_text('{"messages":[{"role":"user","content":"some words"}]}\n')
        log = tmp_path / "log.jsonl"
        log.write_text("".join(json.dumps(record) + "\n" for record in codex_session()))
        parts = [str(tmp_path / "a.json")]
        library.count_corpus(path).to_json(parts[0])
        shown: list[io.StringIO] = []

        def bar() -> ProgressBar:
            terminal = io.StringIO()
            terminal.isatty = lambda: True  # type: ignore[method-assign]
            shown.append(terminal)
            return ProgressBar(terminal, delay=0)

        monkeypatch.setattr("fasttok.render.progress_bar", bar)
        runs: dict[str, Callable[[], object]] = {
            "count": lambda: library.count_corpus(path, progress=True),
            "density": lambda: library.density(path, progress=True),
            "cost": lambda: library.cost(path, "m", prices=PRICES, progress=True),
            "claims": lambda: library.check_claims("r50k_base", texts={"eng": path}, progress=True),
            "premium": lambda: library.premium({"en": ["a b"], "de": ["c d"]}, pivot="en", progress=True),
            "usage": lambda: library.usage(log, progress=True),
            "prompts": lambda: library.count_prompts(chats, progress=True),
            "merge": lambda: library.merge_reports(parts, progress=True),
        }
        for name, run in runs.items():
            shown.clear()
            run()
            assert [" docs" in each.getvalue() for each in shown] == [True], name

    def test_nothing_is_shown_where_nobody_looks(self, tmp_path: Path) -> None:
        path = tmp_path / "x.jsonl"
        path.write_text('{"text":"some words"}\n' * 100)
        result = fasttok("claims", "--text", f"eng={path}")
        assert (result.code, result.err.count("\n")) == (0, 1)
        assert on_terminal("claims", "--text", f"eng={path}", "--no-progress").code == 0


def test_decimals_without_noise(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text":"a"}\n' * 3)
    table = {"currency": "USD", "date": "2026-01-01", "models": {"m": {"tokenizer": "r50k_base", "input": 0.1}}}
    report = library.cost(path, "m", prices=table, requests_per_day=0.1)
    for text, mark in ((report.to_csv(), ","), (report.to_tsv(), "\t")):
        header, row = (line.split(mark) for line in text.splitlines())
        cells = dict(zip(header, row, strict=True))
        assert cells["cost"] == "0.0000003"
        assert cells["cost_per_document"] == "0.0000001"
        assert cells["monthly_cost"] == "0.0000003"
        assert not any("e-" in cell or "000000000" in cell.lstrip("0.") for cell in row)
