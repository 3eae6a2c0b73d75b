"""Parquet and Arrow IPC as other programs write them, held against what pyarrow reads and tiktoken counts."""

from __future__ import annotations

import datetime
import decimal
import gzip
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_support import fasttok

import fasttok as library

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
tiktoken = pytest.importorskip("tiktoken")

WORDS = ["the", "Straße", "中文字", "it's", "12345", "  ", "नमस्ते", "x = f(y);", "😀", "\n", "na\u0308ive", ""]


@pytest.fixture(autouse=True)
def ranks(tiktoken_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tiktoken_cache))


def texts(n: int, seed: int = 0, nulls: bool = False) -> list[str | None]:
    pick = random.Random(seed)
    return [
        None if nulls and pick.random() < 0.1 else " ".join(pick.choices(WORDS, k=pick.randrange(30))) for _ in range(n)
    ]


def reference(values: list[str | None]) -> tuple[int, int]:
    """Documents and tokens as the definition has them."""
    encoding = tiktoken.get_encoding("r50k_base")
    there = [value for value in values if value is not None]
    return len(there), sum(len(encoding.encode_ordinary(value)) for value in there)


def count(path: Path, **options: Any) -> Any:
    report = library.count_corpus(path, "r50k_base", **options)
    ledger = report.ledger
    assert ledger.seen == ledger.counted + ledger.skipped
    assert sum(entry.rows for entry in ledger.entries) == ledger.skipped
    return report


def totals(report: Any) -> tuple[int, int]:
    data = report.to_dict()["totals"]
    return data["documents"], data["encodings"]["r50k_base"]["tokens"]


def check(path: Path, values: list[str | None], **options: Any) -> Any:
    report = count(path, **options)
    assert totals(report) == reference(values)
    nulls = sum(value is None for value in values)
    assert report.ledger.by_reason == ({"null_field": nulls} if nulls else {})
    return report


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_parquet_of_every_codec_and_page(tmp_path: Path, codec: str, version: str) -> None:
    values = texts(3000, nulls=True)
    table = pa.table({"id": range(3000), "text": values, "lang": [f"l{i % 7}" for i in range(3000)]})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, compression=codec, data_page_version=version, row_group_size=700, data_page_size=4096)
    report = check(path, values, by=["lang"])
    assert [group["documents"] for group in report.to_dict()["groups"]] == [
        sum(value is not None for value in values[i::7]) for i in range(7)
    ]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("encoding", ["dictionary", "PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"])
@pytest.mark.parametrize("kind", ["string", "large_string", "string_view", "binary"])
def test_parquet_of_every_encoding(tmp_path: Path, encoding: str, version: str, kind: str) -> None:
    values = texts(2000, nulls=True) + [None] * 500 + ["same"] * 500
    if kind == "binary":
        column = pa.array([None if v is None else v.encode() for v in values], pa.binary())
    else:
        column = pa.array(values, getattr(pa, kind)())
    path = tmp_path / "a.parquet"
    how: dict[str, Any] = (
        {"use_dictionary": True}
        if encoding == "dictionary"
        else {
            "use_dictionary": False,
            "column_encoding": {"text": encoding},
        }
    )
    pq.write_table(pa.table({"text": column}), path, data_page_version=version, **how)
    check(path, values)


def test_parquet_by_other_writers(tmp_path: Path) -> None:
    values = texts(5000, nulls=True)
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"text": values, "n": range(5000)})
    for codec in ("uncompressed", "snappy", "gzip", "brotli", "zstd", "lz4"):
        frame.write_parquet(tmp_path / f"{codec}.parquet", compression=codec, row_group_size=1000)
        check(tmp_path / f"{codec}.parquet", values)
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    pq.write_table(pa.table({"text": values}), tmp_path / "source.parquet")
    for codec in ("uncompressed", "snappy", "gzip", "brotli", "zstd", "lz4_raw"):
        for version in ("V1", "V2"):
            path = tmp_path / f"duck-{codec}-{version}.parquet"
            duckdb.sql(
                f"copy (select * from '{tmp_path / 'source.parquet'}') to '{path}' "
                f"(format parquet, codec '{codec}', parquet_version {version})"
            )
            check(path, values)


def test_empty_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), path)
    assert count(path).ledger.seen == 0
    pq.write_table(pa.table({}), path)
    assert count(path).ledger.seen == 0
    pq.write_table(pa.table({"other": pa.array([], pa.string())}), path)
    assert count(path).ledger.seen == 0


def test_fields_that_are_not_there_or_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table(
        {
            "n": [1, 2, 3],
            "list": [[1], [2], []],
            "lists": [[["a"]], [["b"]], []],
            "map": pa.array([[("a", "b")]] * 3, pa.map_(pa.string(), pa.string())),
            "meta": [{"text": "x", "n": 1}, {"text": None, "n": 2}, None],
            "a.b": ["p", "q", "r"],
        }
    )
    pq.write_table(table, path, row_group_size=2)
    with pytest.raises(library.errors.FasttokError, match=r"meta\.text"):
        count(path)
    for field in ("n", "list", "lists", "map", "meta", "list.list.element", "map.key_value.key"):
        report = count(path, text_field=field)
        assert report.ledger.by_reason == {"not_a_string": 3}, field
        assert [(e.position["row_group"], e.rows) for e in report.ledger.entries] == [(0, 2), (1, 1)]
    report = count(path, text_field="meta.text", by=["meta.n"])
    assert totals(report)[0] == 1 and report.ledger.by_reason == {"null_field": 2}
    assert [e.position for e in report.ledger.entries] == [{"row_group": 0, "row": 1}, {"row_group": 1, "row": 0}]
    assert totals(count(path, text_field="a.b"))[0] == 3
    with pytest.raises(library.errors.FasttokError, match="nothing"):
        count(path, text_field="a.b", by=["nothing"])


VALUES: dict[str, tuple[Any, list[Any], list[str]]] = {
    "bool": (pa.bool_(), [True, False], ["true", "false"]),
    "int8": (pa.int8(), [-1, 7], ["-1", "7"]),
    "uint64": (pa.uint64(), [2**64 - 1, 0], ["18446744073709551615", "0"]),
    "uint32": (pa.uint32(), [2**32 - 1, 0], ["4294967295", "0"]),
    "int64": (pa.int64(), [-(2**63), 1], ["-9223372036854775808", "1"]),
    "float": (pa.float32(), [0.1, 1.0], ["0.1", "1.0"]),
    "double": (pa.float64(), [0.1, float("nan")], ["0.1", "NaN"]),
    "half": (pa.float16(), [0.5, -2.0], ["0.5", "-2.0"]),
    "decimal": (
        pa.decimal128(9, 2),
        [decimal.Decimal("-0.05"), decimal.Decimal("1234567.89")],
        ["-0.05", "1234567.89"],
    ),
    "decimal256": (
        pa.decimal256(50, 3),
        [decimal.Decimal("1.000"), decimal.Decimal(-(10**40))],
        ["1.000", f"-{10**40}.000"],
    ),
    "date": (pa.date32(), [datetime.date(2024, 2, 29), datetime.date(1969, 12, 31)], ["2024-02-29", "1969-12-31"]),
    "time": (pa.time64("us"), [datetime.time(12, 34, 56), datetime.time(1, 2, 3, 4)], ["12:34:56", "01:02:03.000004"]),
    "timestamp": (
        pa.timestamp("ms"),
        [datetime.datetime(2024, 5, 1, 12), datetime.datetime(1969, 12, 31, 23, 59, 59, 5000)],
        ["2024-05-01T12:00:00", "1969-12-31T23:59:59.005"],
    ),
    "utc": (
        pa.timestamp("us", "UTC"),
        [datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC), None],
        ["2024-05-01T00:00:00Z"],
    )
    if hasattr(datetime, "UTC")
    else (pa.int8(), [1], ["1"]),
    "string": (pa.string(), ["中", ""], ["中", ""]),
    "large": (pa.large_string(), ["a", None], ["a"]),
    "view": (pa.string_view(), ["short", "longer than twelve bytes"], ["short", "longer than twelve bytes"]),
    "dictionary": (pa.dictionary(pa.int8(), pa.string()), ["x", "y"], ["x", "y"]),
    "fixed": (pa.binary(2), [b"\x01\xff", None], ["01ff"]),
}


def write_parquet(table: Any, path: Path) -> None:
    pq.write_table(table, path)


def write_file(table: Any, path: Path, **options: Any) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema, **options) as writer:
        writer.write_table(table, max_chunksize=700)


def write_stream(table: Any, path: Path, **options: Any) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema, **options) as writer:
        writer.write_table(table, max_chunksize=700)


WRITERS: dict[str, Callable[..., None]] = {"parquet": write_parquet, "arrow": write_file, "arrows": write_stream}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("format", WRITERS)
def test_values_of_groups(tmp_path: Path, format: str, name: str) -> None:
    kind, values, written = VALUES[name]
    path = tmp_path / f"a.{format}"
    column = pa.array(values, kind) if name != "dictionary" else pa.array(values).dictionary_encode()
    WRITERS[format](pa.table({"text": ["a"] * len(values), "g": column}), path)
    groups = [group["key"]["g"] for group in count(path, by=["g"]).to_dict()["groups"]]
    assert sorted(group for group in groups if group is not None) == sorted(written)
    assert (None in groups) == (None in values)


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view", "binary", "dictionary"])
@pytest.mark.parametrize("codec", [None, "lz4", "zstd"])
@pytest.mark.parametrize("format", ["arrow", "arrows"])
def test_arrow_of_every_kind(tmp_path: Path, format: str, codec: str | None, kind: str) -> None:
    values = [*texts(3000, nulls=True), "longer than twelve bytes, and again " * 30_000]
    if kind == "dictionary":
        column = pa.array(values).dictionary_encode()
    elif kind == "binary":
        column = pa.array([None if v is None else v.encode() for v in values], pa.binary())
    else:
        column = pa.array(values, getattr(pa, kind)())
    # What is before the text in a batch is passed over, whatever it is made of.
    before = {
        "n": range(len(values)),
        "list": pa.array([[1, 2]] * len(values)),
        "map": pa.array([[("a", 1)]] * len(values), pa.map_(pa.string(), pa.int8())),
        "fixed": pa.array([[1.0, 2.0]] * len(values), pa.list_(pa.float32(), 2)),
        "struct": pa.array([{"a": {"b": "x"}, "c": None}] * len(values)),
        "view": pa.array(["many bytes, and more than twelve"] * len(values), pa.string_view()),
        "null": pa.nulls(len(values)),
        "bool": [True] * len(values),
        "flag": pa.array(["x", "y", "z"][:3] * (len(values) // 3) + ["x"] * (len(values) % 3)).dictionary_encode(),
    }
    table = pa.table({**before, "text": column, "after": ["x"] * len(values)})
    path = tmp_path / f"a.{format}"
    WRITERS[format](table, path, options=pa.ipc.IpcWriteOptions(compression=codec))
    report = check(path, values, by=["flag", "bool"])
    assert len(report.to_dict()["groups"]) == 3


def test_arrow_by_other_writers(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    values = texts(5000, nulls=True)
    frame = polars.DataFrame({"n": range(5000), "text": values, "flag": ["x", "y"] * 2500}).with_columns(
        polars.col("flag").cast(polars.Categorical)
    )
    for codec in ("uncompressed", "lz4", "zstd"):
        frame.write_ipc(tmp_path / "a.arrow", compression=codec)
        check(tmp_path / "a.arrow", values, by=["flag"])
        frame.write_ipc_stream(tmp_path / "a.arrows", compression=codec)
        check(tmp_path / "a.arrows", values, by=["flag"])


def test_arrow_fields(tmp_path: Path) -> None:
    table = pa.table(
        {
            "n": [1, 2, 3],
            "list": [[1], [2], []],
            "lists": [[["a"]], [["b"]], []],
            "strings": [["a"], ["b"], []],
            "map": pa.array([[("a", "b")]] * 3, pa.map_(pa.string(), pa.string())),
            "meta": pa.array([{"text": "x", "n": 1}, {"text": None, "n": 2}, None]),
            "a.b": ["p", "q", "r"],
        }
    )
    for format in ("arrow", "arrows"):
        path = tmp_path / f"a.{format}"
        WRITERS[format](table, path)
        with pytest.raises(library.errors.FasttokError, match=r"meta\.text"):
            count(path)
        for field in ("n", "list", "lists", "map", "meta", "strings.item"):
            report = count(path, text_field=field)
            assert report.ledger.by_reason == {"not_a_string": 3}, field
        report = count(path, text_field="meta.text", by=["meta.n"])
        assert totals(report)[0] == 1 and report.ledger.by_reason == {"null_field": 2}
        assert [e.position for e in report.ledger.entries] == [{"row_group": 0, "row": 1}, {"row_group": 0, "row": 2}]
        assert totals(count(path, text_field="a.b"))[0] == 3
        WRITERS[format](table.slice(0, 0), path)
        assert count(path, text_field="a.b").ledger.seen == 0


def lists(n: int, seed: int) -> list[list[str | None] | None]:
    """Lists of strings, of which some are null, empty or have null in them, and one is long."""
    pick = random.Random(seed)
    some: list[list[str | None] | None] = [
        None if pick.random() < 0.1 else texts(pick.choice([0, 1, 2, 9]), seed=i, nulls=pick.random() < 0.2)
        for i in range(n)
    ]
    return [*some[: n // 2], ["long", *texts(3000, seed)], *some[n // 2 :]]


def joined(value: list[str | None] | None) -> str | None:
    """The text that a list is, or null."""
    return None if value is None or None in value else "\n".join(str(element) for element in value)


def check_lists(path: Path, values: list[list[str | None] | None], **options: Any) -> None:
    """They are what the same lists are in JSON."""
    expected = [joined(value) for value in values]
    check(path, expected, **options)
    field = options.get("text_field", "text")
    assert [d.text for d in library.documents(path, text_field=field)] == [t for t in expected if t is not None]
    as_json = path.with_name("lists.jsonl")
    as_json.write_text("".join(json.dumps({"text": value}) + "\n" for value in values))
    check(as_json, expected)


LISTS: dict[str, Any] = {
    "list": pa.list_(pa.string()),
    "large": pa.large_list(pa.large_string()),
    "view": pa.list_(pa.string_view()),
    "binary": pa.large_list(pa.binary()),
    "dictionary": pa.list_(pa.dictionary(pa.int32(), pa.string())),
    "not null": pa.list_(pa.field("element", pa.string(), nullable=False)),
}


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("format", WRITERS)
def test_lists_of_strings(tmp_path: Path, format: str, kind: str) -> None:
    values = lists(2000, seed=3)
    if kind == "not null":
        values = [value for value in values if value is None or None not in value]
    made = values if kind != "binary" else [v and [e if e is None else e.encode() for e in v] for v in values]
    path = tmp_path / f"a.{format}"
    inside = pa.StructArray.from_arrays(
        [pa.array(range(len(values))), pa.array(made, LISTS[kind])],
        names=["n", "list"],
        mask=pa.array([i % 3 == 0 for i in range(len(values))]),
    )
    table = pa.table(
        {"before": pa.array([["a"], None] * len(values))[: len(values)], "text": pa.array(made, LISTS[kind])}
    )
    WRITERS[format](table.append_column("meta", inside).append_column("g", pa.array(range(len(values)))), path)
    check_lists(path, values)
    check(path, [joined(value) if i % 3 else None for i, value in enumerate(values)], text_field="meta.list")
    (by_list,) = {entry.reason for entry in count(path, by=["before"]).ledger.entries}
    assert by_list == "not_a_string"


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", ["none", "snappy", "zstd"])
@pytest.mark.parametrize("encoding", ["dictionary", "PLAIN", "DELTA_BYTE_ARRAY"])
def test_lists_in_parquet_of_every_page(tmp_path: Path, encoding: str, codec: str, version: str) -> None:
    values = lists(1500, seed=4)
    path = tmp_path / "a.parquet"
    how: dict[str, Any] = (
        {"use_dictionary": True}
        if encoding == "dictionary"
        else {"use_dictionary": False, "column_encoding": {"text.list.element": encoding}}
    )
    # A list goes over many pages.
    pq.write_table(
        pa.table({"id": range(len(values)), "text": values}),
        path,
        compression=codec,
        data_page_version=version,
        data_page_size=512,
        write_batch_size=7,
        row_group_size=400,
        **how,
    )
    check_lists(path, values)


def test_lists_by_other_writers(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    values = lists(3000, seed=5)
    frame = polars.DataFrame({"text": values}, schema={"text": polars.List(polars.String)})
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=1000)
    frame.write_ipc(tmp_path / "a.arrow", compression="zstd")
    for name in ("a.parquet", "a.arrow"):
        check_lists(tmp_path / name, values)
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    for version in ("V1", "V2"):
        path = tmp_path / "b.parquet"
        duckdb.sql(
            f"copy (select * from '{tmp_path / 'a.parquet'}') to '{path}' (format parquet, parquet_version {version})"
        )
        check_lists(path, values)


@pytest.mark.parametrize("codec", [None, "zstd"])
@pytest.mark.parametrize("format", WRITERS)
def test_a_list_that_is_too_long(tmp_path: Path, format: str, codec: str | None) -> None:
    values: list[list[str | None] | None] = [["a", "b"]] * 500
    values[200:200] = [["many words of it"] * 70_000, ["many words " * 100_000]]
    path = tmp_path / f"a.{format}"
    table = pa.table({"text": values, "again": [value and value[-1] for value in values]})
    if format == "parquet":
        pq.write_table(table, path, compression=codec or "none", use_dictionary=False)
    else:
        WRITERS[format](table, path, options=pa.ipc.IpcWriteOptions(compression=codec))
    check_lists(path, values)
    most = 16 << 20 if codec else 1 << 20
    if codec:
        # A compressed buffer is unpacked whole, and as much has to be allowed.
        assert count(path, max_record_bytes=most).ledger.by_reason == {}
        return
    for field, n in (("text", 2), ("again", 1)):
        report = count(path, max_record_bytes=most, text_field=field)
        assert report.ledger.by_reason == {"record_too_large": n}
        assert {entry.position["row"] for entry in report.ledger.entries} <= {200, 201}
        assert report.ledger.counted == len(values) - n


@pytest.mark.parametrize("format", ["arrow", "arrows"])
def test_a_list_of_more_nulls_than_can_be_gone_through(tmp_path: Path, format: str) -> None:
    # Nulls have no buffer: a file of some hundred bytes may claim any number of them.
    nulls = pa.Array.from_buffers(pa.null(), 2**60, [None], null_count=2**60)
    lists = pa.LargeListArray.from_arrays(pa.array([0, 0, 3, 2**60], pa.int64()), nulls)
    path = tmp_path / f"a.{format}"
    WRITERS[format](pa.table({"text": lists}), path, options=pa.ipc.IpcWriteOptions(allow_64bit=True))
    report = count(path)
    assert (report.ledger.counted, report.ledger.by_reason) == (1, {"null_field": 2})


@pytest.mark.parametrize("format", WRITERS)
def test_damaged_lists(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"a.{format}"
    values = [texts(i % 4, seed=i) for i in range(300)]
    WRITERS[format](pa.table({"text": values}), path)
    found = accounted(path, 300, 8)
    assert found["corrupt"] + found["truncated"] >= 150, found


def test_a_stream_through_a_pipe_and_out_of_gzip(tmp_path: Path) -> None:
    values = texts(2000)
    path = tmp_path / "a.arrows"
    write_stream(pa.table({"text": values}), path)
    packed = tmp_path / "b.arrows.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    check(packed, values)
    result = fasttok("count", "-", "-e", "r50k_base", "--json", stdin=path.read_bytes())
    assert json.loads(result.out)["totals"]["encodings"]["r50k_base"]["tokens"] == reference(values)[1]
    # What came before the end is counted.
    path.write_bytes(path.read_bytes()[:-2000])
    report = count(path)
    assert totals(report) == reference(values[:1400])
    (entry,) = report.ledger.entries
    assert (entry.reason, entry.position["row_group"]) == ("truncated", 2)
    with pytest.raises(library.errors.FileError):
        count(path, on_error="fail")


@pytest.mark.parametrize("codec", [None, "zstd"])
@pytest.mark.parametrize("kind", ["string", "string_view", "dictionary"])
@pytest.mark.parametrize("format", ["arrow", "arrows"])
def test_damaged_arrow(tmp_path: Path, format: str, kind: str, codec: str | None) -> None:
    column: Any = pa.array(texts(300))
    column = column.dictionary_encode() if kind == "dictionary" else column.cast(getattr(pa, kind)())
    path = tmp_path / f"a.{format}"
    WRITERS[format](pa.table({"text": column}), path, options=pa.ipc.IpcWriteOptions(compression=codec))
    found = accounted(path, 300, 7)
    assert found["corrupt"] + found["truncated"] >= 150, found


def test_feather_of_version_1_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.feather"
    path.write_bytes(b"FEA1" + bytes(64))
    (entry,) = count(path).ledger.entries
    assert entry.reason == "unsupported_format" and "Feather V2" in str(entry)


@pytest.mark.parametrize("format", WRITERS)
@pytest.mark.parametrize("command", ["count", "density", "cost", "claims", "verify"])
def test_every_command_reads_it(tmp_path: Path, command: str, format: str) -> None:
    values = [value for value in texts(50) if value]
    columns = {"text": values, "language": ["en"] * len(values), "answer": values}
    WRITERS[format](pa.table(columns), tmp_path / f"a.{format}")
    rows = "".join(json.dumps({key: column[i] for key, column in columns.items()}) + "\n" for i in range(len(values)))
    (tmp_path / "a.jsonl").write_text(rows)
    said = []
    for name in (f"a.{format}", "a.jsonl"):
        arguments = {
            "count": [name],
            "density": [name],
            "cost": [name, "-m", "gpt-4o"],
            "claims": ["--text", f"en={name}"],
            "verify": ["r50k_base", name],
        }[command]
        result = fasttok(command, *arguments, "--json", cwd=tmp_path)
        assert result.code == 0, result.err
        data = json.loads(result.out)
        said.append(json.dumps({key: value for key, value in data.items() if key not in ("manifest", "inputs")}))
    assert said[0].replace(f"a.{format}", "a.jsonl") == said[1]


def test_only_the_wanted_columns_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns: dict[str, Any] = {f"c{i}": texts(4000, seed=i) for i in range(49)}
    columns["text"] = texts(4000, seed=99)
    pq.write_table(pa.table(columns), path, row_group_size=2000, compression="zstd")
    metadata = pq.read_metadata(path)
    text = sum(metadata.row_group(i).column(49).total_compressed_size for i in range(metadata.num_row_groups))
    report = check(path, columns["text"])
    # The footer, which has statistics of all columns, and the first bytes of the file are no part of any column.
    rest = metadata.serialized_size + 8192 + 8
    assert text < report.to_dict()["manifest"]["bytes_read"] <= 1.2 * text + rest


def test_a_row_of_five_megabytes(tmp_path: Path) -> None:
    values: list[str | None] = [*texts(100), "many words of it " * 300_000, *texts(100)]
    for dictionary in (True, False):
        path = tmp_path / f"{dictionary}.parquet"
        pq.write_table(pa.table({"text": values}), path, use_dictionary=dictionary)
        check(path, values)
    report = count(path, max_record_bytes=1 << 20)
    assert report.ledger.by_reason == {"record_too_large": 1}


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": pa.array([b"ab", b"a\xff", b"c"], pa.binary())}), path)
    report = count(path)
    assert report.ledger.by_reason == {"invalid_utf8": 1}
    assert report.ledger.entries[0].position == {"row_group": 0, "row": 1}
    assert totals(count(path, errors="replace")) == reference(["ab", "a\ufffd", "c"])


def damaged(data: bytes, seed: int, n: int = 200) -> Iterator[bytes]:
    """`data` with the end cut off, and with a bit of a byte changed, at random places."""
    pick = random.Random(seed)
    for _ in range(n):
        yield data[: pick.randrange(len(data))]
    for _ in range(n):
        changed = bytearray(data)
        changed[pick.randrange(len(changed))] ^= 1 << pick.randrange(8)
        yield bytes(changed)


def accounted(path: Path, rows: int, seed: int) -> Counter[str]:
    """Rows of a damaged file are all accounted for, or the file says that it is damaged."""
    found: Counter[str] = Counter()
    data = path.read_bytes()
    broken = path.with_name(f"broken{path.suffix}")
    for bad in damaged(data, seed):
        broken.write_bytes(bad)
        try:
            ledger = count(broken, threads=1).ledger
        except library.errors.FasttokError as e:
            # The name of a column was changed.
            assert "text" in str(e), e
            found["error"] += 1
            continue
        if ledger.skipped == 0:
            assert ledger.counted == rows
            found["as before"] += 1
        else:
            found.update(ledger.by_reason.keys())
    return found


@pytest.mark.parametrize("dictionary", [True, False])
@pytest.mark.parametrize("codec", ["none", "snappy", "zstd"])
def test_damaged_parquet(tmp_path: Path, codec: str, dictionary: bool) -> None:
    path = tmp_path / "a.parquet"
    encoding = None if dictionary else {"text": "DELTA_BYTE_ARRAY"}
    pq.write_table(
        pa.table({"text": texts(300)}),
        path,
        row_group_size=100,
        compression=codec,
        use_dictionary=dictionary,
        column_encoding=encoding,
    )
    found = accounted(path, 300, 5)
    assert found["corrupt"] + found["truncated"] >= 200, found


def test_a_page_that_claims_two_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["many words " * 3000] * 9}), path, compression="zstd", use_dictionary=False)
    data = bytearray(path.read_bytes())
    # The header begins with three numbers, each after a byte of its own: the type, and the size unpacked and packed.
    start = pq.read_metadata(path).row_group(0).column(0).data_page_offset
    assert data[start : start + 3] == b"\x15\x00\x15"

    def number(at: int) -> tuple[int, int]:
        value, shift = 0, 0
        while True:
            value |= (data[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if data[at - 1] < 0x80:
                return value >> 1, at

    def written(value: int) -> bytes:
        out, value = bytearray(), value << 1
        while value >= 0x80:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        return bytes([*out, value])

    _, end = number(start + 3)
    packed, header_end = number(end + 1)
    claim = written(2**31 - 1)
    longer = len(claim) - (end - start - 3)
    # What the header grows by the page loses, so that everything else stays where it is.
    header = data[start : start + 3] + claim + b"\x15" + written(packed - longer)
    assert len(header) == header_end - start + longer
    (size_end,) = (i for i in range(len(data) - 8, 0, -1) if data[i : i + 4] == b"\x28\xb5\x2f\xfd")
    page_end = size_end + packed
    data[start:page_end] = header + data[header_end : page_end - longer]
    path.write_bytes(data)
    (entry,) = count(path).ledger.entries
    assert (entry.reason, entry.rows) == ("corrupt", 9)
    assert "claims to unpack to 2147483647 bytes" in str(entry)


def test_damage_in_one_row_group_costs_its_own_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    values = texts(900)
    pq.write_table(pa.table({"text": values}), path, row_group_size=300, use_dictionary=False, compression="zstd")
    column = pq.read_metadata(path).row_group(1).column(0)
    data = bytearray(path.read_bytes())
    middle = column.data_page_offset + column.total_compressed_size // 2
    data[middle : middle + 50] = bytes(50)
    path.write_bytes(data)
    report = count(path)
    assert totals(report) == reference(values[:300] + values[600:])
    (entry,) = report.ledger.entries
    assert (entry.reason, entry.rows, entry.position) == ("corrupt", 300, {"row_group": 1, "row": 0})
    assert "rows 0 to 299 of row group 1 are not counted" in str(entry)
    assert entry.to_dict()["rows"] == 300
    with pytest.raises(library.errors.FileError, match="row group 1, row 0"):
        count(path, on_error="fail")


def test_parquet_that_has_no_places(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "a.parquet")
    packed = tmp_path / "a.parquet.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    (entry,) = count(packed).ledger.entries
    assert entry.reason == "unsupported_format" and "unpack it" in str(entry)
    result = fasttok("count", "-", stdin=(tmp_path / "a.parquet").read_bytes())
    assert result.code == 3 and "a pipe" in result.err
    # By its content, whatever it is called.
    (tmp_path / "a.parquet").rename(tmp_path / "table.jsonl")
    check(tmp_path / "table.jsonl", ["a"])
