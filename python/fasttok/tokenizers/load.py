"""Tokenizers from files, folders, the Hugging Face hub and objects of other libraries.

What a file means is the engine's business; here is decided which file it is, what the encoding is called, and how
it is pickled.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import pickle
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from fasttok._fasttok import Encoding, _known_rank_file
from fasttok._util.files import replacing
from fasttok._util.paths import describe_missing
from fasttok.errors import (
    FasttokError,
    FileError,
    InputError,
    NotFoundError,
    TokenizerFileError,
    UnsupportedTokenizerError,
)
from fasttok.tokenizers import cache

MAX_BYTES = 256 << 20
"""The largest file that is read: eight times the largest one known."""

CONFIG = "tokenizer_config.json"

FILES = (
    "tokenizer.json",
    "tekken.json",
    "tiktoken.model",
    "qwen.tiktoken",
    "*.tiktoken",
    "tokenizer.model",
    "spiece.model",
    "*.model",
)
"""What is looked for in a folder, the file that wins first.

``tokenizer.json`` is what transformers loads wherever it is there. A ``tokenizer.model`` is a sentencepiece model
or a rank file: its content tells.
"""

_UNTELLING = frozenset({"tokenizer", "tekken", "tiktoken", "spiece", "vocab"})
"""Stems of files that name no tokenizer: the folder does."""

_PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "Zstandard", b"PK\x03\x04": "zip", b"\xfd7zXZ": "xz"}


@dataclass(frozen=True)
class Origin:
    """How an encoding was made, so that another process can make it again."""

    name: str
    pattern: str | None
    special_tokens: tuple[tuple[str, int], ...] | None
    path: str | None = None
    digest: str = ""
    """SHA-256, in hex, of the content."""
    stamp: tuple[int, int] | None = None
    """Size and time of the file when it was read."""

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two loads the same."""
        return self.digest, self.name, self.pattern, self.special_tokens


_loaded: WeakValueDictionary[tuple[object, ...], Encoding] = WeakValueDictionary()
"""Encodings in use, by :attr:`Origin.key`."""

_contents: WeakKeyDictionary[Encoding, bytes] = WeakKeyDictionary()
"""The content of those that have neither a file nor a compiled form, for pickling."""


def load(
    x: str | os.PathLike[str] | bytes | object,
    *,
    name: str | None = None,
    pattern: str | None = None,
    special_tokens: Mapping[str, int] | None = None,
) -> Encoding:
    """The tokenizer in a file, a folder, the bytes of a file, a hub repository or an object of another library.

    x: one of

        - the path or the bytes of a ``tokenizer.json`` (BPE), a tiktoken rank file, a ``tekken.json`` or a
          sentencepiece ``.model`` (BPE);
        - a folder that holds one of them (docs/guide.md says which one wins);
        - the name of a repository on the Hugging Face hub, ``"Qwen/Qwen3-8B"`` or ``"Qwen/Qwen3-8B@revision"``
          (extra ``hub``);
        - a ``tiktoken.Encoding``, a ``tokenizers.Tokenizer``, a tokenizer of transformers, or a
          ``sentencepiece.SentencePieceProcessor``.
    name: what the encoding is called; by default the file, the folder or the repository says.
    pattern: how a rank file splits text: the name of a family (``"cl100k"``, see ``Encoding.pretokenizer``) or a
        regular expression as tiktoken takes it. Files that are known by their hash need none.
    special_tokens: the special tokens of a rank file and their ids. Files that are known by their hash need none.

    Raises ``UnsupportedTokenizerError`` for a tokenizer that cannot be counted exactly (Unigram, WordPiece, …),
    ``TokenizerFileError`` for a damaged file, ``NotFoundError``, ``FileError`` and ``InputError`` (options that
    are missing or do not belong to the file). All name the file.
    """
    made = Origin(name or "", pattern, None if special_tokens is None else tuple(special_tokens.items()))
    if isinstance(x, (bytes, bytearray, memoryview)):
        return _from_bytes(bytes(x), replace(made, name=name or "tokenizer"), "the bytes")
    if isinstance(x, (str, os.PathLike)):
        return _from_path(os.fspath(x), made)
    return _from_object(x, made)


def _from_path(path: str, made: Origin) -> Encoding:

    from fasttok.tokenizers import hub

    if os.path.isdir(path):
        return _from_folder(Path(path), made)
    if os.path.lexists(path):
        return _from_file(Path(path), made)
    if (hub_name := hub.parse(path)) is not None:
        return _from_file(hub.find(hub_name), replace(made, name=made.name or path), with_config=True)
    if "://" in path:
        raise NotFoundError(f"{path} is not fetched: pass a downloaded file, or owner/name for the hub", filename=path)
    raise NotFoundError(describe_missing(path), filename=path)


def _from_folder(folder: Path, made: Origin) -> Encoding:
    file = find_in(folder)
    made = replace(made, name=made.name or _folder_name(folder))
    try:
        return _from_file(file, made, with_config=True)
    except UnsupportedTokenizerError as error:
        other = _countable_beside(file, made)
        if other is None:
            raise
        attributes = vars(error)
        raise UnsupportedTokenizerError(
            f"{error}; {other.name} beside it can be counted: pass {str(other)!r}", **attributes
        ) from None


def _countable_beside(file: Path, made: Origin) -> Path | None:
    """Another file of the folder of `file` that can be counted: not loaded instead, as its counts may differ."""
    for pattern in FILES:
        for other in sorted(file.parent.glob(pattern)):
            if other != file and other.is_file():
                with contextlib.suppress(FasttokError):
                    _from_file(other, made, with_config=True)
                    return other
    return None


def find_in(folder: Path) -> Path:
    """The file that is the tokenizer of `folder`.

    Raises ``NotFoundError`` where there is none, ``InputError`` where there are several of the same kind.
    """
    for pattern in FILES:
        found = sorted(path for path in folder.glob(pattern) if path.is_file())
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise InputError(f"{folder} holds several tokenizers ({names}): name the file")
        if found:
            return found[0]
    message = f"no tokenizer in {folder}: it holds none of {', '.join(FILES)}"
    if (folder / "vocab.json").exists() and (folder / "merges.txt").exists():
        message += (
            "; vocab.json and merges.txt do not say how text is split: save the tokenizer with transformers "
            "(AutoTokenizer.from_pretrained(…).save_pretrained(…)), which writes a tokenizer.json"
        )
    raise NotFoundError(message, filename=str(folder))


def _folder_name(folder: Path) -> str:
    return folder.resolve().name or "tokenizer"


def _file_name(path: Path) -> str:
    return _folder_name(path.parent) if path.stem.lower() in _UNTELLING else path.stem


def _from_file(path: Path, made: Origin, *, with_config: bool = False) -> Encoding:
    """The tokenizer in the file `path`; `with_config`: the special tokens that its folder says are its own."""
    data, stamp = read_file(path)
    made = replace(made, name=made.name or _file_name(path), path=str(path.absolute()), stamp=stamp)
    if with_config and made.special_tokens is None and _may_be_ranks(data):
        made = replace(made, special_tokens=_configured(path.with_name(CONFIG), data))
    return _from_bytes(data, made, str(path))


def read_file(path: Path) -> tuple[bytes, tuple[int, int]]:
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if status.st_size > MAX_BYTES:
                raise TokenizerFileError(f"{path}: {status.st_size:,} bytes are more than any tokenizer has")
            # A pipe has no size.
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        if isinstance(error, FasttokError):
            raise
        failure = FileError(f"cannot read {path}: {error.strerror or error}", filename=str(path))
        failure.errno = error.errno
        raise failure from None
    if len(data) > MAX_BYTES:
        raise TokenizerFileError(f"{path}: more than {MAX_BYTES:,} bytes are more than any tokenizer has")
    return data, (status.st_size, status.st_mtime_ns)


def _may_be_ranks(data: bytes) -> bool:
    return data[:1].isalnum() or data[:1] in b"+/"


def _configured(config: Path, data: bytes) -> tuple[tuple[str, int], ...] | None:
    """The special tokens of the rank file `data` as the configuration beside it names them.

    Ids that the configuration does not name are those that the file is known to have.
    """
    try:
        decoder = json.loads(config.read_bytes())["added_tokens_decoder"]
        named = {int(id): str(token["content"]) for id, token in decoder.items()}
    except FileNotFoundError:
        return None
    except KeyError:
        return None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise TokenizerFileError(f"{config}: damaged: {error}", file=str(config)) from None
    known = _known_rank_file(hashlib.sha256(data).hexdigest())
    tokens = {id: token for token, id in known[2]} if known else {}
    return tuple((token, id) for id, token in sorted({**tokens, **named}.items()))


def _from_bytes(data: bytes, made: Origin, whose: str) -> Encoding:
    made = replace(made, digest=hashlib.sha256(data).hexdigest())
    encoding = _loaded.get(made.key)
    if encoding is None:
        encoding = _cached(data, made)
        if encoding is None:
            encoding = _make(data, made, whose)
        encoding = _loaded.setdefault(made.key, encoding)
        if made.path is None and not encoding._has_compiled:
            _contents[encoding] = data
    return encoding


def _cached(data: bytes, made: Origin) -> Encoding | None:
    """The encoding as it was compiled on an earlier load; else it is loaded and kept for the next one."""
    if len(data) < cache.SMALLEST:
        return None
    entry = cache.entry(made.digest, made.pattern, made.special_tokens)
    if entry is None:
        return None
    compiled = cache.read(entry)
    if compiled is not None:
        with contextlib.suppress(FasttokError):
            encoding = Encoding._from_file_bytes(compiled, made.name, origin=made)
            if encoding.hash == made.digest:
                return encoding
    encoding = _make(data, made, made.path or "the bytes")
    cache.write(entry, encoding)
    return encoding


def _make(data: bytes, made: Origin, whose: str) -> Encoding:
    for magic, packing in _PACKED.items():
        if data.startswith(magic):
            raise UnsupportedTokenizerError(f"{whose}: packed ({packing}): unpack it first", component=packing)
    tokens = None if made.special_tokens is None else list(made.special_tokens)
    try:
        return Encoding._from_file_bytes(data, made.name, made.pattern, tokens, made)
    except (TokenizerFileError, UnsupportedTokenizerError, InputError) as error:
        attributes = {**vars(error), "file": made.path}
        raise type(error)(f"{whose}: {error}", **attributes) from None


def save(encoding: Encoding, path: str | os.PathLike[str]) -> None:
    """Write `encoding` to a file that :func:`load` reads in a few dozen milliseconds, whatever it was made from.

    The file belongs to this version of fasttok; other versions may refuse it. It is written whole or not at all.

    Raises ``UnsupportedTokenizerError`` for sentencepiece models: their own file loads as fast.
    """
    compiled = encoding._compiled()
    if compiled is None:
        raise UnsupportedTokenizerError(
            f"{encoding!r} has no compiled form: keep the file that it was loaded from",
            component=encoding.pretokenizer,
        )
    with replacing(path) as new:
        Path(new).write_bytes(compiled)


def reduce(encoding: Encoding) -> tuple[Callable[..., Encoding], tuple[Any, ...]]:
    """How `encoding` is pickled: by its file while that is unchanged, else by content."""
    made: Origin = encoding._origin
    if made.path is not None:
        with contextlib.suppress(OSError):
            status = os.stat(made.path)
            if (status.st_size, status.st_mtime_ns) == made.stamp:
                return restore, (made,)
    content = encoding._compiled() or _contents.get(encoding)
    if content is None:
        raise pickle.PicklingError(f"{encoding!r} cannot be pickled: {made.path} has changed or is gone")
    return restore, (replace(made, path=None, stamp=None), content)


def restore(made: Origin, content: bytes | None = None) -> Encoding:
    """The encoding that :func:`reduce` took apart: the same object, where the process has it."""
    encoding = _loaded.get(made.key)
    if encoding is not None:
        return encoding
    if content is not None:
        encoding = _loaded.setdefault(made.key, Encoding._from_file_bytes(content, made.name, origin=made))
        if not encoding._has_compiled:
            _contents[encoding] = content
        return encoding
    assert made.path is not None
    data, _ = read_file(Path(made.path))
    if hashlib.sha256(data).hexdigest() != made.digest:
        raise pickle.UnpicklingError(f"{made.path} is not the file that the encoding {made.name!r} was loaded from")
    return _from_bytes(data, made, made.path)


def _from_object(x: object, made: Origin) -> Encoding:
    """A tokenizer of another library: what it would write into its file."""
    library = type(x).__module__.partition(".")[0]
    kind = type(x).__qualname__ if library == "builtins" else f"{type(x).__module__}.{type(x).__qualname__}"
    given: Any = x
    if isinstance(x, Encoding):
        raise InputError(f"{x!r} is loaded already")
    if library == "tiktoken" and hasattr(x, "_mergeable_ranks"):
        return _from_tiktoken(given, made)
    if library == "tokenizers" and hasattr(x, "to_str"):
        return _of_data(given.to_str().encode(), made, "tokenizer", kind)
    if library == "sentencepiece" and hasattr(x, "serialized_model_proto"):
        return _of_data(given.serialized_model_proto(), made, "sentencepiece", kind)
    called = os.path.basename(os.path.normpath(str(getattr(x, "name_or_path", "") or "tokenizer")))
    backend = getattr(x, "backend_tokenizer", None)
    if hasattr(backend, "to_str"):
        return _of_data(given.backend_tokenizer.to_str().encode(), made, called, kind)
    for tokenizer in (x, backend):
        if type(tokenizer).__module__.partition(".")[0] == "tokenizers":
            # Since version 1 it cannot be asked for its tokenizer.json.
            raise UnsupportedTokenizerError(
                f"a {kind} of tokenizers {_version('tokenizers')} cannot be loaded: load the tokenizer.json that it "
                "was made from, or install 'tokenizers<1'",
                component=kind,
            )
    file = getattr(x, "vocab_file", None)
    if isinstance(file, (str, os.PathLike)) and os.path.isfile(file):
        return _from_file(Path(file), replace(made, name=made.name or called), with_config=True)
    raise UnsupportedTokenizerError(
        f"a {kind} cannot be loaded: a path, bytes, a hub name, or a tokenizer of tiktoken, tokenizers, "
        "transformers or sentencepiece can",
        component=kind,
    )


def _version(library: str) -> str:
    return str(getattr(sys.modules.get(library), "__version__", "of an unknown version"))


def _of_data(data: bytes, made: Origin, called: str, kind: str) -> Encoding:
    return _from_bytes(data, replace(made, name=made.name or called), f"the {kind}")


def _from_tiktoken(x: Any, made: Origin) -> Encoding:
    """As the rank file that `x` was made from: its hash is that of the official file."""
    if made.pattern is not None or made.special_tokens is not None:
        raise InputError("a tiktoken.Encoding has its own pattern and special tokens")
    ranks = io.BytesIO()
    for token, rank in sorted(x._mergeable_ranks.items(), key=lambda item: item[1]):
        ranks.write(base64.b64encode(token) + b" %d\n" % rank)
    special_tokens = tuple(sorted(x._special_tokens.items(), key=lambda item: item[1]))
    # A regular expression without signs must not be taken for the name of a family.
    pattern = f"(?:{x._pat_str})" if re.fullmatch(r"[\w.-]+", x._pat_str) else x._pat_str
    made = replace(made, pattern=pattern, special_tokens=special_tokens)
    return _of_data(ranks.getvalue(), made, x.name, "tiktoken.Encoding")
