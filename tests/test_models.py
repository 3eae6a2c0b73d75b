"""Models by name: what the table says, that it says where it is from, and that it is as complete as genai-prices."""

from __future__ import annotations

import csv
import importlib.util
import json
import re
from collections import Counter
from datetime import date, datetime, timezone
from importlib.metadata import version
from pathlib import Path

import jsonschema
import pytest
from cli_support import fasttok as run
from cli_support import on_terminal
from rich.cells import cell_len

import fasttok
from fasttok.tokenizers import models as known_models

# Some forms in which people, routers and clouds write the models that are asked about today.
TODAY = {
    "gpt-5.1": "o200k_base",
    "gpt-5.2-pro": "o200k_base",
    "gpt-5.5": "o200k_base",
    "openai/gpt-5.5": "o200k_base",
    "global.openai.gpt-5.6-sol": "o200k_base",
    "openai/gpt-4o:extended": "o200k_base",
    "o1": "o200k_base",
    "o3-pro": "o200k_base",
    "o4-mini-deep-research": "o200k_base",
    "openai/gpt-oss-120b": "o200k_harmony",
    "deepseek-chat": "deepseek-ai/DeepSeek-V4-Flash",
    "deepseek-reasoner": "deepseek-ai/DeepSeek-V4-Flash",
    "deepseek-v4": "deepseek-ai/DeepSeek-V4-Pro",
    "deepseek-ai/DeepSeek-V4-Pro": "deepseek-ai/DeepSeek-V4-Pro",
    "deepseek-v4-flash": "deepseek-ai/DeepSeek-V4-Flash",
    "databricks-deepseek-v4-1-flash": "deepseek-ai/DeepSeek-V4.1-Flash",
    "accounts/fireworks/models/deepseek-v4p1-flash": "deepseek-ai/DeepSeek-V4.1-Flash",
    "deepseek/deepseek-v3.2": "deepseek-ai/DeepSeek-V3.2",
    "deepseek.r1-v1:0": "deepseek-ai/DeepSeek-R1",
    "kimi-k2.6": "moonshotai/Kimi-K2.6",
    "moonshotai/kimi-k2.6:free": "moonshotai/Kimi-K2.6",
    "kimi-k3": "moonshotai/Kimi-K3",
    "MiniMax-M3": "MiniMaxAI/MiniMax-M3",
    "minimax/minimax-m2.5": "MiniMaxAI/MiniMax-M2.5",
    "xiaomi/mimo-v2.5-pro": "XiaomiMiMo/MiMo-V2.5-Pro",
    "mimo-v2.5": "XiaomiMiMo/MiMo-V2.5",
    "mimo-v2-flash": "XiaomiMiMo/MiMo-V2-Flash",
    "qwen3.5-9b": "Qwen/Qwen3.5-35B-A3B",
    "qwen3.6-27b": "Qwen/Qwen3.6-27B",
    "Qwen/Qwen3.8-27B-FP8": "Qwen/Qwen3.8-27B",
    "glm-5": "zai-org/GLM-5",
    "global.zai.glm-5.3": "zai-org/GLM-5.3",
    "seed-oss-36b": "ByteDance-Seed/Seed-OSS-36B-Instruct",
    "ByteDance-Seed/Seed-OSS-36B-Instruct": "ByteDance-Seed/Seed-OSS-36B-Instruct",
    "google/gemma-4-31b-it": "google/gemma-4-31B-it",
    "command-a": "CohereLabs/c4ai-command-a-03-2025",
    "meta.llama4-scout-17b-instruct-v1:0": "meta-llama/Llama-4-Scout-17B-16E-Instruct",
    "us.meta.llama3-3-70b-instruct-v1:0": "meta-llama/Llama-3.1-8B-Instruct",
}

# Of these no tokenizer is public: the maker, and the API that counts, where there is one.
NOT_PUBLIC = {
    "gpt-6-sol": ("OpenAI", "/v1/responses/input_tokens"),
    "gpt-6": ("OpenAI", "/v1/responses/input_tokens"),
    "claude-opus-4-7": ("Anthropic", "/v1/messages/count_tokens"),
    "claude-opus-4.7": ("Anthropic", "/v1/messages/count_tokens"),
    "us.anthropic.claude-opus-4-8-v1:0": ("Anthropic", "/v1/messages/count_tokens"),
    "anthropic/claude-sonnet-5.5:batch": ("Anthropic", "/v1/messages/count_tokens"),
    "gemini-3-pro": ("Google", "countTokens"),
    "models/gemini-3.5-flash": ("Google", "countTokens"),
    "grok-4.7": ("xAI", "/v1/tokenize-text"),
    "doubao-seed-1-6": ("ByteDance", "/api/v3/tokenization"),
    "bytedance-seed/seed-2.0-lite": ("ByteDance", "/api/v3/tokenization"),
    "qwen3.7-max": ("Alibaba", None),
    "qwen3.8-flash": ("Alibaba", None),
    "qwen/qwen3-coder-plus": ("Alibaba", None),
    "amazon.nova-pro-v1:0": ("Amazon", None),
}


@pytest.mark.parametrize(("model", "tokenizer"), TODAY.items())
def test_models_of_today(model: str, tokenizer: str) -> None:
    assert fasttok.encoding_name_for_model(model) == tokenizer


@pytest.mark.parametrize(("model", "expected"), NOT_PUBLIC.items())
def test_models_whose_tokenizer_is_not_public(model: str, expected: tuple[str, str | None]) -> None:
    maker, api = expected
    with pytest.raises(fasttok.UnknownModelError, match="is not public") as caught:
        fasttok.encoding_name_for_model(model)
    assert caught.value.nearest == []
    assert "did you mean" not in str(caught.value)
    known = known_models.look_up(model)
    assert (known.maker, known.is_public) == (maker, False)
    if api is None:
        assert known.counted_by is None
    else:
        assert api in str(caught.value)


def test_opus_4_7_has_another_tokenizer_than_4_6() -> None:
    assert "from Opus 4.7 on" in str(known_models.look_up("claude-opus-4-7").reason)
    assert "from Opus 4.7 on" not in str(known_models.look_up("claude-opus-4-6").reason)


def test_every_statement_has_a_source_and_every_pattern_a_name_that_it_fits() -> None:
    table = known_models.table()
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", table["checked"])
    for i, family in enumerate(table["families"]):
        assert family["maker"] in table["makers"]
        assert family["source"] in table["sources"]
        assert ("repository" in family) != ("why" in family)
        for name in [name for entry, others in family.get("names", {}).items() for name in (entry, *others)]:
            first = next(j for j, other in enumerate(table["families"]) if re.fullmatch(other["pattern"], name))
            assert first == i, f"{name} is met by {table['families'][first]['pattern']} first"
            assert known_models.look_up(name).tokenizer == family.get("repository")
    for name in table["tiktoken"]["listed"]:
        assert known_models.look_up(name).is_embedded


def test_makers_are_known_by_whole_words() -> None:
    assert known_models.maker_of("writer/palmyra-x5") is None
    assert known_models.maker_of("palm-2-chat-bison") == "Google"
    assert (known_models.maker_of("gpt4o"), known_models.maker_of("adapter")) == ("OpenAI", None)
    assert known_models.look_up("novation-7b").reason is None


@pytest.mark.parametrize("name", ["kimi\x1b[31m", "claude 3", "qwen3-8b\n", "qwen3-８b", "gemini-", "", "/"])
def test_what_is_no_name(name: str) -> None:
    known = known_models.look_up(name)
    assert known.tokenizer is None and (known.reason is None or name == "gemini-")
    with pytest.raises(fasttok.UnknownModelError):
        fasttok.encoding_name_for_model(name)


def test_names_are_listed_once() -> None:
    names = [name for entry, others in known_models.listed() for name in (entry, *others)]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert {known_models.maker_of(name) for name in names} == set(known_models.table()["makers"])


def test_repositories_lead_to_themselves() -> None:
    """A repository of the table, as a model's name, is counted by the tokenizer of that very repository or of the one
    that is chosen for its family."""
    repositories = {family["repository"] for family in known_models.table()["families"] if "repository" in family}
    strays = {name for name in repositories if known_models.look_up(name).tokenizer != name}
    assert strays == set()


def test_all_models_of_genai_prices() -> None:
    """Every model of a maker in the table is an encoding, a repository, or a reason; no other maker's is suggested."""
    snapshot = pytest.importorskip("genai_prices.data_snapshot").get_snapshot()
    counts: Counter[str] = Counter()
    for provider in snapshot.providers:
        for info in provider.models:
            known = known_models.look_up(info.id)
            if known.tokenizer is not None:
                counts["embedded" if known.is_embedded else "hub"] += 1
                assert known.maker is not None
                continue
            with pytest.raises(fasttok.UnknownModelError) as caught:
                fasttok.encoding_name_for_model(info.id)
            error = caught.value
            assert error.nearest is not None
            assert {known_models.maker_of(name) for name in error.nearest} <= {known.maker}
            assert info.id not in error.nearest
            if known.reason is not None:
                counts["reason"] += 1
                assert not error.nearest
            else:
                counts["unknown" if known.maker is None else "unknown of a known maker"] += 1
    total = sum(counts.values())
    print({**counts, "all": total})
    assert counts["embedded"] + counts["hub"] + counts["reason"] > 0.75 * total
    # What the makers themselves sell is known without exception, but for what is neither chat nor text.
    for provider in snapshot.providers:
        if provider.id in ("anthropic", "x-ai", "moonshotai", "minimax", "zai", "zhipuai", "deepseek"):
            for info in provider.models:
                known = known_models.look_up(info.id)
                assert known.tokenizer is not None or known.reason is not None, info.id


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gpt-5.5", "is a model, not an encoding: name its encoding, o200k_base"),
        ("kimi-k3", "name its tokenizer, moonshotai/Kimi-K3 on the Hugging Face hub"),
        ("claude-opus-4-7", "is a model, not an encoding, and the tokenizer of .* is not public"),
        ("gpt5", "If it is a model: did you mean gpt-5"),
    ],
)
def test_a_model_where_an_encoding_is_wanted(name: str, said: str) -> None:
    calls = [fasttok.get_encoding]
    if known_models.look_up(name).tokenizer is None:
        # Where there is one, files are counted with it.
        calls.append(lambda name: fasttok.count_corpus("README.md", name))
    for call in calls:
        with pytest.raises(fasttok.UnknownEncodingError, match=said) as caught:
            call(name)
        assert caught.value.name == name
    if not name.startswith("gpt5"):
        with pytest.raises(fasttok.UnknownEncodingError, match="encoding_for_model|API counts tokens"):
            fasttok.get_encoding(name)


@pytest.mark.parametrize("name", ["o200k-base", "cl100k", "nothing"])
def test_an_encoding_that_is_no_model_is_told_of_no_model(name: str) -> None:
    with pytest.raises(fasttok.UnknownEncodingError, match="unknown encoding") as caught:
        fasttok.get_encoding(name)
    assert "model" not in str(caught.value)


class TestCatalogue:
    def test_all_of_them(self) -> None:
        found = fasttok.models()
        assert len(found) == len(list(known_models.listed())) > 300
        assert isinstance(found[0], fasttok.Model)
        for model in found:
            assert (model.tokenizer is None) == (model.origin is None) == (model.reason is not None)
            assert model.source and model.checked and model.maker
            if model.origin == "embedded":
                assert model.tokenizer in fasttok.list_encodings()
            elif model.origin == "hub":
                assert str(model.tokenizer).count("/") == 1

    @pytest.mark.parametrize("words", ["qwen3.8", "QWEN3.8", "alibaba 3.8", "Qwen/Qwen3.8"])
    def test_words(self, words: str) -> None:
        found = fasttok.models(words)
        assert 1 < len(found) < 20
        assert all("3.8" in model.name and model.maker == "Alibaba" for model in found)

    def test_a_name_that_is_not_listed(self) -> None:
        (model,) = fasttok.models("gpt-4o-2024-05-13")
        assert (model.name, model.tokenizer) == ("gpt-4o-2024-05-13", "o200k_base")
        assert len(fasttok.models("no-such-thing")) == 0

    def test_prices(self) -> None:
        """Those of the day, of the maker itself or of a market, as the library reckons them."""
        genai_prices = pytest.importorskip("genai_prices")
        day = date(2026, 11, 20)
        found = fasttok.models(price_date=day)
        priced = [model for model in found if model.price is not None]
        assert len(priced) > 0.8 * len(found)
        for model in priced:
            price = model.price
            assert price is not None and price.date == found.price_date == "2026-11-20"
            assert price.source.startswith(f"genai-prices {version('genai-prices')}: {model.provider}/")
            expected = genai_prices.calc_price(
                genai_prices.Usage(input_tokens=1000),
                model_ref=price.source.partition(f": {model.provider}/")[2],
                provider_id=model.provider,
                genai_request_timestamp=datetime(2026, 11, 20, 12, tzinfo=timezone.utc),
            ).input_price
            assert price.input.at(1000) * 1000 / 1_000_000 == expected, model.name
        for provider, owner in (("openai", "OpenAI"), ("anthropic", "Anthropic"), ("moonshotai", "Moonshot AI")):
            assert {model.provider for model in priced if model.maker == owner} <= {provider, "azure"}

    def test_without_genai_prices(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("fasttok.measures.models.has_genai_prices", lambda: False)
        found = fasttok.models("kimi-k3")
        assert [model.price for model in found] == [None] * len(found)
        assert "No prices: they come with the extra 'prices'" in str(found)

    def test_every_form(self) -> None:
        found = fasttok.models("deepseek")
        data = json.loads(found.to_json())
        schema = fasttok.schema("models")
        jsonschema.Draft202012Validator(schema).validate(data)
        rows = list(csv.DictReader(found.to_csv().splitlines()))
        assert [row["name"] for row in rows] == [model.name for model in found]
        assert {row["confirmed"] for row in rows} <= {"true", "false"}
        assert "deepseek-v4-pro" in str(found) and "<table>" in found._repr_html_()
        if importlib.util.find_spec("pyarrow") is not None:
            assert found.to_arrow().num_rows == len(found)

    def test_whole_list_as_json(self) -> None:
        schema = fasttok.schema("models")
        jsonschema.Draft202012Validator(schema).validate(json.loads(fasttok.models().to_json()))


class TestCommand:
    def test_on_a_pipe(self) -> None:
        result = run("models", "kimi")
        assert (result.code, result.err) == (0, "")
        names = [row["name"] for row in result.rows()]
        assert {"kimi-k2.6", "kimi-k3"} <= set(names)
        assert run("models", "kimi", "--json").json()["models"][0]["name"] == names[0]

    @pytest.mark.parametrize("width", [80, 60, 160])
    def test_on_a_terminal(self, width: int) -> None:
        result = on_terminal("models", width=width)
        assert result.code == 0
        assert max(cell_len(line) for line in result.out.splitlines()) <= width
        for line in ("gpt-5.5", "claude-opus-4-7", "qwen3.7-max", "kimi-k3"):
            assert any(row.startswith(line) for row in result.out.splitlines())
        if width > 100 and importlib.util.find_spec("genai_prices") is not None:
            assert "openrouter" in result.out

    def test_one_in_full(self) -> None:
        result = on_terminal("models", "claude-opus-4.7")
        shown = " ".join(result.out.split())
        assert "Also called claude-opus-4.7." in shown
        assert "POST /v1/messages/count_tokens" in shown
        assert "not public" in shown and "Source, read on" in shown

    def test_nothing_found(self) -> None:
        result = run("models", "kimi-k9x")
        assert result.code == 0, "the family is known"
        result = run("models", "no", "such")
        assert (result.code, result.out) == (1, "")
        assert "no model is known that has 'no such'" in result.err

    def test_to_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "models.csv"
        result = run("models", "mimo", "-o", path)
        assert (result.code, result.out) == (0, "")
        assert path.read_text().startswith("name,aliases,maker,tokenizer,origin,")
