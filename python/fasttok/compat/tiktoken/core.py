"""tiktoken's class ``Encoding`` over fasttok's: the same methods, arguments, results and errors.

What the engine does not decide is decided here as tiktoken 0.14 decides it: which special tokens are allowed, the words
of errors, offsets, and the completions of text that is not stable. Knows no names of encodings: that is `registry`.
"""

from __future__ import annotations

import functools
import importlib
import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from operator import index
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn

from fasttok._fasttok import Encoding as Engine
from fasttok.errors import SpecialTokenError, UnknownTokenError, UnsupportedTokenizerError
from fasttok.tokenizers.load import load
from fasttok.tokenizers.objects import pattern_of, rank_file

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_SETS = (frozenset, set)
_STRINGS = frozenset([str])
_CONTINUATIONS = bytes(range(0x80, 0xC0))


class Encoding:
    """A tokenizer with tiktoken's interface."""

    name: str
    _engine: Engine
    _pat_str: str
    _special_tokens: dict[str, int]
    _known: ClassVar[Callable[[str], Encoding | None]]
    """The encoding that was asked for by this name, if one was; the registry says it."""
    _named: ClassVar[Callable[[str], Encoding]]
    """The encoding of this name, by the registry."""

    def __init__(
        self,
        name: str,
        *,
        pat_str: str,
        mergeable_ranks: dict[bytes, int],
        special_tokens: dict[str, int],
        explicit_n_vocab: int | None = None,
    ) -> None:
        """The encoding of these ranks and this pattern.

        ``explicit_n_vocab``, where it is given, must be the number of all tokens.

        Raises ``UnsupportedTokenizerError`` (a ``ValueError``) for what cannot be followed exactly.
        """
        largest = max(max(mergeable_ranks.values()), max(special_tokens.values(), default=0))
        if explicit_n_vocab:
            assert len(mergeable_ranks) + len(special_tokens) == explicit_n_vocab
            assert largest == explicit_n_vocab - 1
        ranks = len(set(mergeable_ranks.values()))
        if ranks != len(mergeable_ranks):
            raise ValueError(
                f"Encoder and decoder must be of equal length. Encoder length: {len(mergeable_ranks)}, decoder length: "
                f"{ranks}.\nMaybe you had duplicate token indices in your encoder?"
            )
        if "" in special_tokens:
            raise UnsupportedTokenizerError(
                "a special token of no characters is everywhere", component="special_tokens"
            )
        # An empty line: text of a file that is known by its hash may be normalized, which tiktoken never does.
        data = rank_file(mergeable_ranks) + b"\n"
        engine = load(data, name=name or "tiktoken", pattern=pattern_of(pat_str), special_tokens=special_tokens)
        self._set(name, engine, pat_str, special_tokens)
        self.max_token_value = largest
        self._mergeable_ranks = mergeable_ranks

    def _set(self, name: str, engine: Engine, pat_str: str, special_tokens: dict[str, int]) -> None:
        self.name = name
        self._engine = engine
        self._pat_str = pat_str
        self._special_tokens = special_tokens
        self._special_token_values = set(special_tokens.values())
        self.max_token_value = engine.n_vocab - 1
        # Those that begin with another one: which of the two tiktoken finds is an accident of its hashing.
        self._ambiguous: list[str] = []
        shorter = None
        for token in sorted(special_tokens):
            if shorter is not None and token.startswith(shorter):
                self._ambiguous.append(token)
            else:
                shorter = token

    @classmethod
    def _embedded(cls, name: str, engine: Engine, pat_str: str) -> Encoding:
        """The encoding with which fasttok comes."""
        self = cls.__new__(cls)
        self._set(name, engine, pat_str, engine.special_tokens)
        return self

    def __repr__(self) -> str:
        return f"<Encoding {self.name!r}>"

    # Encoding

    def encode_ordinary(self, text: str) -> list[int]:
        """The ids of ``text``, in which special tokens are text like any other.

        >>> from fasttok.compat.tiktoken import get_encoding
        >>> get_encoding("o200k_base").encode_ordinary("hello world")
        [24912, 2375]
        """
        if not isinstance(text, str):
            raise _not_a("str", text)
        return self._engine.encode(text, errors="replace", as_list=True)

    def encode(
        self,
        text: str,
        *,
        allowed_special: Literal["all"] | AbstractSet[str] = frozenset(),
        disallowed_special: Literal["all"] | Collection[str] = "all",
    ) -> list[int]:
        """The ids of ``text``. Special tokens in it are one id each where ``allowed_special`` names them, a
        ``ValueError`` where ``disallowed_special`` does, and text like any other elsewhere.

        >>> from fasttok.compat.tiktoken import get_encoding
        >>> enc = get_encoding("o200k_base")
        >>> enc.encode("<|endoftext|>", allowed_special="all")
        [199999]
        >>> enc.encode("<|endoftext|>", disallowed_special=())
        [27, 91, 419, 1440, 919, 91, 29]
        """
        # What is asked for most: nothing is allowed, and nothing may be there.
        is_default = disallowed_special == "all" and not allowed_special and type(allowed_special) in _SETS
        if is_default and isinstance(text, str):
            try:
                return self._engine.encode(text, special="error", errors="replace", as_list=True)
            except SpecialTokenError:
                # Its message is made by what follows.
                pass
        return self._encode(text, self._check(text, allowed_special, disallowed_special))

    def encode_to_numpy(
        self,
        text: str,
        *,
        allowed_special: Literal["all"] | AbstractSet[str] = frozenset(),
        disallowed_special: Literal["all"] | Collection[str] = "all",
    ) -> npt.NDArray[np.uint32]:
        """What :meth:`encode` gives, as an array of shape (tokens,) that cannot be written to.

        Raises ``UnicodeEncodeError`` for a lone surrogate, as tiktoken does here.
        """
        allowed = self._check(text, allowed_special, disallowed_special)
        special = self._special_mode(allowed, frozenset())
        if special is not None:
            text.encode()
            ids = self._engine.encode(text, special=special)
        else:
            import numpy as np

            ids = np.array(self._encode(text, allowed, is_strict=True), dtype=np.uint32)
        ids.flags.writeable = False
        return ids

    def encode_ordinary_batch(self, text: list[str], *, num_threads: int = 8) -> list[list[int]]:
        """What :meth:`encode_ordinary` gives for each text, by at most ``num_threads`` threads."""
        _check_threads(num_threads)
        texts = list(text)
        if not set(map(type, texts)) <= _STRINGS:
            return [self.encode_ordinary(text) for text in texts]
        return self._engine.encode_batch(texts, errors="replace", threads=num_threads, as_list=True)

    def encode_batch(
        self,
        text: list[str],
        *,
        num_threads: int = 8,
        allowed_special: Literal["all"] | AbstractSet[str] = frozenset(),
        disallowed_special: Literal["all"] | Collection[str] = "all",
    ) -> list[list[int]]:
        """What :meth:`encode` gives for each text, by at most ``num_threads`` threads."""
        allowed, disallowed = self._sets(allowed_special, disallowed_special)
        disallowed = frozenset(disallowed)
        _check_threads(num_threads)
        texts = list(text)
        special = self._special_mode(allowed, disallowed)
        if special is not None and set(map(type, texts)) <= _STRINGS:
            try:
                return self._engine.encode_batch(
                    texts, special=special, errors="replace", threads=num_threads, as_list=True
                )
            except SpecialTokenError as error:
                # The first text that is refused says why.
                texts = texts[error.index :]
        return [self.encode(text, allowed_special=allowed, disallowed_special=disallowed) for text in texts]

    def encode_with_unstable(
        self,
        text: str,
        *,
        allowed_special: Literal["all"] | AbstractSet[str] = frozenset(),
        disallowed_special: Literal["all"] | Collection[str] = "all",
    ) -> tuple[list[int], list[list[int]]]:
        """The ids of the beginning of ``text`` that stay as they are whatever follows it, and what the rest may become.

        The order of the completions means nothing.
        """
        allowed = self._check(text, allowed_special, disallowed_special)
        ids = self._encode(text, allowed, is_strict=True)
        last = self._last_piece(text, allowed)
        if last == 0:
            return ids, []
        last = self._widened(ids, last)
        unstable = self.decode_bytes(ids[len(ids) - last :])
        return ids[: len(ids) - last], [list(completion) for completion in self._completions(unstable)]

    def encode_single_token(self, text_or_bytes: str | bytes) -> int:
        """The id of what is one token, special or not.

        Raises ``KeyError`` for what is none.

        >>> from fasttok.compat.tiktoken import get_encoding
        >>> get_encoding("o200k_base").encode_single_token("hello")
        24912
        """
        piece = text_or_bytes.encode("utf-8") if isinstance(text_or_bytes, str) else text_or_bytes
        if not isinstance(piece, bytes):
            raise _not_a("bytes", piece)
        try:
            return self._mergeable_ranks[piece]
        except KeyError:
            pass
        try:
            return self._special_tokens[piece.decode()]
        except (KeyError, UnicodeDecodeError):
            raise KeyError(piece) from None

    # Decoding

    def decode_bytes(self, tokens: Sequence[int]) -> bytes:
        """The bytes that ``tokens`` stand for. Raises ``KeyError`` for an id that is none."""
        if type(tokens) is not list:
            _check_sequence(tokens)
        try:
            return self._engine.decode_bytes(tokens)
        except (UnknownTokenError, TypeError) as error:
            raise _as_tiktoken(error, tokens, "Invalid token for decoding: {}") from None

    def decode(self, tokens: Sequence[int], errors: str = "replace") -> str:
        """The text that ``tokens`` stand for; ``errors`` is that of ``bytes.decode``.

        >>> from fasttok.compat.tiktoken import get_encoding
        >>> get_encoding("o200k_base").decode([24912, 2375])
        'hello world'
        """
        return self.decode_bytes(tokens).decode("utf-8", errors=errors)

    def decode_single_token_bytes(self, token: int) -> bytes:
        """The bytes of one token, special or not. Raises ``KeyError`` for an id that is none."""
        try:
            return self._engine.decode_bytes([token])
        except (UnknownTokenError, TypeError) as error:
            raise _as_tiktoken(error, [token], "{}") from None

    def decode_tokens_bytes(self, tokens: Sequence[int]) -> list[bytes]:
        """The bytes of each token."""
        tokens = list(tokens)
        try:
            return self._engine.token_bytes(tokens)
        except (UnknownTokenError, TypeError) as error:
            raise _as_tiktoken(error, tokens, "{}") from None

    def decode_with_offsets(self, tokens: Sequence[int]) -> tuple[str, list[int]]:
        """The text, and for each token the index of the first character of which it has bytes.

        Raises ``UnicodeDecodeError`` where the bytes are not UTF-8.
        """
        parts = self.decode_tokens_bytes(tokens)
        offsets = []
        characters = 0
        for part in parts:
            # Bytes that go on with a character belong to the one that was counted with its first byte.
            offsets.append(max(0, characters - (0x80 <= part[0] < 0xC0)))
            characters += len(part.translate(None, _CONTINUATIONS))
        return b"".join(parts).decode("utf-8", errors="strict"), offsets

    def decode_batch(
        self, batch: Sequence[Sequence[int]], *, errors: str = "replace", num_threads: int = 8
    ) -> list[str]:
        """What :meth:`decode` gives for each of ``batch``. ``num_threads`` is not used."""
        _check_threads(num_threads)
        return [self.decode(tokens, errors=errors) for tokens in batch]

    def decode_bytes_batch(self, batch: Sequence[Sequence[int]], *, num_threads: int = 8) -> list[bytes]:
        """What :meth:`decode_bytes` gives for each of ``batch``. ``num_threads`` is not used."""
        _check_threads(num_threads)
        return [self.decode_bytes(tokens) for tokens in batch]

    # The vocabulary

    def token_byte_values(self) -> list[bytes]:
        """The bytes of the tokens that are not special, sorted."""
        return list(self._sorted_tokens)

    @property
    def eot_token(self) -> int:
        """The id of ``<|endoftext|>``. Raises ``KeyError`` where there is none."""
        return self._special_tokens["<|endoftext|>"]

    @functools.cached_property
    def special_tokens_set(self) -> set[str]:
        """The special tokens."""
        return set(self._special_tokens)

    def is_special_token(self, token: int) -> bool:
        """Whether ``token`` is the id of a special token."""
        assert isinstance(token, int)
        return token in self._special_token_values

    @property
    def n_vocab(self) -> int:
        """``max_token_value`` plus one."""
        return self.max_token_value + 1

    @functools.cached_property
    def _mergeable_ranks(self) -> dict[bytes, int]:
        return self._engine._ranks()

    @functools.cached_property
    def _sorted_tokens(self) -> list[bytes]:
        return sorted(self._mergeable_ranks)

    # Special tokens

    def _sets(
        self, allowed: Literal["all"] | AbstractSet[str], disallowed: Literal["all"] | Collection[str]
    ) -> tuple[AbstractSet[str], Collection[str]]:
        """What "all" stands for."""
        if isinstance(allowed, str) and allowed == "all":
            allowed = self.special_tokens_set
        if isinstance(disallowed, str) and disallowed == "all":
            # Refuses what is no set in the words that Python has for it.
            disallowed = self.special_tokens_set - allowed
        return allowed, disallowed

    def _check(
        self, text: str, allowed: Literal["all"] | AbstractSet[str], disallowed: Literal["all"] | Collection[str]
    ) -> AbstractSet[str]:
        """The tokens that are allowed. Raises ``ValueError`` where ``text`` has one that is not."""
        allowed, disallowed = self._sets(allowed, disallowed)
        if disallowed:
            match = _special_token_regex(frozenset(disallowed)).search(text)
            if match:
                raise_disallowed_special_token(match.group())
        if not isinstance(text, str):
            raise _not_a("str", text)
        if not isinstance(allowed, _SETS):
            raise _not_a("set", allowed)
        for token in allowed:
            if not isinstance(token, str):
                raise _not_a("str", token)
        return allowed

    def _special_mode(
        self, allowed: AbstractSet[str], disallowed: frozenset[str]
    ) -> Literal["text", "token", "error"] | None:
        """What the engine calls this way with special tokens; None where it has no name for it."""
        if not isinstance(allowed, _SETS):
            return None
        if self.special_tokens_set.isdisjoint(allowed):
            if not disallowed:
                return "text"
            return "error" if disallowed == self.special_tokens_set else None
        is_all = not disallowed and allowed >= self.special_tokens_set and not self._ambiguous
        return "token" if is_all else None

    def _encode(self, text: str, allowed: AbstractSet[str], *, is_strict: bool = False) -> list[int]:
        """The ids of ``text`` with these special tokens; ``is_strict``: lone surrogates are an error."""
        try:
            text.encode()
        except UnicodeEncodeError:
            if is_strict:
                raise
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        special = self._special_mode(allowed, frozenset())
        if special is not None:
            return self._engine.encode(text, special=special, as_list=True)
        ids: list[int] = []
        for i, part in enumerate(self._parts(text, allowed)):
            if i % 2 == 0:
                ids += self.encode_ordinary(part)
            else:
                ids.append(self._special_tokens[part])
        return ids

    def _parts(self, text: str, allowed: AbstractSet[str]) -> list[str]:
        """The text between special tokens, and in turn with it the special tokens."""
        found = self.special_tokens_set.intersection(allowed)
        if not found:
            return [text]
        for token in self._ambiguous:
            if token in text:
                raise UnsupportedTokenizerError(
                    f"the special token {token!r} is in the text and begins with another special token: which of them "
                    "tiktoken finds is not defined; allow none of them, or take one out of special_tokens",
                    component="special_tokens",
                )
        return _special_token_regex(frozenset(found)).split(text)

    # Text that is not stable, and bytes

    def _last_piece(self, text: str, allowed: AbstractSet[str]) -> int:
        """How many ids the last piece of ``text`` has; none, where a special token is the last."""
        piece = self._engine._last_piece(self._parts(text, allowed)[-1])
        return 0 if piece is None else len(self._encode_single_piece(piece))

    def _widened(self, ids: list[int], last: int) -> int:
        """How many ids at the end are not stable, if ``last`` are those of the last piece: white space before it can go
        over to it."""

        def is_blank(id: int) -> bool:
            return id in self._blanks

        if last > 0 and is_blank(ids[len(ids) - last]):
            while last < len(ids) and is_blank(ids[len(ids) - last - 1]):
                last += 1
        return last

    @functools.cached_property
    def _blanks(self) -> frozenset[int]:
        return frozenset(id for token, id in self._mergeable_ranks.items() if not token.strip(b" \n\t"))

    def _beginning_with(self, start: bytes) -> list[bytes]:
        tokens = self._sorted_tokens
        first = at = bisect_left(tokens, start)
        while at < len(tokens) and tokens[at].startswith(start):
            at += 1
        return tokens[first:at]

    def _completions(self, unstable: bytes) -> set[tuple[int, ...]]:
        """What the bytes at the end of a text may become, once more follows: ids that cover them."""
        if not unstable:
            return set()
        found: set[tuple[int, ...]] = {(self._mergeable_ranks[token],) for token in self._beginning_with(unstable)}
        texts: list[str] = []
        for i in range(1, len(unstable)):
            for token in self._beginning_with(unstable[i:]):
                possible = unstable[:i] + token
                try:
                    texts.append(possible.decode())
                except UnicodeDecodeError:
                    found.add(self._covering(self._engine._merge(possible), len(unstable)))
        for ids in self.encode_ordinary_batch(texts):
            found.add(self._covering(ids, len(unstable)))
        # Where white space is the last character, what follows may cut before it.
        for size in range(1, min(4, len(unstable) - 1) + 1):
            try:
                last = unstable[-size:].decode()
            except UnicodeDecodeError:
                continue
            if last.isspace() and last not in "\x1c\x1d\x1e\x1f":
                halves = unstable[:-size], unstable[-size:]
                found.add(tuple(id for half in halves for id in self._engine._merge(half)))
            break
        return found

    def _covering(self, ids: list[int], size: int) -> tuple[int, ...]:
        """The first of ``ids``, as many as have ``size`` bytes."""
        for count, part in enumerate(self._engine.token_bytes(ids), 1):
            size -= len(part)
            if size <= 0:
                return tuple(ids[:count])
        return tuple(ids)

    def _encode_single_piece(self, text_or_bytes: str | bytes) -> list[int]:
        """The ids of one piece: it is not split."""
        piece = text_or_bytes.encode("utf-8") if isinstance(text_or_bytes, str) else text_or_bytes
        id = self._mergeable_ranks.get(piece)
        return self._engine._merge(piece) if id is None else [id]

    def _encode_only_native_bpe(self, text: str) -> list[int]:
        """The ids of ``text``, which the library ``regex`` splits."""
        regex: Any = importlib.import_module("regex")
        pieces = regex.findall(regex.compile(self._pat_str), text)
        return [id for piece in pieces for id in self._encode_single_piece(piece)]

    def _encode_bytes(self, text: bytes) -> list[int]:
        """The ids of bytes: what is not UTF-8, and what it may belong to, is taken as one piece."""
        try:
            return self.encode_ordinary(text.decode())
        except UnicodeDecodeError as error:
            valid, rest = text[: error.start].decode(), text[error.start :]
        ids = self.encode_ordinary(valid)
        last = self._widened(ids, self._last_piece(valid, frozenset()))
        if ids and last > 0:
            rest = self.decode_bytes(ids[len(ids) - last :]) + rest
            del ids[len(ids) - last :]
        return ids + self._encode_single_piece(rest)

    # Pickling

    def __getstate__(self) -> object:
        if self is Encoding._known(self.name):
            return self.name
        return {
            "name": self.name,
            "pat_str": self._pat_str,
            "mergeable_ranks": self._mergeable_ranks,
            "special_tokens": self._special_tokens,
        }

    def __setstate__(self, value: object) -> None:
        if isinstance(value, str):
            self.__dict__ = Encoding._named(value).__dict__
        else:
            assert isinstance(value, dict)
            Encoding.__init__(self, **value)


@functools.lru_cache(maxsize=128)
def _special_token_regex(tokens: frozenset[str]) -> re.Pattern[str]:
    """Finds any of ``tokens``: by the library ``regex`` where it is installed, as tiktoken does. Its words for what is
    no text differ."""
    try:
        library: Any = importlib.import_module("regex")
    except ImportError:
        library = re
    found: re.Pattern[str] = library.compile("(" + "|".join(library.escape(token) for token in tokens) + ")")
    return found


def raise_disallowed_special_token(token: str) -> NoReturn:
    """The ``ValueError`` for a special token in a text, in the words that callers of tiktoken look for."""
    raise ValueError(
        f"Encountered text corresponding to disallowed special token {token!r}.\n"
        f"If you want this text to be encoded as a special token, pass it to `allowed_special`, e.g. "
        f"`allowed_special={{{token!r}, ...}}`.\n"
        f"If you want this text to be encoded as normal text, disable the check for this token by passing "
        f"`disallowed_special=(enc.special_tokens_set - {{{token!r}}})`.\n"
        "To disable this check for all special tokens, pass `disallowed_special=()`.\n"
    )


def _not_a(kind: str, value: object) -> TypeError:
    """The error for a value of another type, as tiktoken's bindings word it."""
    what = "'None' is" if value is None else f"{type(value).__name__!r} object is"
    return TypeError(f"{what} not an instance of {kind!r}")


def _check_threads(num_threads: int) -> None:
    """As Python's pool of threads does it."""
    if num_threads <= 0:
        raise ValueError("max_workers must be greater than 0")


def _check_sequence(tokens: object) -> None:
    """Refuses what tiktoken takes for no sequence of ids."""
    if isinstance(tokens, str):
        raise TypeError("Can't extract `str` to `Vec`")
    if not isinstance(tokens, Sequence) and not hasattr(tokens, "__array_interface__"):
        raise _not_a("Sequence", tokens)


def _as_tiktoken(error: Exception, tokens: Iterable[Any], unknown: str) -> Exception:
    """The error that tiktoken raises where the engine raised ``error``; ``unknown`` words the ``KeyError``."""
    for token in tokens:
        try:
            id = index(token)
        except TypeError as wrong:
            return wrong
        if id >= 1 << 63 or id < -(1 << 63):
            return OverflowError("Python int too large to convert to C long")
        if not 0 <= id < 1 << 32:
            return OverflowError("out of range integral type conversion attempted")
        if isinstance(error, UnknownTokenError) and id == error.id:
            return KeyError(unknown.format(id))
    return error
