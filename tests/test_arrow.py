"""Arrow in and out: count_arrow and encode_arrow against tiktoken, from and to several libraries."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nasty import texts as nasty_texts
from peak_memory import PEAK
from references import References

import fasttok

pa = pytest.importorskip("pyarrow")

TYPES = ["string", "large_string", "string_view", "binary", "large_binary", "binary_view"]
Texts = list["str | None"]


class OnlyArray:
    """An Arrow array of no library."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __arrow_c_array__(self, requested_schema: object = None) -> Any:
        return self.array.__arrow_c_array__(requested_schema)


class OnlyStream:
    """A stream of no library, which can be read once."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        array, self.array = self.array, None
        return array.__arrow_c_stream__(requested_schema)


def in_chunks(texts: Texts, kind: str = "string", seed: int = 1) -> Any:
    """The texts in chunks of any length, some of them empty."""
    cuts = sorted(random.Random(seed).randrange(len(texts) + 1) for _ in range(5))
    cuts = [0, *cuts, cuts[-1], len(texts)]
    return pa.chunked_array([pa.array(texts[a:b], pa.string()) for a, b in itertools.pairwise(cuts)]).cast(kind)


FORMS: dict[str, Callable[[Texts], Any]] = {
    **{kind: lambda texts, kind=kind: pa.array(texts, pa.string()).cast(kind) for kind in TYPES},
    **{f"chunks of {kind}": lambda texts, kind=kind: in_chunks(texts, kind) for kind in TYPES},
    "slice": lambda texts: pa.array(["no", *texts, "no", None]).slice(1, len(texts)),
    "slice of chunks": lambda texts: in_chunks(["no", *texts, "no"]).slice(1, len(texts)),
    "dictionary": lambda texts: pa.array(texts, pa.string()).dictionary_encode(),
    "dictionary, sliced": lambda texts: pa.array([None, *texts, "no"]).dictionary_encode().slice(1, len(texts)),
    "chunks of dictionaries": lambda texts: in_chunks(texts).dictionary_encode(),
    "runs": lambda texts: pa.compute.run_end_encode(pa.array(texts, pa.string())),
    "array of no library": lambda texts: OnlyArray(pa.array(texts, pa.string())),
    "stream of no library": lambda texts: OnlyStream(in_chunks(texts)),
    "polars": lambda texts: pytest.importorskip("polars").Series(texts, dtype=str),
    "polars chunks": lambda texts: pytest.importorskip("polars").concat(
        [pytest.importorskip("polars").Series(part, dtype=str) for part in (texts[:7], texts[7:])], rechunk=False
    ),
    "pandas": lambda texts: pytest.importorskip("pandas").Series(texts, dtype="str"),
}


@pytest.fixture(scope="module")
def enc() -> fasttok.Encoding:
    return fasttok.get_encoding("o200k_base")


def with_nulls(texts: list[str], seed: int) -> Texts:
    rng = random.Random(seed)
    return [None if rng.random() < 0.1 else text for text in texts]


def texts_for_tests() -> Texts:
    return with_nulls(["", "\x00", "a", "", *(t for t in nasty_texts(4, 300))], 5)


def as_list(column: Any) -> list[Any]:
    """What pyarrow reads in a column of ours."""
    if isinstance(column, fasttok.ArrowArray):
        made = pa.array(column)
        assert not hasattr(column, "__arrow_c_stream__")
    else:
        assert isinstance(column, fasttok.ArrowChunkedArray) and not hasattr(column, "__arrow_c_array__")
        made = pa.chunked_array(column)
    made.validate(full=True)
    assert len(made) == len(column)
    return made.to_pylist()


@pytest.mark.parametrize("form", FORMS)
def test_counts_and_ids_are_those_of_tiktoken(enc: fasttok.Encoding, references: References, form: str) -> None:
    texts = texts_for_tests()
    expected = [t if t is None else references["o200k_base"].encode_ordinary(t) for t in texts]
    make = FORMS[form]
    assert as_list(enc.count_arrow(make(texts))) == [ids if ids is None else len(ids) for ids in expected]
    assert as_list(enc.encode_arrow(make(texts))) == expected


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("texts", [[], [None], [None] * 9, ["a"], ["a", None]])
def test_few_texts(enc: fasttok.Encoding, form: str, texts: Texts) -> None:
    make = FORMS[form]
    counts = [None if text is None else 1 for text in texts]
    assert as_list(enc.count_arrow(make(texts))) == counts
    assert as_list(enc.encode_arrow(make(texts))) == [None if text is None else [64] for text in texts]
    both = fasttok.count_arrow(make(texts), ["o200k_base", "r50k_base"])
    assert as_list(both) == [None if n is None else {"o200k_base": n, "r50k_base": n} for n in counts]


def test_nulls_of_any_length(enc: fasttok.Encoding) -> None:
    """Runs of them longer than a slice, at any place in it."""
    rng = random.Random(6)
    for _ in range(6):
        texts: Texts = []
        while len(texts) < 150_000:
            texts += [rng.choice((None, "a", "a b", "字"))] * rng.choice((1, 1, 2, 30, 70_000))
        counts = [None if text is None else enc.count(text) for text in texts]
        array = pa.array(texts, pa.string())
        assert pa.array(enc.count_arrow(array)).to_pylist() == counts
        lists = pa.array(enc.encode_arrow(array))
        lists.validate(full=True)
        assert lists.value_lengths().to_pylist() == counts
        at = rng.randrange(len(texts))
        damaged = pa.array([None if t is None else t.encode() for t in texts[:at]] + [b"a\xff"] + [b"x"] * 9)
        with pytest.raises(fasttok.InvalidUtf8Error) as caught:
            enc.count_arrow(pa.chunked_array([damaged[: at // 2], damaged[at // 2 :]]))
        assert (caught.value.index, caught.value.offset) == (at, 1)


def test_chunks_stay(enc: fasttok.Encoding) -> None:
    texts = texts_for_tests()
    for seed in range(20):
        column = in_chunks(texts, seed=seed)
        lengths = [len(chunk) for chunk in column.chunks]
        for made in (enc.count_arrow(column), enc.encode_arrow(column), fasttok.count_arrow(column, ["r50k_base"])):
            assert [len(chunk) for chunk in pa.chunked_array(made).chunks] == lengths


def test_types_and_schema(enc: fasttok.Encoding) -> None:
    column = pa.array(["a"])
    assert pa.array(enc.count_arrow(column)).type == pa.int64()
    assert pa.array(enc.encode_arrow(column)).type == pa.list_(pa.uint32())
    both = fasttok.count_arrow(column, {"new": "o200k_base", "old": "r50k_base"})
    expected = pa.struct([("new", pa.int64()), ("old", pa.int64())])
    assert pa.array(both).type == expected
    for made, kind in (
        (enc.count_arrow(column), pa.int64()),
        (both, expected),
        (enc.count_arrow(pa.chunked_array([column])), pa.int64()),
    ):
        assert pa.DataType._import_from_c_capsule(made.__arrow_c_schema__()) == kind
    assert repr(both) == "<ArrowArray of 1 " + repr(both).split(" ", 3)[3]
    assert repr(enc.count_arrow(pa.chunked_array([column, column]))).endswith("in 2 chunks>")


def test_each_field_of_several_encodings(references: References) -> None:
    texts = texts_for_tests()
    names = ["cl100k_base", "o200k_base", "p50k_base", "r50k_base"]
    made = fasttok.count_arrow(in_chunks(texts), names)
    table = pa.chunked_array(made)
    for name in names:
        expected = [t if t is None else len(references[name].encode_ordinary(t)) for t in texts]
        flat = pa.chunked_array([chunk.field(name) for chunk in table.chunks])
        assert flat.to_pylist() == expected
        assert pa.compute.struct_field(table, name).to_pylist() == expected
    assert table.null_count == texts.count(None)


INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@pytest.mark.parametrize("kind", INTEGERS)
def test_a_requested_width(enc: fasttok.Encoding, kind: str) -> None:
    kind = getattr(pa, kind)()
    column = pa.array(["a b", None, ""])
    for made in (enc.count_arrow(column), enc.count_arrow(pa.chunked_array([column, column]))):
        read = pa.chunked_array if isinstance(made, fasttok.ArrowChunkedArray) else pa.array
        asked = read(made, kind)
        assert asked.type == kind
        assert asked.to_pylist()[:3] == [2, None, 0]
    both = pa.struct([("o200k_base", kind), ("r50k_base", pa.int64())])
    assert pa.array(fasttok.count_arrow(column, ["o200k_base", "r50k_base"]), both).type == both
    if kind.bit_width >= 32:
        for lists in (pa.list_(kind), pa.large_list(kind)):
            ids = pa.array(enc.encode_arrow(column), lists)
            ids.validate(full=True)
            assert (ids.type, ids.to_pylist()) == (lists, [enc.encode("a b").tolist(), None, []])


def test_a_request_that_cannot_be_met(enc: fasttok.Encoding) -> None:
    made = enc.count_arrow(pa.array(["one two three " * 100]))
    with pytest.raises(ValueError, match="301 is too large for an Arrow column of"):
        pa.array(made, pa.uint8())
    for kind in (pa.string(), pa.float64(), pa.list_(pa.int64()), pa.struct([("a", pa.int64())])):
        with pytest.raises(TypeError, match="cannot be given as"):
            pa.array(made, kind)
    with pytest.raises(TypeError, match="cannot be given as"):
        pa.array(fasttok.count_arrow(pa.array(["a"]), ["r50k_base"]), pa.struct([("other", pa.int64())]))
    # It is still there.
    assert pa.array(made).to_pylist() == [301]


def test_a_column_may_be_taken_many_times_and_outlives_all(enc: fasttok.Encoding) -> None:
    texts = pa.chunked_array([["a"], ["b c", None]])
    made = enc.encode_arrow(texts)
    once, again = pa.chunked_array(made), pa.chunked_array(made)
    del texts, made
    assert once == again
    assert once.to_pylist() == [enc.encode("a").tolist(), enc.encode("b c").tolist(), None]
    # Capsules that nobody takes over free what they hold.
    for _ in range(1_000):
        left = enc.count_arrow(pa.array(["a"] * 1_000))
        left.__arrow_c_array__()
        left.__arrow_c_schema__()
        enc.count_arrow(pa.chunked_array([["a"]])).__arrow_c_stream__()


def test_other_libraries_take_it_over(enc: fasttok.Encoding) -> None:
    pl = pytest.importorskip("polars")
    for column in (pa.array(["a b", None]), pa.chunked_array([["a b"], [None]])):
        assert pl.Series("n", enc.count_arrow(column)).to_list() == [2, None]
        assert pl.Series(enc.encode_arrow(column)).to_list() == [enc.encode("a b").tolist(), None]
        frame = pl.Series("n", fasttok.count_arrow(column, ["o200k_base", "r50k_base"])).struct.unnest()
        assert frame.to_dict(as_series=False) == {"o200k_base": [2, None], "r50k_base": [2, None]}


def test_options(enc: fasttok.Encoding) -> None:
    special = pa.array(["<|endoftext|>", None])
    assert pa.array(enc.count_arrow(special, special="token")).to_pylist() == [1, None]
    assert pa.array(enc.count_arrow(special)).to_pylist() == [enc.count("<|endoftext|>"), None]
    assert pa.array(enc.encode_arrow(special, special="token")).to_pylist() == [[199999], None]
    with pytest.raises(fasttok.SpecialTokenError) as caught:
        fasttok.count_arrow(special, "o200k_base", special="error")
    assert caught.value.index == 0
    invalid = pa.array([None, b"\xff"])
    assert pa.array(enc.count_arrow(invalid, errors="replace")).to_pylist() == [None, enc.count("\ufffd")]
    with pytest.raises(ValueError, match="special must be"):
        enc.count_arrow(special, special="yes")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="threads must be"):
        enc.count_arrow(special, threads=0)


def columns_of_something_else() -> Iterator[tuple[Any, str]]:
    yield ["a"], "Arrow PyCapsule interface, not list"
    yield "a", "single one"
    yield pa.array([1]), "not of Int64"
    yield pa.table({"a": ["x"]}), "pass one of .a."
    yield pa.record_batch({"a": ["x"]}), "pass one of .a."
    yield pytest.importorskip("polars").DataFrame({"a": ["x"]}), "pass one of .a."
    yield pytest.importorskip("polars").Series([object()]), "dtype Object"
    yield pytest.importorskip("polars").LazyFrame({"a": ["x"]}), "collect it"


def test_what_is_no_column_of_texts(enc: fasttok.Encoding) -> None:
    for data, message in columns_of_something_else():
        for take in (enc.count_arrow, enc.encode_arrow, fasttok.count_arrow):
            with pytest.raises(TypeError, match=message):
                take(data)


def test_no_copy_of_the_text() -> None:
    """57 MB of text in few rows: what counting adds to the peak is a small part of it."""
    pytest.importorskip("polars")
    code = f"""
import fasttok, polars as pl, pyarrow as pa
{PEAK}
enc = fasttok.get_encoding("o200k_base")
enc.count_arrow(pa.array(["warm"]))
text = pa.array(["some words of text\\n" * 1_000_000] * 3, pa.large_string())
view = text.cast("string_view")
frame = pl.from_arrow(text)
before = peak_bytes()
for column in (text.slice(1), pa.chunked_array([text]), view, frame):
    made = enc.count_arrow(column)
assert pl.Series(made).to_list() == [5_000_000] * 3
print(peak_bytes() - before, text.nbytes)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    added, text = map(int, run.stdout.split())
    assert text > 57_000_000
    assert added < text / 3
