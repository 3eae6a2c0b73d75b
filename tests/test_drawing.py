"""Every report is drawn in every form: as text, in a notebook, as a page, as a chart or not at all.

What is too long for people is cut, and says so."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from agent_logs import claude_session, codex_session, lines
from cli_support import fasttok, on_terminal, write_jsonl

import fasttok as library
from fasttok import reports
from fasttok.render import summaries
from fasttok.render.blocks import SHOWN
from fasttok.render.drawing import Drawing
from fasttok.reports import presenters, schemas
from fasttok.reports.ledger import Ledger
from fasttok.reports.manifest import run_manifest

PRICES = {"currency": "USD", "date": "2026-01-01", "models": {"m": {"tokenizer": "r50k_base", "input": 1, "output": 2}}}
PARALLEL = {"eng_Latn": ["A cat.", "A <b>dog</b>."], "deu_Latn": ["Eine Katze.", "Ein Hund."]}
HOSTILE = "<script>alert(1)</script>\x1b[31m"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    rows = [{"text": "one two three", "tag": HOSTILE}, {"text": "Ein Satz.", "tag": "b"}, {"text": "x y", "tag": None}]
    return write_jsonl(tmp_path / "a.jsonl", rows)


def verification() -> library.VerificationReport:
    manifest = run_manifest({"e": library.get_encoding("gpt2")})
    difference = library.Difference(HOSTILE, "text", 3, "the text", [1, 2], [3], 2)
    return library.VerificationReport(
        manifest, "e", "0" * 64, "gpt2", "tiktoken", "0.14", ("text",), 1, 2, 30, 3, 1, 1, 0, [difference]
    )


def usage_logs(path: Path) -> Path:
    return lines(path.parent / "logs" / "s1.jsonl", [*claude_session(), *codex_session()])


def chats(path: Path) -> Path:
    return lines(path.parent / "chats" / "c1.jsonl", [{"messages": [{"role": "user", "content": "Hello"}]}] * 3)


MAKERS: dict[str, Callable[[Path], library.BaseReport]] = {
    "count": lambda path: library.count_corpus(path, ["o200k_base", "gpt2"], by="tag"),
    "count of all": lambda path: library.count_corpus(path),
    "count of a sample": lambda path: library.count_corpus(path, by="tag", sample=1),
    "density": lambda path: library.density(path, ["o200k_base", "gpt2"], by="tag", resamples=20),
    "premium": lambda path: library.premium(PARALLEL, ["o200k_base", "gpt2"], resamples=20),
    "premium of one": lambda path: library.premium(PARALLEL, resamples=20),
    "cost": lambda path: library.cost(path, ["m"], by="tag", prices=PRICES, parallel=PARALLEL, pivot="eng"),
    "usage": lambda path: library.usage(usage_logs(path), ["o200k_base", "gpt2"], by="agent", prices=PRICES),
    "prompts": lambda path: library.count_prompts(chats(path)),
    "claims": lambda path: library.check_claims(["o200k_base", "cl100k_base"], parallel=PARALLEL),
    "models": lambda path: library.models("qwen3"),
    "plan": lambda path: library.plan_corpus(path),
    "encodings": lambda path: library.encodings(),
    "verification": lambda path: verification(),
}
WITH_CHART = {"count", "count of all", "count of a sample", "density", "premium", "premium of one", "cost", "usage"}


@pytest.mark.parametrize("name", MAKERS)
class TestEveryReport:
    @pytest.fixture
    def report(self, name: str, corpus: Path) -> library.BaseReport:
        return MAKERS[name](corpus)

    def test_text(self, report: library.BaseReport) -> None:
        text = str(report)
        assert text.endswith(report.summary()) and len(text.splitlines()) > 1
        assert "\x1b" not in text and text == "\n".join(line.rstrip() for line in text.split("\n"))

    def test_repr(self, report: library.BaseReport) -> None:
        assert re.fullmatch(r"<fasttok\.\w+[^\n]*>", repr(report))

    def test_notebook(self, report: library.BaseReport) -> None:
        html = report._repr_html_()
        assert html.count("<table>") == html.count("</table>") and "<p>" in html
        assert "<script" not in html and "<b>dog" not in html

    def test_page(self, report: library.BaseReport, tmp_path: Path) -> None:
        page = report.to_html(tmp_path / "page.html")
        assert (tmp_path / "page.html").read_text(encoding="utf-8") == page
        assert page.startswith("<!DOCTYPE html>") and page.endswith("</html>\n")
        assert "alert(1)</script>" not in page and library.__version__ in page

    def test_chart(self, report: library.BaseReport, name: str) -> None:
        if name in WITH_CHART:
            assert report.plot().to_dict()["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
        else:
            with pytest.raises(library.NoPlotError, match=r"there is no chart of .*to_pandas"):
                report.plot()

    def test_table(self, report: library.BaseReport) -> None:
        table = report.to_arrow()
        assert table.column_names == report.columns() and table.num_rows == len(list(report.rows()))
        assert len(report.to_pandas()) == report.to_polars().height == table.num_rows
        assert json.loads(report.to_json()) is not None

    def test_json(self, report: library.BaseReport) -> None:
        """It follows its schema, which refers to nothing outside itself and names everything that is there."""
        schema = schema_of(type(report))
        jsonschema.Draft202012Validator.check_schema(schema)
        data = json.loads(report.to_json())
        jsonschema.Draft202012Validator(schema).validate(data)
        assert list(data)[:2] == ["schema", "manifest"] and data["schema"] == report.schema
        assert json.loads(json.dumps(report.to_dict())) == data
        assert list(unnamed(schema, [schema], data)) == []

    def test_its_manifest_says_what_ran(self, report: library.BaseReport) -> None:
        assert report.manifest["fasttok"] == library.__version__ and report.manifest["run"]["time"]


def report_classes() -> set[type[library.BaseReport]]:
    """All of the package, whoever imports them."""
    for module in pkgutil.iter_modules(reports.__path__, f"{reports.__name__}."):
        importlib.import_module(module.name)
    found, new = set(), {library.BaseReport}
    while new:
        new = {sub for base in new for sub in base.__subclasses__() if sub.__module__.startswith("fasttok.")}
        found |= new
    return found


def schema_of(report: type[library.BaseReport]) -> dict[str, Any]:
    name = report.schema.removeprefix("fasttok.").removesuffix("/1")
    return library.schema(name)  # type: ignore[arg-type]


def unnamed(schema: dict[str, Any], parts: list[dict[str, Any]], data: Any, path: str = "") -> Iterator[str]:
    """The paths of members in `data` that no one of the parts of `schema`, which all describe it, names."""
    open_parts, described = [*parts], []
    while open_parts:
        part = open_parts.pop()
        described.append(part)
        if "$ref" in part:
            open_parts.append(schema["$defs"][part["$ref"].removeprefix("#/$defs/")])
        for several in ("allOf", "anyOf"):
            open_parts += part.get(several, [])
        if isinstance(data, dict):
            open_parts += [then for member, then in part.get("dependentSchemas", {}).items() if member in data]
    if isinstance(data, list):
        items = [part["items"] for part in described if "items" in part]
        for i, item in enumerate(data):
            yield from unnamed(schema, items, item, f"{path}[{i}]")
    elif isinstance(data, dict):
        any_name = [part["additionalProperties"] for part in described if "additionalProperties" in part]
        for name, value in data.items():
            inner = [part["properties"][name] for part in described if name in part.get("properties", {})] or any_name
            if not inner:
                yield f"{path}.{name}"
            yield from unnamed(schema, inner, value, f"{path}.{name}")


def test_every_kind_of_report_is_drawn_above(corpus: Path) -> None:
    """So that what is asked of every report is asked of a new one."""
    assert {type(make(corpus)) for make in MAKERS.values()} == report_classes()


@pytest.mark.parametrize(
    "report", sorted(report_classes(), key=lambda report: report.__name__), ids=lambda report: report.__name__
)
def test_every_report_is_registered(report: type[library.BaseReport]) -> None:
    """Its class has a public name, its kind a presenter and its JSON a schema of its own."""
    assert getattr(library, report.__name__) is report and report.__name__ in library.__all__
    assert isinstance(presenters.presenter_of(report.kind), Drawing)
    assert (
        schema_of(report)["properties"]["schema"] == {"const": report.schema} == {"const": schema_of(report)["title"]}
    )


def test_no_schema_is_of_no_report() -> None:
    folder = Path(schemas.__file__).parent
    assert {file.name for file in folder.glob("*-*.json")} == {
        f"{report.schema.removeprefix('fasttok.').replace('/', '-')}.schema.json" for report in report_classes()
    }
    assert len(get_args(schemas.Name)) == len(report_classes())


def test_a_member_that_no_schema_names_is_found() -> None:
    schema, data = schema_of(library.Encodings), library.encodings().to_dict()
    data["manifest"]["new"] = data["encodings"][0]["newer"] = data["newest"] = {}
    assert set(unnamed(schema, [schema], data)) == {".newest", ".manifest.new", ".encodings[0].newer"}


def test_a_report_is_drawn_by_whoever_is_registered(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine:
        def summary(self, report: Any, *, drawn: bool = False) -> str:
            return "my summary"

    report = library.count_corpus(corpus)
    monkeypatch.setitem(presenters._presenters, "count", Mine())
    assert report.summary() == "my summary"


COUNT = SHOWN + 5


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [{"text": "word " * (i % 7 + 1), "id": f"g{i:05}"} for i in range(COUNT)]
    return write_jsonl(tmp_path_factory.mktemp("many") / "a.jsonl", rows)


class TestManyGroups:
    """More groups than people read: tables and charts have the first, by the order that was asked for."""

    @pytest.mark.parametrize("kind", ["count", "density", "cost"])
    def test_of_a_report(self, many: Path, kind: str) -> None:
        report: Any
        if kind == "count":
            report = library.count_corpus(many, by="id").sorted_by("key", reverse=True)
        elif kind == "density":
            report = library.density(many, by="id", resamples=2).sorted_by("key", reverse=True)
        else:
            report = library.cost(many, ["m"], by="id", prices=PRICES)
        text, html = str(report), report._repr_html_()
        note = f"5 of {COUNT:,} groups are not shown, JSON and CSV have all"
        assert text.splitlines()[-1].endswith(note) and note in html and note not in report.summary()
        absent, present = ("g01004", "g00000") if kind == "cost" else ("g00000", "g01004")
        assert present in text and absent not in text and present in html and absent not in html
        if kind == "cost":
            # Pages and charts of costs have the dearest groups first.
            first, *_, last = (str(row.key["id"]) for row in report.dearest_first())
            absent, present = last, first
        for form in (report.to_html(), report.plot().to_json()):
            assert present in form and absent not in form
        assert absent in report.to_json() and absent in report.to_csv()
        assert len(report.groups) == COUNT

    def test_on_a_terminal_and_as_data(self, many: Path, tmp_path: Path) -> None:
        options = ["count", str(many), "--by", "id", "--sort", "key"]
        shown = on_terminal(*options).out
        assert "g00000" in shown and "g01004" not in shown and f"5 of {COUNT:,} groups are not shown" in shown
        data = fasttok(*options, "--csv")
        assert "g01004" in data.out and "not shown" not in data.err

    def test_languages(self) -> None:
        units = {f"x{i:04}": ["a b", "c d"] for i in range(SHOWN)} | {"eng": ["a", "b"]}
        report = library.premium(units, pivot="eng", resamples=2)
        note = f"1 of {SHOWN + 1:,} languages are not shown"
        assert note in str(report) and "eng " not in str(report).split("STRR")[1].partition("not shown")[0][:200_000]


class TestRemedies:
    """A library error names an argument, and the command its option."""

    def both(self, arguments: dict[str, Any], *options: str) -> tuple[str, str]:
        with pytest.raises(library.FasttokError) as caught:
            library.cost(**arguments)
        assert caught.value.remedy is not None
        run = fasttok("cost", *options)
        assert run.code == (2 if isinstance(caught.value, library.UnknownModelError) else 1)
        return str(caught.value), run.err

    def test_a_price(self, corpus: Path) -> None:
        python, command = self.both({"paths": corpus, "models": "gpt-4.9o"}, str(corpus), "-m", "gpt-4.9o")
        assert "in a table of your own (prices=)" in python and "--" not in python
        assert "in a table of your own (--prices FILE)" in command

    def test_a_tokenizer(self, corpus: Path) -> None:
        model = "claude-opus-4.7"
        prices = {**PRICES, "models": {model: {"input": 1, "output": 2}}}
        table = corpus.parent / "prices.json"
        table.write_text(json.dumps(prices))
        python, command = self.both(
            {"paths": corpus, "models": model, "prices": prices}, str(corpus), "-m", model, "--prices", str(table)
        )
        assert f"tokenizers={{'{model}': …}}" in python and "--" not in python
        assert f"--tokenizer {model}=NAME|FILE" in command

    def test_a_column_that_is_no_language(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tsv"
        path.write_text("id\turl\n1\t2\n")
        with pytest.raises(library.NotParallelError, match=r"\(url: name a column in languages= if it is one\)$"):
            library.premium(path)
        assert "name a column in --languages CODE if it is one)" in fasttok("premium", str(path)).err

    def test_another_function(self, tmp_path: Path) -> None:
        path = write_jsonl(tmp_path / "a.jsonl", [{"language": "eng", "text": "a"}, {"language": "deu", "text": "b"}])
        with pytest.raises(library.NotParallelError, match=r"alone; fasttok\.density\(\) compares any text$"):
            library.premium(path)
        assert "alone; 'fasttok density' compares any text" in fasttok("premium", str(path)).err


@pytest.mark.parametrize(
    ("seconds", "size", "end"),
    [
        (0.02, 8_000, "8.00 kB in 0.0200 s"),
        (1.0, 10_000_000, "10.0 MB in 1.00 s"),
        (0.5, 10_000_001, "10.0 MB in 0.50 s (50 MB/s)"),
        (1.5, 8_000, "8.00 kB in 1.50 s (50 MB/s)"),
    ],
)
def test_a_rate_is_told_where_it_says_something(seconds: float, size: int, end: str) -> None:
    ledger = Ledger(1, 1, 0, {}, [], entries_complete=True, unsupported={})
    manifest = {"run": {"seconds": seconds, "mb_per_second": 50.0}, "bytes_read": size}
    line = summaries.run(manifest, ledger, size)
    assert line == f"1 row seen, 1 counted, 0 skipped; {end}"
