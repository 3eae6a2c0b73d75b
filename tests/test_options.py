"""Every option of a run over files exists once: what takes it, shows it and records it is made from that."""

from __future__ import annotations

import base64
import gzip
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

import jsonschema
import pytest
from cli_support import fasttok
from test_accounts import PRICES

import fasttok as library
from fasttok import _fasttok
from fasttok.cli.app import app
from fasttok.cli.output import as_flags
from fasttok.measures.claims import check_claims
from fasttok.options import (
    CorpusKeywords,
    CorpusOptions,
    EstimatingKeywords,
    FilesKeywords,
    LogKeywords,
    ReadingKeywords,
    SamplingKeywords,
    options,
)
from fasttok.verify.compare import verify_files

TAKES: dict[str, tuple[Callable[..., Any], type[FilesKeywords]]] = {
    "count": (library.count_corpus, SamplingKeywords),
    "density": (library.density, EstimatingKeywords),
    "cost": (library.cost, CorpusKeywords),
    "prompts": (library.count_prompts, LogKeywords),
    "usage": (library.usage, LogKeywords),
    "claims": (check_claims, ReadingKeywords),
    "verify": (verify_files, ReadingKeywords),
}
NAMES = [option.name for option in options()]


def test_the_keywords_are_the_fields() -> None:
    assert get_type_hints(SamplingKeywords) == get_type_hints(CorpusOptions)
    assert get_type_hints(ReadingKeywords).items() <= get_type_hints(CorpusKeywords).items()


@pytest.mark.parametrize("name", NAMES)
def test_the_compiled_part_reads_every_option(name: str) -> None:
    given = {option.name: getattr(CorpusOptions(), option.name) for option in options() if option.name != name}
    with pytest.raises((AttributeError, TypeError), match=name):
        _fasttok.Documents(["-"], [], SimpleNamespace(**given))  # type: ignore[arg-type]


@pytest.mark.parametrize("command", TAKES)
def test_every_option_is_on_the_command_line(command: str) -> None:
    with app.make_context("fasttok", [command], resilient_parsing=True) as context:
        found = app.get_command(context, command)
    assert found is not None
    flags = {param.name: param.opts for param in found.params}
    for option in options(TAKES[command][1]):
        if option.flags:
            assert flags[option.name] == list(option.flags)


@pytest.mark.parametrize("command", [command for command in TAKES if command != "verify"])
def test_every_option_is_in_signatures_and_docstrings(command: str) -> None:
    function, keywords = TAKES[command]
    parameters = inspect.signature(function).parameters
    documented = inspect.getdoc(function) or ""
    for option in options(keywords):
        default = 10_000 if (command, option.name) == ("density", "max_groups") else option.default
        assert parameters[option.name].default == default
        assert f"\n{option.name}: " in documented
    assert "{options}" not in documented


def test_an_unknown_option_names_the_nearest(tmp_path: Path) -> None:
    for function in (library.count_corpus, library.density):
        with pytest.raises(TypeError, match=r"unexpected keyword argument 'text'; did you mean text_field\?"):
            function(tmp_path, text="body")
    with pytest.raises(TypeError, match="check_claims.. got an unexpected keyword argument 'max_groups'"):
        check_claims("r50k_base", texts={"eng": tmp_path}, max_groups=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("errors", "ignore", ValueError),
        ("special", "all", ValueError),
        ("threads", 0, ValueError),
        ("threads", 1.5, TypeError),
        ("max_groups", -1, ValueError),
        ("max_record_bytes", "1", TypeError),
        ("hidden", 1, TypeError),
        ("detect_language", "cld2", TypeError),
        ("max_errors", -1, ValueError),
        ("on_progress", True, TypeError),
        ("cancel", True, TypeError),
        ("files_from", 5, TypeError),
        ("text_field", 5, TypeError),
        ("format", "xml", ValueError),
    ],
)
def test_a_value_that_cannot_be(name: str, value: object, error: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(error, match=name):
        library.count_corpus(tmp_path, **{name: value})  # type: ignore[arg-type]


def test_annotations_can_be_read_at_run_time() -> None:
    functions = [value for name in library.__all__ if inspect.isfunction(value := getattr(library, name))]
    assert library.count_corpus in functions and len(functions) > 10
    for function in functions:
        assert "return" in get_type_hints(function), function


def test_messages_name_flags_on_the_command_line() -> None:
    for message, expected in [
        ('not UTF-8 at byte 3; errors="replace" counts U+FFFD there', "not UTF-8 at byte 3; --errors replace counts"),
        ("decompress=True counts them", "--decompress counts them"),
        ("more groups than 3; max_groups=N allows more", "more groups than 3; --max-groups N allows more"),
        ('ignore_files=False and format="text"', "--no-ignore and --format text"),
        ("a=b.txt: text=1", "a=b.txt: text=1"),
    ]:
        assert as_flags(message).startswith(expected)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of which each row is counted or not as an option says."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(b'{"text":"one"}\n{"text":"caf\xe9"}\n{"text":"a \\ud83d"}\n{"body":"two"}\n')
    (folder / "long.jsonl").write_bytes(b'{"text":"' + b"long " * 100 + b'"}\n')
    (folder / ".hidden.jsonl").write_bytes(b'{"text":"hidden"}\n')
    (folder / ".ignore").write_text("ignored.jsonl\n")
    (folder / "ignored.jsonl").write_bytes(b'{"text":"ignored"}\n')
    (folder / "packed.txt.gz").write_bytes(gzip.compress(b"packed"))
    (folder / "lines.txt").write_text("one line\nanother\n")
    return folder


READ: list[dict[str, Any]] = [
    {},
    {"errors": "replace"},
    {"hidden": True},
    {"ignore_files": False},
    {"decompress": True},
    {"lines": True},
    {"max_record_bytes": 100},
    {"text_field": "body"},
    {"format": "lines"},
    {"threads": 1},
    {"hidden": True, "errors": "replace", "decompress": True, "ignore_files": False},
]


@pytest.mark.parametrize("given", READ, ids=str)
def test_every_command_reads_the_same(folder: Path, given: dict[str, Any]) -> None:
    """Rows and manifest are those of `count`, by the library and by the command line."""
    counted = library.count_corpus(folder, "r50k_base", **given)
    told = counted.manifest
    recorded = [name for name in options(ReadingKeywords) if name.help.is_recorded]
    reports: dict[str, Any] = {
        "density": library.density(folder, "r50k_base", by="file", **given),
        "cost": library.cost(folder, "m", prices=PRICES, **given),
        "claims": check_claims("r50k_base", texts={"eng": folder}, **given),
    }
    for command, report in reports.items():
        assert report.ledger == counted.ledger, command
        for name in [*(option.name for option in recorded), "files", "files_ignored", "files_packed", "bytes_read"]:
            assert report.manifest[name] == told[name], (command, name)
    flags = []
    for option in options():
        if option.name in given and option.type is bool:
            flags += [option.flags[-1]]
        elif option.name in given:
            flags += [option.flags[-1], str(given[option.name])]
    (folder.parent / "prices.json").write_text(json.dumps(PRICES))
    for arguments in (
        ["count", "-e", "r50k_base", folder],
        ["density", "-e", "r50k_base", "--by", "file", folder],
        ["cost", "-m", "m", "--prices", folder.parent / "prices.json", folder],
        ["claims", "-e", "r50k_base", "--text", f"eng={folder}"],
    ):
        result = fasttok(*arguments, *flags, "--json")
        assert result.json()["ledger"] == counted.ledger.to_dict(), (arguments, result.err)
        assert result.code == (3 if counted.ledger.skipped else 0)


def test_the_last_lines_are_the_same(folder: Path) -> None:
    (folder.parent / "prices.json").write_text(json.dumps(PRICES))
    again = folder / ".." / "data" / "a.jsonl"
    for arguments in (
        ["count", "-e", "r50k_base", folder, again],
        ["density", "-e", "r50k_base", folder, again],
        ["cost", "-m", "m", "--prices", folder.parent / "prices.json", folder, again],
    ):
        result = fasttok(*arguments)
        assert "not unpacked: 1 archive or compressed file without records; -z counts them" in result.err, arguments
        assert "1 file was found again under another path or name" in result.err, arguments
        assert "--errors replace counts U+FFFD there" in result.err and 'errors="replace"' not in result.err
        assert result.code == 3
    result = fasttok("claims", "-e", "r50k_base", "--text", f"eng={folder}")
    assert "not unpacked: 1 archive or compressed file" in result.err and "--errors replace" in result.err


@pytest.mark.parametrize("command", ["count", "density", "cost", "claims"])
def test_the_ledger_file_has_every_skipped_row(command: str, tmp_path: Path) -> None:
    """Those of the reader and those of the tokenizer, however many commands read."""
    for name in ("a", "b"):
        rows = [{"text": "fine"}, {"text": 5}, {"text": "x <|endoftext|>"}, {"no": "text"}]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    ledger = tmp_path / "ledger.jsonl"
    report: Any
    if command == "claims":
        report = check_claims("r50k_base", texts={"eng": paths[0], "deu": paths[1]}, ledger_path=ledger)
    elif command == "cost":
        report = library.cost(paths, "m", prices=PRICES, special="error", ledger_path=ledger)
    else:
        run: Any = library.count_corpus if command == "count" else library.density
        report = run(paths, "r50k_base", by="file", special="error", ledger_path=ledger)
    written = [json.loads(line) for line in ledger.read_text("utf-8").splitlines()]
    assert sorted(written, key=lambda row: (row["file"], row["line"])) == report.ledger.to_dict()["entries"]
    assert len(written) == report.ledger.skipped == (4 if command == "claims" else 6)
    assert list(tmp_path.glob(".*")) == []


def test_cost_has_language_labels(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "a.jsonl").write_text('{"text":"eins"}\n{"text":"zwei", "lang":"eng_Latn"}\n')
    (tmp_path / "b.jsonl").write_text('{"text":"one"}\n')
    given: dict[str, Any] = {"language_field": "lang", "language_from_path": True}
    counted = library.count_corpus(tmp_path, "r50k_base", **given)
    cost = library.cost(tmp_path, "m", prices=PRICES, **given)
    assert {row.key["language"]: row.documents for row in cost.groups} == {"de": 1, "en": 1, "und": 1}
    assert {group.key["language"]: group.documents for group in counted.groups} == {"de": 1, "en": 1, "und": 1}
    assert cost.manifest["languages"] == counted.manifest["languages"]
    detected = library.cost(tmp_path, "m", prices=PRICES, detect_language=lambda texts: ["fr"] * len(texts))
    assert [row.key["language"] for row in detected.groups] == ["fr"]


def test_cost_has_at_most_so_many_groups(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": "a", "id": i}) + "\n" for i in range(5)))
    assert len(library.cost(tmp_path, "m", by="id", prices=PRICES, max_groups=5).groups) == 5
    messages = []
    for run in (
        lambda: library.cost(tmp_path, "m", by="id", prices=PRICES, max_groups=4),
        lambda: library.count_corpus(tmp_path, "r50k_base", by="id", max_groups=4),
    ):
        with pytest.raises(library.TooManyGroupsError) as raised:
            run()
        assert (raised.value.by, raised.value.max_groups) == (["id"], 4)
        messages.append(str(raised.value))
    assert messages[0] == messages[1]
    (tmp_path / "prices.json").write_text(json.dumps(PRICES))
    result = fasttok("cost", tmp_path / "a.jsonl", "-m", "m", "--prices", tmp_path / "prices.json", "--by", "id",
                     "--max-groups", "4")  # fmt: skip
    assert result.code == 1 and "--max-groups N allows more" in result.err


@pytest.mark.parametrize("name", ["report", "density", "cost", "prompts", "usage", "claims", "verification"])
def test_schemas_have_every_option_that_is_recorded(name: Any) -> None:
    """As it is declared, with the values that `CorpusOptions` takes and no others."""
    said: dict[str, tuple[type[FilesKeywords], str]] = dict.fromkeys(
        ("claims", "verification"), (ReadingKeywords, "reading_options")
    )
    said["prompts"] = said["usage"] = LogKeywords, "log_options"
    keywords, called = said.get(name, (CorpusKeywords, "corpus_options"))
    found = library.schema(name)["$defs"][called]
    recorded = [option for option in options(keywords) if option.help.is_recorded]
    assert list(found["properties"]) == found["required"] == [option.name for option in recorded]
    for option in recorded:
        schema = found["properties"][option.name]
        for value in (*option.choices, None, True, 0, 1, 1.5, "x"):
            try:
                CorpusOptions(**{option.name: value})
            except (ValueError, TypeError):
                is_taken = False
            else:
                is_taken = True
            if option.type == (str | None):  # Its values are not checked one by one.
                is_taken = isinstance(value, str) or (value is None and option.help.none_means is None)
            if option.is_list_of_names:  # One name is a list of it.
                value, is_taken = [value], isinstance(value, str)
            assert jsonschema.Draft202012Validator(schema).is_valid(value) == is_taken, (option.name, value)


def test_files_without_a_checksum_are_named(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard", reason="needs zstandard to write frames without a checksum")
    data = b'{"text":"a"}\n'
    for name, has_checksum in (("a", True), ("b", False), ("c", False)):
        packed = zstandard.ZstdCompressor(write_checksum=has_checksum).compress(data)
        (tmp_path / f"{name}.jsonl.zst").write_bytes(packed)
    expected = [{"file": str(tmp_path / f"{name}.jsonl.zst"), "checksum": "none"} for name in "bc"]
    for report in (
        library.count_corpus(tmp_path, "r50k_base"),
        library.cost(tmp_path, "m", prices=PRICES),
        check_claims("r50k_base", texts={"eng": tmp_path}),
    ):
        assert (report.manifest["files_unchecked"], report.manifest["unchecked"]) == (2, expected)


def test_a_field_that_many_records_lack_is_warned_of_while_the_run_goes_on(tmp_path: Path) -> None:
    rows = b'{"text":"a"}\n' * 300_000
    (tmp_path / "a.jsonl").write_bytes(rows + b'{"text":"a","late":"x"}\n')
    with pytest.warns(UserWarning, match=r"none of the first [\d,]+ records has the field 'late'; the run goes on"):
        report = library.cost(tmp_path, "m", by="late", prices=PRICES)
    assert {row.key["late"]: row.documents for row in report.groups} == {"x": 1, None: 300_000}


def test_texts_given_for_paths_are_told_what_to_call() -> None:
    import numpy as np

    texts = ["hello", "how are you", "x"]
    for given, error in (
        (texts, library.NotFoundError),
        (tuple(texts), library.NotFoundError),
        (np.array(texts), TypeError),
    ):
        for run in (library.count_corpus, library.density):
            with pytest.raises(error, match=r"to count texts call Encoding.count_batch\(texts\)"):
                run(given)
    with pytest.raises(library.NotFoundError, match="count_batch"):
        library.count_corpus("one text of some words")
    with pytest.raises(library.NotFoundError) as raised:
        library.count_corpus("a-file")
    assert "count_batch" not in str(raised.value)


@pytest.mark.parametrize("command", ["cost", "claims", "verify"])
def test_an_interrupted_run_leaves_the_ledger_so_far(command: str, tmp_path: Path) -> None:
    rows = b'{"text":5}\n' * 10 + b'{"text":"a"}\n' * 100_000
    (tmp_path / "a.jsonl").write_bytes(rows)
    ledger = tmp_path / "ledger.jsonl"

    def interrupt(now: object) -> None:
        raise KeyboardInterrupt

    given: dict[str, Any] = {"ledger_path": ledger, "on_progress": interrupt}
    with pytest.raises(KeyboardInterrupt) as raised:
        if command == "cost":
            library.cost(tmp_path / "a.jsonl", "m", prices=PRICES, **given)
        elif command == "claims":
            check_claims("r50k_base", texts={"eng": tmp_path / "a.jsonl"}, **given)
        else:
            pytest.importorskip("tiktoken")
            verify_files(library.load(byte_ranks(tmp_path), pattern="gpt2"), tmp_path / "a.jsonl", built_in=0, **given)
    assert f"the rows skipped until then are in {ledger}" in raised.value.notes  # type: ignore[attr-defined]
    assert [json.loads(line)["line"] for line in ledger.read_text("utf-8").splitlines()] == list(range(1, 11))
    assert list(tmp_path.glob(".*")) == []


def byte_ranks(folder: Path) -> Path:
    """A rank file of the 256 bytes."""
    lines = [f"{base64.b64encode(bytes([byte])).decode()} {byte}\n" for byte in range(256)]
    (folder / "bytes.tiktoken").write_text("".join(lines))
    return folder / "bytes.tiktoken"


def test_an_error_before_the_first_row_is_not_hidden_by_the_ledger(tmp_path: Path) -> None:
    for paths, error in ((tmp_path / "*.jsonl", library.FileError), (tmp_path / "none.jsonl", library.NotFoundError)):
        for run in (
            lambda paths: library.count_corpus(paths, "r50k_base", ledger_path=tmp_path / "ledger.jsonl"),
            lambda paths: library.cost(paths, "m", prices=PRICES, ledger_path=tmp_path / "ledger.jsonl"),
            lambda paths: check_claims("r50k_base", texts={"eng": paths}, ledger_path=tmp_path / "ledger.jsonl"),
        ):
            with pytest.raises(error):
                run(paths)
    assert list(tmp_path.iterdir()) == []
