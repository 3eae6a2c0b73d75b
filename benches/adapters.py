"""What the ways into fasttok cost beside `count_batch`, on the same Arrow columns: `python -m benches.adapters --help`.

The text is cut into columns. A process counts each of them in one way only, so that all text is fresh to it, the ways
in turn; as many processes as there are ways count each column in each way. What is told is the median over the columns
of the CPU time of a way divided by that of `count_batch` on the same column.

Ways that only ask for the lengths count nothing: they say what of the time is the library's own, which takes its column
in hand and gives a column of numbers back in any case.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute

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
WAYS = (
    BASE,
    "count_arrow",
    "polars, plugin",
    "polars, plugin, in memory",
    "polars, map_batches",
    "polars, lengths only",
    "polars, lengths only, in memory",
    "pandas",
    "pandas, lengths only",
    "DuckDB",
    "DuckDB, lengths only",
)

#: Counts the column that it was made for, and gives the sum.
Way = Callable[[], int]


def uncounted(_: Any) -> int:
    """What a way gives that counts nothing."""
    return -1


def lengths(texts: Any, names: Any) -> Any:
    """A function of DuckDB's that does next to nothing."""
    return pa.compute.cast(pa.compute.binary_length(texts), pa.int64())


def ways(column: pa.Array, threads: int | None, connection: duckdb.DuckDBPyConnection) -> dict[str, Way]:
    """The ways by name. What the column has to be for a library is made before, and costs nothing here."""
    enc = fasttok.get_encoding(NAME)
    chunked = pa.chunked_array([column])
    frame = pl.DataFrame({"text": pl.from_arrow(column)})
    series = pd.Series(pd.arrays.ArrowExtensionArray(chunked))
    connection.register("texts", pa.table({"text": column}))

    def in_polars(engine: Any, run_by: Any = "auto") -> Way:
        expr = pl.col("text").fasttok.count(NAME, threads=threads, engine=engine)  # type: ignore[attr-defined]
        return lambda: int(frame.lazy().select(expr).collect(engine=run_by)["text"].sum())

    def lengths_in_polars(run_by: Any) -> Way:
        expr = pl.col("text").str.len_bytes()
        return lambda: uncounted(frame.lazy().select(expr).collect(engine=run_by)["text"].sum())

    def lengths_in_pandas() -> int:
        """As the accessor makes its column, of numbers that Arrow has."""
        found = pa.compute.binary_length(chunked).to_numpy()
        made = pd.arrays.IntegerArray(found, np.zeros(len(found), bool))
        return uncounted(pd.Series(made, index=series.index, name=series.name).sum())

    def lengths_in_duckdb() -> int:
        return uncounted(connection.sql("select sum(only_lengths(text, 'any')) from texts").fetchall()[0][0])

    made = {
        BASE: lambda: int(enc.count_batch(chunked, threads=threads).sum()),
        "count_arrow": lambda: int(pl.Series(enc.count_arrow(column, threads=threads)).sum()),
        "polars, plugin": in_polars("plugin"),
        "polars, plugin, in memory": in_polars("plugin", "in-memory"),
        "polars, map_batches": in_polars("map"),
        "polars, lengths only": lengths_in_polars("auto"),
        "polars, lengths only, in memory": lengths_in_polars("in-memory"),
        "pandas": lambda: int(series.fasttok.count(NAME, threads=threads).sum()),
        "pandas, lengths only": lengths_in_pandas,
        "DuckDB": lambda: int(connection.sql(f"select sum(fasttok_count(text, '{NAME}')) from texts").fetchall()[0][0]),
        "DuckDB, lengths only": lengths_in_duckdb,
    }
    assert tuple(made) == WAYS
    return made


def measure(texts: list[str], columns: int, threads: int | None, turn: int) -> list[tuple[str, float, int]]:
    """The way, the CPU seconds and the count of each column, in the process whose turn it is."""
    connection = duckdb.connect()
    connection.execute(f"set threads = {threads or len(machine.available_cores())}")
    fasttok.duckdb.register(connection)
    take: Any = connection.create_function
    take("only_lengths", lengths, ["varchar", "varchar"], "bigint", type="arrow", null_handling="special")
    # Libraries are loaded at their first use, and the encoding is warm on other text of the kind.
    for way in ways(pa.array(texts[columns :: columns + 1], pa.large_string()), threads, connection).values():
        way()
    found = []
    for column in range(columns):
        text = pa.array(texts[column :: columns + 1], pa.large_string())
        ready = list(ways(text, threads, connection).items())
        name, way = ready[(column + turn) % len(ready)]
        clock = time.process_time()
        count = way()
        found.append((name, time.process_time() - clock, count))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benches.adapters", description=__doc__)
    parser.add_argument("--language", default="eng_Latn", help="of the text (default: %(default)s)")
    parser.add_argument("--shape", default="documents", choices=("documents", "lines"), help="default: %(default)s")
    parser.add_argument("--mb", type=float, default=48, help="of text (default: %(default)s)")
    parser.add_argument("--columns", type=int, default=24, help="that it is cut into (default: %(default)s)")
    parser.add_argument("--data", type=Path, help="folder of LANGUAGE.jsonl.zst (default: as benches.compare)")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench-envs" / "adapters", help="text made ready")
    parser.add_argument("--turn", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    packed = text.prepare(
        arguments.language, text.corpora_folder(arguments.data, ROOT), arguments.cache, arguments.mb * MB
    )
    if arguments.turn is not None:
        part = packed.first(arguments.mb * MB)
        texts = documents.read(packed.path, part.first, part.last)
        texts = documents.lines(texts) if arguments.shape == "lines" else texts
        print(json.dumps(measure(texts, arguments.columns, arguments.threads, arguments.turn)))
        return

    cores = len(machine.available_cores())
    print(f"{NAME}, {simd_level()}, {cores} cores; polars {pl.__version__}, pandas {pd.__version__}, "
          f"duckdb {duckdb.__version__}; {arguments.shape}\n")  # fmt: skip
    shown: dict[str, list[str]] = {}
    for threads in ([1], []):
        # By column and way.
        seconds: dict[int, dict[str, float]] = defaultdict(dict)
        counts: dict[int, set[int]] = defaultdict(set)
        for turn in range(len(WAYS)):
            command = [sys.executable, "-m", "benches.adapters", *sys.argv[1:], f"--turn={turn}"]
            command += [f"--threads={number}" for number in threads]
            done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
            for column, (name, time_, count) in enumerate(json.loads(done.stdout)):
                seconds[column][name] = time_
                if count >= 0:
                    counts[column].add(count)
        if any(len(answers) != 1 for answers in counts.values()):
            raise SystemExit(f"the ways give different counts: {dict(counts)}")
        for name in WAYS:
            ratios = [by_way[name] / by_way[BASE] for by_way in seconds.values()]
            shown.setdefault(name, []).append(f"{statistics.median(ratios):.2f}")
    print(f"| {arguments.shape} | 1 thread | {cores} threads |\n|---|---|---|")
    for name, cells in shown.items():
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
