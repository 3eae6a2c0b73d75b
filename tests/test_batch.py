"""All that count_batch and encode_batch take; reading str without a trace."""

from __future__ import annotations

import itertools
import random
import re
import subprocess
import sys
import tracemalloc
from collections import UserList, UserString, deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nasty import texts as nasty_texts

import fasttok
from fasttok import _fasttok

TEXTS = ["plain ASCII", "", "é à la crème", "统计 tokens 的数量", "🐈 and 👩‍👩‍👧", "\x00", "İſ", "a" * 1000]
KINDS = ["a", "\xe9", "字", "🐈", "\ud800", "\udc00", "\ud83d\ude00"]


@pytest.fixture(scope="module")
def enc() -> fasttok.Encoding:
    return fasttok.get_encoding("o200k_base")


@pytest.fixture(scope="module")
def expected(enc: fasttok.Encoding) -> list[int]:
    return [len(enc.encode(text)) for text in TEXTS]


def pyarrow_type(name: str) -> Callable[[list[str]], Any]:
    def make(texts: list[str]) -> Any:
        pa = pytest.importorskip("pyarrow")
        return pa.array(texts, getattr(pa, name)())

    return make


def arrow(make: Callable[[Any, list[str]], Any]) -> Callable[[list[str]], Any]:
    return lambda texts: make(pytest.importorskip("pyarrow"), texts)


def pandas(make: Callable[[Any, list[str]], Any]) -> Callable[[list[str]], Any]:
    return lambda texts: make(pytest.importorskip("pandas"), texts)


def polars(make: Callable[[Any, list[str]], Any]) -> Callable[[list[str]], Any]:
    return lambda texts: make(pytest.importorskip("polars"), texts)


class OnlyCapsule:
    """Something that has nothing but the interface of an Arrow array."""

    def __init__(self, texts: list[str]) -> None:
        self.array = pytest.importorskip("pyarrow").array(texts, "string")

    @classmethod
    def of(cls, array: Any) -> OnlyCapsule:
        made = cls([])
        made.array = array
        return made

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        return self.array.__arrow_c_array__(requested_schema)


def string_dtype() -> Any:
    if not hasattr(np.dtypes, "StringDType"):
        pytest.skip("numpy 1 has no StringDType")
    return np.dtypes.StringDType()


class Custom:
    def __init__(self, texts: list[str]) -> None:
        self.texts = texts

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts)


INPUTS: dict[str, Callable[[list[str]], Any]] = {
    "list": list,
    "tuple": tuple,
    "generator": lambda texts: (text for text in texts),
    "iterable": Custom,
    "dict keys": lambda texts: dict.fromkeys(texts).keys(),
    "list of bytes": lambda texts: [text.encode() for text in texts],
    "list of both": lambda texts: [t.encode() if i % 2 else t for i, t in enumerate(texts)],
    "list of numpy str": lambda texts: [np.str_(text) for text in texts],
    "numpy object": lambda texts: np.array(texts, dtype=object),
    "numpy str": lambda texts: np.array(texts),
    "numpy str, other byte order": lambda texts: np.array(texts, dtype=">U1000"),
    "numpy str, every other": lambda texts: np.array([x for t in texts for x in (t, "no")])[::2],
    "numpy bytes": lambda texts: np.array([text.encode() for text in texts]),
    **{f"pyarrow {t}": pyarrow_type(t) for t in ("string", "large_string", "string_view")},
    **{f"pyarrow {t}": pyarrow_type(t) for t in ("binary", "large_binary", "binary_view")},
    "pyarrow chunks": arrow(lambda pa, t: pa.chunked_array([t[:3], [], t[3:]], pa.string())),
    "pyarrow no chunks": arrow(lambda pa, t: pa.chunked_array([t], pa.string())),
    "pyarrow slice": arrow(lambda pa, t: pa.array(["no", *t, "no"]).slice(1, len(t))),
    "pyarrow dictionary": arrow(lambda pa, t: pa.array(t).dictionary_encode()),
    "pyarrow chunks of dictionaries": arrow(lambda pa, t: pa.chunked_array([t[:3], t[3:]]).dictionary_encode()),
    "array capsule": OnlyCapsule,
    "pandas": pandas(lambda pd, t: pd.Series(t)),
    "pandas object": pandas(lambda pd, t: pd.Series(t, dtype=object)),
    "pandas index": pandas(lambda pd, t: pd.Index(t)),
    "pandas category": pandas(lambda pd, t: pd.Series(t, dtype="category")),
    "pandas string[python]": pandas(lambda pd, t: pd.Series(t, dtype="string[python]")),
    "pandas string[pyarrow]": pandas(lambda pd, t: pd.Series(t, dtype="string[pyarrow]")),
    "pandas ArrowDtype": pandas(
        lambda pd, t: pd.Series(t, dtype=pd.ArrowDtype(pytest.importorskip("pyarrow").string()))
    ),
    "pandas, sliced and reversed": pandas(lambda pd, t: pd.Series(["no", *t[::-1]])[:0:-1]),
    "pandas unique": pandas(lambda pd, t: pd.Series(t).unique()),
    "pandas values": pandas(lambda pd, t: pd.Series(t).values),
    "pandas array": pandas(lambda pd, t: pd.Series(t).array),
    "pandas.array": pandas(lambda pd, t: pd.array(t, dtype=None if t else "string")),
    "pandas.array of objects": pandas(lambda pd, t: pd.array(np.array(t, dtype=object), dtype=object)),
    "pandas StringArray": pandas(lambda pd, t: pd.array(t, dtype="string[python]")),
    "pandas ArrowStringArray": pandas(lambda pd, t: pd.array(t, dtype="string[pyarrow]")),
    "pandas ArrowExtensionArray": pandas(
        lambda pd, t: pd.arrays.ArrowExtensionArray(pytest.importorskip("pyarrow").array(t, "string"))
    ),
    "pandas ArrowExtensionArray, dictionary": pandas(
        lambda pd, t: pd.arrays.ArrowExtensionArray(
            pytest.importorskip("pyarrow").chunked_array([t, []], "string").dictionary_encode()
        )
    ),
    "pandas Categorical": pandas(lambda pd, t: pd.Categorical(t, categories=sorted({*t, "not used"}))),
    "pandas CategoricalIndex": pandas(lambda pd, t: pd.CategoricalIndex(t, categories=sorted({*t, "not used"}))),
    "pandas SparseArray": pandas(
        lambda pd, t: pd.arrays.SparseArray(np.array(t, dtype=object), fill_value=t[0] if t else "")
    ),
    "pandas sparse Series": pandas(
        lambda pd, t: pd.Series(pd.arrays.SparseArray(np.array(t, dtype=object), fill_value=t[0] if t else ""))
    ),
    "pandas level of a MultiIndex": pandas(lambda pd, t: pd.MultiIndex.from_arrays([t, t]).get_level_values(0)),
    "pandas subclass": pandas(lambda pd, t: type("OwnSeries", (pd.Series,), {})(t, dtype=object)),
    "numpy StringDType": lambda texts: np.array(texts, dtype=string_dtype()),
    "numpy masked, nothing masked": lambda texts: np.ma.array(np.array(texts, dtype=object), mask=[False] * len(texts)),
    "pyarrow runs": arrow(lambda pa, t: pa.compute.run_end_encode(pa.array(t, pa.string()))),
    "pyarrow runs, sliced": arrow(
        lambda pa, t: pa.compute.run_end_encode(pa.array(["no", "no", *t, "no"]), run_end_type=pa.int16()).slice(
            2, len(t)
        )
    ),
    "pyarrow extension type": arrow(lambda pa, t: pa.array(t, pa.json_())),
    "pyarrow dictionary, sliced": arrow(lambda pa, t: pa.array(["no", *t, "no"]).dictionary_encode().slice(1, len(t))),
    "polars": polars(lambda pl, t: pl.Series(t, dtype=pl.String)),
    "polars enum": polars(lambda pl, t: pl.Series(t, dtype=pl.Enum(sorted(set(t))))),
    "polars sliced": polars(lambda pl, t: pl.Series(["no", *t, "no"])[1:-1]),
    "deque": deque,
    "user list": UserList,
    "dict values": lambda texts: dict(enumerate(texts)).values(),
    "polars categorical": polars(lambda pl, t: pl.Series(t, dtype=pl.Categorical)),
    "polars binary": polars(lambda pl, t: pl.Series([x.encode() for x in t])),
    "polars chunks": polars(lambda pl, t: pl.Series(t[:3]).append(pl.Series(t[3:]))),
}


LOSING_NUL = {
    # Fixed width: numpy drops NULs at the end.
    *("numpy str", "numpy bytes", "numpy str, other byte order", "numpy str, every other"),
    # What compares them takes "\x00" for "" in pandas 2.
    *("pandas category", "pandas Categorical", "pandas CategoricalIndex"),
    *("pandas unique", "pandas level of a MultiIndex"),
}


@pytest.mark.parametrize("kind", INPUTS)
def test_inputs(enc: fasttok.Encoding, expected: list[int], kind: str) -> None:
    texts, counts = TEXTS, expected
    if kind in LOSING_NUL:
        texts, counts = zip(*((t, c) for t, c in zip(TEXTS, expected, strict=True) if t != "\x00"), strict=True)
        texts, counts = list(texts), list(counts)
    make = INPUTS[kind]
    result = enc.count_batch(make(texts))
    assert result.dtype == np.int64
    assert result.shape == (len(texts),)
    assert result.tolist() == counts
    ids, offsets = enc.encode_batch(make(texts))
    assert (ids.dtype, offsets.dtype) == (np.uint32, np.int64)
    assert np.diff(offsets).tolist() == counts
    parts = [enc.decode(ids[a:b]) for a, b in itertools.pairwise(offsets)]
    assert parts == texts


def test_lists_are_the_arrays_before_and_after_there_are_shared_integers(enc: fasttok.Encoding) -> None:
    texts = ["one two three", "", "中文 und Grüße"]
    ids, offsets = enc.encode_batch(texts)
    expected = [ids[a:b].tolist() for a, b in itertools.pairwise(offsets)]
    for _ in range(2):
        assert enc.encode_batch(texts, as_list=True) == expected
        assert [enc.encode(text, as_list=True) for text in texts] == expected
        many = enc.encode("one two " * 50_000, as_list=True)
        assert many == enc.encode("one two " * 50_000).tolist()
        assert {type(id) for id in many} == {int}


@pytest.mark.parametrize("kind", sorted(set(INPUTS) - {"numpy str, every other"}))
def test_no_texts(enc: fasttok.Encoding, kind: str) -> None:
    result = enc.count_batch(INPUTS[kind]([]))
    assert (result.dtype, result.shape) == (np.int64, (0,))
    ids, offsets = enc.encode_batch(INPUTS[kind]([]))
    assert (ids.shape, offsets.tolist()) == ((0,), [0])


MISSING: dict[str, Callable[[], Any]] = {
    "list": lambda: ["a", None],
    "generator": lambda: iter(["a", None]),
    "nan": lambda: ["a", float("nan")],
    "nan of numpy": lambda: ["a", np.float32("nan")],
    "nan of decimal": lambda: ["a", Decimal("nan")],
    "NaT of numpy": lambda: ["a", np.datetime64("NaT")],
    "NA": lambda: ["a", pytest.importorskip("pandas").NA],
    "NaT": lambda: ["a", pytest.importorskip("pandas").NaT],
    "masked": lambda: np.ma.array(np.array(["a", "b"], dtype=object), mask=[False, True]),
    "masked, fixed width": lambda: np.ma.array(["a", "b"], mask=[False, True]),
    "StringDType": lambda: np.array(["a", None], dtype=type(string_dtype())(na_object=None)),
    "numpy": lambda: np.array(["a", None], dtype=object),
    "pyarrow": lambda: pytest.importorskip("pyarrow").array(["a", None]),
    "pyarrow view": lambda: pytest.importorskip("pyarrow").array(["a", None]).cast("string_view"),
    "pyarrow dictionary": lambda: pytest.importorskip("pyarrow").array(["a", None]).dictionary_encode(),
    "pyarrow chunks": lambda: pytest.importorskip("pyarrow").chunked_array([["a"], [None]]),
    "pandas": lambda: pytest.importorskip("pandas").Series(["a", None]),
    "pandas object": lambda: pytest.importorskip("pandas").Series(["a", None], dtype=object),
    "pandas NA": lambda: pytest.importorskip("pandas").Series(["a", None], dtype="string[python]"),
    "pandas category": lambda: pytest.importorskip("pandas").Series(["a", None], dtype="category"),
    "pandas sparse": lambda: pytest.importorskip("pandas").arrays.SparseArray(np.array(["a", np.nan], dtype=object)),
    "pandas array": lambda: pytest.importorskip("pandas").array(["a", None], dtype="string"),
    "pandas pyarrow": lambda: pytest.importorskip("pandas").array(["a", None], dtype="string[pyarrow]"),
    "pyarrow runs": lambda: pytest.importorskip("pyarrow.compute").run_end_encode(["a", None]),
    "pyarrow dictionary with a null": lambda: pytest.importorskip("pyarrow").DictionaryArray.from_arrays(
        [0, 1], pytest.importorskip("pyarrow").array(["a", None])
    ),
    "polars": lambda: pytest.importorskip("polars").Series(["a", None]),
    "polars categorical": lambda: (
        pytest.importorskip("polars").Series(["a", None], dtype=str).cast(pytest.importorskip("polars").Categorical)
    ),
}


@pytest.mark.parametrize("kind", MISSING)
def test_missing_texts_are_named(enc: fasttok.Encoding, kind: str) -> None:
    with pytest.raises(fasttok.InputError, match=r"texts\[1\] is missing") as caught:
        enc.count_batch(MISSING[kind]())
    assert caught.value.index == 1
    with pytest.raises(fasttok.InputError, match=r"texts\[1\] is missing"):
        enc.encode_batch(MISSING[kind]())


@pytest.mark.parametrize("kind", MISSING)
def test_missing_texts_have_no_tokens_where_that_is_wanted(enc: fasttok.Encoding, kind: str) -> None:
    zero = enc.count_batch(MISSING[kind](), nulls="zero")
    assert type(zero) is np.ndarray
    assert (zero.dtype, zero.tolist()) == (np.int64, [1, 0])
    null = enc.count_batch(MISSING[kind](), nulls="null")
    assert isinstance(null, np.ma.MaskedArray)
    assert (null.dtype, null.tolist(), null.mask.tolist()) == (np.int64, [1, None], [False, True])
    ids, offsets = enc.encode_batch(MISSING[kind](), nulls="zero")
    assert (ids.tolist(), offsets.tolist()) == (enc.encode("a").tolist(), [0, 1, 1])
    with pytest.raises(ValueError, match="offsets cannot say"):
        enc.encode_batch(MISSING[kind](), nulls="null")


@pytest.mark.parametrize("nulls", ["error", "zero", "null"])
@pytest.mark.parametrize("kind", ["list", "generator", "numpy str", "pandas", "polars", "pyarrow string"])
def test_without_missing_texts(enc: fasttok.Encoding, kind: str, nulls: Any) -> None:
    made = [text for text in TEXTS if text != "\x00"]
    counts = enc.count_batch(INPUTS[kind](made), nulls=nulls)
    assert counts.tolist() == enc.count_batch(made).tolist()
    assert isinstance(counts, np.ma.MaskedArray) == (nulls == "null")


def test_what_nulls_may_be(enc: fasttok.Encoding) -> None:
    for wrong in ("skip", "", "Zero"):
        with pytest.raises(ValueError, match="nulls must be"):
            enc.count_batch(["a"], nulls=wrong)  # type: ignore[arg-type]


def test_masked_counts_go_into_frames(enc: fasttok.Encoding) -> None:
    counts = enc.count_batch(["a b", None, "a"], nulls="null")  # type: ignore[list-item]
    pa = pytest.importorskip("pyarrow")
    pd = pytest.importorskip("pandas")
    assert pa.array(counts).to_pylist() == [2, None, 1]
    assert pd.arrays.IntegerArray(counts.data, counts.mask).tolist() == [2, pd.NA, 1]


def test_missing_texts_anywhere(enc: fasttok.Encoding) -> None:
    """Runs of them longer than a slice, in every form; and the places of errors among them."""
    pa = pytest.importorskip("pyarrow")
    rng = random.Random(4)
    for trial in range(6):
        texts: list[str | None] = []
        while len(texts) < 150_000:
            run = rng.choice((1, 1, 2, 30, 70_000))
            texts += [rng.choice((None, "a", "a b", "字"))] * run
        expected = [0 if text is None else enc.count(text) for text in texts]
        for form in (texts, iter(texts), pa.array(texts, pa.string()), np.array(texts, dtype=object)):
            counts = enc.count_batch(form, nulls="null")
            assert counts.mask.tolist() == [text is None for text in texts]
            assert counts.data.tolist() == expected
        ids, offsets = enc.encode_batch(texts, nulls="zero")
        assert np.diff(offsets).tolist() == expected
        assert len(ids) == offsets[-1]
        at = rng.randrange(len(texts))
        texts[at] = "lone \ud800"
        with pytest.raises(fasttok.InvalidUtf8Error) as caught:
            enc.count_batch(texts, nulls=("null", "zero")[trial % 2])  # type: ignore[arg-type]
        assert (caught.value.index, caught.value.offset) == (at, 5)
        texts[at] = 5  # type: ignore[call-overload]
        with pytest.raises(TypeError, match=rf"texts\[{at}\] must be str or bytes, not int"):
            enc.count_batch(texts, nulls="zero")


def test_columns_of_nulls_only(enc: fasttok.Encoding) -> None:
    pa = pytest.importorskip("pyarrow")
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    for column in (pa.nulls(2), pa.array([None, None], pa.dictionary(pa.int8(), pa.string())), [None, None],
                   pa.chunked_array([[None], [None]], pa.null()), pd.Series([None, None]), pd.Series([np.nan] * 2),
                   pd.Series([np.nan] * 2, dtype="float32"), pl.Series([None, None]), np.array([np.nan, np.nan]),
                   pd.Series([None, None], dtype="string"), pd.Categorical([None, None]),
                   pa.array([None, None], pa.string_view())):  # fmt: skip
        with pytest.raises(fasttok.InputError) as caught:
            enc.count_batch(column)
        assert caught.value.index == 0
        assert enc.count_batch(column, nulls="zero").tolist() == [0, 0]
        assert enc.count_batch(column, nulls="null").mask.tolist() == [True, True]


@pytest.mark.parametrize("element", [1, 1.5, [], ["a"], bytearray(b"a"), object()])
def test_elements_of_another_type_are_named(enc: fasttok.Encoding, element: object) -> None:
    for batch in (["a", element], ("a", element), iter(["a", element]), np.array(["a", None], dtype=object)):
        if isinstance(batch, np.ndarray):
            batch[1] = element
        with pytest.raises(TypeError, match=r"texts\[1\] must be str or bytes") as caught:
            enc.count_batch(batch)
        assert caught.value.index == 1


def test_what_is_no_collection_of_texts(enc: fasttok.Encoding) -> None:
    pa = pytest.importorskip("pyarrow")
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    for wrong in ("text", b"text", 5, None, np.arange(3), np.array([["a"]]), np.array("a"), pa.array([1, 2]),
                  pa.array([["a"]]), pa.table({"a": ["b"]}), pd.DataFrame({"a": ["b"]}), pl.DataFrame({"a": ["b"]}),
                  pl.Series([1]), pd.Series([1])):  # fmt: skip
        with pytest.raises(TypeError):
            enc.count_batch(wrong)
        with pytest.raises(TypeError):
            enc.encode_batch(wrong)


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "polars objects": (lambda: polars_objects([object(), object()]), "holds Python objects: pass its to_list()"),
    "polars objects that are str": (lambda: polars_objects(["a", "b"]), "holds Python objects: pass its to_list()"),
    "no polars objects": (lambda: polars_objects([]), "holds Python objects: pass its to_list()"),
    "polars lazy frame": (lambda: pytest.importorskip("polars").LazyFrame({"a": ["b"]}), "not a table"),
    "UUIDs": (lambda: extension("uuid", 16), "extension type arrow.uuid: pass its storage"),
    "UUIDs, array capsule": (lambda: OnlyCapsule.of(extension("uuid", 16)), "extension type arrow.uuid"),
    "opaque binary": (
        lambda: pytest.importorskip("pyarrow").ExtensionArray.from_storage(
            pytest.importorskip("pyarrow").opaque(pytest.importorskip("pyarrow").binary(), "geometry", "maps"),
            pytest.importorskip("pyarrow").array([b"abc"]),
        ),
        "extension type arrow.opaque",
    ),
    "table": (lambda: pytest.importorskip("pyarrow").table({"a": ["b"], "c": ["d"]}), 'pass one of "a", "c"'),
    "pandas frame": (lambda: pytest.importorskip("pandas").DataFrame({"a": ["b"], "c": ["d"]}), 'one of "a", "c"'),
    "polars frame": (lambda: pytest.importorskip("polars").DataFrame({"a": ["b"], "c": ["d"]}), 'one of "a", "c"'),
    "MultiIndex": (lambda: pytest.importorskip("pandas").MultiIndex.from_arrays([["a"], ["b"]]), "get_level_values"),
    "pandas integers": (lambda: pytest.importorskip("pandas").array([1, 2]), "not of int64"),
    "pandas integers, one missing": (
        lambda: pytest.importorskip("pandas").array([1, None]),
        "texts[0] must be str or bytes",
    ),
    "pandas categories of integers": (lambda: pytest.importorskip("pandas").Categorical([1, 2]), "not of int64"),
    "pandas dates": (lambda: pytest.importorskip("pandas").to_datetime(["2020-01-01"]), "not of datetime64"),
    "pandas lists": (lambda: pytest.importorskip("pandas").Series([["a"]]), "not list"),
    "floats": (lambda: np.array([1.5]), "not float"),
    "records": (lambda: np.rec.array([("a", 1)], dtype=[("text", "U3"), ("n", int)]), "array of str or bytes"),
    "dict": (lambda: {"a": "text"}, "values() or its keys()"),
    "str": (lambda: "text", "for a single one use count"),
    "str of numpy": (lambda: np.str_("text"), "for a single one use count"),
    "own str": (lambda: Subclass("text"), "for a single one use count"),
    "bytes": (lambda: b"text", "for a single one use count"),
    "bytearray": (lambda: bytearray(b"text"), "for a single one use count"),
    "memoryview": (lambda: memoryview(b"text"), "for a single one use count"),
    "path": (lambda: Path("x"), "count_corpus counts files"),
    "paths": (lambda: [Path("x")], "texts[0] must be str or bytes, not"),
    "nested": (lambda: [["a"], ["b"]], "texts[0] must be str or bytes, not list"),
    "nested tuple": (lambda: ("a", ("b",)), "texts[1] must be str or bytes, not tuple"),
    "numbers": (lambda: range(3), "texts[0] must be str or bytes, not int"),
    "user strings": (lambda: [UserString("a")], "texts[0] must be str or bytes, not UserString"),
    "a class": (lambda: str, "not type"),
    "pandas accessor": (lambda: pytest.importorskip("pandas").Series(["a"]).str, "not StringMethods"),
    "polars expression": (lambda: pytest.importorskip("polars").col("a"), "not Expr"),
}


def polars_objects(values: list[Any]) -> Any:
    pl = pytest.importorskip("polars")
    return pl.Series(values, dtype=pl.Object)


def extension(name: str, width: int) -> Any:
    pa = pytest.importorskip("pyarrow")
    return pa.array([b"x" * width], getattr(pa, name)())


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_collection_of_texts_is_told(enc: fasttok.Encoding, kind: str) -> None:
    make, message = WRONG[kind]
    for nulls in ("error", "zero"):
        for call in (enc.count_batch, enc.encode_batch):
            with pytest.raises(TypeError) as caught:
                call(make(), nulls=nulls)
            assert message in str(caught.value)


def test_what_a_polars_column_of_objects_can_be_made_into(enc: fasttok.Encoding) -> None:
    assert enc.count_batch(polars_objects(["a b", "c"]).to_list()).tolist() == [2, 1]


def test_invalid_utf8_in_an_arrow_column(enc: fasttok.Encoding) -> None:
    pa = pytest.importorskip("pyarrow")
    column = pa.array([b"ok", "é\xe9".encode("latin-1")]).view(pa.string())
    with pytest.raises(fasttok.InvalidUtf8Error) as caught:
        enc.count_batch(column)
    assert (caught.value.index, caught.value.offset) == (1, 0)
    assert enc.count_batch(column, errors="replace")[1] == enc.count("\ufffd\ufffd")


def test_more_texts_than_a_slice_holds(enc: fasttok.Encoding) -> None:
    words = ["one", "zwei drei", "四", "🐈"]
    n = 200_003
    expected = np.resize(enc.count_batch(words), n)
    texts = [words[i % 4] for i in range(n)]
    pa = pytest.importorskip("pyarrow")
    for form in (texts, iter(texts), np.array(texts), pa.array(texts), pa.array(texts).dictionary_encode()):
        for threads in (1, 2):
            # An iterator is read once.
            form = iter(texts) if isinstance(form, Iterator) else form
            assert np.array_equal(enc.count_batch(form, threads=threads), expected)
    texts[150_000] = None  # type: ignore[call-overload]
    with pytest.raises(fasttok.InputError) as caught:
        enc.count_batch(texts)
    assert caught.value.index == 150_000


def test_a_generator_is_not_kept_in_memory(enc: fasttok.Encoding) -> None:
    text = "0123456789" * 100_000
    tracemalloc.start()
    try:
        counts = enc.count_batch(text[:-1] + str(i) for i in range(300))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert counts.shape == (300,)
    assert peak < 100 << 20


# Reading str


def test_str_is_read_where_it_is() -> None:
    """On the versions of CPython that the direct reader knows, it is in use."""
    kinds = {"": "ascii", "abc": "ascii", "é": "latin1", "字": "ucs2", "🐈": "ucs4"}
    known = sys.implementation.name == "cpython" and sys.version_info < (3, 15)
    for text, kind in kinds.items():
        read = _fasttok._read_str(text)
        assert read == ((kind, text.encode()) if known else None)


def test_direct_reader_equals_plain_twin() -> None:
    rng = random.Random(1)
    cases = [*nasty_texts(23, 5_000), *(chr(c) for c in range(0, 0x11000, 7) if not 0xD800 <= c < 0xE000)]
    cases += ["".join(rng.choices(KINDS, k=k % 70)) for k in range(5_000)]
    for text in cases:
        read = _fasttok._read_str(text)
        if read is not None:
            assert read[1].decode() == lossy(text)
            # What is taken for UTF-8 without a look.
            assert (read[0] == "ascii") == text.isascii()


def lone(text: str) -> list[int]:
    """Where surrogates stand that are no half of a pair."""
    return [
        found.start()
        for found in re.finditer("[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]", text)
        if len(found[0]) == 1
    ]


def lossy(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def test_direct_reader_reads_every_code_point() -> None:
    """Beside its neighbours and among characters of every length in UTF-8, in every kind of str."""
    points = [chr(c) for c in range(0x110000)]
    texts = ["".join(points[i : i + 128]) for i in range(0, len(points), 128)]
    for i in range(0, len(points), 8):
        texts.append("".join(a + b for a, b in zip("aé字aé字aé", points[i : i + 8], strict=True)))
    texts += [text + "🐈" for text in texts[: 0x10000 // 128]]
    for text in texts:
        read = _fasttok._read_str(text)
        assert read is None or read[1].decode() == lossy(text)


@pytest.mark.parametrize("filler", ["a", "é", "ж", "字", "🐈"])
@pytest.mark.parametrize("odd", ["\x00", "\x7f", "\x80", "\u07ff", "\u0800", "\uffff", "\U00010000", "\U0010ffff"])
def test_direct_reader_reads_at_every_position(filler: str, odd: str) -> None:
    for length in [*range(35), *range(60, 84), 127, 128, 129]:
        for at in range(length + 1):
            text = filler * at + odd + filler * (length - at)
            read = _fasttok._read_str(text)
            assert read is None or read[1].decode() == text


@pytest.mark.parametrize("filler", ["a", "é", "ж", "字", "🐈"])
@pytest.mark.parametrize("odd", ["\ud800", "\udfff", "\udbff\udc00"])
def test_surrogates_at_every_position(enc: fasttok.Encoding, filler: str, odd: str) -> None:
    for length in [*range(35), *range(60, 84), 127, 128, 129]:
        for at in range(length + 1):
            text = filler * at + odd + filler * (length - at)
            read = _fasttok._read_str(text)
            assert read is None or read[1].decode() == lossy(text)
            if len(odd) == 2:
                assert enc.count(text) == enc.count_batch([text])[0] == len(enc.encode(text)) == enc.count(lossy(text))
                continue
            with pytest.raises(fasttok.InvalidUtf8Error) as caught:
                enc.count(text)
            assert caught.value.offset == at


def test_a_pair_of_surrogates_is_its_character(enc: fasttok.Encoding) -> None:
    pair = "\ud83d\udc4d"
    for form in (pair, Subclass(pair)):
        assert enc.encode(form).tolist() == enc.encode("👍").tolist()
        assert enc.count(form) == enc.count_batch([form])[0] == len(enc.encode("👍"))
        assert enc.encode_batch([form])[0].tolist() == enc.encode("👍").tolist()
    # Offsets are those of the str.
    for form in (pair + "é🐈<|endoftext|>", Subclass(pair + "é🐈<|endoftext|>")):
        with pytest.raises(fasttok.SpecialTokenError) as token:
            enc.count(form, special="error")
        assert token.value.offset == form.index("<|")
    for form in (pair + "é\ud83d", Subclass(pair + "é\ud83d")):
        with pytest.raises(fasttok.InvalidUtf8Error) as caught:
            enc.count(form)
        assert caught.value.offset == 3
    # Cut for the threads between and beside pairs.
    long = (pair + "a ") * 300_000
    for threads in (1, 2, 3):
        assert enc.count_batch([long], threads=threads)[0] == enc.count(lossy(long))


class Subclass(str):
    """Its instances keep their characters elsewhere, so that they are always read through the stable ABI."""

    __slots__ = ()


def test_both_readers_give_the_same_counts_and_errors(enc: fasttok.Encoding) -> None:
    rng = random.Random(2)
    assert _fasttok._read_str(Subclass("a")) is None
    for k in range(2_000):
        text = "".join(rng.choices(KINDS, k=k % 40))
        expected = len(enc.encode(lossy(text)))
        assert enc.count(text, errors="replace") == expected
        assert enc.count(Subclass(text), errors="replace") == expected
        places = lone(text)
        for form in (text, Subclass(text)):
            if not places:
                assert enc.count(form) == expected
                continue
            with pytest.raises(fasttok.InvalidUtf8Error) as caught:
                enc.count_batch(["ok", form])
            assert (caught.value.offset, caught.value.index) == (places[0], 1)
            with pytest.raises(fasttok.InvalidUtf8Error) as caught:
                enc.count(form)
            assert (caught.value.offset, caught.value.index) == (places[0], None)


@pytest.mark.parametrize("kind", ["é", "字", "🐈", "a"])
def test_no_utf8_copy_stays_in_the_str(enc: fasttok.Encoding, kind: str) -> None:
    # In words: what is asked is where characters are read, and one word of millions takes long to merge.
    short, long = kind * 100, f"{kind * 40} " * 50_000
    sizes = [sys.getsizeof(text) for text in (short, long)]
    for text in (short, long):
        enc.count(text)
        enc.encode(text)
    enc.count_batch([short, long, Subclass(short)])
    enc.encode_batch([short, long])
    assert [sys.getsizeof(text) for text in (short, long)] == sizes


def test_importing_and_counting_needs_nothing_heavy() -> None:
    code = (
        "import sys, fasttok; fasttok.get_encoding('o200k_base').count('统计 tokens');"
        "print(sorted({'numpy', 'pandas', 'pyarrow', 'polars', 'rich', 'typer', 'click'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
