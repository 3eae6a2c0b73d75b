"""Rank files, as plugins of tiktoken read and write them."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

from fasttok.errors import InputError, NotFoundError
from fasttok.tokenizers.objects import rank_file


def load_tiktoken_bpe(tiktoken_bpe_file: str, expected_hash: str | None = None) -> dict[bytes, int]:
    """The tokens and ranks of a rank file on this machine.

    Raises ``ValueError`` where its SHA-256 is not ``expected_hash``, and ``NotFoundError`` for a URL:
    nothing is fetched.
    """
    if "://" in tiktoken_bpe_file:
        raise NotFoundError(
            f"{tiktoken_bpe_file} is not fetched: pass a downloaded file, or let tiktoken.load fetch it",
            filename=tiktoken_bpe_file,
        )
    contents = Path(tiktoken_bpe_file).read_bytes()
    if expected_hash and hashlib.sha256(contents).hexdigest() != expected_hash:
        raise ValueError(
            f"Hash mismatch for data from {tiktoken_bpe_file} (expected {expected_hash}). This may indicate a "
            "corrupted download. Please try again."
        )
    ranks = {}
    for line in contents.splitlines():
        if line:
            try:
                token, rank = line.split()
                ranks[base64.b64decode(token)] = int(rank)
            except Exception as error:
                raise InputError(f"{tiktoken_bpe_file}: {line!r} is no token and its rank") from error
    return ranks


def dump_tiktoken_bpe(bpe_ranks: dict[bytes, int], tiktoken_bpe_file: str | os.PathLike[str]) -> None:
    """Write a rank file."""
    Path(tiktoken_bpe_file).write_bytes(rank_file(bpe_ranks))
