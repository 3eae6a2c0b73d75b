"""Fixtures that the tests share."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from references import RANKS, URL, References


@pytest.fixture(scope="session")
def tiktoken_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache directory of tiktoken with the rank files that fasttok is built from."""
    zstandard = pytest.importorskip("zstandard")
    cache = tmp_path_factory.mktemp("tiktoken")
    for file in RANKS.glob("*.tiktoken.zst"):
        url = URL.format(name=file.name.removesuffix(".tiktoken.zst"))
        with zstandard.open(file, "rb") as ranks:
            (cache / hashlib.sha1(url.encode()).hexdigest()).write_bytes(ranks.read())
    return cache


@pytest.fixture(scope="session")
def references(tiktoken_cache: Path) -> References:
    pytest.importorskip("tiktoken")
    return References(tiktoken_cache)
