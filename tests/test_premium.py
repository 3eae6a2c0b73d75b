"""Premium on parallel text: the arithmetic, the forms it is read from, what is refused."""

from __future__ import annotations

import json
import random
import unicodedata
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from cli_support import fasttok, on_terminal, write_jsonl
from references import RANKS, corpora
from rich.cells import cell_len
from training import byte_level, trained

import fasttok as library
from fasttok._fasttok import _spaced_words
from fasttok.measures.bootstrap import gini, interval, resampled_sums
from fasttok.measures.words import single_token_retention

ENGLISH = ["The cat sat on the mat.", "Where is the station?", "I should like some tea.", "It rains.", "Good night!"]
GERMAN = [
    "Die Katze saß auf der Matte.",
    "Wo ist der Bahnhof?",
    "Ich hätte gerne etwas Tee.",
    "Es regnet.",
    "Gute Nacht!",
]
CHINESE = ["猫坐在垫子上。", "车站在哪里？", "我想喝点茶。", "下雨了。", "晚安！"]
TEXT = {"eng_Latn": ENGLISH, "deu_Latn": GERMAN, "zho_Hans": CHINESE}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "parallel"
    folder.mkdir()
    for code, units in TEXT.items():
        (folder / f"{code}.devtest").write_text("\n".join(units) + "\n", encoding="utf-8")
    return folder


def tokens(units: list[str], encoding: str = "o200k_base") -> list[int]:
    enc = library.get_encoding(encoding)
    return [enc.count(unit) for unit in units]


class TestArithmetic:
    def test_ratio_of_sums(self) -> None:
        report = library.premium(TEXT, ["o200k_base", "cl100k_base"])
        for encoding in ("o200k_base", "cl100k_base"):
            for code, units in TEXT.items():
                row = report.get(code, encoding)
                assert row.tokens == sum(tokens(units, encoding))
                assert row.premium == row.tokens / sum(tokens(ENGLISH, encoding))
                assert row.bytes == sum(len(unit.encode()) for unit in units)
                assert row.chars == sum(map(len, units))
                assert row.units == 5

    def test_mean_of_unit_ratios(self) -> None:
        report = library.premium(TEXT, definition="mean")
        ratios = [a / b for a, b in zip(tokens(GERMAN), tokens(ENGLISH), strict=True)]
        assert report.get("deu_Latn", "o200k_base").premium == pytest.approx(sum(ratios) / 5, abs=1e-15)

    def test_whole_text(self) -> None:
        report = library.premium(TEXT, definition="joined")
        row = report.get("zho_Hans", "o200k_base")
        assert (row.tokens, row.low, row.high) == (tokens([" ".join(CHINESE)])[0], None, None)
        assert row.premium == row.tokens / tokens([" ".join(ENGLISH)])[0]
        assert row.bytes == len(" ".join(CHINESE).encode())
        assert report.manifest["bootstrap"] is None
        assert report.summaries[0].gini_low is None

    def test_stripped_units(self) -> None:
        padded = {code: [f"  {unit} \t" for unit in units] for code, units in TEXT.items()}
        report = library.premium(padded, definition="stripped")
        assert report.get("deu_Latn", "o200k_base").tokens == sum(tokens(GERMAN))
        assert report.manifest["stripped"] is True
        assert library.premium(padded).get("deu_Latn", "o200k_base").tokens == sum(tokens(padded["deu_Latn"]))

    def test_nfc(self) -> None:
        text = {"en": ["Angstrom"], "sv": ["A\u030angstro\u0308m"]}
        report = library.premium(text, normalize="nfc")
        assert report.get("sv", "o200k_base").chars == 8
        assert report.manifest["normalize"] == "nfc"
        assert library.premium(text).get("sv", "o200k_base").chars == 10

    @pytest.mark.parametrize("definition", ["sums", "mean", "stripped"])
    def test_a_language_against_itself_is_one(self, definition: str) -> None:
        row = library.premium(TEXT, definition=definition).get("eng_Latn", "o200k_base")  # type: ignore[arg-type]
        assert (row.premium, row.low, row.high, row.byte_premium, row.density_ratio) == (1, 1, 1, 1, 1)

    def test_a_synthetic_ratio_is_recovered(self) -> None:
        """Units of 1 to 40 letters' tokens, and the same units two and a half times over."""
        generator = np.random.default_rng(1)
        lengths = 2 * generator.integers(1, 40, 300)
        once = [" a" * n for n in lengths]
        more = [" a" * (n * 5 // 2) for n in lengths]
        row = library.premium({"en": once, "xx": more}, pivot="en").get("xx", "o200k_base")
        assert row.premium == 2.5
        assert row.low == row.high == 2.5

    def test_a_noisy_ratio_lies_in_its_interval(self) -> None:
        """95 % intervals hold the true ratio of most of 100 samples: 2 tokens for 1 on average."""
        held = 0
        for seed in range(100):
            generator = np.random.default_rng(seed)
            base = generator.integers(5, 50, 80)
            other = generator.binomial(4 * base, 0.5)
            sums = resampled_sums([other, base], resamples=500)
            low, high = interval(sums[:, 0] / sums[:, 1])
            held += low <= 2 <= high
        assert 88 <= held <= 100

    def test_the_decomposition_holds(self) -> None:
        for row in library.premium(TEXT, ["o200k_base", "r50k_base"]).premiums:
            assert row.byte_premium * row.density_ratio == pytest.approx(row.premium, rel=1e-12)

    def test_ranks_and_summary(self) -> None:
        report = library.premium(TEXT)
        ordered = sorted(report.premiums, key=lambda row: row.premium)
        assert [row.rank for row in ordered] == [1, 2, 3]
        (summary,) = report.summaries
        assert (summary.min, summary.min_language) == (ordered[0].premium, ordered[0].language)
        assert (summary.max, summary.max_language) == (ordered[-1].premium, ordered[-1].language)
        counts = [sum(tokens(units)) for units in TEXT.values()]
        assert summary.gini == pytest.approx(
            sum(abs(a - b) for a in counts for b in counts) / (2 * 9 * np.mean(counts))
        )

    def test_gini(self) -> None:
        assert gini([3, 3, 3]) == 0
        assert gini([0, 0, 0, 8]) == 0.75
        assert gini([[1, 3], [2, 2]]).tolist() == [0.25, 0]

    def test_results_do_not_depend_on_threads(self) -> None:
        one, two = (library.premium(TEXT, threads=threads).to_dict() for threads in (1, 2))
        assert one["premiums"] == two["premiums"]


class TestIntervals:
    @pytest.mark.parametrize("seed", range(20))
    def test_they_are_those_of_scipy(self, seed: int) -> None:
        stats = pytest.importorskip("scipy.stats")
        generator = np.random.default_rng(100 + seed)
        units = int(generator.integers(20, 600))
        base = generator.integers(1, 80, units)
        other = generator.poisson(base * generator.uniform(0.5, 6)) + 1

        expected = stats.bootstrap(
            (other, base),
            lambda a, b, axis=-1: a.sum(axis=axis) / b.sum(axis=axis),
            paired=True,
            vectorized=True,
            method="percentile",
            n_resamples=2000,
            confidence_level=0.95,
            rng=np.random.default_rng(seed),
        ).confidence_interval
        sums = resampled_sums([other, base], resamples=2000, seed=seed)
        assert interval(sums[:, 0] / sums[:, 1]).tolist() == pytest.approx([expected.low, expected.high], rel=1e-12)

        # Another seed draws other units: the interval is nearly the same, as a bootstrap's is.
        sums = resampled_sums([other, base], resamples=2000, seed=seed + 1000)
        width = expected.high - expected.low
        assert interval(sums[:, 0] / sums[:, 1]).tolist() == pytest.approx(list(expected), abs=0.15 * width)

    def test_units_are_drawn_the_same_in_slices(self, monkeypatch: pytest.MonkeyPatch) -> None:
        values = np.arange(60).reshape(2, 30)
        whole = resampled_sums(values, resamples=50)
        monkeypatch.setattr("fasttok.measures.bootstrap._DRAWN_AT_ONCE", 95)
        assert (resampled_sums(values, resamples=50) == whole).all()


class TestWords:
    def test_retention(self) -> None:
        enc = library.get_encoding("o200k_base")
        units = ["The cat — the «cat» antidisestablishmentarianism!", "cat?"]
        assert _spaced_words(units) == ["The", "cat", "the", "cat", "antidisestablishmentarianism", "cat"]
        texts = [" ".join(units), "猫坐在垫子上。", " ".join(units)]
        for threads in (None, 1, 2, 5):
            assert single_token_retention(texts, [enc], threads) == [[5 / 6, None, 5 / 6]]

    def test_a_word_is_one_token_at_the_start_or_after_a_space(self) -> None:
        rng = random.Random(5)
        pytest.importorskip("tokenizers")
        made = trained(400, normalizer={"type": "Lowercase"}, pre_tokenizer=byte_level(use_regex=True))
        # Of the last one, the vocabulary alone does not tell.
        encodings = [library.get_encoding(name) for name in ("o200k_base", "r50k_base")]
        encodings.append(library.Encoding._from_file_bytes(json.dumps(made).encode(), "lower"))
        pieces = ["the", "The", "ing", "Straße", "мир", "न", "x", "é", "0", "anti", "tion"]
        units = ["".join(rng.choices(pieces, k=rng.randrange(1, 4))) for _ in range(2000)]
        for encoding, (share,) in zip(encodings, single_token_retention([" ".join(units)], encodings), strict=True):
            kept = sum(encoding.count(word) == 1 or encoding.count(" " + word) == 1 for word in units)
            assert share == kept / len(units)

    @pytest.mark.parametrize(
        "unit", ["猫坐在垫子上。", "แมวนั่งบนเสื่อ", "ねこ が マットのうえにすわった", "ឆ្មាអង្គុយ", "..."]
    )
    def test_text_without_spaces_has_none(self, unit: str) -> None:
        assert _spaced_words([unit]) is None
        assert _spaced_words(["고양이가 매트 위에 앉았다."]) is not None


class TestForms:
    def check(self, report: library.PremiumReport, layout: str, german: str = "deu_Latn") -> None:
        assert report.manifest["layout"] == layout
        assert report.get(german, "o200k_base").tokens == sum(tokens(GERMAN))

    def test_flores(self, folder: Path) -> None:
        self.check(library.premium(folder), "flores")

    def test_ntrex_with_line_ends_of_windows(self, tmp_path: Path) -> None:
        (tmp_path / "newstest2019-src.eng.txt").write_bytes("\r\n".join(ENGLISH).encode())
        (tmp_path / "newstest2019-ref.deu.txt").write_bytes(("\ufeff" + "\r\n".join(GERMAN) + "\r\n").encode())
        self.check(library.premium(tmp_path), "ntrex", "deu")

    def test_a_file_a_language_with_names(self, tmp_path: Path) -> None:
        (tmp_path / "eng.txt").write_text("\n".join(ENGLISH))
        (tmp_path / "deu.txt").write_text("\n".join(GERMAN))
        (tmp_path / "_LANGUAGES.tsv").write_text("code\tname\neng\tEnglish\ndeu\tGerman\n")
        report = library.premium(tmp_path, pivot="en")
        self.check(report, "lines", "deu")
        assert report.get("deu", "o200k_base").name == "German"

    def test_files(self, folder: Path) -> None:
        self.check(library.premium([folder / "eng_Latn.devtest", folder / "deu_Latn.devtest"]), "flores")
        named = [f"en={folder / 'eng_Latn.devtest'}", f"de={folder / 'deu_Latn.devtest'}"]
        self.check(library.premium(named), "lines", "de")

    def test_files_that_differ_in_their_extension(self, tmp_path: Path) -> None:
        (tmp_path / "news.en").write_text("\n".join(ENGLISH))
        (tmp_path / "news.de").write_text("\n".join(GERMAN))
        self.check(library.premium([tmp_path / "news.en", tmp_path / "news.de"]), "extensions", "de")

    def test_tsv(self, tmp_path: Path) -> None:
        path = tmp_path / "pairs.tsv"
        rows = ["id\teng\tdeu", *(f"{i}\t{e}\t{d}" for i, (e, d) in enumerate(zip(ENGLISH, GERMAN, strict=True)))]
        path.write_text("\n".join(rows))
        self.check(library.premium(path), "tsv", "deu")

    @pytest.mark.parametrize("inside", [False, True])
    def test_jsonl_with_a_member_a_language(self, tmp_path: Path, inside: bool) -> None:
        pairs = [{"en": e, "de": d} for e, d in zip(ENGLISH, GERMAN, strict=True)]
        records = [{"translation": pair} if inside else {"id": "x", **pair} for pair in pairs]
        self.check(library.premium(write_jsonl(tmp_path / "pairs.jsonl", records)), "jsonl", "de")

    def test_jsonl_with_a_record_a_text(self, tmp_path: Path) -> None:
        records = [
            {"id": i, "language": code, "text": unit} for code, units in TEXT.items() for i, unit in enumerate(units)
        ]
        path = write_jsonl(tmp_path / "all.jsonl", records[:5] + records[:4:-1])
        self.check(library.premium(path), "jsonl")

    def test_a_folder_of_jsonl(self, tmp_path: Path) -> None:
        for code, units in TEXT.items():
            write_jsonl(tmp_path / f"{code}.jsonl", [{"text": unit} for unit in units])
        # A language code never begins with an underscore, and never has a dot.
        self.check(library.premium(tmp_path), "jsonl")

    def test_tmx(self, tmp_path: Path) -> None:
        units = "".join(
            f'<tu><tuv xml:lang="en"><seg>{e}</seg></tuv><tuv xml:lang="de"><seg>{d[:3]}<bpt i="1">&lt;b></bpt>'
            f'{d[3:-1]}<ept i="1">&lt;/b></ept>{d[-1]}</seg></tuv></tu>'
            for e, d in zip(ENGLISH, GERMAN, strict=True)
        )
        only = '<tu><tuv xml:lang="en"><seg>only here</seg></tuv></tu>'
        path = tmp_path / "memory.tmx"
        path.write_text(
            '<?xml version="1.0"?><!DOCTYPE tmx SYSTEM "tmx14.dtd"><tmx version="1.4"><header/><body>'
            f"{units}{only}</body></tmx>"
        )
        report = library.premium(path)
        self.check(report, "tmx", "de")
        assert report.manifest["units_dropped"] == {"untranslated": 1}

    def test_po(self, tmp_path: Path) -> None:
        pytest.importorskip("polib")
        entries = "".join(f'msgid "{e}"\nmsgstr "{d}"\n\n' for e, d in zip(ENGLISH, GERMAN, strict=True))
        rest = (
            '#, fuzzy\nmsgid "Maybe"\nmsgstr "Vielleicht"\n\nmsgid "Later"\nmsgstr ""\n\n'
            'msgid "%d file"\nmsgid_plural "%d files"\nmsgstr[0] "%d Datei"\nmsgstr[1] "%d Dateien"\n'
        )
        path = tmp_path / "messages.po"
        path.write_text('msgid ""\nmsgstr "Language: de\\n"\n\n' + entries + rest)
        report = library.premium(path)
        self.check(report, "po", "de")
        assert report.manifest["units_dropped"] == {"untranslated": 1, "fuzzy": 1, "plural": 1}

    def test_languages_are_found_by_their_primary_subtag(self, folder: Path) -> None:
        report = library.premium(folder, pivot="en", languages=["zh"])
        assert report.pivot == "eng_Latn"
        assert set(report.languages) == {"eng_Latn", "zho_Hans"}


class TestRefused:
    def test_numbers_of_units_differ(self, folder: Path) -> None:
        path = folder / "deu_Latn.devtest"
        path.write_text("\n".join(GERMAN[:4]))
        with pytest.raises(
            library.MisalignedError, match=r"deu_Latn.devtest: 4 units, where .*eng_Latn.devtest has 5"
        ) as e:
            library.premium(folder)
        assert (e.value.language, e.value.file, e.value.line) == ("deu_Latn", str(path), 5)

    @pytest.mark.parametrize("empty", ["", "  \t"])
    def test_empty_units(self, folder: Path, empty: str) -> None:
        path = folder / "deu_Latn.devtest"
        path.write_text("\n".join([*GERMAN[:2], empty, *GERMAN[3:]]))
        with pytest.raises(library.MisalignedError, match="unit 3 is empty") as e:
            library.premium(folder)
        assert (e.value.file, e.value.line) == (str(path), 3)

    def test_records_without_ids(self, tmp_path: Path) -> None:
        path = write_jsonl(
            tmp_path / "traffic.jsonl", [{"language": "en", "text": "a"}, {"language": "de", "text": "b"}]
        )
        with pytest.raises(library.NotParallelError, match="traffic.jsonl:1: no field 'id' .* parallel text alone"):
            library.premium(path)

    def test_records_that_have_no_counterpart(self, tmp_path: Path) -> None:
        records = [{"id": 1, "language": "en", "text": "a"}, {"id": 2, "language": "de", "text": "b"}]
        with pytest.raises(library.MisalignedError, match="de has no record '1'"):
            library.premium(write_jsonl(tmp_path / "x.jsonl", records))

    def test_columns_are_missing(self, tmp_path: Path) -> None:
        path = tmp_path / "pairs.tsv"
        path.write_text("eng\tdeu\na\tb\nc\n")
        with pytest.raises(library.MisalignedError, match="pairs.tsv:3: 1 columns"):
            library.premium(path)

    def test_a_member_is_missing(self, tmp_path: Path) -> None:
        path = write_jsonl(tmp_path / "x.jsonl", [{"en": "a", "de": "b"}, {"en": "c"}])
        with pytest.raises(library.MisalignedError, match="x.jsonl:2: field 'de' is missing"):
            library.premium(path)

    def test_what_is_not_parallel(self, tmp_path: Path) -> None:
        (tmp_path / "README.md").write_text("text")
        with pytest.raises(library.NotParallelError, match="no parallel text is recognised"):
            library.premium(tmp_path)
        with pytest.raises(library.NotParallelError, match="one file"):
            library.premium(tmp_path / "README.md")
        with pytest.raises(library.NotFoundError):
            library.premium(tmp_path / "nothing")

    def test_bytes_that_are_not_utf8(self, folder: Path) -> None:
        (folder / "deu_Latn.devtest").write_bytes(b"eins\nzw\xffei\n")
        with pytest.raises(library.NotParallelError, match="deu_Latn.devtest:2: not UTF-8"):
            library.premium(folder)

    def test_an_unknown_language(self) -> None:
        with pytest.raises(library.NotParallelError, match="no language 'fra'.*eng_Latn"):
            library.premium(TEXT, pivot="fra")
        with pytest.raises(library.NotParallelError, match="no language 'zzz'"):
            library.premium(TEXT, languages="zzz")

    def test_a_broken_tmx(self, tmp_path: Path) -> None:
        path = tmp_path / "x.tmx"
        path.write_text("<tmx><body>")
        with pytest.raises(library.NotParallelError, match="x.tmx is not TMX"):
            library.premium(path)


class TestCommand:
    def test_a_pipe_gets_rows(self, folder: Path) -> None:
        result = fasttok("premium", folder, "-e", "o200k_base,cl100k_base")
        assert result.code == 0
        rows = result.rows()
        assert len(rows) == 6
        assert rows[0]["language"] != "eng_Latn"
        by_key = {(row["language"], row["encoding"]): row for row in rows}
        assert int(by_key["zho_Hans", "cl100k_base"]["tokens"]) == sum(tokens(CHINESE, "cl100k_base"))
        assert result.last_line == "3 languages, 5 units each, compared with eng_Latn"

    def test_json(self, folder: Path) -> None:
        report = fasttok("premium", folder, "--json", "-q").json()
        schema = library.schema("premium")
        jsonschema.Draft202012Validator(schema).validate(report)
        assert report["schema"] == "fasttok.premium/1"
        assert report["manifest"]["encodings"][0]["hash"] == library.get_encoding("o200k_base").hash
        joined = fasttok("premium", folder, "--json", "-q", "--definition", "joined").json()
        jsonschema.Draft202012Validator(schema).validate(joined)

    @pytest.mark.parametrize("width", [80, 60, 200])
    @pytest.mark.parametrize("encodings", ["o200k_base", "o200k_base,cl100k_base,p50k_base,r50k_base"])
    def test_a_terminal_of_any_width(self, folder: Path, width: int, encodings: str) -> None:
        result = on_terminal("premium", folder, "-e", encodings, width=width)
        assert result.code == 0
        assert max(cell_len(line) for line in result.out.splitlines()) <= width
        for name in (*TEXT, *encodings.split(",")):
            assert name in result.out

    def test_errors_are_one_line(self, folder: Path) -> None:
        (folder / "deu_Latn.devtest").write_text("eins\n")
        result = fasttok("premium", folder)
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith("fasttok: ") and result.err.count("\n") == 1
        assert fasttok("premium", folder, "-e", "nothing").code == 2

    def test_tokenizer_files(self, folder: Path, tmp_path: Path) -> None:
        zstandard = pytest.importorskip("zstandard")
        path = tmp_path / "mine.tiktoken"
        with zstandard.open(RANKS / "cl100k_base.tiktoken.zst", "rb") as ranks:
            path.write_bytes(ranks.read())
        rows = fasttok("premium", folder, "-e", f"{path},o200k_base").rows()
        label = next(row["encoding"] for row in rows if row["encoding"] != "o200k_base")
        counted = {row["language"]: int(row["tokens"]) for row in rows if row["encoding"] == label}
        assert counted == {code: sum(tokens(units, "cl100k_base")) for code, units in TEXT.items()}

    def test_outputs(self, folder: Path, tmp_path: Path) -> None:
        assert fasttok("premium", folder, "-o", tmp_path / "x.csv").out == ""
        report = library.premium(folder).sorted_by()
        assert (tmp_path / "x.csv").read_text() == report.to_csv()
        assert report.to_arrow().num_rows == len(report.to_pandas()) == len(report.to_polars()) == 3
        report.to_parquet(tmp_path / "x.parquet")
        assert library.get_encoding("o200k_base").count(report._repr_html_()) > 0


def plain_words(units: list[str]) -> list[str] | None:
    """The definition, letter by letter, by Python's own tables."""
    without_spaces = (
        (0xE01, 0xE7F), (0xE81, 0xEFF), (0xF40, 0xFBC), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3041, 0x30FF),
        (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF),
    )  # fmt: skip
    text = "".join(units)
    bare = sum(any(first <= ord(c) <= last for first, last in without_spaces) for c in text)
    letters = sum(c.isalnum() and unicodedata.category(c) != "Nd" for c in text)
    words: list[str] = []
    for unit in units:
        for word in unit.split():
            while word and unicodedata.category(word[0])[0] in "PS":
                word = word[1:]
            while word and unicodedata.category(word[-1])[0] in "PS":
                word = word[:-1]
            if word:
                words.append(word)
    return None if 2 * bare > letters or not words else words


def same_words(units: list[str]) -> None:
    assert _spaced_words(units) == plain_words(units)


def test_the_median_is_that_of_other_languages() -> None:
    """The pivot and its varieties, all about 1, would draw it down."""
    text = {"eng_Latn": ["a b"], "eng-GB": ["a b"], "eng-IN": ["a b"], "deu": ["a b c d"], "fra": ["a b c d e f"]}
    report = library.premium(text, "o200k_base", resamples=10)
    assert report.summaries[0].median == np.median([report.get(code, "o200k_base").premium for code in ("deu", "fra")])
    alone = library.premium({"eng_Latn": ["a b"], "eng-GB": ["a b"]}, "o200k_base", resamples=10)
    assert alone.summaries[0].median == 1


def test_words_are_those_of_the_definition() -> None:
    rng = random.Random(4)
    # What Python's older Unicode does not know yet has no category to compare.
    known = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]
    some = "ab1 \t\n\x1c\x85\u00a0\u3000.,-_$\u00b2\u2162\u0661\u0301\u200b中ก"
    for _ in range(3000):
        letters = [rng.choice(some) if rng.random() < 0.7 else rng.choice(known) for _ in range(rng.randrange(20))]
        cut = rng.randrange(len(letters) + 1)
        same_words(["".join(letters[:cut]), "".join(letters[cut:])])
    for c in known:
        same_words([f"a {c}b{c} {c}"])


@pytest.mark.skipif(corpora() is None, reason="needs the corpora")
def test_words_of_real_text() -> None:
    folder = corpora()
    assert folder is not None
    for units in library.read_parallel(folder / "parallel" / "ntrex128").units.values():
        same_words(list(units))


@pytest.mark.skipif(corpora() is None, reason="needs the corpora")
def test_real_parallel_text() -> None:
    folder = corpora()
    assert folder is not None
    report = library.premium(folder / "parallel" / "ntrex128", ["o200k_base", "cl100k_base"])
    assert (report.pivot, report.manifest["units"]) == ("eng", 1000)
    chinese = report.get("zho-CN", "o200k_base")
    assert chinese.low is not None and chinese.high is not None
    assert 1 < chinese.low < chinese.premium < chinese.high < 1.4
    assert len(report.languages) == 129


def test_a_label_that_is_a_model_with_another_tokenizer_is_an_estimate(tmp_path: Path) -> None:
    text = {"eng": ["Good night!"], "deu": ["Gute Nacht!"]}
    labels = {
        "claude-opus-4.7": "o200k_base",
        "gpt-4o": "cl100k_base",
        "gpt-4": "cl100k_base",
        "mine": "o200k_base",
        "anthropic/claude-opus-4.7 (by hand)": "o200k_base",
    }
    shown = ["claude-opus-4.7 (estimate)", "gpt-4o (estimate)", "gpt-4", "mine", "anthropic/claude-opus-4.7 (by hand)"]
    report = library.premium(text, labels, pivot="eng")
    assert report.encodings == shown
    (tmp_path / "a.txt").write_text("Good night!")
    assert list(library.count_corpus(tmp_path, encodings=labels).encodings) == shown
    assert "claude-opus-4.7 (estimate)" in str(report) and "claude-opus-4.7 (estimate)" in report.to_json()
