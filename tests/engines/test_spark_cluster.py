"""Spark with executors in processes of their own, of which one is killed: the report is that of one machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fasttok
import fasttok.spark
from conftest import content, killing_detector, spark_session


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Any]:
    """Two executors of one core: the worker of a task is a child of a daemon, which is one of the executor."""
    import os

    import pyspark

    os.environ["SPARK_HOME"] = str(Path(pyspark.__file__).parent)
    os.environ["SPARK_WORKER_DIR"] = str(tmp_path / "work")
    session = spark_session("local-cluster[2,1,1024]", **{"spark.executor.memory": "512m"})
    yield session
    session.stop()


def test_an_executor_that_is_killed_changes_nothing(cluster: Any, corpus: Path, tmp_path: Path) -> None:
    marker = tmp_path / "killed"
    asked: dict[str, Any] = {"detect_language": killing_detector(marker, 2), "quantiles": True}
    report = fasttok.spark.count_corpus(cluster, corpus, by="language", task_bytes=2_000, **asked)
    assert marker.exists()
    assert content(report) == content(fasttok.count_corpus(corpus, by="language", **asked))
