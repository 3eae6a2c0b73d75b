"""What text costs: tokens times price, tiers document by document, and what has no price or tokenizer."""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections.abc import Iterator
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cli_support import fasttok, on_terminal, write_jsonl
from rich.cells import cell_len

import fasttok as library
from fasttok._fasttok import Document
from fasttok.inputs.documents import Reader
from fasttok.inputs.prices import find_price, read_price_table
from fasttok.tokenizers.models import maker_of

TABLE: dict[str, Any] = {
    "date": "2026-11-01",
    "models": {
        "flat": {"input": 2, "output": 8, "cached_input": 0.5, "tokenizer": "cl100k_base"},
        "tiered": {
            "input": 1,
            "output": 4,
            "cached_input": 0.1,
            "tokenizer": "o200k_base",
            "long_context": [
                {"above": 100, "input": 2, "output": 6, "cached_input": 0.2},
                {"above": 1000, "input": 5, "output": 7},
            ],
        },
    },
}
RECORDS = [
    {"language": "eng", "text": "A short question.", "answer": "A short answer."},
    {"language": "eng", "text": "word " * 150, "answer": "Yes."},
    {"language": "jpn", "text": "これは質問です。" * 400, "answer": "はい。"},
    {"language": "jpn", "text": "短い。", "answer": ""},
]


@pytest.fixture
def traffic(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "traffic.jsonl", RECORDS)


def library_has(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def tokens(text: str, encoding: str = "o200k_base") -> int:
    return library.get_encoding(encoding).count(text)


def by_hand(records: list[dict[str, str]], cached: float = 0) -> float:
    """The cost of records on the model `tiered`, a document at a time."""
    total = 0.0
    for record in records:
        given, answered = tokens(record["text"]), tokens(record["answer"])
        rates = (5, 7, 0.2) if given > 1000 else (2, 6, 0.2) if given > 100 else (1, 4, 0.1)
        total += given * ((1 - cached) * rates[0] + cached * rates[2]) + answered * rates[1]
    return total / 1e6


class TestArithmetic:
    def test_flat_rates(self, traffic: Path) -> None:
        report = library.cost(traffic, "flat", by="language", prices=TABLE)
        for language in ("eng", "jpn"):
            row = report.get("flat", language)
            count = sum(tokens(r["text"], "cl100k_base") for r in RECORDS if r["language"] == language)
            assert row.input_tokens == count
            assert row.cost == row.input_cost == pytest.approx(2 * count / 1e6, rel=1e-12)
            assert row.cost_per_document == pytest.approx(row.cost / 2)
            assert (row.output_tokens, row.output_cost, row.documents) == (0, 0, 2)
        assert report.get("flat").cost == pytest.approx(sum(row.cost for row in report.groups))

    @pytest.mark.parametrize("cached", [0, 0.25, 1])
    def test_tiers_are_taken_document_by_document(self, traffic: Path, cached: float) -> None:
        report = library.cost(
            traffic, "tiered", by="language", output_field="answer", cached_share=cached, prices=TABLE
        )
        for language in ("eng", "jpn"):
            expected = by_hand([r for r in RECORDS if r["language"] == language], cached)
            assert report.get("tiered", language).cost == pytest.approx(expected, rel=1e-12)
        assert report.get("tiered", "eng").long_context_documents == 1
        assert report.get("tiered").long_context_documents == 2

    def test_a_tier_begins_above_its_number(self, tmp_path: Path) -> None:
        text = " word" * 100
        assert tokens(text) == 100
        table = {"date": "2026-11-01", "models": {"tiered": TABLE["models"]["tiered"]}}
        path = write_jsonl(tmp_path / "x.jsonl", [{"text": text}, {"text": text + " word"}])
        report = library.cost(path, "tiered", prices=table)
        assert report.get("tiered").cost == pytest.approx((100 * 1 + 101 * 2) / 1e6)

    def test_output_of_a_fixed_size(self, traffic: Path) -> None:
        row = library.cost(traffic, "flat", output_tokens=50, prices=TABLE).get("flat")
        assert (row.output_tokens, row.output_cost) == (200, pytest.approx(8 * 200 / 1e6))

    def test_batches_do_not_matter(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = write_jsonl(tmp_path / "x.jsonl", RECORDS * 20)
        whole = library.cost(path, ["flat", "tiered"], by="language", output_field="answer", prices=TABLE)
        batches = Reader.batches

        def sliced_batches(reader: Reader) -> Iterator[list[Document]]:
            for batch in batches(reader):
                yield from (batch[i : i + 7] for i in range(0, len(batch), 7))

        monkeypatch.setattr(Reader, "batches", sliced_batches)
        sliced = library.cost(path, ["flat", "tiered"], by="language", output_field="answer", prices=TABLE)
        assert [row.cost for row in sliced.groups] == [row.cost for row in whole.groups]

    def test_base(self, traffic: Path) -> None:
        report = library.cost(traffic, "flat", by="language", base="en", prices=TABLE)
        assert report.manifest["base"] == {"language": "eng"}
        eng, jpn = report.get("flat", "eng"), report.get("flat", "jpn")
        assert eng.per_document_ratio == 1
        assert jpn.per_document_ratio == pytest.approx(jpn.cost / eng.cost)

    def test_a_month(self, traffic: Path) -> None:
        report = library.cost(traffic, "flat", by="language", requests_per_day=1000, prices=TABLE)
        row = report.get("flat")
        assert row.monthly_cost == pytest.approx(row.cost / 4 * 30_000)
        assert row.monthly_low is not None and row.monthly_high is not None and row.monthly_cost is not None
        costs = [2 * tokens(r["text"], "cl100k_base") / 1e6 for r in RECORDS]
        mean = sum(costs) / 4
        error = (sum((c - mean) ** 2 for c in costs) / 3 / 4) ** 0.5
        assert row.monthly_high == pytest.approx(30_000 * (mean + 1.959964 * error), rel=1e-6)
        assert sum(group.monthly_cost or 0 for group in report.groups) == pytest.approx(row.monthly_cost)

    def test_energy(self, traffic: Path) -> None:
        row = library.cost(traffic, "flat", wh_per_mtok=500, prices=TABLE).get("flat")
        assert row.energy_wh == pytest.approx(500 * row.input_tokens / 1e6)
        assert library.cost(traffic, "flat", prices=TABLE).get("flat").energy_wh is None

    def test_the_same_content(self, traffic: Path, tmp_path: Path) -> None:
        folder = tmp_path / "parallel"
        folder.mkdir()
        (folder / "eng.txt").write_text("Good night.\nIt rains.\n")
        (folder / "jpn.txt").write_text("おやすみなさい。\n雨が降っています。\n")
        (folder / "deu.txt").write_text("Gute Nacht.\nEs regnet.\n")
        report = library.cost(traffic, ["flat", "tiered"], by="language", base="eng", parallel=folder, prices=TABLE)
        assert [(entry.model, entry.language) for entry in report.same_content] == [("flat", "jpn"), ("tiered", "jpn")]
        entry = report.same_content[0]
        assert entry.ratio == library.premium(folder, "cl100k_base").get("jpn", "cl100k_base").premium
        assert entry.in_words().startswith("The same content as input costs ")
        assert "more in jpn than in eng on flat (95 % interval +" in entry.in_words()
        assert not library.cost(traffic, "flat", by="language", base="eng", prices=TABLE).same_content


class TestPrices:
    def test_what_genai_prices_says(self) -> None:
        """Costs of single requests, below and above a tier, are those that the library itself reckons."""
        genai_prices = pytest.importorskip("genai_prices")
        day = date(2026, 11, 1)
        noon = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
        tiered = 0
        for model in ("gpt-4o", "gpt-5", "gpt-4.1-mini", "openai/gpt-4o", "google/gemini-2.5-pro"):
            price = find_price(model, on=day)
            assert price.output is not None and price.cached_input is not None
            tiered += bool(price.thresholds)
            provider, _, name = model.rpartition("/")
            for given, cached, answered in ((1000, 0, 0), (1000, 400, 70), (900_000, 100, 5000), (200_000, 0, 1)):
                expected = genai_prices.calc_price(
                    genai_prices.Usage(input_tokens=given, cache_read_tokens=cached, output_tokens=answered),
                    model_ref=name,
                    provider_id=provider or None,
                    genai_request_timestamp=noon,
                ).total_price
                ours = (
                    price.input.at(given) * (given - cached)
                    + price.cached_input.at(given) * cached
                    + price.output.at(given) * answered
                ) / 1_000_000
                assert ours == expected
        assert tiered, "no model with tiers is left in this test"

    def test_the_table_wins(self, traffic: Path) -> None:
        table = {"date": "2026-11-01", "currency": "USD", "models": {"gpt-4o": {"input": 1000}}}
        report = library.cost(traffic, "gpt-4o", prices=table)
        assert report.get("gpt-4o").cost == pytest.approx(report.get("gpt-4o").input_tokens / 1000)
        assert report.get("gpt-4o").encoding == "o200k_base"

    def test_toml_and_json(self, tmp_path: Path) -> None:
        (tmp_path / "p.toml").write_text(
            'date = 2026-11-01\ncurrency = "EUR"\n[models."a.b"]\ninput = 0.1\noutput = 0.30\n'
            "long_context = [{ above = 200000, input = 0.2 }]\n"
        )
        (tmp_path / "p.json").write_text(
            '{"date": "2026-11-01", "currency": "EUR", "models": {"a.b": {"input": 0.1, "output": 0.30, '
            '"long_context": [{"above": 200000, "input": 0.2}]}}}'
        )
        prices = [read_price_table(tmp_path / name).prices["a.b"] for name in ("p.toml", "p.json")]
        for price in prices:
            assert (price.currency, price.date, price.input.base) == ("EUR", "2026-11-01", Decimal("0.1"))
            assert (price.input.at(200_000), price.input.at(200_001)) == (Decimal("0.1"), Decimal("0.2"))
            assert price.output is not None and price.output.at(200_001) == Decimal("0.30")

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ({"models": {}}, "'date' is missing"),
            ({"date": "yesterday", "models": {}}, "'date' is a day"),
            ({"date": "2026-11-01"}, "no table 'models'"),
            ({"date": "2026-11-01", "currency": "$", "models": {}}, "ISO 4217"),
            ({"date": "2026-11-01", "models": {"m": {}}}, "models.m.input is missing"),
            ({"date": "2026-11-01", "models": {"m": {"input": -1}}}, "is a price, not -1"),
            ({"date": "2026-11-01", "models": {"m": {"input": "two"}}}, "is a number, not 'two'"),
            ({"date": "2026-11-01", "models": {"m": {"input": True}}}, "is a number"),
            ({"date": "2026-11-01", "models": {"m": {"input": 1, "ouput": 1}}}, "m.ouput is not known"),
            ({"date": "2026-11-01", "models": {"m": {"input": 1, "long_context": [{"input": 1}]}}}, "'above' is"),
        ],
    )
    def test_tables_that_cannot_be_used(self, traffic: Path, table: dict[str, Any], message: str) -> None:
        with pytest.raises(library.PriceTableError, match=message):
            library.cost(traffic, "m", prices=table)

    def test_no_price_for_output_or_cache(self, traffic: Path) -> None:
        table = {"date": "2026-11-01", "models": {"gpt-4o": {"input": 1}}}
        with pytest.raises(library.PriceTableError, match="no price of output tokens for 'gpt-4o'"):
            library.cost(traffic, "gpt-4o", output_field="answer", prices=table)
        with pytest.raises(library.PriceTableError, match="no price of cached input"):
            library.cost(traffic, "gpt-4o", cached_share=0.5, prices=table)

    def test_currencies_do_not_mix(self, traffic: Path) -> None:
        pytest.importorskip("genai_prices")
        table = {"date": "2026-11-01", "currency": "EUR", "models": {"mine": {"input": 1, "tokenizer": "r50k_base"}}}
        with pytest.raises(library.PriceTableError, match="EUR and USD"):
            library.cost(traffic, ["mine", "gpt-4o"], prices=table)


class TestRefused:
    def test_a_model_without_a_price(self, traffic: Path) -> None:
        pytest.importorskip("genai_prices")
        with pytest.raises(library.UnknownPriceError, match=r"no price is known for 'gpt-4.9o'.*prices=") as e:
            library.cost(traffic, "gpt-4.9o")
        assert e.value.nearest

    @pytest.mark.parametrize("model", ["claude-sonnet-4-5", "gpt-6-sol"])
    def test_a_model_without_a_known_tokenizer(self, traffic: Path, model: str) -> None:
        pytest.importorskip("genai_prices")
        with pytest.raises(library.UnknownModelError, match=rf"tokenizers={{'{model}': …}}"):
            library.cost(traffic, model)
        report = library.cost(traffic, model, tokenizers={model: "r50k_base"}, price_date=date(2026, 11, 1))
        assert report.get(model).encoding == "r50k_base"

    @pytest.mark.parametrize("model", ["qwen3.7-max", "Qwen3.7-Max", "qwen/qwen3.7-max", "mimo-v2.5-pro"])
    def test_a_model_that_several_providers_sell(self, traffic: Path, model: str) -> None:
        pytest.importorskip("genai_prices")
        with pytest.raises(library.UnknownPriceError, match="sold by several providers") as caught:
            library.cost(traffic, model)
        error = caught.value
        assert error.sold_by is not None and len(error.sold_by) > 1 and error.nearest == []
        assert model not in error.sold_by and "did you mean" not in str(error)
        assert any(form.startswith("openrouter/") for form in error.sold_by)
        for form in error.sold_by:
            # What the message says to type is priced, from that provider.
            assert form in str(error)
            assert find_price(form, on=date(2026, 11, 1)).source.endswith(f": {form}")
        assert fasttok("cost", traffic, "-m", model).code == 1

    def test_a_provider_that_does_not_sell_it(self) -> None:
        pytest.importorskip("genai_prices")
        with pytest.raises(
            library.UnknownPriceError, match="no price of anthropic is known for 'qwen3.7-max'; there is"
        ):
            find_price("anthropic/qwen3.7-max")

    @pytest.mark.parametrize(
        ("model", "source"),
        [
            ("openrouter/xiaomi/mimo-v2.5-pro", "openrouter/xiaomi/mimo-v2.5-pro"),
            ("openrouter/qwen3.7-max", "openrouter/qwen/qwen3.7-max"),
            ("gpt-6-sol", "openai/gpt-6-sol"),
            ("claude-opus-4.7", "anthropic/claude-opus-4-7"),
            ("deepseek-v4-pro", "deepseek/deepseek-v4-pro"),
            ("kimi-k3", "moonshotai/kimi-k3"),
            # The only one who sells it; by another of its names.
            ("seed-2.0-lite", "openrouter/bytedance-seed/seed-2.0-lite"),
            ("nova-pro", "openrouter/amazon/nova-pro-v1"),
            # As clouds and other libraries write it.
            ("models/gemini-2.5-pro", "google/gemini-2.5-pro"),
            ("us.anthropic.claude-opus-4-7-v1:0", "aws/regional.anthropic.claude-opus-4-7-v1:0"),
            ("bedrock/us.anthropic.claude-opus-4-7-v1:0", "aws/regional.anthropic.claude-opus-4-7-v1:0"),
            ("mistralai/mistral-large-4-0", "mistral/mistral-large-4"),
        ],
    )
    def test_priced(self, model: str, source: str) -> None:
        pytest.importorskip("genai_prices")
        assert find_price(model, on=date(2026, 11, 20)).source.endswith(f": {source}")

    @pytest.mark.parametrize("model", ["deepseek-r1-distill-qwen-32b", "deepseek-v4-pro-0813"])
    def test_another_model_whose_name_begins_so_is_not_the_same(self, model: str) -> None:
        """genai-prices knows some entries by how the name begins."""
        pytest.importorskip("genai_prices")
        with pytest.raises(library.UnknownPriceError, match="sold by several providers"):
            find_price(model)

    def test_what_was_typed_is_never_suggested(self) -> None:
        """Every model of genai-prices by its bare name: priced, or refused without being offered itself or another
        maker's model."""
        snapshot = pytest.importorskip("genai_prices.data_snapshot").get_snapshot()
        names = sorted({info.id.rpartition("/")[2] for provider in snapshot.providers for info in provider.models})
        priced = refused = 0
        for name in names[::5]:
            try:
                find_price(name, on=date(2026, 11, 20))
                priced += 1
            except library.UnknownPriceError as error:
                refused += 1
                assert error.nearest is not None and error.sold_by is not None
                assert name.casefold() not in [near.casefold() for near in error.nearest]
                assert name not in error.sold_by
                assert {maker_of(near) for near in error.nearest} <= {maker_of(name)}
        print(f"{priced} priced, {refused} refused")
        assert priced > 100 and refused > 10

    def test_options_that_make_no_sense(self, traffic: Path) -> None:
        for options in (
            {"base": "eng"},
            {"cached_share": 1.5},
            {"output_tokens": -1},
            {"output_tokens": 1, "output_field": "answer"},
            {"tokenizers": {"falt": "r50k_base"}},
        ):
            with pytest.raises(ValueError):
                library.cost(traffic, "flat", prices=TABLE, **options)  # type: ignore[arg-type]
        with pytest.raises(library.InputError, match="no group 'fra' to compare with; there are eng, jpn"):
            library.cost(traffic, "flat", by="language", base="fra", prices=TABLE)
        with pytest.raises(library.UnknownFieldError, match="no record has the field 'lang'; did you mean language"):
            library.cost(traffic, "flat", by="lang", base="eng", prices=TABLE)
        traffic.write_text('{"text": "a", "lang": null}\n')
        with pytest.raises(library.InputError, match="no document has a value in 'lang'"):
            library.cost(traffic, "flat", by="lang", base="eng", prices=TABLE)


class TestEstimates:
    """A count that was made with another model's tokenizer is labelled so wherever it is shown."""

    MODELS = ("gpt-4o", "claude-opus-4.7")
    TABLE = {"date": "2026-11-01", "models": {"gpt-4o": {"input": 1}, "claude-opus-4.7": {"input": 5}}}  # noqa: RUF012

    @pytest.fixture
    def report(self, traffic: Path, tmp_path: Path) -> library.CostReport:
        folder = tmp_path / "parallel"
        folder.mkdir()
        (folder / "eng.txt").write_text("Good night.\nIt rains.\n")
        (folder / "jpn.txt").write_text("おやすみなさい。\n雨が降っています。\n")
        return library.cost(
            traffic, self.MODELS, by="language", base="eng", parallel=folder, prices=self.TABLE,
            tokenizers={"claude-opus-4.7": "o200k_base"},
        )  # fmt: skip

    def test_rows(self, report: library.CostReport) -> None:
        for row in [*report.groups, *report.totals]:
            expected = (True, "gpt-4o") if row.model == "claude-opus-4.7" else (False, None)
            assert (row.estimate, row.tokenizer_of) == expected
        assert {(entry.model, entry.estimate) for entry in report.same_content} == {
            ("gpt-4o", False),
            ("claude-opus-4.7", True),
        }
        assert [" (estimate)" in entry.in_words() for entry in report.same_content] == [False, True]

    def test_every_form(self, report: library.CostReport) -> None:
        shown = {
            "table": str(report),
            "notebook": report._repr_html_(),
            "repr": repr(report),
            "summary": report.summary(),
        }
        if library_has("altair"):
            shown["page"] = report.to_html()
            shown["chart"] = report.plot().to_json()
        for form, text in shown.items():
            assert "estimate" in text, form
            assert "gpt-4o (estimate)" not in text, form
        assert "claude-opus-4.7 (estimate)" in shown["table"]
        assert "claude-opus-4.7 with that of gpt-4o" in " ".join(shown["table"].split())

    def test_data(self, report: library.CostReport) -> None:
        data = report.to_dict()
        schema = library.schema("cost")
        jsonschema.Draft202012Validator(schema).validate(json.loads(report.to_json()))
        assert data["manifest"]["estimates"] == {"claude-opus-4.7": "gpt-4o"}
        assert [row["estimate"] for row in data["totals"]] == [False, True]
        assert [row["tokenizer_of"] for row in data["totals"]] == [None, "gpt-4o"]
        header, *lines = report.to_csv().splitlines()
        column = header.split(",").index("estimate")
        assert [line.split(",")[column] for line in lines] == ["false", "true"] * 2
        pa = pytest.importorskip("pyarrow")
        table = report.to_arrow()
        assert table.schema.field("estimate").type == pa.bool_()
        assert table.column("estimate").to_pylist() == [False, True] * 2

    @pytest.mark.parametrize(
        ("model", "spec", "expected"),
        [
            ("gpt-4o", "o200k_base", None),
            ("gpt-4o", "cl100k_base", "gpt-4"),
            ("gpt-4", library.get_encoding("o200k_base"), "gpt-4o"),
            ("gpt-6-sol", "o200k_base", "gpt-4o"),
            ("qwen3.7-max", "cl100k_base", "gpt-4"),
            ("qwen3-32b", "o200k_base", "gpt-4o"),
            # The user's own model: nobody knows better.
            ("ours", "o200k_base", None),
        ],
    )
    def test_what_is_one(self, traffic: Path, model: str, spec: Any, expected: str | None) -> None:
        table = {"date": "2026-11-01", "models": {model: {"input": 1}}}
        row = library.cost(traffic, model, prices=table, tokenizers={model: spec}).get(model)
        assert (row.estimate, row.tokenizer_of) == (expected is not None, expected)

    def test_files(self, traffic: Path, tmp_path: Path) -> None:
        """A file is taken at the user's word, but where no tokenizer of the model is public."""
        path = tmp_path / "some.fasttok"
        library.save(library.get_encoding("r50k_base"), path)
        for model, expected in (("kimi-k3", None), ("claude-opus-4-7", str(path)), ("gpt-4o", str(path))):
            table = {"date": "2026-11-01", "models": {model: {"input": 1, "tokenizer": str(path)}}}
            assert library.cost(traffic, model, prices=table).get(model).tokenizer_of == expected

    def test_on_a_terminal(self, traffic: Path, tmp_path: Path) -> None:
        prices = tmp_path / "prices.json"
        prices.write_text(json.dumps(self.TABLE))
        result = on_terminal(
            "cost", traffic, "-m", ",".join(self.MODELS), "--prices", prices, "--by", "language",
            "--tokenizer", "claude-opus-4.7=o200k_base",
        )  # fmt: skip
        assert "claude-opus-4.7 (estimate)" in result.out
        assert "; estimates: claude-opus-4.7" in " ".join(result.out.split())
        assert max(cell_len(line) for line in result.out.splitlines()) <= 80


class TestRecords:
    def test_what_is_counted_is_what_count_corpus_counts(self, tmp_path: Path) -> None:
        write_jsonl(tmp_path / "a.jsonl", RECORDS)
        lines = "\r\n".join(json.dumps({"text": "x y z", "n": i}) for i in range(3)) + "\n\nnot json\n[1]\n"
        (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
        faulty = ["{}", '{"text": null}', '{"text": 5}', '{"text": "\\ud800"}', '{"text": "good"}']
        (tmp_path / "c.ndjson").write_text("\n".join(faulty))
        (tmp_path / ".hidden.jsonl").write_text("{}")
        ours = library.cost(tmp_path, "flat", by="language", prices=TABLE)
        theirs = library.count_corpus(tmp_path, "cl100k_base", by="language")
        assert [(*row.key.values(), row.documents, row.bytes, row.chars, row.input_tokens) for row in ours.groups] == [
            (*group.key.values(), group.documents, group.bytes, group.chars, group.tokens["cl100k_base"])
            for group in theirs.groups
        ]
        ledger, other = ours.ledger, theirs.ledger
        assert (ledger.seen, ledger.counted, ledger.skipped) == (other.seen, other.counted, other.skipped)
        assert ledger.by_reason == other.by_reason
        assert [(e.file, e.line, e.reason) for e in ledger.entries] == [
            (e.file, e.line, e.reason) for e in other.entries
        ]

    @pytest.mark.parametrize("packed", ["gz", "zst"])
    def test_damaged_files(self, tmp_path: Path, packed: str) -> None:
        zstandard = pytest.importorskip("zstandard")
        data = "".join(json.dumps({"text": f"line {i}"}) + "\n" for i in range(5000)).encode()
        whole = gzip.compress(data) if packed == "gz" else zstandard.compress(data)
        path = tmp_path / f"x.jsonl.{packed}"
        path.write_bytes(whole)
        assert library.cost(path, "flat", prices=TABLE).get("flat").documents == 5000
        path.write_bytes(b"nothing of the kind")
        assert library.cost(path, "flat", prices=TABLE).ledger.by_reason == {"corrupt": 1}

    def test_plain_text(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("one\ntwo\n")
        assert library.cost(tmp_path / "a.txt", "flat", prices=TABLE).get("flat").documents == 1
        assert library.cost(tmp_path / "a.txt", "flat", format="lines", prices=TABLE).get("flat").documents == 2
        assert library.cost(tmp_path, "flat", prices=TABLE).get("flat").documents == 1
        (tmp_path / "a.txt").unlink()
        with pytest.raises(library.FileError, match="no files in this folder"):
            library.cost(tmp_path, "flat", prices=TABLE)

    def test_fail_on_error(self, tmp_path: Path) -> None:
        path = write_jsonl(tmp_path / "x.jsonl", [{"text": "good"}, {}])
        with pytest.raises(library.InputError, match=r"x.jsonl:2: missing_field: .*no field \"text\""):
            library.cost(path, "flat", on_error="fail", prices=TABLE)


class TestCommand:
    @pytest.fixture
    def prices(self, tmp_path: Path) -> Path:
        path = tmp_path / "prices.json"
        path.write_text(json.dumps(TABLE))
        return path

    def test_japanese_traffic_on_three_models_compared_with_english(self, traffic: Path) -> None:
        pytest.importorskip("genai_prices")
        models = "gpt-4o,gpt-4.1-mini,gpt-5"
        result = fasttok("cost", traffic, "--by", "language", "--base", "en", "-m", models)
        assert result.code == 0
        rows = {(row["language"], row["model"]): row for row in result.rows()}
        assert len(rows) == 6
        japanese = rows["jpn", "gpt-4o"]
        assert int(japanese["input_tokens"]) == sum(tokens(r["text"]) for r in RECORDS if r["language"] == "jpn")
        ratio = float(japanese["cost_per_document"]) / float(rows["eng", "gpt-4o"]["cost_per_document"])
        assert float(japanese["per_document_ratio"]) == pytest.approx(ratio)
        assert "USD, prices of 20" in result.last_line

    def test_json(self, traffic: Path, prices: Path) -> None:
        arguments = ("cost", traffic, "-m", "flat,tiered", "--prices", prices, "--by", "language", "--json")
        report = fasttok(*arguments).json()
        schema = library.schema("cost")
        jsonschema.Draft202012Validator(schema).validate(report)
        assert report["manifest"]["prices"][0]["date"] == "2026-11-01"

    @pytest.mark.parametrize("width", [80, 60, 200])
    def test_a_terminal_of_any_width(self, traffic: Path, prices: Path, width: int) -> None:
        result = on_terminal(
            "cost", traffic, "-m", "flat,tiered", "--prices", prices, "--by", "language", "--base", "eng",
            "--output-field", "answer", "--requests-per-day", "10", "--wh-per-mtok", "400", width=width,
        )  # fmt: skip
        assert result.code == 0
        if width >= 80:
            assert max(cell_len(line) for line in result.out.splitlines()) <= width
        assert "These are different documents" in " ".join(result.out.split())

    def test_exit_codes(self, traffic: Path, prices: Path, tmp_path: Path) -> None:
        assert fasttok("cost", traffic).code == 2
        assert fasttok("cost", traffic, "-m", "flat", "--prices", prices, "--base", "eng").code == 2
        assert fasttok("cost", traffic, "-m", "nothing-of-the-kind", "--prices", prices).code == 1
        broken = tmp_path / "broken.jsonl"
        broken.write_text('{"text": "good"}\nbad\n')
        result = fasttok("cost", broken, "-m", "flat", "--prices", prices)
        assert (result.code, len(result.rows())) == (3, 1)
        assert "broken.jsonl:2" in result.err

    def test_standard_input(self, traffic: Path, prices: Path) -> None:
        result = fasttok("cost", "-m", "flat", "--prices", prices, stdin=traffic.read_bytes())
        assert result.rows()[0]["documents"] == "4"
