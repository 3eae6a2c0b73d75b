"""HF ``tokenizers`` with ids by fasttok: ``from fasttok.compat.tokenizers import Tokenizer``.

A :class:`Tokenizer` holds a tokenizer of the installed library (0.22 or 0.23) and has its interface. The ids of a
single text are made by fasttok. What else an encoding tells (tokens, offsets, masks, words) is asked of the library
when somebody wants to know it, and so is every call that fasttok has no way for: pairs, words, truncation, padding. So
nothing can differ but the ids, which tests hold against the library.

Knows no file formats: `fasttok.tokenizers` reads them.
"""

from __future__ import annotations

import functools
import importlib
import json
from collections.abc import Sequence
from typing import Any

from fasttok._fasttok import Encoding as Engine
from fasttok.compat.patching import Patched, Patches, Replacements
from fasttok.errors import FasttokError, InputError, MissingExtraError
from fasttok.tokenizers.load import load

__all__ = ["Encoding", "Tokenizer", "patch", "unpatch"]

_READING = frozenset(
    {
        *("to_str", "save", "token_to_id", "id_to_token", "get_vocab", "get_vocab_size", "get_added_tokens_decoder"),
        *("decode", "decode_batch", "num_special_tokens_to_add", "truncation", "padding", "encode_special_tokens"),
    }
)
"""What changes nothing of a tokenizer."""
_PARTS = frozenset({"model", "normalizer", "pre_tokenizer", "post_processor", "decoder"})
"""What gives away a part of it, which its holder may change at any time."""


def _library() -> Any:
    """The class of the installed library, also while it is patched."""
    advice = "pip install 'tokenizers<1'; fasttok.load takes a file, and a tokenizer of any version"
    try:
        found = importlib.import_module("tokenizers.tokenizers").Tokenizer
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"fasttok.compat.tokenizers works with the library tokenizers: {advice}", name="tokenizers"
        ) from error
    if not hasattr(found, "to_str"):
        # From version 1 on an encoding has no tokens and no offsets, and a tokenizer no parts.
        raise MissingExtraError(
            f"fasttok.compat.tokenizers has the interface of the library tokenizers below version 1: {advice}",
            name="tokenizers",
        )
    return found


class Encoding:
    """What a text became: the interface of the library's ``Encoding``. ``ids`` are there, the rest is asked for."""

    __slots__ = ("_ask", "_made", "ids")

    def __init__(self, ids: list[int], ask: tuple[Any, str, bool]) -> None:
        self.ids = ids
        self._ask = ask
        self._made: Any = None

    @property
    def attention_mask(self) -> list[int]:
        """A 1 for each token."""
        return [1] * len(self.ids)

    @property
    def overflowing(self) -> list[Any]:
        """Nothing: what is truncated is encoded by the library."""
        return []

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return repr(self._whole())

    def _whole(self) -> Any:
        if self._made is None:
            tokenizer, text, add_special_tokens = self._ask
            made = tokenizer.encode(text, add_special_tokens=add_special_tokens)
            if made.ids != self.ids:
                raise InputError(
                    "the tokenizer has changed since it encoded this text, and tells only what it would make of it "
                    "now: encode the text again"
                )
            self._made = made
        return self._made

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._whole(), name)

    def __reduce__(self) -> tuple[Any, ...]:
        # A plain encoding of the library: it has all answers.
        return _itself, (self._whole(),)


def _itself(x: Any) -> Any:
    return x


class Tokenizer:
    """A tokenizer of the library ``tokenizers`` whose ids fasttok makes.

    Everything that the library's has is there. A change to the tokenizer is seen; once one of its parts was given away
    (``tokenizer.normalizer``), whose changes cannot be seen, the library makes the ids, too.
    """

    _inner: Any
    _engine: Engine | None
    _around: tuple[list[int], list[int]] | None
    _is_shared: bool

    def __init__(self, tokenizer: Any) -> None:
        """The stand-in for a ``tokenizers.Tokenizer``, or for one of a model of that library."""
        library = _library()
        if isinstance(tokenizer, Tokenizer):
            tokenizer = tokenizer._inner
        inner = tokenizer if isinstance(tokenizer, library) else library(tokenizer)
        vars(self).update(_inner=inner, _engine=None, _around=None, _is_shared=False)

    @staticmethod
    def from_file(path: str) -> Tokenizer:
        """The tokenizer in a ``tokenizer.json``."""
        return Tokenizer(_library().from_file(path))

    @staticmethod
    def from_str(json: str) -> Tokenizer:
        """The tokenizer in the content of a ``tokenizer.json``."""
        return Tokenizer(_library().from_str(json))

    @staticmethod
    def from_buffer(buffer: bytes) -> Tokenizer:
        """The tokenizer in the bytes of a ``tokenizer.json``."""
        return Tokenizer(_library().from_buffer(buffer))

    @staticmethod
    def from_pretrained(identifier: str, revision: str = "main", token: str | None = None) -> Tokenizer:
        """The tokenizer of a repository on the Hugging Face hub, which the library fetches."""
        return Tokenizer(_library().from_pretrained(identifier, revision, token))

    def encode(
        self, sequence: Any, pair: Any = None, is_pretokenized: bool = False, add_special_tokens: bool = True
    ) -> Any:
        """What ``sequence`` becomes.

        Raises ``UnsupportedTokenizerError`` for a tokenizer whose ids fasttok cannot make exactly (Unigram, WordPiece).
        """
        around = self._ready(add_special_tokens) if pair is None and not is_pretokenized else None
        if around is not None and isinstance(sequence, str):
            assert self._engine is not None
            try:
                ids = self._engine.encode(sequence, special=self._special(), as_list=True)
            except FasttokError:
                # The library has words of its own for what cannot be encoded.
                pass
            else:
                return self._encoding(ids, around, sequence, add_special_tokens)
        return self._inner.encode(sequence, pair, is_pretokenized, add_special_tokens)

    def encode_batch(
        self, input: Sequence[Any], is_pretokenized: bool = False, add_special_tokens: bool = True
    ) -> list[Any]:
        """What each text of ``input`` becomes, on all cores. Raises as :meth:`encode`."""
        around = None if is_pretokenized else self._ready(add_special_tokens)
        if around is not None and isinstance(input, (list, tuple)) and set(map(type, input)) <= {str}:
            assert self._engine is not None
            try:
                lists = self._engine.encode_batch(input, special=self._special(), as_list=True)
            except FasttokError:
                pass
            else:
                return [
                    self._encoding(ids, around, text, add_special_tokens)
                    for ids, text in zip(lists, input, strict=True)
                ]
        encodings: list[Any] = self._inner.encode_batch(input, is_pretokenized, add_special_tokens)
        return encodings

    encode_batch_fast = encode_batch

    def _encoding(
        self, ids: list[int], around: tuple[list[int], list[int]], text: str, add_special_tokens: bool
    ) -> Encoding:
        before, after = around
        return Encoding([*before, *ids, *after] if before or after else ids, (self._inner, text, add_special_tokens))

    def _special(self) -> Any:
        return "text" if self._inner.encode_special_tokens else "token"

    def _ready(self, add_special_tokens: bool) -> tuple[list[int], list[int]] | None:
        """The ids before and after those of a text; None where the library makes the ids."""
        inner = self._inner
        if self._engine is None:
            vars(self).update(_engine=load(inner), _around=_around(json.loads(inner.to_str())["post_processor"]))
        if self._is_shared or inner.truncation is not None or inner.padding is not None:
            return None
        return self._around if add_special_tokens else ([], [])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self._inner, name)
        if name in _PARTS:
            vars(self).update(_is_shared=True)
        elif name not in _READING and callable(found):
            return functools.partial(self._changing, found)
        return found

    def _changing(self, method: Any, *arguments: Any, **named: Any) -> Any:
        """Calls what may change the tokenizer."""
        try:
            return method(*arguments, **named)
        finally:
            vars(self).update(_engine=None)

    def __setattr__(self, name: str, value: Any) -> None:
        vars(self).update(_engine=None, _is_shared=self._is_shared or name in _PARTS)
        setattr(self._inner, name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._inner)})

    def __repr__(self) -> str:
        return repr(self._inner)

    def __reduce__(self) -> tuple[Any, ...]:
        return Tokenizer, (self._inner,)


def _around(processor: dict[str, Any] | None) -> tuple[list[int], list[int]] | None:
    """The ids that a post-processor puts before and after those of a single text; None for one that does more."""
    if processor is None or processor["type"] == "ByteLevel":
        return [], []
    if processor["type"] in ("BertProcessing", "RobertaProcessing"):
        return [processor["cls"][1]], [processor["sep"][1]]
    if processor["type"] == "Sequence":
        parts = [_around(part) for part in processor["processors"]]
        adding = [part for part in parts if part != ([], [])]
        # What a second one does to the ids of the first is the library's business.
        return adding[0] if len(adding) == 1 else None if adding else ([], [])
    if processor["type"] == "TemplateProcessing":
        sides: list[list[int]] = [[]]
        for part in processor["single"]:
            if "Sequence" in part:
                sides.append([])
            else:
                sides[-1] += processor["special_tokens"][part["SpecialToken"]["id"]]["ids"]
        return (sides[0], sides[1]) if len(sides) == 2 else None
    return None


def _replacements() -> Replacements:
    return {"tokenizers": {"Tokenizer": Tokenizer}}


_patches = Patches("tokenizers", _replacements)


def patch() -> Patched:
    """Make ``tokenizers.Tokenizer`` of the installed library this one, for code that asks for it from now on.

    As a context manager (``with patch():``) it is undone at the end. A second call changes nothing. Tokenizers that
    were made before stay as they are.

    Raises ``MissingExtraError`` where the library is not installed.
    """
    return _patches.patch()


def unpatch() -> None:
    """Undo :func:`patch`."""
    _patches.unpatch()
