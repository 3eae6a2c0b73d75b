"""Polars, pandas and DuckDB: the same counts as tiktoken's, in every way that the libraries evaluate them."""

from __future__ import annotations

import ctypes
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from nasty import texts as nasty_texts
from peak_memory import PEAK
from references import References

import fasttok

NAMES = ["o200k_base", "r50k_base"]


@pytest.fixture(scope="module")
def texts() -> list[str | None]:
    rng = random.Random(8)
    made = ["", "\x00", *nasty_texts(9, 400)]
    return [None if rng.random() < 0.1 else text for text in made]


@pytest.fixture(scope="module")
def expected(texts: list[str | None], references: References) -> dict[str, list[int | None]]:
    def count(name: str, text: str | None) -> int | None:
        return None if text is None else len(references[name].encode_ordinary(text))

    return {name: [count(name, text) for text in texts] for name in NAMES}


def test_nothing_is_imported_unless_asked_for() -> None:
    code = (
        "import sys, fasttok; fasttok.count_arrow; fasttok.get_encoding('r50k_base').count('a');"
        "print(sorted({'polars', 'pandas', 'duckdb', 'pyarrow', 'fasttok.integrations'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["polars", "pandas", "duckdb"])
def test_a_missing_library_is_named(name: str) -> None:
    code = (
        "import sys; sys.modules[sys.argv[1]] = None; sys.modules['pyarrow'] = None\n"
        "import fasttok, importlib\n"
        "try:\n    importlib.import_module('fasttok.' + sys.argv[1]).register(None)\n"
        "except fasttok.MissingExtraError as error:\n    print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, check=True)
    assert run.stdout.strip().endswith(f"pip install 'fasttok-engine[{name}]'")


CALL_OF_POLARS = """
import ctypes, pickle, threading
from pathlib import Path
import pyarrow as pa
import fasttok, fasttok.polars

class Series(ctypes.Structure):
    _fields_ = [
        ("field", ctypes.c_void_p),
        ("arrays", ctypes.POINTER(ctypes.c_void_p)),
        ("len", ctypes.c_size_t),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    ]

# As large as ArrowSchema and ArrowArray in C.
schema, array = ctypes.create_string_buffer(72), ctypes.create_string_buffer(80)
texts = ["some words of a text, and more of them " * 3_000] * 200
enc = fasttok.get_encoding("o200k_base")
kwargs = pickle.dumps({"arguments": (None, [enc], "text", "strict", None)})
flags = {flags}
context = None if flags is None else ctypes.byref(ctypes.c_uint64(flags))

names, done = set(), threading.Event()
def look():
    while not done.wait(0.001):
        for task in Path("/proc/self/task").iterdir():
            try:
                names.add((task / "comm").read_text().strip())
            except OSError:
                pass
watcher = threading.Thread(target=look)
watcher.start()
count = ctypes.CDLL(fasttok._fasttok.__file__)._polars_plugin_fasttok_count
# Until its threads were seen, for on a busy machine nobody may have looked before a call was over.
for _ in range(10):
    pa.array(texts)._export_to_c(ctypes.addressof(array), ctypes.addressof(schema))
    arrays = (ctypes.c_void_p * 1)(ctypes.addressof(array))
    column = Series(ctypes.addressof(schema), arrays, 1, None, None)
    made = Series()
    count(ctypes.byref(column), ctypes.c_size_t(1), kwargs, ctypes.c_size_t(len(kwargs)), ctypes.byref(made), context)
    if len([name for name in list(names) if name.startswith("fasttok-")]) == 2:
        break
done.set()
watcher.join()
assert made.len == 1
counts = pa.Array._import_from_c(made.arrays[0], made.field)
assert counts.to_pylist() == [enc.count(texts[0])] * 200
print(len([name for name in names if name.startswith("fasttok-")]))
"""


def streamed(lazy: Any) -> Any:
    """What the query gives where it is streamed, as each version of polars is told to."""
    import polars as pl

    if tuple(map(int, pl.__version__.split(".")[:2])) < (1, 23):
        return lazy.collect(streaming=True)
    return lazy.collect(engine="streaming")


@pytest.fixture(scope="module")
def pl() -> Any:
    pl = pytest.importorskip("polars")
    import fasttok.polars

    assert fasttok.polars.plugin_refused() is None
    return pl


@pytest.fixture(scope="module")
def pd() -> Any:
    pd = pytest.importorskip("pandas")
    import fasttok.pandas  # noqa: F401

    return pd


class TestPolars:
    @pytest.fixture(params=["plugin", "map"])
    def engine(self, request: pytest.FixtureRequest) -> Any:
        return request.param

    @pytest.fixture
    def frame(self, pl: Any, texts: list[str | None]) -> Any:
        return pl.DataFrame({"text": texts, "n": range(len(texts))}, schema_overrides={"text": pl.String})

    def test_eager_lazy_and_streaming(self, pl: Any, frame: Any, expected: dict[str, Any], engine: Any) -> None:
        expr = pl.col("text").fasttok.count("o200k_base", engine=engine)
        eager = frame.select(expr)
        assert eager.schema == {"text": pl.Int64}
        lazy = frame.lazy().with_columns(tokens=expr)
        assert lazy.collect_schema()["tokens"] == pl.Int64
        for result in (eager["text"], lazy.collect()["tokens"], streamed(lazy).sort("n")["tokens"]):
            assert result.dtype == pl.Int64
            assert result.to_list() == expected["o200k_base"]

    def test_ids(self, pl: Any, frame: Any, texts: list[str | None], references: References, engine: Any) -> None:
        expr = pl.col("text").fasttok.encode("r50k_base", engine=engine)
        assert frame.lazy().select(expr).collect_schema() == {"text": pl.List(pl.UInt32)}
        ids = frame.select(expr)["text"]
        assert ids.dtype == pl.List(pl.UInt32)
        assert ids.to_list() == [t if t is None else references["r50k_base"].encode_ordinary(t) for t in texts]

    def test_several_encodings(self, pl: Any, frame: Any, expected: dict[str, Any], engine: Any) -> None:
        expr = pl.col("text").fasttok.count({"new": "o200k_base", "old": "r50k_base"}, engine=engine)
        dtype = pl.Struct({"new": pl.Int64, "old": pl.Int64})
        assert frame.lazy().select(expr).collect_schema() == {"text": dtype}
        counts = frame.select(expr)
        assert counts.schema == {"text": dtype}
        assert counts["text"].null_count() == frame["text"].null_count()
        unnested = counts.unnest("text").to_dict(as_series=False)
        assert unnested == {"new": expected["o200k_base"], "old": expected["r50k_base"]}
        listed = frame.select(pl.col("text").fasttok.count(NAMES, engine=engine)).unnest("text")
        assert listed.to_dict(as_series=False) == expected

    def test_groups_windows_and_filters(self, pl: Any, frame: Any, expected: dict[str, Any], engine: Any) -> None:
        count = pl.col("text").fasttok.count("o200k_base", engine=engine)
        frame = frame.with_columns(group=pl.col("n") % 7)
        sums = dict.fromkeys(range(7), 0)
        for n, tokens in enumerate(expected["o200k_base"]):
            sums[n % 7] += tokens or 0
        by_group = (
            frame.lazy()
            .group_by("group")
            .agg(count.sum().alias("sum"), count.alias("each"), count.first().alias("first"))
        )
        for result in (by_group.collect().sort("group"), streamed(by_group).sort("group")):
            assert result["sum"].to_list() == list(sums.values())
            assert [sum(n or 0 for n in each) for each in result["each"].to_list()] == list(sums.values())
            assert result["first"].to_list() == expected["o200k_base"][:7]
        over = frame.select(count.sum().over("group"))["text"]
        assert over.to_list() == [sums[n % 7] for n in range(frame.height)]
        at_most_9 = frame.filter(count <= 9)["n"].to_list()
        assert at_most_9 == [n for n, tokens in enumerate(expected["o200k_base"]) if tokens is not None and tokens <= 9]
        conditional = pl.when(pl.col("n") % 2 == 0).then(count)
        assert frame.select(conditional.sum()).item() == sum(t or 0 for t in expected["o200k_base"][::2])

    def test_chunks_slices_and_literals(self, pl: Any, frame: Any, expected: dict[str, Any], engine: Any) -> None:
        expr = pl.col("text").fasttok.count("o200k_base", engine=engine)
        chunked = pl.concat([frame[:3], frame[3:3], frame[3:90], frame[90:]], rechunk=False)
        assert chunked["text"].n_chunks() > 1
        assert chunked.select(expr)["text"].to_list() == expected["o200k_base"]
        assert frame[5:200].select(expr)["text"].to_list() == expected["o200k_base"][5:200]
        assert frame[:0].select(expr)["text"].to_list() == []
        literal = frame.with_columns(tokens=pl.lit("a b").fasttok.count("o200k_base", engine=engine))
        assert set(literal["tokens"]) == {2}
        first = frame.select(pl.col("text").first().fasttok.count("o200k_base", engine=engine))
        assert first["text"].to_list() == expected["o200k_base"][:1]

    def test_types(self, pl: Any, engine: Any) -> None:
        made = {
            "binary": pl.Series([b"a b", None]),
            "categorical": pl.Series(["a b", None], dtype=pl.Categorical),
            "enum": pl.Series(["a b", None], dtype=pl.Enum(["x", "a b"])),
        }
        for name, column in made.items():
            assert column.to_frame(name).select(pl.all().fasttok.count(engine=engine))[name].to_list() == [2, None]
        nulls = pl.DataFrame({"x": [None, None]})
        assert nulls.select(pl.col("x").fasttok.count(engine=engine))["x"].to_list() == [None, None]

    def test_errors(self, pl: Any, engine: Any) -> None:
        frame = pl.DataFrame({"x": ["fine", "<|endoftext|>"], "n": [1, 2], "b": [b"a", b"\xff"]})
        # What `map_batches` raises is what the function raises, in some versions.
        kinds = (pl.exceptions.ComputeError, fasttok.FasttokError, TypeError, pl.exceptions.PolarsError)
        with pytest.raises(kinds, match="text 1 holds the special token"):
            frame.select(pl.col("x").fasttok.count("o200k_base", special="error", engine=engine))
        with pytest.raises(kinds, match="text 1 is not UTF-8 at byte 0"):
            frame.select(pl.col("b").fasttok.count("o200k_base", engine=engine))
        with pytest.raises(kinds, match="strings or binary values, not of Int64"):
            frame.select(pl.col("n").fasttok.count("o200k_base", engine=engine))
        replaced = frame.select(pl.col("b").fasttok.count("o200k_base", errors="replace", engine=engine))
        assert replaced["b"].to_list() == [1, fasttok.get_encoding("o200k_base").count("\ufffd")]
        token = frame.select(pl.col("x").fasttok.count("o200k_base", special="token", engine=engine))
        assert token["x"].to_list() == [1, 1]
        with pytest.raises(fasttok.UnknownEncodingError):
            pl.col("x").fasttok.count("o300k_base", engine=engine)
        with pytest.raises(ValueError, match="engine must be"):
            pl.col("x").fasttok.count(engine="rust")

    def test_a_wrong_type_is_known_before_anything_is_read(self, pl: Any) -> None:
        lazy = pl.LazyFrame({"n": [1]}).select(pl.col("n").fasttok.count(engine="plugin"))
        with pytest.raises(pl.exceptions.PolarsError, match="strings or binary values, not of Int64"):
            lazy.collect_schema()

    def test_a_tokenizer_of_ones_own(self, pl: Any, tmp_path: Path, engine: Any) -> None:
        zstandard = pytest.importorskip("zstandard")
        from references import RANKS

        path = tmp_path / "own.tiktoken"
        with zstandard.open(RANKS / "r50k_base.tiktoken.zst", "rb") as ranks:
            path.write_bytes(ranks.read())
        own = fasttok.load(path, name="own")
        frame = pl.DataFrame({"text": ["a 🐩 b", "plain"]})
        for encoding in (own, pickle.loads(pickle.dumps(own))):
            counts = frame.select(pl.col("text").fasttok.count(encoding, engine=engine))["text"].to_list()
            assert counts == [own.count("a 🐩 b"), own.count("plain")]

    def test_many_expressions_and_threads(self, pl: Any, frame: Any, expected: dict[str, Any], engine: Any) -> None:
        """More than the compiled part keeps, from several threads of Python at once."""

        def one(threads: int) -> None:
            exprs = [pl.col("text").fasttok.count(name, threads=threads, engine=engine).alias(name) for name in NAMES]
            assert frame.lazy().select(exprs).collect().to_dict(as_series=False) == expected

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(one, range(1, 80)))

    def test_columns(self, pl: Any, frame: Any, expected: dict[str, Any]) -> None:
        column = frame["text"]
        counts = column.fasttok.count("o200k_base")
        assert (counts.name, counts.dtype, counts.to_list()) == ("text", pl.Int64, expected["o200k_base"])
        both = column.fasttok.count(NAMES)
        assert both.struct.unnest().to_dict(as_series=False) == expected
        ids = column.fasttok.encode("r50k_base").to_list()
        assert [each if each is None else len(each) for each in ids] == expected["r50k_base"]
        # The latter before polars 1.3, where a column cannot be read but by the plugin.
        with pytest.raises((TypeError, pl.exceptions.ComputeError), match="not of Int64"):
            pl.Series([1]).fasttok.count()

    def test_a_plan_in_another_process(self, pl: Any, texts: list[str | None], expected: dict[str, Any]) -> None:
        """The plan has the encoding by its name, and a process that never used it finds it."""
        lazy = pl.LazyFrame({"text": texts}, schema={"text": pl.String})
        plan = lazy.select(pl.col("text").fasttok.count("o200k_base", engine="plugin")).serialize()
        assert len(plan) < sum(len(text or "") for text in texts) * 4 + 100_000
        code = (
            "import io, sys, polars as pl;"
            "print(pl.LazyFrame.deserialize(io.BytesIO(sys.stdin.buffer.read())).collect()['text'].to_list())"
        )
        run = subprocess.run([sys.executable, "-c", code], input=plan, capture_output=True, check=False)
        assert run.returncode == 0, run.stderr
        assert run.stdout.decode().strip() == repr(expected["o200k_base"])

    def test_a_polars_that_refuses_the_plugin(self, pl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        from fasttok.integrations import polars as module

        refusal = "this Polars engine doesn't support plugin version: 0-1"

        def refuse(*given: Any) -> Any:
            raise pl.exceptions.ComputeError(refusal)

        module.plugin_refused.cache_clear()
        monkeypatch.setattr(module, "_plugin", refuse)
        try:
            assert module.plugin_refused() == f"polars {pl.__version__} does not take the plugin: {refusal}"
            with pytest.raises(pl.exceptions.ComputeError, match=refusal):
                pl.col("text").fasttok.count(engine="plugin")
            if hasattr(pl.Series, "__arrow_c_stream__"):
                frame = pl.DataFrame({"text": ["a b", None]})
                assert frame.select(pl.col("text").fasttok.count())["text"].to_list() == [2, None]
        finally:
            module.plugin_refused.cache_clear()

    def test_the_version_of_the_interface(self) -> None:
        assert ctypes.CDLL(fasttok._fasttok.__file__)._polars_plugin_get_version() == (0 << 16) + 1

    @pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="no /proc/self/task")
    @pytest.mark.parametrize(("flags", "threads"), [(None, 2), (0, 2), (1, 0)])
    def test_no_threads_where_polars_works_in_parallel(self, flags: int | None, threads: int) -> None:
        """The plugin is called as polars calls it, with the flags of its context: 1 is `parallelized`."""
        pytest.importorskip("pyarrow")
        pytest.importorskip("polars")
        code = CALL_OF_POLARS.replace("{flags}", repr(flags))
        run = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "FASTTOK_NUM_THREADS": "3"},
        )
        assert run.returncode == 0, run.stderr
        assert run.stdout.splitlines() == [str(threads)]

    def test_what_crosses_the_interface_is_freed(self) -> None:
        pytest.importorskip("polars")
        code = f"""
import polars as pl, fasttok.polars
{PEAK}
frame = pl.DataFrame({{"text": ["a"] * 100_000}})
query = frame.lazy().select(
    pl.col("text").fasttok.count("o200k_base", engine="plugin"),
    ids=pl.col("text").fasttok.encode("o200k_base", engine="plugin"),
)
for _ in range(20):
    query.collect()
before = peak_bytes()
for _ in range(100):
    assert query.collect().shape == (100_000, 2)
print(peak_bytes() - before)
"""
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        # 100 results are 200 MB.
        assert int(run.stdout) < 60_000_000


PANDAS: dict[str, Callable[[Any, list[str | None]], Any]] = {
    "object": lambda pd, t: pd.Series(t, dtype=object),
    "object with NaN": lambda pd, t: pd.Series([float("nan") if x is None else x for x in t], dtype=object),
    "object with NA": lambda pd, t: pd.Series([pd.NA if x is None else x for x in t], dtype=object),
    "str": lambda pd, t: pd.Series(t, dtype="str"),
    "string[python]": lambda pd, t: pd.Series(t, dtype="string[python]"),
    "string[pyarrow]": lambda pd, t: pd.Series(t, dtype="string[pyarrow]"),
    "ArrowDtype": lambda pd, t: pd.Series(t, dtype=pd.ArrowDtype(pytest.importorskip("pyarrow").large_string())),
    "category": lambda pd, t: pd.Series(t, dtype=object).astype("category"),
}


class TestPandas:
    @pytest.mark.parametrize("kind", PANDAS)
    def test_counts(self, pd: Any, texts: list[str | None], expected: dict[str, Any], kind: str) -> None:
        # pandas 2 takes "\x00" for "" where it compares values.
        kept = [i for i, text in enumerate(texts) if text != "\x00"]
        column = PANDAS[kind](pd, [texts[i] for i in kept])
        column.index = pd.Index([f"row {i}" for i in kept], name="rows")
        column.name = "text"
        column = column[::-1]
        for threads in (None, 1):
            counts = column.fasttok.count("o200k_base", threads=threads)
            assert (counts.dtype, counts.name) == (pd.Int64Dtype(), "text")
            assert counts.index is column.index or counts.index.equals(column.index)
            wanted = [pd.NA if expected["o200k_base"][i] is None else expected["o200k_base"][i] for i in kept[::-1]]
            assert counts.isna().tolist() == [n is pd.NA for n in wanted]
            assert counts.dropna().tolist() == [n for n in wanted if n is not pd.NA]
        both = column.fasttok.count({"new": "o200k_base", "old": "r50k_base"})
        assert both.columns.tolist() == ["new", "old"]
        assert both.index.equals(column.index)
        assert both["new"].equals(column.fasttok.count("o200k_base").rename("new"))
        assert both["old"].sum() == sum(expected["r50k_base"][i] or 0 for i in kept)

    def test_results_are_columns_like_others(self, pd: Any) -> None:
        frame = pd.DataFrame({"text": ["a b", None, "c"], "kind": ["x", "x", "y"]})
        frame["tokens"] = frame["text"].fasttok.count()
        assert frame.groupby("kind")["tokens"].sum().to_dict() == {"x": 2, "y": 1}
        assert frame["tokens"].fillna(0).astype("int64").tolist() == [2, 0, 1]
        frame.loc[1, "tokens"] = 7
        assert frame["tokens"].tolist() == [2, 7, 1]
        assert pd.Series([], dtype="str").fasttok.count().tolist() == []
        assert pd.Series(["a"]).fasttok.count("o200k_base", special="token").tolist() == [1]

    def test_errors(self, pd: Any) -> None:
        with pytest.raises(fasttok.SpecialTokenError, match="text 1 holds"):
            pd.Series(["a", "<|endoftext|>"]).fasttok.count("o200k_base", special="error")
        with pytest.raises(TypeError, match="int64"):
            pd.Series([1, 2]).fasttok.count()
        with pytest.raises(fasttok.UnknownEncodingError):
            pd.Series(["a"]).fasttok.count("o300k_base")


class TestDuckDB:
    @pytest.fixture
    def con(self) -> Any:
        duckdb = pytest.importorskip("duckdb")
        import fasttok.duckdb

        con = duckdb.connect()
        fasttok.duckdb.register(con)
        return con

    def test_counts(self, con: Any, texts: list[str | None], expected: dict[str, Any]) -> None:
        pa = pytest.importorskip("pyarrow")
        table = pa.table({"text": pa.array(texts * 20, pa.string()), "n": range(len(texts) * 20)})
        con.register("texts", table)
        for name in NAMES:
            rows = con.sql(f"select fasttok_count(text, '{name}') from texts order by n").fetchall()
            assert [row[0] for row in rows] == expected[name] * 20
        total, kind = con.sql(
            "select sum(fasttok_count(text, 'o200k_base')), typeof(any_value("
            "fasttok_count(text, 'o200k_base'))) from texts"
        ).fetchall()[0]
        assert (total, kind) == (20 * sum(n or 0 for n in expected["o200k_base"]), "BIGINT")

    def test_an_encoding_in_each_row(self, con: Any, texts: list[str | None], expected: dict[str, Any]) -> None:
        pa = pytest.importorskip("pyarrow")
        rng = random.Random(3)
        names = [rng.choice([*NAMES, None]) for _ in texts]
        con.register("texts", pa.table({"text": pa.array(texts, pa.string()), "name": names, "n": range(len(texts))}))
        rows = con.sql("select fasttok_count(text, name) from texts order by n").fetchall()
        assert [row[0] for row in rows] == [name and expected[name][i] for i, name in enumerate(names)]

    def test_nulls_and_nothing(self, con: Any) -> None:
        assert con.sql("select fasttok_count(null, 'o200k_base'), fasttok_count('a', null)").fetchall() == [
            (None, None)
        ]
        assert con.sql("select fasttok_count(x, 'o200k_base') from (select '' as x where false)").fetchall() == []
        assert con.sql("select fasttok_count('', 'gpt2')").fetchall() == [(0,)]

    def test_groups(self, con: Any) -> None:
        rows = "(values (1, 'a b'), (2, 'c'), (1, null)) v(g, t)"
        query = f"select g, sum(fasttok_count(t, 'o200k_base')) from {rows} group by g order by g"
        assert con.sql(query).fetchall() == [(1, 2), (2, 1)]

    def test_errors(self, con: Any) -> None:
        duckdb = pytest.importorskip("duckdb")
        with pytest.raises(duckdb.Error, match=r"o300k_base.*fasttok\.duckdb\.register"):
            con.sql("select fasttok_count('a', 'o300k_base')").fetchall()
        import fasttok.duckdb

        strict = duckdb.connect()
        fasttok.duckdb.register(strict, special="error")
        with pytest.raises(duckdb.Error, match="special token"):
            strict.sql("select fasttok_count('<|endoftext|>', 'o200k_base')").fetchall()

    def test_a_query_loads_no_file(self, con: Any, tmp_path: Path) -> None:
        duckdb = pytest.importorskip("duckdb")
        file = tmp_path / "own.tiktoken"
        file.write_bytes(b"YQ== 0\n")
        with pytest.raises(duckdb.Error, match="unknown encoding"):
            con.sql(f"select fasttok_count('a', '{file}')").fetchall()

    def test_a_tokenizer_of_ones_own(self) -> None:
        duckdb = pytest.importorskip("duckdb")
        import fasttok.duckdb

        con = duckdb.connect()
        fasttok.duckdb.register(con, {"mine": "r50k_base"}, special="token")
        query = "select fasttok_count(t, n) from (values ('<|endoftext|>', 'mine'), ('a b', 'o200k_base')) v(t, n)"
        assert sorted(con.sql(query).fetchall()) == [(1,), (2,)]


def test_one_parquet_file_in_every_way(tmp_path: Path, references: References, pl: Any, pd: Any) -> None:
    """Nulls, empty texts and texts of 5 MB, in row groups: the same total everywhere, and the same by group."""
    duckdb = pytest.importorskip("duckdb")
    pq, pa = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    import fasttok.duckdb

    rng = random.Random(12)
    texts: list[str | None] = [*nasty_texts(13, 4_000), None, "", *["words of a long text\n" * 250_000] * 2]
    texts = [None if rng.random() < 0.05 else rng.choice(["", text, text, text]) for text in texts[:-2]] + texts[-2:]
    groups = [rng.choice("abc") for _ in texts]
    path = tmp_path / "texts.parquet"
    table = pa.table({"text": pa.array(texts, pa.string()), "group": groups})
    pq.write_table(table, path, row_group_size=700)

    known: dict[str, int] = {}
    expected = dict.fromkeys("abc", 0)
    for text, group in zip(texts, groups, strict=True):
        if text is not None:
            if text not in known:
                known[text] = len(references["o200k_base"].encode_ordinary(text))
            expected[group] += known[text]

    found: dict[str, dict[str, int]] = {}
    frame = pl.read_parquet(path)
    for engine in ("plugin", "map"):
        if engine == "map" and not hasattr(pl.Series, "__arrow_c_stream__"):
            continue
        count = pl.col("text").fasttok.count("o200k_base", engine=engine)
        sums = {
            "eager": frame.group_by("group").agg(count.sum()),
            "eager, counted first": frame.with_columns(count).group_by("group").agg(pl.col("text").sum()),
            "lazy": pl.scan_parquet(path).group_by("group").agg(count.sum()).collect(),
            "streaming": streamed(pl.scan_parquet(path).group_by("group").agg(count.sum())),
            "streaming, counted first": streamed(
                pl.scan_parquet(path).with_columns(count).group_by("group").agg(pl.col("text").sum())
            ),
        }
        for way, sum_ in sums.items():
            found[f"polars, {engine}, {way}"] = dict(sum_.iter_rows())
    con = duckdb.connect()
    fasttok.duckdb.register(con)
    query = f"select \"group\", sum(fasttok_count(text, 'o200k_base')) from read_parquet('{path}') group by 1"
    found["DuckDB"] = dict(con.sql(query).fetchall())
    read = pd.read_parquet(path)
    read["tokens"] = read["text"].fasttok.count("o200k_base")
    found["pandas"] = read.groupby("group")["tokens"].sum().to_dict()
    counts = pa.chunked_array(fasttok.get_encoding("o200k_base").count_arrow(table["text"]))
    by_group = pa.table({"group": table["group"], "n": counts}).group_by("group").aggregate([("n", "sum")])
    found["count_arrow"] = {row["group"]: row["n_sum"] for row in by_group.to_pylist()}
    report = fasttok.count_corpus(path, "o200k_base", by="group", text_field="text")
    found["count_corpus"] = {group.key["group"]: group.tokens["o200k_base"] for group in report.groups}
    assert {way: sums for way, sums in found.items() if sums != expected} == {}
    assert len(found) >= 9
