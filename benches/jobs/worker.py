"""The job as its users write it with a rival: run in the rival's environment, prints what it counted as JSON.

    python worker.py datatrove|polars|polars-batch FORM TOKENIZER THREADS FOLDER...

`TOKENIZER` is a `tokenizer.json` for datatrove, a name that tiktoken knows for the others.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path


def datatrove(form: str, tokenizer: str, threads: int, folders: list[str]) -> dict[str, int]:
    """Readers, TokensCounter, one process for each core, one task for each file."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader, ParquetReader
    from datatrove.pipeline.tokens import TokensCounter

    root = str(Path(folders[0]).parent)
    reader = ParquetReader if form == "parquet" else JsonlReader
    names = [str((Path(folder) / f"part.{form}").relative_to(root)) for folder in folders]
    with tempfile.TemporaryDirectory() as logs:
        paths = Path(logs) / "paths.txt"
        paths.write_text("\n".join(names))
        executor = LocalPipelineExecutor(
            [reader(root, paths_file=str(paths)), TokensCounter(tokenizer)],
            tasks=len(folders),
            workers=threads,
            logging_dir=logs,
            skip_completed=False,
        )
        stats = executor.run().stats[-1].stats["tokens"]
    return {"tokens": int(stats.total), "documents": int(stats.n)}


def polars(form: str, encoding: str, threads: int, folders: list[str]) -> dict[str, int]:
    """tiktoken called for each value."""
    import polars as pl
    import tiktoken

    known = tiktoken.get_encoding(encoding)
    tokens = pl.col("text").map_elements(lambda text: len(known.encode_ordinary(text)), return_dtype=pl.Int64)
    return _collected(form, tokens, folders)


def polars_batch(form: str, encoding: str, threads: int, folders: list[str]) -> dict[str, int]:
    """tiktoken called for each batch of values, with threads of its own."""
    import polars as pl
    import tiktoken

    known = tiktoken.get_encoding(encoding)

    def count(texts: pl.Series) -> pl.Series:
        encoded = known.encode_ordinary_batch(texts.to_list(), num_threads=threads)
        return pl.Series([len(ids) for ids in encoded], dtype=pl.Int64)

    return _collected(form, pl.col("text").map_batches(count, return_dtype=pl.Int64, is_elementwise=True), folders)


def _collected(form, tokens, folders):  # type: ignore[no-untyped-def]
    import polars as pl

    files = [str(Path(folder) / f"part.{form}") for folder in folders]
    scan = pl.scan_parquet if form == "parquet" else pl.scan_ndjson
    counted = scan(files).select(tokens.alias("tokens"))
    sums = counted.select(pl.col("tokens").sum(), pl.len().alias("documents")).collect(engine="streaming")
    return {"tokens": int(sums["tokens"][0]), "documents": int(sums["documents"][0])}


if __name__ == "__main__":
    who, form, tokenizer, threads, *folders = sys.argv[1:]
    job = {"datatrove": datatrove, "polars": polars, "polars-batch": polars_batch}[who]
    print(json.dumps(job(form, tokenizer, int(threads), folders)))
