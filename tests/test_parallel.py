"""Parallel text: which languages there are, by what names they are found, and what is refused, with its position."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from cli_support import fasttok, write_jsonl
from references import corpora

import fasttok as library
from fasttok._util.languages import matching

ENGLISH = ["Good morning.", "How are you?", "Thank you very much."]
GERMAN = ["Guten Morgen.", "Wie geht es dir?", "Vielen Dank."]
JAPANESE = ["おはようございます。", "お元気ですか。", "ありがとうございます。"]

NTREX = """
    afr amh arb aze-Latn bod ckb-Arab deu ell eng eng-GB eng-IN eng-US fas fil fra fra-CA gsw-BE gsw-ZH heb kmr lav
    mon msa nld nno nob nya pan por por-BR prs pus spa spa-MX sqi srp-Cyrl srp-Latn swa tam yue zho-CN zho-TW
""".split()  # noqa: SIM905
FLORES = """
    als_Latn arb_Arab arb_Latn azb_Arab azj_Latn cat_Latn cat_Latn_vale1252 ckb_Arab eng_Latn fuv_Latn heb_Hebr
    kas_Arab kas_Deva kmr_Latn khk_Cyrl min_Arab min_Latn nld_Latn nno_Latn nob_Latn pbt_Arab pes_Arab por_Latn
    prs_Arab srp_Cyrl tgl_Latn ydd_Hebr zho_Hans zho_Hant zsm_Latn
""".split()  # noqa: SIM905


class TestNames:
    @pytest.mark.parametrize(
        ("label", "ntrex", "flores"),
        [
            ("en", "eng", "eng_Latn"),
            ("EN", "eng", "eng_Latn"),
            ("eng_Latn", "eng", "eng_Latn"),
            ("en-US", "eng-US", "eng_Latn"),
            ("en_us", "eng-US", "eng_Latn"),
            ("en-AU", "eng", "eng_Latn"),
            ("pt", "por", "por_Latn"),
            ("pt-BR", "por-BR", "por_Latn"),
            ("pt_BR.UTF-8", "por-BR", "por_Latn"),
            ("zh", "zho-CN", "zho_Hans"),
            ("chi", "zho-CN", "zho_Hans"),
            ("cmn", "zho-CN", "zho_Hans"),
            ("zh-CN", "zho-CN", "zho_Hans"),
            ("zho_Hans", "zho-CN", "zho_Hans"),
            ("zh-TW", "zho-TW", "zho_Hant"),
            ("zh-Hant", "zho-TW", "zho_Hant"),
            ("nl", "nld", "nld_Latn"),
            ("dut", "nld", "nld_Latn"),
            ("he", "heb", "heb_Hebr"),
            ("iw", "heb", "heb_Hebr"),
            ("fa", "fas", "pes_Arab"),
            ("per", "fas", "pes_Arab"),
            ("fa-AF", "prs", "prs_Arab"),
            ("no", "nob", "nob_Latn"),
            ("nb", "nob", "nob_Latn"),
            ("nn", "nno", "nno_Latn"),
            ("ar", "arb", "arb_Arab"),
            ("ara", "arb", "arb_Arab"),
            ("az", "aze-Latn", "azj_Latn"),
            ("ckb", "ckb-Arab", "ckb_Arab"),
            ("ku", "kmr", "kmr_Latn"),
            ("ps", "pus", "pbt_Arab"),
            ("sr", "srp-Cyrl", "srp_Cyrl"),
            ("sq", "sqi", "als_Latn"),
            ("tl", "fil", "tgl_Latn"),
            ("ms", "msa", "zsm_Latn"),
            ("mn", "mon", "khk_Cyrl"),
        ],
    )
    def test_every_common_form_finds_its_column(self, label: str, ntrex: str, flores: str) -> None:
        assert (matching(label, NTREX), matching(label, FLORES)) == ([ntrex], [flores])

    @pytest.mark.parametrize(
        ("label", "codes", "expected"),
        [
            ("fr-CA", NTREX, "fra-CA"),
            ("es-MX", NTREX, "spa-MX"),
            ("es-419", NTREX, "spa"),
            ("sr_RS@latin", NTREX, "srp-Latn"),
            ("ar-Latn", FLORES, "arb_Latn"),
            ("ks-Deva", FLORES, "kas_Deva"),
            ("ca", FLORES, "cat_Latn"),
            ("ca-vale1252", FLORES, "cat_Latn_vale1252"),
            ("zh", ["eng", "zho_Hant"], "zho_Hant"),
            ("no", ["en", "nor", "nob"], "nor"),
            ("nb", ["en", "no"], "no"),
            ("en", ["en-US", "de-DE"], "en-US"),
            ("deu", ["de", "en"], "de"),
            ("spa", ["spa-ref2", "spa"], "spa"),
        ],
    )
    def test_the_exact_variety_first(self, label: str, codes: list[str], expected: str) -> None:
        assert matching(label, codes) == [expected]

    @pytest.mark.parametrize(
        ("label", "codes"),
        [
            ("gsw", ["gsw-BE", "gsw-ZH", "eng"]),
            ("en", ["en-GB", "en-US"]),
            ("de", ["deu", "ger"]),
            ("pt", ["por-BR", "por-PT"]),
        ],
    )
    def test_ambiguous_names_list_the_candidates(self, label: str, codes: list[str]) -> None:
        text = library.read_parallel({code: ["a"] for code in codes})
        assert matching(label, codes) == codes[:2]
        with pytest.raises(library.NotParallelError, match=f"may be any of {codes[0]}, {codes[1]}: name one"):
            text.find(label)
        with pytest.raises(library.NotParallelError, match="may be any of"):
            library.premium(text, pivot=label)

    @pytest.mark.parametrize(
        ("label", "codes"),
        [("zh-CN", ["eng", "zho_Hant"]), ("pt-BR", ["eng", "por-PT"]), ("sr-Latn", ["en", "srp_Cyrl"])],
    )
    def test_another_variety_is_offered_and_not_taken(self, label: str, codes: list[str]) -> None:
        with pytest.raises(library.NotParallelError, match=f"did you mean {codes[1]}"):
            library.read_parallel({code: ["a"] for code in codes}, languages=label)

    def test_every_code_finds_itself_and_its_canonical_form(self) -> None:
        for codes in (NTREX, FLORES):
            for code in codes:
                assert matching(code, codes) == [code]
                for form in (code.replace("_", "-"), code.replace("-", "_").upper()):
                    assert matching(form, codes) == [code], form

    def test_pivot_languages_and_report(self) -> None:
        text = {code: ["a b c"] * 3 for code in ("eng", "por", "por-BR", "fra", "fra-CA", "zho-CN")}
        report = library.premium(text, pivot="en", languages=["pt-BR", "fr-CA", "zh"])
        assert report.languages == ["eng", "por-BR", "fra-CA", "zho-CN"]
        for label, code in (("pt-BR", "por-BR"), ("fr_CA", "fra-CA"), ("zh-CN", "zho-CN"), ("EN", "eng")):
            assert report.get(label, "o200k_base").language == code
        for call in (
            lambda: report.get("xx", "o200k_base"),
            lambda: report.get("en", "o200k"),
            lambda: report.of("o200k"),
            lambda: report.summary_of("o200k"),
        ):
            with pytest.raises(library.UnknownGroupError, match="there is no"):
                call()

    def test_one_language_alone_is_an_error(self) -> None:
        for text, languages in (({"en": ["a"]}, []), ({"en": ["a"], "de": ["b"]}, ["en-US"])):
            with pytest.raises(library.NotParallelError, match="one language alone, en"):
                library.premium(text, pivot="en", languages=languages)

    @pytest.mark.skipif(corpora() is None, reason="needs the corpora")
    @pytest.mark.parametrize("name", ["ntrex128", "udhr"])
    def test_the_codes_of_real_text(self, name: str) -> None:
        folder = corpora()
        assert folder is not None
        codes = [path.stem for path in (folder / "parallel" / name).glob("[!_]*.txt")]
        table = (folder / "parallel" / name / "_LANGUAGES.tsv").read_text(encoding="utf-8")
        named = {line.split("\t")[0].split(" ")[0] for line in table.splitlines()}
        assert len(set(codes) & named) >= 120
        for code in codes:
            assert matching(code, codes) == [code]
            # In any case, the code alone or none that contradicts it.
            assert matching(code.upper(), codes) == [code], code
        for label, code in (("en", "eng"), ("nl", "nld"), ("he", "heb"), ("ja", "jpn"), ("vi", "vie")):
            assert matching(label, codes) == [code]


def po(path: Path, language: str | None, messages: list[str]) -> Path:
    header = '"Content-Type: text/plain; charset=UTF-8\\n"\n' + (f'"Language: {language}\\n"\n' if language else "")
    entries = "".join(
        f'\nmsgid "{source}"\nmsgstr "{message}"\n' for source, message in zip(ENGLISH, messages, strict=True)
    )
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'msgid ""\nmsgstr ""\n{header}{entries}', encoding="utf-8")
    return path


class TestPo:
    @pytest.fixture(autouse=True)
    def _polib(self) -> None:
        pytest.importorskip("polib")

    @pytest.mark.parametrize("header", ["de", "en"])
    def test_a_copied_header_gives_way_to_the_name(self, tmp_path: Path, header: str) -> None:
        paths = [po(tmp_path / "de.po", "de", GERMAN), po(tmp_path / "ja.po", header, JAPANESE)]
        for source in (tmp_path, paths):
            text = library.read_parallel(source)
            assert dict(text.units) == {"en": ENGLISH, "de": GERMAN, "ja": JAPANESE}

    def test_two_files_of_one_language_are_an_error(self, tmp_path: Path) -> None:
        paths = [po(tmp_path / "first.po", "de", GERMAN), po(tmp_path / "second.po", "de_DE.UTF-8", JAPANESE)]
        paths[1].write_text(paths[1].read_text(encoding="utf-8").replace("de_DE.UTF-8", "DE"), encoding="utf-8")
        with pytest.raises(library.NotParallelError, match=r"first.po and .*second.po both say .* CODE=PATH"):
            library.read_parallel(paths)
        named = [f"de={paths[0]}", f"ja={paths[1]}"]
        assert library.read_parallel(named).units["ja"] == JAPANESE

    def test_a_translation_into_the_language_of_its_messages_is_an_error(self, tmp_path: Path) -> None:
        path = po(tmp_path / "messages.po", "en", JAPANESE)
        with pytest.raises(library.NotParallelError, match="is that of its messages"):
            library.read_parallel(path)
        assert library.read_parallel(path, source_language="fr").languages == ["fr", "en"]

    def test_a_header_that_the_name_contradicts_in_three_letters_is_an_error(self, tmp_path: Path) -> None:
        path = po(tmp_path / "jpn.po", "de", JAPANESE)
        with pytest.raises(library.NotParallelError, match="the header says .* de, the name of the file jpn"):
            library.read_parallel(path)

    def test_varieties_and_names_of_programs_are_no_contradiction(self, tmp_path: Path) -> None:
        paths = [po(tmp_path / "app.po", "de", GERMAN), po(tmp_path / "pt.po", "pt_BR", GERMAN)]
        assert library.read_parallel(paths).languages == ["en", "de", "pt_BR"]

    def test_only_the_chosen_languages_must_have_a_message(self, tmp_path: Path) -> None:
        po(tmp_path / "de.po", "de", GERMAN)
        po(tmp_path / "ja.po", "ja", [JAPANESE[0], "", ""])
        assert len(library.read_parallel(tmp_path)) == 1
        text = library.read_parallel(tmp_path, languages=["en", "de"])
        assert (text.units["de"], dict(text.dropped)) == (GERMAN, {})


def tmx(path: Path, units: list[dict[str, str]], attributes: str = "") -> Path:
    body = "".join(
        "<tu>" + "".join(f'<tuv xml:lang="{code}"><seg>{text}</seg></tuv>' for code, text in unit.items()) + "</tu>"
        for unit in units
    )
    path.write_text(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<tmx version="1.4"{attributes}><header/><body>{body}</body></tmx>',
        encoding="utf-8",
    )
    return path


class TestTmx:
    def test_units_without_a_language_that_nobody_chose_stay(self, tmp_path: Path) -> None:
        units = [{"en": "a b", "de": "c d"}, {"en": "e f", "fr": "g h"}, {"en": "i j", "de": "k l", "fr": "m n"}]
        path = tmx(tmp_path / "three.tmx", units)
        text = library.read_parallel(path, languages=["en", "de"])
        assert (text.units["de"], dict(text.dropped)) == (["c d", "k l"], {"untranslated": 1})
        report = library.premium(path, pivot="en", languages="de")
        assert (report.manifest["units"], report.manifest["units_dropped"]) == (2, {"untranslated": 1})
        assert len(library.read_parallel(path)) == 1
        with pytest.raises(library.NotParallelError, match="no unit is there in every one of de, it"):
            library.read_parallel(tmx(path, [{"en": "a", "de": "b"}, {"it": "c", "en": "d"}]), languages=["de", "it"])

    def test_case_of_codes_says_nothing(self, tmp_path: Path) -> None:
        units = [{"en-US": "a b", "de-DE": "c d"}, {"en-us": "e f", "de_de": "g h"}]
        text = library.read_parallel(tmx(tmp_path / "case.tmx", units))
        assert dict(text.units) == {"en-US": ["a b", "e f"], "de-DE": ["c d", "g h"]}
        assert library.premium(text).manifest["units"] == 2

    def test_a_default_namespace(self, tmp_path: Path) -> None:
        units = [{"en": e, "de": d} for e, d in zip(ENGLISH, GERMAN, strict=True)]
        text = library.read_parallel(tmx(tmp_path / "ns.tmx", units, ' xmlns="http://www.lisa.org/tmx14"'))
        assert dict(text.units) == {"en": ENGLISH, "de": GERMAN}


class TestColumns:
    RECORDS = ({"en": "Good morning", "de": "Guten Morgen", "url": "https://example.org/long/path?x=1", "src": "wmt"},)

    def test_jsonl(self, tmp_path: Path) -> None:
        path = write_jsonl(tmp_path / "url.jsonl", [{"id": "x", "ok": "y", **self.RECORDS[0]}])
        report = library.premium(path)
        assert set(report.languages) == {"en", "de"}
        assert report.manifest["columns_passed_over"] == ["ok", "url", "src"]
        assert report.summary().endswith("; no languages: ok, url, src")
        assert set(library.premium(path, languages=["de", "src"]).languages) == {"en", "de", "src"}
        assert library.read_parallel(path, languages=["id", "en"]).languages == ["id", "en"]

    def test_tsv(self, tmp_path: Path) -> None:
        path = tmp_path / "x.tsv"
        path.write_text("id\turl\ten\tde\tref\n1\thttps://example.org\tGood\tGut\tx\n")
        assert library.read_parallel(path).languages == ["en", "de"]
        assert library.read_parallel(path, languages=["en", "url"]).languages == ["en", "url"]
        path.write_text("src\ttgt\nGood\tGut\n")
        with pytest.raises(library.NotParallelError, match=r"x.tsv: .* \(src, tgt: name a column"):
            library.read_parallel(path)
        path.write_text("en\tde\ten\nGood\tGut\tbad\n")
        with pytest.raises(library.NotParallelError, match="x.tsv:1: two columns are named en"):
            library.read_parallel(path)

    def test_a_language_that_the_first_record_lacks_is_not_dropped(self, tmp_path: Path) -> None:
        path = write_jsonl(tmp_path / "x.jsonl", [{"en": "a", "de": "b"}, {"en": "c", "de": "d", "fr": "e"}])
        with pytest.raises(library.MisalignedError, match="x.jsonl:1: field 'fr' is missing"):
            library.read_parallel(path)
        assert len(library.read_parallel(path, languages=["en", "de"])) == 2

    def test_a_carriage_return_and_a_long_cell(self, tmp_path: Path) -> None:
        path = tmp_path / "cr.tsv"
        long = "wort " * 40_000
        path.write_bytes(f"eng\tdeu\nGood morning.\tGuten\rMorgen.\nThanks\t{long}\n".encode())
        assert library.read_parallel(path).units["deu"] == ["Guten\rMorgen.", long]

    @pytest.mark.parametrize("form", ["%s", '{"translation":%s}'])
    def test_half_of_a_surrogate_pair_has_a_place(self, tmp_path: Path, form: str) -> None:
        path = tmp_path / "x.jsonl"
        path.write_text("\n".join([form % '{"en":"a","de":"b"}', "", form % r'{"en":"Good \ud83d","de":"Gut"}']))
        with pytest.raises(library.InvalidUtf8Error, match="x.jsonl:3: field 'en' holds half .* at character 5"):
            library.premium(path)
        result = fasttok("premium", path)
        assert (result.code, result.err.count("\n")) == (1, 1)

    def test_half_of_a_surrogate_pair_in_memory(self) -> None:
        with pytest.raises(library.InvalidUtf8Error, match="en: unit 2 holds half"):
            library.premium({"en": ["a", "b\ud83d"], "de": ["c", "d"]})

    @pytest.mark.parametrize("line", ['{"en":"a","de":NaN}', "[" * 100_000, '{"en":"a","de":"b","n":Infinity}'])
    def test_what_is_no_json_has_a_place(self, tmp_path: Path, line: str) -> None:
        path = tmp_path / "x.jsonl"
        path.write_text('{"en":"a","de":"b"}\n' + line + "\n")
        with pytest.raises(library.NotParallelError, match="x.jsonl:2: not JSON"):
            library.premium(path)

    def test_a_number_of_many_digits_is_no_harm(self, tmp_path: Path) -> None:
        path = tmp_path / "x.jsonl"
        path.write_text('{"en":"a","de":"b","n":%s}\n' % ("9" * 5000))
        assert library.read_parallel(path).languages == ["en", "de"]


class TestCompressed:
    def pack(self, path: Path, how: str) -> Path:
        data = path.read_bytes()
        packed = path.with_name(path.name + f".{how}")
        if how in ("gz", "gzip", "bgz"):
            packed.write_bytes(gzip.compress(data))
        else:
            packed.write_bytes(pytest.importorskip("zstandard").ZstdCompressor().compress(data))
        path.unlink()
        return packed

    @pytest.mark.parametrize("how", ["gz", "gzip", "bgz", "zst", "zstd"])
    def test_every_form(self, tmp_path: Path, how: str) -> None:
        pytest.importorskip("polib")
        units = [{"en": e, "de": d} for e, d in zip(ENGLISH, GERMAN, strict=True)]
        tsv = tmp_path / "x.tsv"
        tsv.write_text("".join("\t".join(row) + "\n" for row in [("en", "de"), *zip(ENGLISH, GERMAN, strict=True)]))
        made = [
            tsv,
            write_jsonl(tmp_path / "x.jsonl", units),
            tmx(tmp_path / "x.tmx", units),
            po(tmp_path / "de.po", "de", GERMAN),
        ]
        for path in made:
            text = library.read_parallel(self.pack(path, how))
            assert dict(text.units) == {"en": ENGLISH, "de": GERMAN}, path

    @pytest.mark.parametrize("how", ["gz", "zst"])
    @pytest.mark.parametrize("names", [("eng.txt", "deu.txt"), ("eng_Latn.dev", "deu_Latn.dev"), ("a.eng", "a.deu")])
    def test_a_file_a_language(self, tmp_path: Path, how: str, names: tuple[str, str]) -> None:
        packed = []
        for name, units in zip(names, (ENGLISH, GERMAN), strict=True):
            (tmp_path / name).write_text("\n".join(units))
            packed.append(self.pack(tmp_path / name, how))
        text = library.read_parallel(packed)
        assert list(text.units.values()) == [ENGLISH, GERMAN]
        if not names[0].startswith("a."):
            assert library.read_parallel(tmp_path, languages=["en", "de"]).units == text.units

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_a_byte_order_mark_is_no_text(self, tmp_path: Path, encoding: str) -> None:
        units = [{"en": e, "de": d} for e, d in zip(ENGLISH, GERMAN, strict=True)]
        rows = [("en", "de"), *zip(ENGLISH, GERMAN, strict=True)]
        (tmp_path / "eng.txt").write_text("\n".join(ENGLISH), encoding=encoding)
        (tmp_path / "deu.txt").write_text("\r\n".join(GERMAN), encoding=encoding)
        (tmp_path / "x.tsv").write_text("\n".join("\t".join(row) for row in rows), encoding=encoding)
        (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, units)), encoding=encoding)
        for source in (["eng.txt", "deu.txt"], ["x.tsv"], ["x.jsonl"]):
            text = library.read_parallel([tmp_path / name for name in source])
            assert list(text.units.values()) == [ENGLISH, GERMAN], source

    def test_damage_names_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "eng.txt").write_text("\n".join(ENGLISH))
        (tmp_path / "deu.txt.gz").write_bytes(gzip.compress("\n".join(GERMAN).encode())[:-9])
        with pytest.raises(library.FileError, match=r"deu.txt.gz:3: truncated"):
            library.read_parallel(tmp_path)

    def test_two_files_of_one_language(self, tmp_path: Path) -> None:
        for name in ("eng.txt", "eng.txt.gz", "deu.txt"):
            (tmp_path / name).write_text("a")
        with pytest.raises(library.NotParallelError, match=r"eng.txt and .*eng.txt.gz are both eng"):
            library.read_parallel(tmp_path)


def test_the_representation_is_short() -> None:
    text = library.read_parallel({f"l{i:02}": ["word " * 1000] * 50 for i in range(40)})
    assert len(repr(text)) < 120
    assert repr(text) == (
        "<fasttok.ParallelText of l00, l01, l02, l03, l04, l05, l06, l07, … (40 in all): 50 units each, memory>"
    )


def test_files_that_nobody_chose_are_not_read(tmp_path: Path) -> None:
    for code, units in (("eng", ENGLISH), ("deu", GERMAN), ("fra", GERMAN[:1])):
        (tmp_path / f"{code}.txt").write_text("\n".join(units))
    assert len(library.read_parallel(tmp_path, languages=["en", "de"])) == 3
    with pytest.raises(library.MisalignedError):
        library.read_parallel(tmp_path)
