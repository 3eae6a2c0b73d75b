"""The compiled part of fasttok."""

import builtins
import os
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal, Protocol, SupportsIndex, TypeAlias, final, overload

import numpy as np
import numpy.typing as npt

from fasttok.options import CorpusOptions

__version__: str
UNICODE_VERSION: str
"""The version of Unicode whose character classes split patterns go by."""
NORMALIZATION_UNICODE_VERSION: str
"""The version of Unicode by which NFC, NFD, NFKC, NFKD and StripAccents are done, as HF ``tokenizers`` does them."""
SCRIPTS_UNICODE_VERSION: str
"""The version of Unicode whose scripts are counted."""
SEGMENTATION_UNICODE_VERSION: str
"""The version of Unicode whose words and grapheme clusters are counted."""

def simd_level() -> str:
    """The instructions that counting uses: ``portable``, ``neon``, ``avx2-slow-pext``, ``avx2`` or ``avx512``.

    The best ones of this machine, or what the environment variable ``FASTTOK_SIMD`` names.

    Raises ``SimdLevelError`` if ``FASTTOK_SIMD`` names a level that does not exist, or that this machine does not have.
    """

def simd_levels() -> list[str]:
    """The levels that ``FASTTOK_SIMD`` may name on this machine, the best one last."""

class _ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[object, object]: ...

class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: Any = None) -> object: ...

_Text: TypeAlias = str | bytes
_Texts: TypeAlias = Iterable[str] | Iterable[bytes] | Iterable[_Text] | npt.NDArray[Any] | _ArrowArray | _ArrowStream
_Special: TypeAlias = Literal["text", "token", "error"]
_Errors: TypeAlias = Literal["strict", "replace"]

@final
class ArrowArray:
    """An Arrow array: counts or ids, one for each text.

    Any library with the Arrow PyCapsule interface takes it over without a copy: ``pyarrow.array(x)``,
    ``polars.Series(x)``, ``arro3.core.Array(x)``. It may be taken any number of times.
    """

    def __len__(self) -> int:
        """Return len(self)."""

    def __arrow_c_schema__(self) -> object:
        """The type, as a capsule."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        """The type and the array, as capsules. ``requested_schema``, a capsule, may ask for integers of another width
        and for large lists.

        Raises ``TypeError`` for another type, ``ValueError`` where a number is too large for the one that is asked for.
        """

@final
class ArrowChunkedArray:
    """Arrow arrays of one type, one after the other: counts or ids, one for each text of a column in chunks.

    Any library with the Arrow PyCapsule interface takes it over without a copy: ``pyarrow.chunked_array(x)``,
    ``polars.Series(x)``, ``arro3.core.ChunkedArray(x)``. It may be taken any number of times.
    """

    def __len__(self) -> int:
        """Return len(self)."""

    def __arrow_c_schema__(self) -> object:
        """The type, as a capsule."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The arrays, as a capsule of a stream. ``requested_schema``, a capsule, may ask for integers of another width
        and for large lists.

        Raises ``TypeError`` for another type, ``ValueError`` where a number is too large for the one that is asked for.
        """

def _count_arrow(
    data: _ArrowArray | _ArrowStream,
    names: Sequence[str],
    encodings: Sequence[Encoding],
    *,
    special: _Special = "text",
    errors: _Errors = "strict",
    threads: int | None = None,
) -> ArrowArray | ArrowChunkedArray:
    """The tokens of each text by several encodings: a column of structs, a field for each of ``names``.

    Takes and raises the same as ``Encoding.count_arrow``, and gives the same kinds of column.
    """

@final
class TruncatedText:
    """A part of a text that fits: what :meth:`Encoding.truncate` returns."""
    @property
    def text(self) -> str:
        """The text that is left."""
    @property
    def tokens(self) -> int:
        """The tokens that it has by itself."""
    @property
    def truncated(self) -> bool:
        """Whether anything was left out."""
    def __eq__(self, value: object, /) -> bool:
        """Return self==value."""

@final
class LimitedCount:
    """Whether a text has at most so many tokens: what :meth:`Encoding.count_up_to` returns."""
    @property
    def tokens(self) -> int | None:
        """The tokens of the text; None if they are more than the limit: how many more was not counted."""
    @property
    def exceeded(self) -> bool:
        """Whether they are more than the limit."""
    def __eq__(self, value: object, /) -> bool:
        """Return self==value."""

@final
class TokenCounter:
    """Tokens of a text that is still being written: what :meth:`Encoding.counter` returns.

    What can no longer change is counted once and let go, so memory does not grow with the text, and a count costs what
    was added since and the word that it ends with. Where text goes on without the end of a word, or without what the
    tokenizer tells the end of a piece by, a count costs that stretch: see the guide.
    """
    def append(self, text: _Text) -> None:
        """Adds to the end of the text: a ``str``, or ``bytes`` that may begin and end within a character.

        Raises ``InvalidUtf8Error`` where the text can no longer become UTF-8, with the ``offset`` in bytes of the whole
        text (in characters of ``text``, if that is a ``str``); nothing is added then. ``TypeError`` for what is neither
        ``str`` nor ``bytes``.
        """
    def count(self) -> int:
        """The number of tokens of all that was appended: what :meth:`Encoding.count` gives for it. The bytes of a
        character that is not whole yet (:attr:`pending`) are not counted.
        """
    @property
    def pending(self) -> int:
        """Bytes at the end that are no whole character yet."""

@final
class TokenIndex:
    """A text of which the tokens of any part can be asked: what :meth:`Encoding.index` returns."""
    def count(self, start: int = 0, stop: int | None = None) -> int:
        """The number of tokens of ``text[start:stop]``: what :meth:`Encoding.count` gives for it. Both ends are as
        in a slice: in characters, from the end where they are negative.

        Only the words at both ends are counted; where the text has no ends of words, the stretch without one.
        """
    @property
    def tokens(self) -> int:
        """The tokens of the whole text."""
    def __len__(self) -> int:
        """Return len(self)."""

@final
class Encoding:
    """A named tokenizer: immutable, to be shared between threads.

    Get one with :func:`fasttok.get_encoding` or :func:`fasttok.load`. An embedded one is pickled by its name, one
    from a file by the path and the hash of the file.

    These arguments mean the same everywhere:

    ``special``
        What special tokens in the text (``<|endoftext|>``) are. ``"text"``: plain text like any
        other. ``"token"``: each is one token. ``"error"``: a ``SpecialTokenError``.
    ``errors``
        What to do with bytes that are not UTF-8 and with lone surrogates in a ``str``.
        ``"strict"``: an ``InvalidUtf8Error``. ``"replace"``: each is taken as U+FFFD. A high and a
        low surrogate side by side in a ``str`` are the character they stand for in UTF-16, as in
        tiktoken; offsets count them as the two characters that they are in Python.
    ``threads``
        The most threads to use; by default as many as the process may run at once. The result
        does not depend on it.

    Equal encodings have the same name, hash, pretokenizer and added tokens.
    """

    def __new__(cls, name: str, /) -> Encoding: ...
    @property
    def name(self) -> str:
        """The name of the encoding, as ``o200k_base``."""
    @property
    def hash(self) -> str:
        """SHA-256, in hex, of the tokenizer file that the encoding was made from."""
    @property
    def pretokenizer(self) -> str:
        """The family of the split pattern that has a scanner (``o200k``, ``qwen2``, …), or ``general`` for the
        slower path that runs any pattern."""
    @property
    def normalization(self) -> list[str]:
        """What is done to text before it is split, step by step, by the names that the tokenizer's file has for it
        (``NFC``, ``Replace``, ``add_dummy_prefix``). Empty where text is counted as it is."""
    @property
    def n_vocab(self) -> int:
        """The largest token id, special tokens included, plus one."""
    @property
    def special_tokens(self) -> dict[str, int]:
        """Special tokens and their ids."""
    @property
    def added_tokens(self) -> dict[str, int]:
        """All tokens beside the vocabulary, special or not, and their ids.

        Those that are not special are found in text whatever ``special`` is.
        """
    _COMPILED_VERSION: ClassVar[int]
    @property
    def _has_compiled(self) -> bool:
        """Whether there is a form that loads fastest."""
    def _compiled(self) -> bytes | None:
        """The form that loads fastest, if there is one."""
    @property
    def _origin(self) -> Any:
        """How Python made it, see ``fasttok.tokenizers.origin``; None for the embedded ones."""
    @staticmethod
    def _from_file_bytes(
        data: bytes,
        name: str,
        pattern: str | None = None,
        special_tokens: Sequence[tuple[str, int]] | None = None,
        origin: Any = None,
    ) -> Encoding:
        """The tokenizer in the bytes of a file. ``origin``: see ``fasttok.tokenizers.origin``."""
    def count(self, text: _Text, *, special: _Special = "text", errors: _Errors = "strict") -> int:
        """The number of tokens of ``text``.

        A text of more than half a million characters is counted by several threads.

        Raises ``SpecialTokenError`` and ``InvalidUtf8Error``, with the ``offset`` in characters of a ``str`` and in
        bytes of ``bytes``, ``TextLimitError``, and ``TypeError`` for what is neither ``str`` nor ``bytes``.
        """
    def truncate(self, text: str, n: int, *, side: Literal["right", "left"] = "right") -> TruncatedText:
        """The longest beginning of ``text`` that has at most ``n`` tokens, or with ``side="left"`` the longest end
        of it.

        Cut between characters (code points) only, and exact: what is left is counted by itself, as :meth:`count`
        does. That matters, for a beginning can have more tokens than the whole. ``side`` is the side from which
        text is left out.

        Returns a :class:`TruncatedText`. Raises ``InvalidUtf8Error`` for surrogates, with the ``offset`` in characters,
        ``NoCutError`` for a long text that the tokenizer does not let be cut (see the guide), ``TextLimitError``,
        ``ValueError`` for a negative ``n`` and for another ``side``, ``TypeError`` for what is no ``str``.
        """
    def split(
        self,
        text: str,
        n: int,
        *,
        overlap: int = 0,
        boundary: Literal["char", "word", "sentence", "line", "paragraph"] = "char",
    ) -> list[str]:
        """``text`` in slices of at most ``n`` tokens each, counted by themselves: a list of ``str``.

        Each slice is the longest that ends at a ``boundary``: ``"char"`` (a code point), ``"word"`` and
        ``"sentence"`` (UAX #29), ``"line"`` or ``"paragraph"`` (after blank lines); where none fits, at the next
        finer one of paragraph, line, sentence, word and char. Nothing is left out: without ``overlap`` the slices
        joined are the text. With it, each slice begins with as much of the end of the one before as has at most
        ``overlap`` tokens by itself, from a boundary on.

        Raises ``CharacterTooLongError`` where one character has more than ``n`` tokens, with its ``offset`` in
        characters, ``ValueError`` for an ``overlap`` that is not less than ``n``, and what :meth:`truncate` raises.
        """
    def count_up_to(self, text: str, limit: int) -> LimitedCount:
        """The number of tokens of ``text`` if it is at most ``limit``; counting ends soon after it is more.

        Returns a :class:`LimitedCount`. Raises what :meth:`truncate` raises, but for ``NoCutError``.
        """
    def counter(self) -> TokenCounter:
        """A :class:`TokenCounter`: an empty text to append to, with an exact count after each addition."""
    def index(self, text: str) -> TokenIndex:
        """A :class:`TokenIndex` of ``text``: the exact count of any slice of it, without counting it from scratch.

        Raises what :meth:`count_up_to` raises.
        """
    @overload
    def count_batch(
        self,
        texts: _Texts,
        *,
        special: _Special = "text",
        errors: _Errors = "strict",
        nulls: Literal["error", "zero"] = "error",
        threads: int | None = None,
    ) -> npt.NDArray[np.int64]: ...
    @overload
    def count_batch(
        self,
        texts: _Texts,
        *,
        special: _Special = "text",
        errors: _Errors = "strict",
        nulls: Literal["null"],
        threads: int | None = None,
    ) -> np.ma.MaskedArray[tuple[int], np.dtype[np.int64]]:
        """The number of tokens of each text, as an int64 array of shape (n,).

        ``texts`` is a list, a tuple or any iterable of ``str`` or ``bytes``, a one-dimensional
        numpy array, a pandas Series, Index or array, a polars Series, a pyarrow array, or anything
        else with the Arrow PyCapsule interface. Texts in memory are read where they are, without a
        copy; a generator is read in slices of bounded size.

        ``nulls`` says what a missing text (None, NaN, NA, NaT, masked or null) is. ``"error"``: an
        ``InputError``. ``"zero"``: no tokens. ``"null"``: its count is missing, too; what is returned
        is then a ``numpy.ma.MaskedArray`` of the same type and shape, masked where a text is missing,
        with 0 below the mask.

        Raises ``InputError`` for a missing text, ``TypeError`` for an element that is no text,
        ``SpecialTokenError``, ``InvalidUtf8Error`` and ``TextLimitError`` for the first text that calls
        for them; each has the position of the text, from 0, as ``index``. ``TypeError`` for what is no
        batch of texts: a single text, a mapping, a table, numbers.
        """
    @overload
    def encode(
        self, text: _Text, *, special: _Special = "text", errors: _Errors = "strict", as_list: Literal[False] = False
    ) -> npt.NDArray[np.uint32]: ...
    @overload
    def encode(
        self, text: _Text, *, special: _Special = "text", errors: _Errors = "strict", as_list: Literal[True]
    ) -> list[int]:
        """The token ids of ``text``, as a uint32 array of shape (tokens,), or with ``as_list`` as a list of int.

        Raises as :meth:`count`.
        """
    def encode_with_offsets(
        self, text: str, *, unit: Literal["char", "byte"] = "char"
    ) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """The token ids of ``text`` and where each token is in it.

        Returns ``ids``, a uint32 array of shape (tokens,), and ``offsets``, an int64 array of shape (tokens, 2):
        token i is ``text[offsets[i, 0]:offsets[i, 1]]``, in characters, or in bytes of the text's UTF-8 with
        ``unit="byte"``. A token that begins or ends within a character has, in characters, that whole character, as
        the token beside it has.

        Raises ``UnsupportedTokenizerError`` where the tokens are not those of the text as it is: the tokenizer
        rewrites it first, or has no token for a part of it. ``InvalidUtf8Error``, ``TextLimitError`` and
        ``TypeError`` as :meth:`truncate`.
        """
    def token_bytes(self, ids: Sequence[SupportsIndex] | npt.NDArray[np.integer[Any]]) -> list[bytes]:
        """The bytes that each of ``ids``, a sequence or an array of integers, stands for within a text: a list of
        ``bytes``.

        A token may be no UTF-8 by itself. Raises ``UnknownTokenError`` for an id that the encoding does not have.
        """
    @overload
    def encode_batch(
        self,
        texts: _Texts,
        *,
        special: _Special = "text",
        errors: _Errors = "strict",
        nulls: Literal["error", "zero"] = "error",
        threads: int | None = None,
        as_list: Literal[False] = False,
    ) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]: ...
    @overload
    def encode_batch(
        self,
        texts: _Texts,
        *,
        special: _Special = "text",
        errors: _Errors = "strict",
        nulls: Literal["error", "zero"] = "error",
        threads: int | None = None,
        as_list: Literal[True],
    ) -> list[list[int]]:
        """The token ids of all texts, one after the other, and where each text begins.

        Returns ``ids``, a uint32 array of shape (tokens,), and ``offsets``, an int64 array of
        shape (n + 1,): the ids of text i are ``ids[offsets[i]:offsets[i + 1]]``.

        With ``as_list`` a list that has a list of int for each text.

        Takes and raises the same as :meth:`count_batch`, but for ``nulls="null"``: offsets cannot
        say that a text is missing. With ``nulls="zero"`` a missing text has no ids.
        """
    def count_arrow(
        self,
        data: _ArrowArray | _ArrowStream,
        *,
        special: _Special = "text",
        errors: _Errors = "strict",
        threads: int | None = None,
    ) -> ArrowArray | ArrowChunkedArray:
        """The number of tokens of each text of an Arrow column, as an Arrow column of int64.

        ``data`` is a column of strings or binary values, or a dictionary of these, of any library with the Arrow
        PyCapsule interface (pyarrow, polars, pandas, arro3, nanoarrow). It is read where it is, without a copy. A
        missing text (null) has a missing count.

        Returns an ``ArrowArray`` for what has ``__arrow_c_array__``, and an ``ArrowChunkedArray`` with the same
        chunks for what has ``__arrow_c_stream__``. Both are taken over by the same interface, without a copy.

        Raises what :meth:`count_batch` raises, but for missing texts, with the row, from 0, as ``index``.
        """

    def encode_arrow(
        self,
        data: _ArrowArray | _ArrowStream,
        *,
        special: _Special = "text",
        errors: _Errors = "strict",
        threads: int | None = None,
    ) -> ArrowArray | ArrowChunkedArray:
        """The token ids of each text of an Arrow column, as an Arrow column of lists of uint32.

        Takes, returns and raises the same as :meth:`count_arrow`. A missing text (null) has a missing list. The lists
        are large lists where a chunk has 2³¹ ids or more.
        """

    def decode(self, ids: Sequence[SupportsIndex] | npt.NDArray[np.integer[Any]], errors: str = "replace") -> str:
        """The text that ``ids``, a sequence or an array of integers, stand for.

        ``errors`` is that of ``bytes.decode``: ids can end in the middle of a character.

        A ``tokenizer.json`` says itself how it is decoded.

        Raises ``UnknownTokenError`` for an id that the encoding does not have, ``TypeError`` for what
        is no integer, ``InputError`` for a decoder that is not known, and ``UnicodeDecodeError`` with
        ``errors="strict"``.
        """
    def decode_bytes(self, ids: Sequence[SupportsIndex] | npt.NDArray[np.integer[Any]]) -> bytes:
        """The bytes that ``ids``, a sequence or an array of integers, stand for.

        The bytes of byte tokens are as they are, be they UTF-8 or not.

        Raises ``UnknownTokenError`` for an id that the encoding does not have, ``TypeError`` for what
        is no integer, and ``InputError`` for a decoder that is not known.
        """
    def _ranks(self) -> dict[bytes, int]:
        """The bytes of the vocabulary's tokens and their ids, without the added tokens."""
    def _merge(self, piece: bytes) -> list[int]:
        """The ids that merging ``piece`` gives, be it UTF-8 or not, and whether or not it is a token itself."""
    def _last_piece(self, text: str) -> bytes | None:
        """The last piece that ``text`` is split into, if there is one; special tokens are text like any other."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

TEXT_FIELD: str
"""The field of a record that holds the text, unless a run says otherwise."""
MAX_RECORD_BYTES: int
"""The most bytes of a record, unless a run says otherwise."""
MAX_WINDOW_BYTES: int
"""The most memory that compressed data may ask for, unless a run says otherwise."""
COMPRESSED_SUFFIXES: tuple[str, ...]
"""What the names of compressed files end with, in lower case."""
CHECKPOINT_SECONDS: int
LOG_FORMATS: tuple[str, ...]
USAGE_KEYS: tuple[str, ...]
MAX_GROUPS: int
"""The most groups of a run, unless it says otherwise."""
LENGTHS_EXACT: int
"""Numbers of tokens of a document below this have a bucket each."""
LENGTHS_PARTS: int
"""Buckets of a power of two from there on."""
SKIP_REMEDIES: dict[str, str]
"""By reason, what counts a skipped row all the same."""

@final
class CorpusGroups:
    """The groups of a run in the order of their keys; each is made into an object when it is asked for."""

    def __len__(self) -> int:
        """The number of groups."""
    def __getitem__(self, index: int, /) -> CorpusSums:
        """The sums of group `index`, from 0. Raises ``IndexError`` where there is none."""
    def json(self, indices: Sequence[int], keys: Sequence[str], encodings: Sequence[str], limits: Sequence[int]) -> str:
        """The groups at ``indices``, each from 0, as the items of the list of groups in a report's JSON, indented by
        two."""
    def ranked(self, name: str, divisor: str | None, *, ascending: bool) -> builtins.bytes:
        """The indices of the groups, the largest first or (``ascending``) the smallest, by their sum of that name
        (``"documents"``, ``"bytes"`` and so on, or ``"tokens"`` of the first encoding) or by its ratio to the sum
        ``divisor``: unsigned 32-bit numbers in the machine's byte order. Groups without a ratio are the smallest; equal
        ones are in the order of their keys. Raises ``ValueError`` for another name."""

@final
class CorpusSample:
    """What was drawn of a corpus: the material of estimates."""

    @property
    def strata(self) -> list[int]:
        """The bytes of each stratum."""
    @property
    def draw_strata(self) -> list[int]:
        """The stratum of each draw."""
    @property
    def draw_units(self) -> list[int]:
        """The unit that each draw hit, an index into ``units``; -1 where it hit none."""
    @property
    def units(self) -> list[str]:
        """The names of the units that were read, which the groups of the run have as the first value of their key."""
    @property
    def unit_bytes(self) -> list[int]:
        """The bytes of each unit."""

@final
class CorpusSums:
    """Sums over the documents of a run, or of one of its groups."""

    @property
    def key(self) -> tuple[str | None, ...]:
        """A value for each key of the run, None where the documents have none. Empty for the sums over all
        documents."""
    @property
    def documents(self) -> int:
        """The number of documents."""
    @property
    def bytes(self) -> int:
        """The size in UTF-8."""
    @property
    def chars(self) -> int:
        """Unicode scalar values."""
    @property
    def scripts(self) -> dict[str, int]:
        """Characters by script (ISO 15924), none of them zero."""
    @property
    def mixed_script_documents(self) -> int:
        """Documents with more than a tenth of their characters in another writing system than the first."""
    @property
    def graphemes(self) -> int:
        """Extended grapheme clusters; 0 where they were not asked for."""
    @property
    def words(self) -> int:
        """Words; 0 where they were not asked for."""
    @property
    def tokens(self) -> tuple[int, ...]:
        """Tokens by encoding, in the order of the run's encodings."""
    @property
    def single_token_words(self) -> tuple[int, ...]:
        """Words that are one token, by encoding; empty where they were not asked for."""
    @property
    def partial_tokens(self) -> tuple[int, ...]:
        """Tokens that are not whole characters, by encoding; empty where they were not asked for."""
    @property
    def documents_over(self) -> tuple[int, ...]:
        """Documents with more tokens than each limit, by encoding and then by limit; empty where there are none."""
    def lengths(self, index: int) -> DocumentLengths | None:
        """How long documents are in tokens of the encoding at `index`; None where no document was counted, or
        histograms were not asked for."""
    @property
    def bootstrap(self) -> builtins.bytes:
        """What a bootstrap over documents draws from: unsigned 64-bit numbers in the machine's byte order, of shape
        ``(units, bootstrap_columns)``. Empty where no bootstrap was asked for."""
    @property
    def bootstrap_columns(self) -> int:
        """The numbers of a unit of ``bootstrap``."""

@final
class DocumentLengths:
    """How long documents are in tokens of an encoding."""

    @property
    def p50(self) -> int:
        """Half of the documents have at most so many tokens."""
    @property
    def p90(self) -> int:
        """90 % of the documents have at most so many tokens."""
    @property
    def p99(self) -> int:
        """99 % of the documents have at most so many tokens."""
    @property
    def max(self) -> int:
        """The most tokens of a document."""
    @property
    def histogram(self) -> list[tuple[int, int]]:
        """Documents by tokens, from each number on, which is 0 or a power of two, to the next; none of them zero."""
    @property
    def counts(self) -> list[tuple[int, int]]:
        """Documents by tokens, each number the least of a bucket; none of them zero."""

@final
class SkippedRow:
    """A row that was not counted."""

    @property
    def file(self) -> str:
        """The file, as it was given or found; ``-`` is standard input."""
    @property
    def line(self) -> int | None:
        """The line, from 1; None where the row is none."""
    @property
    def position(self) -> dict[str, int | str]:
        """Where the row is in the file: what it is the number of, and the number; ``member`` is a name."""
    @property
    def reason(self) -> str:
        """Why, as programs know it."""
    @property
    def detail(self) -> str:
        """Why, in words."""
    @property
    def rows(self) -> int:
        """How many rows there are from that position on."""

@final
class Account:
    """What became of the files and rows of a run: ``seen == counted + skipped``."""

    @property
    def files(self) -> int:
        """Files that were read, or that should have been."""
    @property
    def files_ignored(self) -> int:
        """Files that a walk met and passed by: binary ones, links, and ``files_packed``."""
    @property
    def files_packed(self) -> int:
        """Archives that a walk passed by, and compressed files that hold no records."""
    @property
    def members(self) -> int:
        """Members of archives that were read, or that should have been."""
    @property
    def members_ignored(self) -> int:
        """Members of archives that were passed by: binary ones, and compressed ones without records."""
    @property
    def files_unchecked(self) -> int:
        """Files in whose compressed data damage cannot be seen, for they have no checksum."""
    @property
    def unchecked(self) -> list[str]:
        """The names of the first of these, in the order in which files are found."""
    @property
    def inputs_repeated(self) -> int:
        """Inputs that were left out because they are a file that is among the others."""
    @property
    def input_files(self) -> tuple[int, int, bytes]:
        """How many inputs there were, their size as stored together, and what they are together known by: a number of
        256 bits, big-endian, which adds up over runs."""
    @property
    def input_files_listed(self) -> list[tuple[str, int | None, int | None, bytes | None]]:
        """The first of these: name, size, when it was changed in nanoseconds since 1970, and the SHA-256 of its bytes,
        each None where it is not known or was not asked for."""
    @property
    def bytes_read(self) -> int:
        """Bytes read from files as they are stored."""
    @property
    def messages(self) -> tuple[dict[str, int], dict[str, int]]:
        """Of conversations, the records by their shape, and what is in them and no text, by kind."""
    @property
    def batch(self) -> tuple[dict[str, int], dict[str, list[str]]] | None:
        """Of batches, how many requests and answers belong together by their `custom_id` and how many do not, by
        name, and the first ids of those that do not; None where there were no batches, or more ids than are kept."""
    def turn_of_answer(self, custom_id: str) -> int | None:
        """The turn that the answer of a batch is in: the last one of its request; None where these are not known to
        belong together."""
    @property
    def batch_is_beyond(self) -> bool:
        """Whether batches had more ids than are kept, so that nothing is known of what belongs together."""
    @property
    def seen(self) -> int:
        """Rows met."""
    @property
    def counted(self) -> int:
        """Rows counted."""
    @property
    def skipped(self) -> int:
        """Rows not counted."""
    @property
    def by_reason(self) -> dict[str, int]:
        """The skipped rows by reason."""
    @property
    def unsupported(self) -> dict[str, int]:
        """The files of formats that are not read, by format."""
    @property
    def entries(self) -> list[SkippedRow]:
        """The first skipped rows, sorted by file and line."""
    @property
    def entries_complete(self) -> bool:
        """Whether ``entries`` has all skipped rows."""

@final
class ReportSums:
    """The sums of reports that were counted in the same way."""

    def __new__(
        cls,
        by: Sequence[str],
        encodings: Sequence[str],
        limits: Sequence[int],
        *,
        histograms: bool,
        max_groups: int,
        distinct: int | None,
    ) -> ReportSums:
        """Sums of zero. ``by``, ``encodings`` and ``limits`` name what all reports must have; ``distinct`` is the index
        of a key of which no two of them may have the same value."""
    def add(self, path: str | os.PathLike[str] | None, json: builtins.bytes | None) -> None:
        """Adds the report that is in the file ``path``, or is ``json``. Raises ``ValueError`` where it cannot be added:
        then nothing is right any more."""
    @property
    def totals(self) -> CorpusSums:
        """The sums over all documents."""
    def groups(self) -> CorpusGroups:
        """The groups, of which none are left here."""

def _report_outline(path: str | os.PathLike[str] | None, json: builtins.bytes | None) -> str:
    """The JSON of a report, from a file or as it is, without its totals and groups. Raises ``ValueError`` where it is
    no JSON object, and ``OSError`` where it cannot be read."""

@final
class CorpusResult:
    """What a run over a corpus found."""

    @property
    def groups(self) -> CorpusGroups:
        """The groups."""
    @property
    def totals(self) -> CorpusSums:
        """The sums over all documents."""
    @property
    def account(self) -> Account:
        """The account of files and rows."""
    @property
    def sample(self) -> CorpusSample | None:
        """What was drawn, of a run over a sample; None where all was read."""
    @property
    def seconds(self) -> float:
        """The seconds that reading and counting took, without finding the files."""
    @property
    def fields_met(self) -> builtins.bytes:
        """Which fields the records had, for ``SharedInputs.check``."""
    @property
    def lines(self) -> int:
        """How many lines were read, of a share that is a part of a file of lines; of any other 0."""

@final
class SharedInputs:
    """The inputs of a run, found once, for runs of :func:`count_corpus` over shares of them."""

    def __new__(
        cls, paths: Sequence[str | os.PathLike[str]], by: Sequence[str], options: CorpusOptions
    ) -> SharedInputs:
        """Finds what is at ``paths``."""
    @property
    def sizes(self) -> list[int | None]:
        """The size in bytes of each input as it is stored; None where it is not known."""
    def share(self, start: int, stop: int) -> builtins.bytes:
        """The inputs from ``start`` to before ``stop``, as ``count_corpus(share=)`` takes them."""
    def divide(self, index: int, bytes: int) -> list[builtins.bytes]:
        """The input of this ``index`` in shares of about ``bytes`` each, in the order of its records; in one, where it
        cannot be divided. Of a part of a file of lines, ``CorpusResult.lines`` says how many it has, and what tells of
        a line has its number in that part."""
    def rest(self) -> builtins.bytes:
        """The share without inputs: what cannot be read, or was passed by."""
    def check(self, fields_met: Sequence[builtins.bytes], counted: int, binary: int, packed: int) -> None:
        """Raises what one run over all inputs would have raised in the end: where no record has a field that was asked
        for, or all files were passed by. ``fields_met`` and the numbers are those of the runs over all shares."""

@final
class PlannedFile:
    """A file that a run would find."""

    @property
    def file(self) -> str:
        """As reports name it."""
    @property
    def bytes(self) -> int | None:
        """Its size as stored, where it is known."""
    @property
    def format(self) -> str | None:
        """The format that it would be read by; None where it is passed by, or cannot be known before."""
    @property
    def packed(self) -> str | None:
        """How it is packed, if it is."""
    @property
    def passed_by(self) -> str | None:
        """Why it would not be read: ``binary``, or ``packed`` where it holds no records."""

@final
class CorpusPlan:
    """What a run would read, and what not."""

    @property
    def files(self) -> list[PlannedFile]:
        """The files, in the order in which they are found."""
    @property
    def bad(self) -> list[SkippedRow]:
        """What would be skipped rows."""
    @property
    def files_ignored(self) -> int:
        """Links and the like that a walk passed by."""
    @property
    def inputs_repeated(self) -> int:
        """Inputs left out because they are a file that is among the others."""

@final
class Progress:
    """How far a run is."""

    def __new__(cls, bytes_read: int, total_bytes: int | None, documents: int, skipped: int) -> Progress: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    @property
    def bytes_read(self) -> int:
        """Bytes read from files as they are stored, so before they are unpacked."""

    @property
    def total_bytes(self) -> int | None:
        """The size of all files as they are stored; None while it is not known, and where a pipe is among them."""

    @property
    def documents(self) -> int:
        """Documents counted."""

    @property
    def skipped(self) -> int:
        """Rows that could not be counted."""

def count_corpus(
    paths: Sequence[str | os.PathLike[str]],
    encodings: Sequence[Encoding],
    by: Sequence[str],
    options: CorpusOptions,
    *,
    graphemes: bool = False,
    words: bool = False,
    partial_tokens: bool = False,
    bootstrap: bool = False,
    histograms: bool = False,
    limits: Sequence[int] = ...,
    labels: Sequence[str] = ...,
    share: builtins.bytes | None = None,
) -> CorpusResult:
    """Counts the tokens of files, in groups by the keys `by`, as `options` say (see
    ``fasttok.options.CorpusOptions``). ``share``: files that :class:`SharedInputs` found, in the place of ``paths``."""

def plan_corpus(paths: Sequence[str | os.PathLike[str]], by: Sequence[str], options: CorpusOptions) -> CorpusPlan:
    """What a run over ``paths`` would read as ``options`` say, in groups by the keys ``by``. Counts nothing."""

def _known_rank_file(hash: str) -> tuple[str, bool, list[tuple[str, int]]] | None:
    """The family, whether text is put into NFC, and the special tokens of the rank file with this SHA-256."""

def _family_pattern(name: str) -> str | None:
    """The regular expression of the family of that name, if it is a single one."""

@final
class Document:
    """A document of a file."""

    @property
    def text(self) -> str:
        """The text."""
    @property
    def answer(self) -> str | None:
        """The text of the second field, where one was asked for."""
    @property
    def key(self) -> tuple[str | None, ...]:
        """A value for each key that was asked for; None where the document has none."""
    @property
    def file(self) -> str:
        """The file, as the ledger would name it."""
    @property
    def line(self) -> int | None:
        """The line, from 1; None where the document is none."""
    @property
    def position(self) -> dict[str, int | str]:
        """Where the document is in the file: what it is the number of, and the number; ``member`` is a name."""

@final
class Documents:
    """An iterator over batches of documents. `by` are the keys, `answer_field` names a second field that must hold a
    text, of conversations `whole_records` are the documents, as they are written, and
    ``fasttok.options.CorpusOptions`` says what `options` are."""

    def __new__(
        cls,
        paths: Sequence[str],
        by: Sequence[str],
        options: CorpusOptions,
        *,
        answer_field: str | None = None,
        whole_records: bool = False,
    ) -> Documents: ...
    def __iter__(self) -> Documents:
        """Implement iter(self)."""

    def __next__(self) -> list[Document]:
        """Implement next(self)."""

    def progress(self) -> Progress:
        """How far the reading is: it goes on while the last batch is in use."""

    def close(self) -> None:
        """Ends reading: what it wrote is written then. Nothing more comes."""

    def account(self) -> Account | None:
        """The account of files and rows; None before the end."""

@final
class LogUsage:
    """What logs of agents come to."""

    @property
    def account(self) -> Account:
        """The account of files and rows."""
    @property
    def bytes(self) -> int:
        """UTF-8 bytes of the lines, with their ends."""
    @property
    def logs(self) -> list[LogsMet]:
        """What there was, by format."""
    @property
    def requests(self) -> list[LoggedRequest]:
        """All requests, in the order in which they were met."""
    @property
    def flows(self) -> list[TextFlow]:
        """The texts, by group, role and part."""

@final
class LogsMet:
    """What there was in the logs of one format."""

    @property
    def format(self) -> str:
        """What the format is called."""
    @property
    def title(self) -> str:
        """What it is."""
    @property
    def rule(self) -> str:
        """How usage is kept from being counted twice."""
    @property
    def files(self) -> int:
        """Files of it."""
    @property
    def records(self) -> dict[str, int]:
        """How many records there were of each kind."""
    @property
    def repeated_records(self) -> int:
        """Records that said again what another had said."""
    @property
    def not_counted(self) -> dict[str, int]:
        """What is listed and not counted, by kind."""

@final
class LoggedRequest:
    """A request of a model: who asked, what it sent, and what was recorded."""

    @property
    def session(self) -> str:
        """The session."""
    @property
    def agent(self) -> str:
        """The agent."""
    @property
    def model(self) -> str | None:
        """The model that was asked."""
    @property
    def user(self) -> str | None:
        """The user."""
    @property
    def day(self) -> str | None:
        """The day, as the log writes it."""
    @property
    def turn(self) -> int:
        """Of its conversation, from 1."""
    @property
    def usage(self) -> LoggedUsage | None:
        """What the log says that it used."""
    @property
    def is_final(self) -> bool:
        """Whether that is the last word, and no placeholder."""
    @property
    def sent(self) -> list[int] | None:
        """Tokens of its input by encoding; None where the log has no texts of it."""
    @property
    def new(self) -> list[int]:
        """Those of them that no request of the conversation sent before, and that the model did not write."""
    @property
    def prefix(self) -> list[int]:
        """Those of them that the request before it begins with too."""
    @property
    def answer(self) -> list[int]:
        """Tokens of the answer by encoding."""

@final
class LoggedUsage:
    """What a log says that a request used, in tokens."""

    @property
    def input(self) -> int:
        """Input, with what came from a cache and what was written to one."""
    @property
    def cached_input(self) -> int:
        """Input from a cache."""
    @property
    def cache_write(self) -> int:
        """Input written to a cache."""
    @property
    def output(self) -> int:
        """Output, with reasoning."""
    @property
    def reasoning(self) -> int:
        """Output for reasoning."""

@final
class TextFlow:
    """Texts of one role and part in one group."""

    @property
    def key(self) -> list[str | None]:
        """A value for each key that was grouped by."""
    @property
    def role(self) -> str:
        """Who speaks."""
    @property
    def part(self) -> str:
        """What the texts are in messages."""
    @property
    def texts(self) -> int:
        """How many were written."""
    @property
    def written(self) -> list[int]:
        """Their tokens by encoding."""
    @property
    def sent(self) -> list[int]:
        """Tokens of them that requests sent, by encoding."""
    @property
    def answered(self) -> list[int]:
        """Tokens of those that the model wrote in answer to a request, by encoding."""
    @property
    def sent_over(self) -> list[int]:
        """What of ``sent`` was in requests beyond each of the limits."""
    @property
    def answered_over(self) -> list[int]:
        """What of ``answered`` was in answer to such requests."""

def _log_usage(
    paths: Sequence[str],
    encodings: Sequence[Encoding],
    by: Sequence[str],
    options: CorpusOptions,
    *,
    limits: Sequence[tuple[int, int]] = ...,
    log_format: str | None = None,
    detect_bytes: int | None = None,
) -> LogUsage:
    """Reads logs of agents, as ``options`` say, and counts their texts with ``encodings``, in groups by the keys
    ``by``. ``limits``: encodings, by number, and tokens; what is sent by requests that send more of them is summed by
    itself too. ``log_format``: of all files, whatever they look like. ``detect_bytes``: how much of a text its language
    is told by."""

def _read_whole(path: str, /, limit: int = ...) -> bytes:
    """All bytes of one file, unpacked if it is compressed. More than `limit` of them are an error."""

def _message_texts(record: str, /) -> tuple[str, list[tuple[str, str, int | None, str | None, str]], list[str]]:
    """Of a record of messages, which is JSON, the shape; the texts, each as role, part, turn, tool and text; and the
    kinds of what is no text, once for each."""

def _message_role(name: str, /) -> str:
    """The role that a name of one means: ``"user"`` for ``"human"``; any other as it is."""

def _texts_of_messages(records: Sequence[str], /) -> list[tuple[str, list[str], list[str], str | None]]:
    """Of each record of messages, which is JSON, the shape, the texts, and the kinds of what is no text, once for each;
    or what is wrong with it."""

def _packed_with(data: bytes, /) -> str | None:
    """The compression or archive that a file is which begins with `data`; None for what is neither."""

def _spaced_words(texts: Sequence[str], /) -> list[str] | None:
    """The running words of texts as white space separates them; None for scripts without spaces."""

def _single_token_words(
    languages: Sequence[Sequence[str]], encodings: Sequence[Encoding], threads: int | None = None, /
) -> list[list[tuple[int, int]] | None]:
    """By language and encoding, how many running words are one token, at the start of a text or after a space, and how
    many there are; None for a language without spaces."""

def normalize_language(label: str, /) -> str | None:
    """The canonical form of a language label (BCP 47, FLORES); None if it is no language that CLDR knows."""

def _language_parts(label: str, /) -> tuple[str, str | None, str | None, list[str], str | None] | None:
    """Language, script and region as they are said, the rest, and the likely script, of a label that CLDR knows."""

def _is_everyday_word(label: str, /) -> bool:
    """Whether a label has the form of a language code and yet is an everyday name, such as `src` or `url`."""

def _embedded_names() -> list[str]:
    """The names of the embedded encodings, aliases included."""

def _file_types() -> list[tuple[str, list[str]]]:
    """The types of files that ``types`` and ``not_types`` may name, each with the globs of its files."""

def _path_name(path: str | os.PathLike[str], /) -> str:
    """A path as reports name it: itself where it is UTF-8, else with escapes that keep it apart from all others. A URL
    is without what is secret in it."""

def _redact(text: str, /) -> str:
    """`text` without logins and queries of the URLs in it."""

def _is_url(path: str, /) -> bool:
    """Whether a path is a URL, such as ``s3://bucket/key``."""

def _end_questions() -> None:
    """Nothing more is asked of stores, for Python ends: waits until nobody is about to."""

def _scripts_of(documents: Sequence[str], /) -> dict[str, int]:
    """The scripts of documents, summed. For tests and measurements."""

def _read_str(text: str) -> tuple[str, bytes] | None:
    """What the direct reader sees in ``text``: its kind and its UTF-8. For tests."""
