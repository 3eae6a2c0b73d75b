"""Comparing an encoding with the library that defines it, text by text and id by id.

The reference is read from the same file as the encoding, by other people's code: tiktoken for rank files, tokenizers
for tokenizer.json (``add_special_tokens=False``), sentencepiece for models, mistral-common for tekken.json.
"""

from __future__ import annotations

import base64
import json
import os
import random
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import groupby, islice
from tempfile import TemporaryDirectory
from typing import Any, Literal

from ._extras import need
from ._fasttok import Encoding, _family_pattern, _known_rank_file
from ._load import Origin, _read
from ._nasty import is_partial, texts, token_texts
from .errors import FasttokError, FileError, InputError, MissingExtraError, UnsupportedTokenizerError

BATCH_CHARS = 1_000_000
NASTY = 5_000
SEED = 2026
SHOWN = 10
CONTEXT = 4
"""Tokens before the first difference that are shown, and after it."""

Mode = Literal["text", "token"]
Encode = Callable[[list[str], Mode], "list[list[int] | None]"]


@dataclass(frozen=True)
class Reference:
    """What the ids are compared with. `encode` gives None for a text on which the reference itself fails."""

    library: str
    version: str
    modes: tuple[Mode, ...]
    encode: Encode


@dataclass(frozen=True)
class Difference:
    """A text to which fasttok and the reference give different ids."""

    document: str
    special: Mode
    offset: int
    """The character at which the first differing token begins."""
    text: str
    """The text around it."""
    fasttok: list[int]
    reference: list[int]
    """Both from a few tokens before the first difference on."""
    count: int
    """What fasttok counts, by its faster way, which must agree with its own ids."""

    def to_dict(self) -> dict[str, Any]:
        return vars(self)


@dataclass
class Verification:
    """What was compared, and the differences."""

    encoding: Encoding
    reference: Reference
    documents: int = 0
    """Texts from the paths, without the built-in ones."""
    built_in: int = 0
    bytes: int = 0
    comparisons: int = 0
    differences: int = 0
    reference_failed: int = 0
    """Texts on which the reference gave up, left out of the comparison."""
    skipped: int = 0
    """Records that could not be read."""
    first: list[Difference] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return {
            "encoding": self.encoding.name,
            "hash": self.encoding.hash,
            "pretokenizer": self.encoding.pretokenizer,
            "reference": self.reference.library,
            "reference_version": self.reference.version,
            "special": list(self.reference.modes),
            "documents": self.documents,
            "built_in": self.built_in,
            "bytes": self.bytes,
            "comparisons": self.comparisons,
            "differences": self.differences,
            "reference_failed": self.reference_failed,
            "skipped": self.skipped,
            "first": [difference.to_dict() for difference in self.first],
        }


def verify(encoding: Encoding, documents: Iterable[tuple[str, str]] = (), built_in: int = NASTY) -> Verification:
    """Compare `encoding` with its reference on `documents`, (name, text) each, and on `built_in` generated texts.

    Raises ``MissingExtraError`` without the reference library, ``InputError`` where the encoding was made from
    something that no reference can read.
    """
    found = Verification(encoding, reference_of(encoding))
    for is_built_in, names_and_texts in ((True, nasty(encoding, built_in)), (False, documents)):
        for batch in _batches(names_and_texts):
            found.bytes += sum(len(text.encode()) for _, text in batch)
            if is_built_in:
                found.built_in += len(batch)
            else:
                found.documents += len(batch)
            for mode in found.reference.modes:
                _compare(found, batch, mode)
    return found


def nasty(encoding: Encoding, n: int) -> Iterator[tuple[str, str]]:
    """`n` generated texts: half of them any text, half of them made of the vocabulary's tokens that begin or end
    inside a character (of all that are not ASCII, if there are none). The encoding's own added tokens are strewn in.
    """
    rng = random.Random(SEED)
    added = list(encoding.added_tokens)
    tokens = list(_tokens(encoding)) if n else []
    tokens = [token for token in tokens if is_partial(token)] or [token for token in tokens if not token.isascii()]
    of_tokens = token_texts(SEED, tokens) if tokens else texts(SEED + 1, n)
    for i, any_text in enumerate(islice(texts(SEED, n), n)):
        text = next(of_tokens) if i % 2 else any_text
        if added and i % 3 == 0:
            for _ in range(rng.randrange(1, 4)):
                at = rng.randrange(len(text) + 1)
                space = rng.choice(("", "", " ", "  ", "\n", "a", "中"))
                text = text[:at] + space + rng.choice(added) + rng.choice(("", space, "\u0338")) + text[at:]
        yield f"built-in text {i}", text


def _tokens(encoding: Encoding) -> Iterator[bytes]:
    """The bytes of every token that has an id."""
    for id in range(encoding.n_vocab):
        try:
            yield encoding.decode_bytes([id])
        except FasttokError:
            # A hole among the ids.
            continue


def _batches(items: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    batch: list[tuple[str, str]] = []
    size = 0
    for item in items:
        batch.append(item)
        size += len(item[1])
        if size > BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _compare(found: Verification, batch: Sequence[tuple[str, str]], mode: Mode) -> None:
    encoding = found.encoding
    given = [text for _, text in batch]
    ids, offsets = encoding.encode_batch(given, special=mode)
    counts = encoding.count_batch(given, special=mode)
    expected = found.reference.encode(given, mode)
    for i, (document, text) in enumerate(batch):
        theirs = expected[i]
        if theirs is None:
            found.reference_failed += 1
            continue
        found.comparisons += 1
        ours = ids[offsets[i] : offsets[i + 1]].tolist()
        if ours == theirs and counts[i] == len(theirs):
            continue
        found.differences += 1
        if len(found.first) < SHOWN:
            found.first.append(_difference(encoding, document, text, mode, ours, theirs, int(counts[i])))


def _difference(
    encoding: Encoding, document: str, text: str, mode: Mode, ours: list[int], theirs: list[int], count: int
) -> Difference:
    pairs = enumerate(zip(ours, theirs, strict=False))
    at = next((i for i, (one, other) in pairs if one != other), min(len(ours), len(theirs)))
    try:
        # Normalization may have moved it: the place is where to look, not a proof.
        offset = min(len(encoding.decode(ours[:at])), len(text))
    except ValueError:
        offset = 0
    start = max(at - CONTEXT, 0)
    around = text[max(offset - 30, 0) : offset + 30]
    end = at + CONTEXT
    return Difference(document, mode, offset, around, ours[start:end], theirs[start:end], count)


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
    return _read(Path(made.path))


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
    """tiktoken's pattern engine gives up on very long runs of white space."""
    try:
        return encode(text, **options)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        if type(error).__name__ == "PanicException" or isinstance(error, ValueError):
            return None
        raise


def named(records: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """(name, text) of records whose key is their file."""
    for (file,), group in groupby(records, key=lambda record: record.key):
        for number, record in enumerate(group, start=1):
            yield f"{file}: document {number}", record.text
