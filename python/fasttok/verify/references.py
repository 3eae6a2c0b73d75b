"""The libraries that define what an encoding gives, each reading the same file as the encoding. Compares nothing."""

from __future__ import annotations

import base64
import json
import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from tempfile import TemporaryDirectory
from typing import Any

from fasttok._fasttok import Encoding, _family_pattern, _known_rank_file
from fasttok._util.extras import need
from fasttok.errors import FileError, InputError, MissingExtraError, UnsupportedTokenizerError
from fasttok.reports.verification import Mode
from fasttok.tokenizers.origin import Origin, read_file

Encode = Callable[[list[str], Mode], "list[list[int] | None]"]


@dataclass(frozen=True)
class Reference:
    """What the ids are compared with. `encode` gives None for a text on which the reference itself fails."""

    library: str
    version: str
    modes: tuple[Mode, ...]
    encode: Encode


def reference_of(encoding: Encoding) -> Reference:
    """The reference of `encoding`, made from the same file."""
    made: Origin | None = encoding._origin
    if made is None:
        return _embedded(encoding)
    if made.path is None:
        raise InputError(f"{encoding!r} was not loaded from a file: no reference can read it")
    data, _ = _read_origin(made)
    if data.startswith(b"fasttok\0"):
        raise InputError(f"{made.path} was written by fasttok.save: verify the file that it was made from")
    if data[:1] == b"\n":
        return _sentencepiece(data)
    if data.lstrip(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        keys = json.loads(data)
        return _tekken(data, made.path) if "config" in keys else _tokenizers(data)
    return _ranks(encoding, made, data)


def _read_origin(made: Origin) -> tuple[bytes, object]:
    from pathlib import Path

    assert made.path is not None
    return read_file(Path(made.path))


def _tokenizers(data: bytes) -> Reference:
    tokenizers = need("tokenizers", "verify", "verifying a tokenizer.json")
    if not hasattr(tokenizers.Tokenizer, "encode_batch_fast"):
        raise MissingExtraError(
            f"verifying a tokenizer.json needs tokenizers below version 1, not {tokenizers.__version__}: "
            "pip install 'fasttok-engine[verify]'"
        )
    tokenizer = tokenizers.Tokenizer.from_str(data.decode())
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def encode(given: list[str], mode: Mode) -> list[list[int] | None]:
        tokenizer.encode_special_tokens = mode == "text"
        return [found.ids for found in tokenizer.encode_batch_fast(given, add_special_tokens=False)]

    return Reference("tokenizers", version("tokenizers"), ("text", "token"), encode)


def _sentencepiece(data: bytes) -> Reference:
    sentencepiece = need("sentencepiece", "verify", "verifying a sentencepiece model")
    model = sentencepiece.SentencePieceProcessor(model_proto=data)

    def encode(given: list[str], mode: Mode) -> list[list[int] | None]:
        ids: list[list[int] | None] = model.encode(given)
        return ids

    return Reference("sentencepiece", version("sentencepiece"), ("text",), encode)


def _tekken(data: bytes, path: str) -> Reference:
    tekken = need("mistral_common.tokens.tokenizers.tekken", "verify", "verifying a tekken.json")

    with TemporaryDirectory() as folder:
        # The reader goes by the name.
        copy = os.path.join(folder, "tekken.json")
        with open(copy, "wb") as file:
            file.write(data)
        tekkenizer = tekken.Tekkenizer.from_file(copy)

    def encode(given: list[str], mode: Mode) -> list[list[int] | None]:
        return [_unless_it_panics(tekkenizer.encode, text, bos=False, eos=False) for text in given]

    return Reference("mistral-common", version("mistral-common"), ("text",), encode)


def _embedded(encoding: Encoding) -> Reference:
    tiktoken = need("tiktoken", "verify", "verifying an embedded encoding")
    try:
        model = tiktoken.get_encoding(encoding.name)
    except (OSError, ImportError) as error:
        # The transport's errors are OSErrors.
        raise FileError(
            f"no reference to verify {encoding.name} with: tiktoken's file of it cannot be fetched "
            f"({type(error).__name__}); tiktoken keeps it in TIKTOKEN_CACHE_DIR once it has been fetched"
        ) from error
    except ValueError as error:
        raise FileError(
            f"no reference to verify {encoding.name} with: tiktoken {version('tiktoken')}: {error}"
        ) from error
    return _tiktoken(model, nfc=False)


def _ranks(encoding: Encoding, made: Origin, data: bytes) -> Reference:
    tiktoken = need("tiktoken", "verify", "verifying a rank file")
    known = _known_rank_file(encoding.hash)
    pattern = made.pattern or (known[0] if known else None)
    assert pattern is not None, "a rank file is loaded with a pattern"
    regex = _family_pattern(pattern)
    if regex is None and pattern == encoding.pretokenizer:
        raise UnsupportedTokenizerError(
            f"the family {pattern} is no single regular expression: tiktoken cannot be asked", component=pattern
        )
    ranks = {}
    for line in data.split(b"\n"):
        token, _, rank = line.strip().partition(b" ")
        if rank:
            ranks[base64.b64decode(token) if token != b"=" else b""] = int(rank)
    model = tiktoken.Encoding(
        encoding.name, pat_str=regex or pattern, mergeable_ranks=ranks, special_tokens=encoding.special_tokens
    )
    return _tiktoken(model, nfc=bool(known and known[1]))


def _tiktoken(model: Any, nfc: bool) -> Reference:
    def encode(given: list[str], mode: Mode) -> list[list[int] | None]:
        allowed: dict[str, Any] = {"allowed_special": "all"} if mode == "token" else {"disallowed_special": ()}
        if nfc:
            given = [unicodedata.normalize("NFC", text) for text in given]
        return [_unless_it_panics(model.encode, text, **allowed) for text in given]

    return Reference("tiktoken", version("tiktoken"), ("text", "token"), encode)


def _unless_it_panics(encode: Callable[..., list[int]], text: str, **options: Any) -> list[int] | None:
    """tiktoken's pattern engine fails on very long runs of white space."""
    try:
        return encode(text, **options)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        if type(error).__name__ == "PanicException" or isinstance(error, ValueError):
            return None
        raise
