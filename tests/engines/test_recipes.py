"""What docs/scale.md says to write for engines that have no module of their own: run as it is written there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "scale.md"


def recipe(heading: str) -> str:
    """The code below a heading of the page."""
    found = re.search(rf"^### {heading}\n.*?^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


@pytest.mark.parametrize("engine", ["Daft", "Dask", "DataFusion"])
def test_counts_are_those_of_one_call(
    engine: str, texts: pa.Table, expected: list[int | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    pq.write_table(texts.slice(0, 2000), tmp_path / "docs" / "a.parquet")
    pq.write_table(texts.slice(2000), tmp_path / "docs" / "b.parquet")
    names: dict[str, Any] = {}
    exec(recipe(engine), names)
    total = sum(tokens for tokens in expected if tokens is not None)
    assert int(names["total"]) == total
    rows = names["rows"]
    assert {row["n"]: None if row["tokens"] != row["tokens"] else row["tokens"] for row in rows} == dict(
        zip(texts["n"].to_pylist(), expected, strict=True)
    )
