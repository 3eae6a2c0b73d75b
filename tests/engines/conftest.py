"""Engines and pipelines, run for real on this machine: `make test-engines`, for they are hundreds of megabytes. What is
started here is ended here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.update(PYSPARK_PYTHON=sys.executable, PYSPARK_DRIVER_PYTHON=sys.executable)
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import pyarrow as pa
from mixed_corpus import make, text

import fasttok

OF_THE_RUN = ("run",)


def content(report: fasttok.Report) -> tuple[str, dict[str, Any]]:
    """What must be the same on every engine: all of the JSON but what is said of the run."""
    manifest = {name: value for name, value in report.to_dict()["manifest"].items() if name not in OF_THE_RUN}
    whole = "".join(report.text("json"))
    return whole[whole.index('"totals"') :], manifest


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def texts() -> pa.Table:
    """Texts of many scripts, nulls and empty ones, with a column to group by."""
    import random

    rng = random.Random(3)
    rows = [{"text": text(rng), "lang": rng.choice(["en", "de", None]), "n": i} for i in range(3_000)]
    rows += [{"text": None, "lang": "en", "n": -1}, {"text": None, "lang": "none", "n": -2}]
    rows += [{"text": "", "lang": "de", "n": -3}, {"text": "ab, 你好 " * 40_000, "lang": "en", "n": -4}]
    return pa.Table.from_pylist(rows)


@pytest.fixture(scope="session")
def expected(texts: pa.Table) -> list[int | None]:
    enc = fasttok.get_encoding("o200k_base")
    return [None if each is None else enc.count(each) for each in texts["text"].to_pylist()]


@pytest.fixture(scope="session")
def own_encoding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer file that no worker has embedded: one token per byte."""
    import base64

    path = tmp_path_factory.mktemp("own") / "own.tiktoken"
    path.write_bytes(b"".join(b"%s %d\n" % (base64.b64encode(bytes([i])), i) for i in range(256)))
    return path


def killing_detector(marker: Path, generations: int) -> Callable[[list[str]], list[str | None]]:
    """A detector of languages that kills, in the middle of the first task that asks it, the process `generations` above
    its own; 0 is its own. Sent by value, for workers have no such module."""

    def detect(texts: list[str]) -> list[str | None]:
        import os
        import signal
        import subprocess

        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return ["en" if each.isascii() else None for each in texts]
        victim = os.getpid()
        for _ in range(generations):
            victim = int(subprocess.check_output(["ps", "-o", "ppid=", "-p", str(victim)]))
        os.kill(victim, signal.SIGKILL)
        raise RuntimeError("killed")

    return detect


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    import logging

    import ray

    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=200 << 20, logging_level=logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    yield ray
    ray.shutdown()


def spark_session(master: str, **more: str) -> Any:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(master).appName("fasttok")
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
        **more,
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    session = spark_session("local[2]")
    yield session
    session.stop()
