"""`fasttok.density`: densities, their intervals, labels and scripts."""

from __future__ import annotations

import json
import threading
import unicodedata
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from cli_support import without_manifest, write_jsonl

import fasttok
from fasttok import _fasttok

ENCODINGS = ["o200k_base", "cl100k_base"]
WORDS = {
    "en": ["the", "quick", "brown", "fox", "can't", "jump", "over", "3.5", "lazy", "dogs", "unbelievably", "often"],
    "de": ["der", "schnelle", "braune", "Fuchs", "springt", "über", "den", "Donaudampfschifffahrtskapitän"],
    "ja": ["敏捷な", "茶色の", "狐が", "のろまな", "犬を、", "飛び越える。", "😀"],
}


def records(count: int = 60, seed: int = 1) -> list[dict[str, str]]:
    generator = np.random.default_rng(seed)
    made = []
    for i in range(count):
        language = list(WORDS)[i % 3]
        words = generator.choice(WORDS[language], size=1 + int(generator.lognormal(2, 0.7)))
        made.append({"text": " ".join(words), "lang": {"en": "eng_Latn", "de": "de-DE", "ja": "jpn_Jpan"}[language]})
    return made


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "corpus.jsonl", records())


@pytest.fixture
def report(corpus: Path) -> fasttok.DensityReport:
    return fasttok.density(
        corpus, ENCODINGS, language_field="lang", base="eng", graphemes=True, words=True, partial_tokens=True
    )


def texts(language: str) -> list[str]:
    return [r["text"] for r in records() if r["lang"].startswith(language)]


class TestMeasures:
    def test_ratios_are_ratios_of_sums(self, report: fasttok.DensityReport) -> None:
        for language, label in (("eng", "en"), ("de", "de"), ("jpn", "ja")):
            chars = sum(len(text) for text in texts(language))
            size = sum(len(text.encode()) for text in texts(language))
            for name in ENCODINGS:
                tokens = int(fasttok.get_encoding(name).count_batch(texts(language)).sum())
                density = report.get(label, encoding=name)
                assert density.tokens == tokens
                assert density["tokens_per_char"].value == tokens / chars
                assert density["chars_per_token"].value == chars / tokens
                assert density["bytes_per_token"].value == size / tokens

    def test_single_token_words(self, report: fasttok.DensityReport) -> None:
        encoding = fasttok.get_encoding("o200k_base")
        # By UAX #29 can't and 3.5 are words; none of these holds another boundary.
        words = [word for text in texts("eng") for word in text.split()]
        single = sum(encoding.count(word) == 1 or encoding.count(" " + word) == 1 for word in words)
        density = report.get("en")
        assert density["single_token_word_share"].value == single / len(words)
        assert density["tokens_per_word"].value == density.tokens / len(words)

    def test_graphemes(self, tmp_path: Path) -> None:
        file = write_jsonl(tmp_path / "a.jsonl", [{"text": "e\u0301👩‍👩‍👧🇩🇪\r\n각"}])
        report = fasttok.density(file, by="extension", graphemes=True)
        assert report.totals.graphemes == 5
        assert report.totals.words is None

    def test_partial_tokens(self, report: fasttok.DensityReport) -> None:
        for name in ENCODINGS:
            encoding = fasttok.get_encoding(name)
            ids = [token for text in texts("jpn") for token in encoding.encode(text)]
            partial = 0
            for token in ids:
                try:
                    encoding.decode_bytes([token]).decode()
                except UnicodeDecodeError:
                    partial += 1
            assert partial > 0
            assert report.get("ja", encoding=name)["partial_token_share"].value == partial / len(ids)

    def test_ratio_to_the_base(self, report: fasttok.DensityReport) -> None:
        base, other = report.get("en"), report.get("ja")
        ratio = other["tokens_per_char_to_base"]
        assert ratio.value == pytest.approx(other["tokens_per_char"].value / base["tokens_per_char"].value)
        assert ratio.low < ratio.value < ratio.high
        assert base["tokens_per_char_to_base"].to_dict() == {"value": 1, "low": 1, "high": 1}

    def test_a_base_that_is_no_group(self, corpus: Path) -> None:
        with pytest.raises(fasttok.UnknownGroupError, match="no group 'xx'; there are de, en, ja"):
            fasttok.density(corpus, language_field="lang", base="xx")

    def test_without_groups(self, corpus: Path) -> None:
        report = fasttok.density(corpus, by="extension")
        assert [group.key for group in report.groups] == [{"extension": "jsonl"}]
        assert report.undetermined_documents is None

    def test_empty_documents(self, tmp_path: Path) -> None:
        file = write_jsonl(tmp_path / "a.jsonl", [{"text": ""}, {"text": ""}])
        report = fasttok.density(file, words=True)
        estimate = report.get("und")["tokens_per_char"]
        assert estimate.to_dict() == {"value": None, "low": None, "high": None}
        assert report.groups[0].script_shares == {}
        assert "und" in str(report)


class TestIntervals:
    @pytest.mark.parametrize("seed", range(20))
    def test_those_of_scipy(self, seed: int, tmp_path: Path) -> None:
        stats = pytest.importorskip("scipy.stats")
        made = records(40 + 20 * seed, seed)
        file = write_jsonl(tmp_path / "a.jsonl", made)
        report = fasttok.density(file, by="extension", seed=seed)
        given = [record["text"] for record in made]
        tokens = fasttok.get_encoding("o200k_base").count_batch(given)
        chars = np.array([len(text) for text in given])

        def ratio(a: Any, b: Any, axis: int) -> Any:
            return a.sum(axis=axis) / b.sum(axis=axis)

        for measure, pair in {"tokens_per_char": (tokens, chars), "chars_per_token": (chars, tokens)}.items():
            theirs = stats.bootstrap(
                pair, ratio, paired=True, vectorized=True, n_resamples=2000, method="percentile", rng=seed
            ).confidence_interval
            ours = report.groups[0].encodings["o200k_base"][measure]
            assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9)

    def test_parts_of_many_documents_have_the_interval_of_documents(self, tmp_path: Path) -> None:
        """Above 1,024 documents parts are drawn: the width may differ by what 1,024 parts tell of a deviation."""
        stats = pytest.importorskip("scipy.stats")
        widths = []
        for seed in range(4):
            made = records(6000, 100 + seed)
            file = write_jsonl(tmp_path / f"{seed}.jsonl", made)
            ours = fasttok.density(file, by="extension").groups[0].encodings["o200k_base"]["tokens_per_char"]
            tokens = fasttok.get_encoding("o200k_base").count_batch([record["text"] for record in made])
            chars = np.array([len(record["text"]) for record in made])
            theirs = stats.bootstrap(
                (tokens, chars),
                lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis),
                paired=True,
                n_resamples=2000,
                batch=200,
                method="percentile",
                rng=0,
            ).confidence_interval
            middle = (ours.low + ours.high) / 2
            assert abs(middle - (theirs.low + theirs.high) / 2) < 0.15 * (theirs.high - theirs.low)
            widths.append((ours.high - ours.low) / (theirs.high - theirs.low))
        assert np.mean(widths) == pytest.approx(1, abs=0.06), widths

    def test_one_document_has_none(self, tmp_path: Path) -> None:
        file = write_jsonl(tmp_path / "a.jsonl", [{"text": "one"}])
        estimate = fasttok.density(file, by="extension").groups[0].encodings["o200k_base"]["tokens_per_char"]
        assert estimate.to_dict() == {"value": 1 / 3, "low": None, "high": None}

    def test_confidence(self, corpus: Path) -> None:
        wide, narrow = (
            fasttok.density(corpus, by="extension", confidence=share)
            .groups[0]
            .encodings["o200k_base"]["tokens_per_char"]
            for share in (0.99, 0.5)
        )
        assert wide.low < narrow.low < narrow.high < wide.high
        with pytest.raises(ValueError, match="confidence must be between 0 and 1"):
            fasttok.density(corpus, confidence=95)

    @pytest.mark.parametrize("count", [60, 3000])
    def test_threads_change_nothing(self, count: int, tmp_path: Path) -> None:
        for part in range(3):
            write_jsonl(tmp_path / f"{part}.jsonl", records(count // 3, part))
        runs = [
            fasttok.density(tmp_path, ENCODINGS, detect_language=True, base="en", words=True, threads=threads).to_dict()
            for threads in (1, 2, 5)
        ]
        assert without_manifest(runs[0]) == without_manifest(runs[1]) == without_manifest(runs[2])


class TestLabels:
    def test_codes_are_normalized(self, report: fasttok.DensityReport) -> None:
        assert sorted(group.key["language"] for group in report.groups) == ["de", "en", "ja"]
        assert report.undetermined_documents == 0
        for label, normal in {"zho_Hans": "zh", "zh-TW": "zh-Hant", "pt_BR": "pt", "swh_Latn": "sw"}.items():
            assert _fasttok.normalize_language(label) == normal
        assert _fasttok.normalize_language("English") is None

    def test_trust(self, tmp_path: Path) -> None:
        (tmp_path / "fra_Latn").mkdir()
        english = "This sentence is plainly written in the English language."
        write_jsonl(tmp_path / "fra_Latn" / "a.jsonl", [{"text": english, "lang": "code"}, {"text": english}])
        write_jsonl(tmp_path / "b.jsonl", [{"text": english}, {"text": "12 34"}])

        def labels(**sources: Any) -> dict[str | None, int]:
            report = fasttok.count_corpus(tmp_path, **sources)
            return {group.key["language"]: group.documents for group in report.groups}

        assert labels(language_field="lang") == {"code": 1, "und": 3}
        assert labels(language_from_path=True) == {"fr": 2, "und": 2}
        assert labels(detect_language=True) == {"en": 3, "und": 1}
        everything = labels(language_field="lang", language_from_path=True, detect_language=True)
        assert everything == {"code": 1, "fr": 1, "en": 1, "und": 1}

    def test_language_is_a_field_without_sources(self, tmp_path: Path) -> None:
        file = write_jsonl(tmp_path / "a.jsonl", [{"text": "x", "language": "eng_Latn"}])
        report = fasttok.count_corpus(file, by="language")
        assert report.groups[0].key == {"language": "eng_Latn"}
        assert report.manifest["languages"] is None
        assert fasttok.count_corpus(file, by=["extension", "language"], language_field="language").groups[0].key == {
            "extension": "jsonl",
            "language": "en",
        }

    def test_a_callable_gets_batches_of_beginnings(self, tmp_path: Path) -> None:
        file = write_jsonl(tmp_path / "a.jsonl", [{"text": f"é{i:04}" + "x" * 500} for i in range(1000)])
        batches: list[list[str]] = []
        lock = threading.Lock()

        def detect(given: list[str]) -> list[str | None]:
            with lock:
                batches.append(given)
            return [
                "fra_Latn" if text.startswith("é0000") else None if text.startswith("é0001") else "x-y"
                for text in given
            ]

        report = fasttok.density(file, detect_language=detect, detect_bytes=7)
        seen = [text for batch in batches for text in batch]
        assert sorted(seen) == [f"é{i:04}x" for i in range(1000)]
        assert 1 < max(map(len, batches)) <= 256
        groups = {group.key["language"]: group.documents for group in report.groups}
        assert groups == {"fr": 1, "und": 1, "x-y": 998}
        assert report.undetermined_documents == 1
        assert report.manifest["languages"]["detector"].endswith("detect")

    def test_a_callable_that_fails(self, corpus: Path) -> None:
        def fails(given: list[str]) -> list[str]:
            raise KeyError("no model")

        with pytest.raises(KeyError, match="no model"):
            fasttok.density(corpus, detect_language=fails)
        with pytest.raises(TypeError):
            fasttok.density(corpus, detect_language=lambda given: [1] * len(given))  # type: ignore[list-item]
        with pytest.raises(fasttok.FasttokError, match="gave 0 labels for"):
            fasttok.density(corpus, detect_language=lambda given: [])

    def test_bad_options(self, corpus: Path) -> None:
        with pytest.raises(ValueError, match="detect_bytes must be at least 1"):
            fasttok.density(corpus, detect_bytes=0)
        with pytest.raises(TypeError, match="True, False or a callable, not str"):
            fasttok.density(corpus, detect_language="cld2")  # type: ignore[arg-type]


class TestScripts:
    def test_shares(self, report: fasttok.DensityReport) -> None:
        japanese = next(group for group in report.groups if group.key["language"] == "ja")
        joined = "".join(texts("jpn"))
        assert sum(japanese.scripts.values()) == len(joined)
        # The comma and the full stop are shared by scripts that the documents have; blanks and emoji by all.
        assert japanese.scripts["Zyyy"] == joined.count(" ") + joined.count("😀")
        cjk = sum(unicodedata.name(c, "").startswith("CJK UNIFIED") for c in joined)
        assert cjk <= japanese.scripts["Hani"] <= cjk + joined.count("、") + joined.count("。")
        assert sum(japanese.script_shares.values()) == pytest.approx(1)
        assert japanese.mixed_script_share == 0

    def test_mixed(self, tmp_path: Path) -> None:
        file = write_jsonl(
            tmp_path / "a.jsonl", [{"text": "слово and word"}, {"text": "слово"}, {"text": "日本語とカタカナ"}]
        )
        totals = fasttok.count_corpus(file).totals
        assert (totals.mixed_script_documents, totals.documents) == (1, 3)
        assert totals.scripts == {"Cyrl": 10, "Hani": 3, "Hira": 1, "Kana": 4, "Latn": 7, "Zyyy": 2}


class TestOutput:
    def test_json_follows_its_schema(self, report: fasttok.DensityReport, corpus: Path) -> None:
        schema = fasttok.schema("density")
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        data = json.loads(report.to_json())
        validator.validate(data)
        validator.validate(json.loads(fasttok.density(corpus, by="extension").to_json()))
        group = schema["$defs"]["group"]["properties"]
        # Intervals of sums are those of estimates.
        sums = {f"{name}_interval" for name in ("documents", "bytes", "chars")}
        assert data["groups"][0].keys() == {"key", *group} - sums
        encoding = group["encodings"]["additionalProperties"]["properties"]
        assert data["groups"][0]["encodings"]["o200k_base"].keys() == encoding.keys() - {"tokens_interval"}
        assert "not what the same content costs" in data["note"]

    def test_rows(self, report: fasttok.DensityReport) -> None:
        frame = report.to_pandas()
        assert len(frame) == 6
        assert frame["tokens_per_char_to_base_low"].notna().all()
        row = frame[(frame.language == "ja") & (frame.encoding == "o200k_base")].iloc[0]
        assert row["tokens"] == report.get("ja").tokens
        assert row["script"] in ("Hani", "Hira")
        assert list(frame.columns) == report.columns() == report.to_arrow().column_names

    def test_order(self, report: fasttok.DensityReport) -> None:
        def order(key: str, *, reverse: bool = False) -> list[str | None]:
            return [group.key["language"] for group in report.sorted_by(key, reverse=reverse).groups]

        assert order("key") == ["de", "en", "ja"]
        assert order("key", reverse=True) == ["ja", "en", "de"]
        assert order("tokens_per_char")[0] == "ja"
        with pytest.raises(ValueError, match="cannot be sorted by 'price'"):
            order("price")

    def test_text_and_html(self, report: fasttok.DensityReport) -> None:
        assert "tok/char" in str(report)
        assert "Language not determined (und): 0 of 60 documents" in str(report)
        html = report._repr_html_()
        assert html.count("<table>") == 2 and "not what the same content costs" in html
