"""Spark: counts as a column, tallies by Spark's own aggregation, and `count_corpus` with its shares as tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fasttok._fasttok import LENGTHS_EXACT, LENGTHS_PARTS
from fasttok._util.extras import need
from fasttok._util.paths import PathLike
from fasttok._util.types import Errors, Special
from fasttok.inputs.paths import as_names
from fasttok.integrations.carried import Carried, counts
from fasttok.integrations.shares import BINARY, NUMBERS, TASK_BYTES, SharedRun
from fasttok.options import CorpusKeywords, documented
from fasttok.reports.count import Report
from fasttok.tokenizers.resolve import Spec, resolve_all

if TYPE_CHECKING:
    from typing_extensions import Unpack

_ENGINE = "fasttok.spark"
_CORES = 64
"""How many cores are taken for granted where nobody knows."""
_BITS = LENGTHS_PARTS.bit_length()
"""So many leading bits of a length from `LENGTHS_EXACT` on say in which bucket it is, see `fasttok.DocumentLengths`."""


def count(
    frame: Any,
    text: str = "text",
    encoding: Spec = "o200k_base",
    *,
    output: str = "tokens",
    special: Special = "text",
    errors: Errors = "strict",
) -> Any:
    """The DataFrame with a column more: `output`, the number of tokens of the column `text` (bigint), null where the
    text is. From Spark 4.1 on only the text goes to Python, as Arrow; before that, whole rows do (``mapInArrow``).

    encoding: a name, a tokenizer file or an encoding. Executors need no file: it travels by name and hash, or whole.

    Counts when the frame is consumed, in one thread per task; then raises in a task what :meth:`Encoding.count_batch`
    raises.
    """
    functions = need("pyspark.sql.functions", "spark", _ENGINE)
    carried = Carried.of(encoding)
    if not hasattr(functions, "arrow_udf"):
        return _count_by_batches(frame, text, carried, output, special, errors)
    return frame.withColumn(output, _udf(carried, special, errors)(frame[text]))


def _udf(carried: Carried, special: Special, errors: Errors) -> Callable[[Any], Any]:
    """The counts of a column, as a function of columns."""
    functions = need("pyspark.sql.functions", "spark", _ENGINE)

    def tokens(texts: Any) -> Any:
        return counts(carried.here(), texts, special, errors)

    # Spark looks into annotations, which are strings here: the kind of function is said outright.
    tokens.__annotations__ = {}
    arrow = need("pyarrow", "spark", _ENGINE)
    tokens.__annotations__ = {"texts": arrow.Array, "return": arrow.Array}
    made: Callable[[Any], Any] = functions.arrow_udf(tokens, "bigint")
    return made


def _count_by_batches(frame: Any, text: str, carried: Carried, output: str, special: Special, errors: Errors) -> Any:
    """The same as :func:`count`, in Spark before 4.1."""
    types = need("pyspark.sql.types", "spark", _ENGINE)

    def add(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        for batch in batches:
            columns = [*batch.columns, counts(carried.here(), batch.column(text), special, errors)]
            yield pa.RecordBatch.from_arrays(columns, [*batch.schema.names, output])

    schema = types.StructType([*frame.schema.fields, types.StructField(output, types.LongType())])
    return frame.mapInArrow(add, schema)


def tally(
    frame: Any,
    text: str = "text",
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec] = ("o200k_base",),
    *,
    by: str | Iterable[str] = (),
    lengths: bool = False,
    special: Special = "text",
    errors: Errors = "strict",
) -> Any:
    """The sums over the documents of a DataFrame, by group and encoding, as a DataFrame: added up by Spark itself.

    Its columns are those of `by`, then ``encoding``, ``documents``, ``nulls`` (rows without a text, which are no
    documents), ``bytes``, ``chars``, ``tokens`` (all bigint) and, with `lengths`, ``tokens_per_document``: a map from a
    number of tokens to the number of documents that have as many, as :attr:`fasttok.DocumentLengths.counts`. One row
    for each group and encoding.

    by: columns that the sums are grouped by; null is a value of them.

    Raises ``ValueError`` where `by` names the text or a column of the result.
    """
    f = need("pyspark.sql.functions", "spark", _ENGINE)
    keys = as_names(by)
    made = {"encoding", "documents", "nulls", "bytes", "chars", "tokens", "tokens_per_document"}
    if wrong := sorted(made.union([text]).intersection(keys)):
        raise ValueError(f"{wrong[0]!r} is no column to group by: it is the text or a column of the tally")
    results = []
    for label, encoding in resolve_all(encodings).items():
        rows = frame.select(*keys, f.col(text).alias("text"))
        # The length of a document in tokens is at once what documents are grouped by first and what is added up.
        counted = count(rows, "text", encoding, special=special, errors=errors)
        size, chars = f.octet_length("text"), f.char_length("text")
        sums = [
            f.count("tokens").alias("documents"),
            f.sum(f.when(f.col("tokens").isNull(), 1).otherwise(0)).alias("nulls"),
            f.sum(size.cast("bigint")).alias("bytes"),
            f.sum(chars.cast("bigint")).alias("chars"),
            f.sum("tokens").alias("tokens"),
        ]
        names = ["documents", "nulls", "bytes", "chars", "tokens"]
        if lengths:
            bucket = _bucket(f, f.col("tokens"))
            by_length = counted.withColumn("bucket", bucket).groupBy(*keys, "bucket").agg(*sums)
            entries = f.collect_list(f.when(f.col("bucket").isNotNull(), f.struct("bucket", "documents")))
            histogram = f.map_from_entries(f.array_sort(entries)).alias("tokens_per_document")
            grouped = by_length.groupBy(*keys).agg(*[f.sum(name).alias(name) for name in names], histogram)
            names.append("tokens_per_document")
        else:
            grouped = counted.groupBy(*keys).agg(*sums)
        # A group without a document has sums, too.
        whole = [f.coalesce(f.col(n), f.lit(0)).alias(n) if n != "tokens_per_document" else f.col(n) for n in names]
        results.append(grouped.select(*keys, f.lit(label).alias("encoding"), *whole))
    first, *more = results
    for other in more:
        first = first.unionByName(other)
    return first


def _bucket(f: Any, tokens: Any) -> Any:
    """The least number of the bucket that a length is in."""
    bits = f.length(f.bin(tokens))
    size = f.pow(f.lit(2.0), f.greatest(bits - _BITS, f.lit(0))).cast("bigint")
    return f.when(tokens < LENGTHS_EXACT, tokens).otherwise(tokens - f.pmod(tokens, size))


@documented(CorpusKeywords)
def count_corpus(
    spark: Any,
    paths: PathLike | Iterable[PathLike],
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec] = ("o200k_base",),
    *,
    by: str | Iterable[str] = (),
    quantiles: bool = False,
    limits: int | Iterable[int] = (),
    task_bytes: int = TASK_BYTES,
    **options: Unpack[CorpusKeywords],
) -> Report:
    """:func:`fasttok.count_corpus` on the cluster of a Spark session: the same report. The driver and all executors
    must see the files under the same paths. A task has one thread.

    paths, encodings, by, quantiles, limits: as for :func:`fasttok.count_corpus`.
    task_bytes: how much a task reads, about; less where that keeps all cores at work. What has parts (row groups,
        record batches, lines) is divided; what has none (a packed file, one document) is one task's.
    {options}

    Raises what :func:`fasttok.count_corpus` raises, and ``ValueError`` for `threads`, `on_progress` and `cancel`.
    """
    need("pyspark", "spark", _ENGINE)
    # A session of Spark Connect does not know.
    cores = getattr(getattr(spark, "sparkContext", None), "defaultParallelism", _CORES)
    run = SharedRun(f"{_ENGINE}.count_corpus", paths, encodings, by, quantiles, limits, task_bytes, cores, options)
    job, shares = run.job, run.shares
    if not shares:
        return run.report([])

    def counted(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        numbers = [(name, pa.int64()) for name in NUMBERS]
        schema = pa.schema([*numbers, *((name, pa.binary()) for name in BINARY)])
        for batch in batches:
            for index in batch.column(0).to_pylist():
                yield pa.RecordBatch.from_pylist([job.count(index, shares[index])], schema)

    # A number is a partition is a task.
    numbers = spark.range(0, len(shares), 1, len(shares))
    schema = ", ".join([*(f"{name} bigint" for name in NUMBERS), *(f"{name} binary" for name in BINARY)])
    rows = numbers.mapInArrow(counted, schema).collect()
    return run.report({name: _bytes(value) for name, value in row.asDict().items()} for row in rows)  # type: ignore[misc]


def _bytes(value: Any) -> Any:
    """Spark gives binary values as ``bytearray``."""
    return bytes(value) if isinstance(value, bytearray) else value
