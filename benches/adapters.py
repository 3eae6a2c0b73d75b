"""What the ways into fasttok cost beside `count_batch`, on the same Arrow column: `python -m benches.adapters --help`.

The text is cut into parts. Each part is counted in every way, one way after the other, and each way is the first on
as many parts as any other: the text is fresh to all of them equally often. What is told is the time of a way over all
parts, divided by that of `count_batch`.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa

import fasttok
import fasttok.duckdb
import fasttok.pandas
import fasttok.polars
from benches.compare import machine, text
from benches.compare.workers import documents
from fasttok._fasttok import simd_level

ROOT = Path(__file__).parents[1]
MB = 1_000_000
NAME = "o200k_base"
BASE = "count_batch"

#: Counts the column that it was made for, and gives the sum.
Way = Callable[[], int]


def ways(column: pa.Array, threads: int | None, connection: duckdb.DuckDBPyConnection) -> dict[str, Way]:
    """The ways by name. What the column has to be for a library is made before, and costs nothing here."""
    enc = fasttok.get_encoding(NAME)
    chunked = pa.chunked_array([column])
    frame = pl.DataFrame({"text": pl.from_arrow(column)})
    series = pd.Series(pd.arrays.ArrowExtensionArray(chunked))
    objects = pd.Series(column.to_pylist(), dtype=object)
    connection.register("texts", pa.table({"text": column}))

    def in_polars(engine: Any, /, **collect: Any) -> Way:
        expr = pl.col("text").fasttok.count(NAME, threads=threads, engine=engine)  # type: ignore[attr-defined]
        return lambda: int(frame.lazy().select(expr).collect(**collect)["text"].sum())

    return {
        BASE: lambda: int(enc.count_batch(chunked, threads=threads).sum()),
        "count_arrow": lambda: int(pl.Series(enc.count_arrow(column, threads=threads)).sum()),
        "polars, plugin": in_polars("plugin"),
        "polars, map_batches": in_polars("map"),
        "polars, plugin, streaming": in_polars("plugin", engine="streaming"),
        "pandas, Arrow": lambda: int(series.fasttok.count(NAME, threads=threads).sum()),
        "pandas, objects": lambda: int(objects.fasttok.count(NAME, threads=threads).sum()),
        "DuckDB": lambda: int(connection.sql(f"select sum(fasttok_count(text, '{NAME}')) from texts").fetchall()[0][0]),
    }


def measure(texts: list[str], parts: int, threads: int | None) -> dict[str, float]:
    """Seconds of each way over all parts."""
    connection = duckdb.connect()
    connection.execute(f"set threads = {threads or len(machine.available_cores())}")
    fasttok.duckdb.register(connection)
    seconds: dict[str, float] = defaultdict(float)
    for way in ways(pa.array(texts[:200], pa.large_string()), threads, connection).values():
        way()  # Libraries are loaded at their first use.
    for part in range(parts):
        column = pa.array(texts[part::parts], pa.large_string())
        ready = list(ways(column, threads, connection).items())
        first = part % len(ready)
        answers = set()
        for name, way in ready[first:] + ready[:first]:
            clock = time.perf_counter()
            answers.add(way())
            seconds[name] += time.perf_counter() - clock
        if len(answers) != 1:
            raise SystemExit(f"the ways give different counts: {sorted(answers)}")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benches.adapters", description=__doc__)
    parser.add_argument("--language", default="eng_Latn", help="of the text (default: %(default)s)")
    parser.add_argument("--mb", type=float, default=48, help="of text (default: %(default)s)")
    parser.add_argument("--parts", type=int, default=24, help="a multiple of the number of ways (default: %(default)s)")
    parser.add_argument("--data", type=Path, help="folder of LANGUAGE.jsonl.zst (default: as benches.compare)")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench-envs" / "adapters", help="text made ready")
    arguments = parser.parse_args()
    packed = text.prepare(
        arguments.language, text.corpora_folder(arguments.data, ROOT), arguments.cache, arguments.mb * MB
    )
    part = packed.first(arguments.mb * MB)
    long = documents.read(packed.path, part.first, part.last)
    short = documents.lines(long)
    cores = len(machine.available_cores())
    print(f"{NAME}, {simd_level()}, {cores} cores; polars {pl.__version__}, pandas {pd.__version__}, "
          f"duckdb {duckdb.__version__}\n")  # fmt: skip
    columns = {}
    for shape, texts in (("documents", long), ("lines", short)):
        size = sum(len(one.encode()) for one in texts) / len(texts)
        for threads, told in ((1, "1 thread"), (None, f"{cores} threads")):
            columns[f"{shape} of {size:,.0f} bytes, {told}"] = measure(texts, arguments.parts, threads)
    print("| | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name in next(iter(columns.values())):
        cells = [f"{seconds[name] / seconds[BASE]:.3f}" for seconds in columns.values()]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
