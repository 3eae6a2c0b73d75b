"""Fixtures that the tests share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from references import RANKS, URL, References


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees the user's caches or the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTTOK_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


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
