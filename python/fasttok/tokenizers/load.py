"""Tokenizers from files, folders, the Hugging Face hub and objects of other libraries.

Here is decided which file it is, what the encoding is called, and which special tokens its folder gives it. What a file
means is the engine's business, and what is made of its content that of `fasttok.tokenizers.origin`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from fasttok._fasttok import Encoding, _known_rank_file
from fasttok._util.paths import describe_missing
from fasttok.errors import FasttokError, InputError, NotFoundError, TokenizerFileError, UnsupportedTokenizerError
from fasttok.tokenizers.objects import content_of
from fasttok.tokenizers.origin import Origin, from_bytes, read_file

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
        return from_bytes(bytes(x), replace(made, name=name or "tokenizer"), "the bytes")
    if isinstance(x, (str, os.PathLike)):
        return _from_path(os.fspath(x), made)
    content, made, whose = content_of(x, made)
    if isinstance(content, Path):
        return _from_file(content, made, with_config=True)
    return from_bytes(content, made, whose)


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
    return from_bytes(data, made, str(path))


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
