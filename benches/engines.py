"""One job on every engine: the tokens of a column of a Parquet file, by fasttok and by a UDF of tiktoken; wall time,
CPU time and the peak of memory of all processes, and the total, which must be the same everywhere.

    .venv-engines/bin/python -m benches.engines [--by fasttok] FOLDER [ENGINE ...]      # Parquet with a column "text"
    .venv-engines/bin/python -m benches.engines --make TEXTS.jsonl FOLDER MB

tiktoken takes its rank file from where `TIKTOKEN_CACHE_DIR` says, or from the network.

Each job is a process of its own, with its engine started and ended in it. Memory is the sum of the proportional set
sizes of all processes that the job started, looked at ten times a second: pages that they share count once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from functools import partial
from pathlib import Path
from typing import Any

ENCODING = "o200k_base"
CORES = 2


def by_fasttok() -> Any:
    """A function of Arrow arrays."""
    import fasttok

    def count(texts: Any) -> Any:
        import pyarrow as pa

        found = fasttok.get_encoding("o200k_base").count_batch(texts, nulls="null", threads=1)
        return pa.array(found.data, pa.int64(), mask=found.mask)

    return count


def by_tiktoken() -> Any:
    """What one would write without fasttok."""

    def count(texts: Any) -> Any:
        import pyarrow as pa
        import tiktoken

        encode = tiktoken.get_encoding("o200k_base").encode_ordinary
        return pa.array([None if text is None else len(encode(text)) for text in texts.to_pylist()], pa.int64())

    return count


def on_one_machine(folder: str, count: Any, is_ours: bool) -> int:
    if is_ours:
        import fasttok

        report = fasttok.count_corpus(folder, ENCODING, threads=CORES)
        return report.totals.tokens[ENCODING]
    from concurrent.futures import ProcessPoolExecutor

    import pyarrow.parquet as pq

    paths = sorted(map(str, Path(folder).glob("*.parquet")))
    groups = [(path, group) for path in paths for group in range(pq.ParquetFile(path).num_row_groups)]
    with ProcessPoolExecutor(CORES) as pool:
        return sum(pool.map(tokens_of_group, *zip(*groups, strict=True)))


def tokens_of_group(path: str, group: int) -> int:
    import pyarrow.parquet as pq

    batches = pq.ParquetFile(path).iter_batches(columns=["text"], row_groups=[group])
    return sum(sum(filter(None, by_tiktoken()(batch.column(0)).to_pylist())) for batch in batches)


def on_polars(folder: str, count: Any, is_ours: bool, way: str = "streaming", engine: str = "plugin") -> int:
    import polars as pl

    import fasttok.polars  # noqa: F401

    text: Any = pl.col("text")
    if is_ours:
        tokens = text.fasttok.count(ENCODING, engine=engine)
    else:
        tokens = text.map_batches(lambda texts: pl.Series(count(texts.to_arrow())), return_dtype=pl.Int64())
    files = f"{folder}/*.parquet"
    if way == "eager":
        return int(pl.read_parquet(files, columns=["text"]).select(tokens.sum())["text"][0])
    lazy = pl.scan_parquet(files)
    if way == "group_by":
        lazy = lazy.group_by(pl.col("n") % 7).agg(tokens.sum())
        return int(lazy.collect(engine="streaming")["text"].sum())
    return int(lazy.select(tokens.sum()).collect(engine="streaming" if way == "streaming" else "in-memory")["text"][0])


def on_duckdb(folder: str, count: Any, is_ours: bool) -> int:
    import duckdb

    import fasttok.duckdb

    connection = duckdb.connect()
    connection.execute(f"set threads = {CORES}")
    fasttok.duckdb.register(connection)
    if not is_ours:
        connection.create_function("tokens", count, ["varchar"], "bigint", type="arrow", null_handling="special")
    tokens = f"fasttok_count(text, '{ENCODING}')" if is_ours else "tokens(text)"
    return int(connection.sql(f"select sum({tokens}) from '{folder}/*.parquet'").fetchall()[0][0])


def on_pandas(folder: str, count: Any, is_ours: bool) -> int:
    import pandas as pd
    import pyarrow as pa

    import fasttok.pandas  # noqa: F401

    column: Any = pd.read_parquet(folder, columns=["text"], dtype_backend="pyarrow")["text"]
    if is_ours:
        return int(column.fasttok.count(ENCODING).sum())
    return int(pa.compute.sum(count(column.array.__arrow_array__())).as_py())


def on_ray(folder: str, count: Any, is_ours: bool) -> int:
    import logging

    import ray

    import fasttok.ray

    ray.init(num_cpus=CORES, include_dashboard=False, object_store_memory=400 << 20, logging_level=logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    dataset = ray.data.read_parquet(folder, columns=["text"])
    if is_ours:
        counted = fasttok.ray.count(dataset, "text", ENCODING)
    else:
        counted = dataset.map_batches(
            lambda table: table.append_column("tokens", count(table.column("text"))), batch_format="pyarrow"
        )
    return int(counted.sum("tokens"))


def on_ray_corpus(folder: str, count: Any, is_ours: bool) -> int:
    import logging

    import ray

    import fasttok.ray

    ray.init(num_cpus=CORES, include_dashboard=False, object_store_memory=400 << 20, logging_level=logging.ERROR)
    return fasttok.ray.count_corpus(folder, ENCODING).totals.tokens[ENCODING]


def spark_session() -> Any:
    from pyspark.sql import SparkSession

    os.environ.update(PYSPARK_PYTHON=sys.executable, PYSPARK_DRIVER_PYTHON=sys.executable)
    settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.memory": "2g"}
    builder = SparkSession.builder.master(f"local[{CORES}]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session


def on_spark(folder: str, count: Any, is_ours: bool) -> int:
    import fasttok.spark

    frame = spark_session().read.parquet(folder)
    if is_ours:
        counted = fasttok.spark.count(frame, "text", ENCODING)
    else:
        import pyarrow as pa
        from pyspark.sql import functions as f

        def tokens(texts: Any) -> Any:
            return count(texts)

        tokens.__annotations__ = {"texts": pa.Array, "return": pa.Array}
        counted = frame.withColumn("tokens", f.arrow_udf(tokens, "bigint")("text"))
    return int(counted.agg({"tokens": "sum"}).collect()[0][0])


def on_spark_corpus(folder: str, count: Any, is_ours: bool) -> int:
    import fasttok.spark

    return fasttok.spark.count_corpus(spark_session(), folder, ENCODING).totals.tokens[ENCODING]


def on_daft(folder: str, count: Any, is_ours: bool) -> int:
    import daft

    tokens = daft.func.batch(return_dtype=daft.DataType.int64())(lambda texts: count(texts.to_arrow()))
    frame = daft.read_parquet(f"{folder}/*.parquet")
    return int(frame.select(tokens(frame["text"]).alias("tokens")).sum("tokens").to_pydict()["tokens"][0])


def on_dask(folder: str, count: Any, is_ours: bool) -> int:
    import dask
    import dask.dataframe as dd
    import pandas as pd
    import pyarrow as pa

    def tokens(frame: Any) -> Any:
        # Sums do not need to know which ones are null.
        found = count(pa.array(frame["text"], pa.large_string(), from_pandas=True))
        return pd.Series(found.fill_null(0).to_numpy(), index=frame.index, name="tokens")

    # Threads where the GIL is released, processes where it is not.
    dask.config.set(scheduler="threads" if is_ours else "processes", num_workers=CORES)
    frame = dd.read_parquet(folder, columns=["text"])
    return int(frame.map_partitions(tokens, meta=("tokens", "int64")).sum().compute())


def on_datafusion(folder: str, count: Any, is_ours: bool) -> int:
    import pyarrow as pa
    from datafusion import SessionConfig, SessionContext, udf

    context = SessionContext(SessionConfig().with_target_partitions(CORES))
    context.register_udf(udf(count, [pa.string_view()], pa.int64(), "immutable", "tokens"))
    context.register_parquet("docs", folder)
    return int(context.sql("SELECT sum(tokens(text)) AS total FROM docs").to_pylist()[0]["total"])


ENGINES = {
    "fasttok count": on_one_machine,
    "polars, eager": partial(on_polars, way="eager"),
    "polars, lazy": partial(on_polars, way="lazy"),
    "polars, streaming": on_polars,
    "polars, streaming, map_batches": partial(on_polars, engine="map"),
    "polars, group_by": partial(on_polars, way="group_by"),
    "DuckDB": on_duckdb,
    "pandas": on_pandas,
    "Ray Data": on_ray,
    "Ray, count_corpus": on_ray_corpus,
    "Spark": on_spark,
    "Spark, count_corpus": on_spark_corpus,
    "Daft": on_daft,
    "Dask": on_dask,
    "DataFusion": on_datafusion,
}


def job(engine: str, counter: str, folder: str) -> None:
    """Runs in a process of its own."""
    is_ours = counter == "fasttok"
    count = by_fasttok() if is_ours else by_tiktoken()
    print("TOTAL", ENGINES[engine](folder, count, is_ours), flush=True)


def measured(engine: str, counter: str, folder: str) -> dict[str, Any]:
    """The job in a process of its own: total, seconds, and the peak of memory in MB."""
    mark = uuid.uuid4().hex
    environment = {**os.environ, "FASTTOK_BENCH_JOB": mark, "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    command = [sys.executable, "-m", "benches.engines", "--job", engine, counter, folder]
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    peak, cpu, is_over = [0], dict[str, float](), threading.Event()

    def watch() -> None:
        while not is_over.wait(0.1):
            now = processes_of(mark)
            peak[0] = max(peak[0], sum(memory for memory, _ in now.values()))
            cpu.update({pid: seconds for pid, (_, seconds) in now.items()})

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    process.wait()
    seconds = time.perf_counter() - start
    is_over.set()
    watcher.join()
    total = next((int(line.split()[1]) for line in lines if line.startswith("TOTAL")), None)
    said = {"total": total, "seconds": seconds, "cpu_seconds": sum(cpu.values()), "peak_mb": peak[0] / 1e6}
    return {"engine": engine, "counter": counter, **said}


def processes_of(mark: str) -> dict[str, tuple[int, float]]:
    """Bytes of memory and seconds of CPU of all processes that have the mark in their environment."""
    found, wanted = {}, f"FASTTOK_BENCH_JOB={mark}".encode()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if wanted in (folder / "environ").read_bytes():
                    said = (folder / "smaps_rollup").read_text()
                    ticks = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
                    memory = 1024 * int(said.partition("Pss:")[2].split()[0])
                    found[folder.name] = memory, sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
            except (OSError, IndexError):
                continue
    return found


def make(texts: str, folder: str, megabytes: int) -> None:
    """A Parquet file of so many MB of text, from lines of JSON: documents as they come, each once while there are
    enough, with nulls and empty ones among them, and two of 5 MB."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    Path(folder).mkdir(parents=True)
    rows: list[str | None] = []
    size, part, parts = 0, 0, 8
    schema = pa.schema([("text", pa.string()), ("n", pa.int64())])
    written = pq.ParquetWriter(f"{folder}/texts.parquet", schema, compression="zstd")
    with written, open(texts, encoding="utf-8") as lines:
        while part < parts:
            line = lines.readline()
            if not line:
                lines.seek(0)
                continue
            text = json.loads(line)["text"]
            rows.append(text)
            size += len(text.encode())
            if size >= (megabytes - 10) * 1_000_000 * (part + 1) / parts:
                if part % 4 == 0:
                    whole = " ".join(filter(None, rows))
                    rows.append((whole * (1 + 5_000_000 // len(whole)))[:5_000_000])
                rows += [None, "", None]
                written.write_table(pa.table({"text": rows, "n": range(len(rows))}, schema), row_group_size=4_000)
                rows, part = [], part + 1


def main(arguments: list[str]) -> None:
    if arguments[0] == "--job":
        return job(*arguments[1:])
    if arguments[0] == "--make":
        return make(arguments[1], arguments[2], int(arguments[3]))
    counters = ["fasttok", "tiktoken"]
    if arguments[0] == "--by":
        counters = [arguments[1]]
        arguments = arguments[2:]
    folder, *named = arguments
    for counter in counters:
        for engine in named or ENGINES:
            if counter == "fasttok" or "count_corpus" not in engine:
                print(json.dumps(measured(engine, counter, folder)), flush=True)
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
