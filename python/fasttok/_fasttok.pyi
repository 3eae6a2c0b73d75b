"""The compiled part of fasttok."""

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Literal, Protocol, SupportsIndex, TypeAlias, final, overload

import numpy as np
import numpy.typing as npt

__version__: str
UNICODE_VERSION: str
"""The version of Unicode whose character classes split patterns go by."""
NORMALIZATION_UNICODE_VERSION: str
"""The version of Unicode by which NFC, NFD, NFKC, NFKD and StripAccents are done, as HF ``tokenizers`` does them."""
SCRIPTS_UNICODE_VERSION: str
"""The version of Unicode whose scripts are counted."""
SEGMENTATION_UNICODE_VERSION: str
"""The version of Unicode whose words and grapheme clusters are counted."""

class _ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[object, object]: ...

class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: Any = None) -> object: ...

_Text: TypeAlias = str | bytes
_Texts: TypeAlias = Iterable[str] | Iterable[bytes] | Iterable[_Text] | npt.NDArray[Any] | _ArrowArray | _ArrowStream
_Special: TypeAlias = Literal["text", "token", "error"]
_Errors: TypeAlias = Literal["strict", "replace"]

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
        """How Python made it, see ``fasttok._load``; None for the embedded ones."""
    @staticmethod
    def _from_file_bytes(
        data: bytes,
        name: str,
        pattern: str | None = None,
        special_tokens: Sequence[tuple[str, int]] | None = None,
        origin: Any = None,
    ) -> Encoding:
        """The tokenizer in the bytes of a file. ``origin``: see ``fasttok._load``."""
    def count(self, text: _Text, *, special: _Special = "text", errors: _Errors = "strict") -> int:
        """The number of tokens of ``text``.

        A text of more than half a million characters is counted by several threads.

        Raises ``SpecialTokenError`` and ``InvalidUtf8Error``, with the ``offset`` in characters of a ``str`` and in
        bytes of ``bytes``, ``TextLimitError``, and ``TypeError`` for what is neither ``str`` nor ``bytes``.
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
        for them; each has the place of the text, from 0, as ``index``. ``TypeError`` for what is no
        batch of texts: a single text, a mapping, a table, numbers.
        """
    def encode(self, text: _Text, *, special: _Special = "text", errors: _Errors = "strict") -> npt.NDArray[np.uint32]:
        """The token ids of ``text``, as a uint32 array of shape (tokens,).

        Raises as :meth:`count`.
        """
    def encode_batch(
        self,
        texts: _Texts,
        *,
        special: _Special = "text",
        errors: _Errors = "strict",
        nulls: Literal["error", "zero"] = "error",
        threads: int | None = None,
    ) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """The token ids of all texts, one after the other, and where each text begins.

        Returns ``ids``, a uint32 array of shape (tokens,), and ``offsets``, an int64 array of
        shape (n + 1,): the ids of text i are ``ids[offsets[i]:offsets[i + 1]]``.

        Takes and raises the same as :meth:`count_batch`, but for ``nulls="null"``: offsets cannot
        say that a text is missing. With ``nulls="zero"`` a missing text has no ids.
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
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class CorpusGroups:
    """The groups of a run in the order of their keys; each is made into objects when it is asked for."""

    def __len__(self) -> int:
        """The number of groups."""
    def __getitem__(self, index: int, /) -> dict[str, Any]:
        """All that is known of group `index`, from 0. Raises ``IndexError`` where there is none."""
    def brief(self, index: int) -> tuple[tuple[str | None, ...], int, int, int, tuple[int, ...], dict[str, int], int]:
        """What a report has of group `index`, from 0: key, documents, bytes, characters, tokens by encoding, characters
        by script, documents of mixed script."""
    def column(self, name: str, encoding: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """A number for each group, as int64 of shape ``(groups,)``: ``"documents"``, ``"bytes"``, ``"chars"`` or, of
        the encoding at that index, ``"tokens"``. Raises ``ValueError`` for another name."""

def count_corpus(
    paths: Sequence[str | os.PathLike[str]],
    encodings: Sequence[Encoding],
    *,
    by: Sequence[str] = ...,
    by_language: int | None = None,
    language_field: str | None = None,
    language_from_path: bool = False,
    detector: str | Callable[[list[str]], Iterable[str | None]] | None = None,
    detect_bytes: int = 0,
    graphemes: bool = False,
    words: bool = False,
    partial_tokens: bool = False,
    sample: bool = False,
    field: str | None = None,
    format: str | None = None,
    lines: bool = False,
    special: str = "text",
    errors: str = "strict",
    on_error: str = "skip",
    threads: int | None = None,
    hidden: bool = False,
    ignore_files: bool = True,
    decompress: bool = False,
    max_record_bytes: int | None = None,
    max_window_bytes: int | None = None,
    max_groups: int | None = None,
    outputs: Sequence[str | os.PathLike[str]] = ...,
    ledger_path: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int | None, int], object] | None = None,
) -> dict[str, Any]:
    """Counts the tokens of files. The dict is raw material for ``fasttok.count_corpus``."""

def _known_rank_file(hash: str) -> tuple[str, bool, list[tuple[str, int]]] | None:
    """The family, whether text is put into NFC, and the special tokens of the rank file with this SHA-256."""

def _family_pattern(name: str) -> str | None:
    """The regular expression of the family of that name, if it is a single one."""

@final
class Documents:
    """An iterator over batches of documents: lists of (text, answer, key, file, line)."""

    def __new__(
        cls,
        paths: Sequence[str],
        *,
        field: str | None = None,
        answer: str | None = None,
        by: Sequence[str] = ...,
        format: str | None = None,
        lines: bool = False,
        errors: str = "strict",
        on_error: str = "skip",
        hidden: bool = False,
        ignore_files: bool = True,
        decompress: bool = False,
        max_record_bytes: int | None = None,
        max_window_bytes: int | None = None,
    ) -> Documents: ...
    def __iter__(self) -> Documents:
        """Implement iter(self)."""

    def __next__(self) -> list[tuple[str, str | None, tuple[str | None, ...], str, int | None]]:
        """Implement next(self)."""

    def progress(self) -> tuple[int, int | None, int]:
        """Bytes read, bytes in all if that is known, and documents."""

    def ledger(self) -> dict[str, Any] | None:
        """The account of rows; None before the end."""

    def files(self) -> dict[str, int] | None:
        """How many files were read, were passed by compressed, and were met again, by name; None before the end."""

def _read_whole(path: str, /, limit: int = ...) -> bytes:
    """All bytes of one file, unpacked if it is compressed. More than `limit` of them are an error."""

def _spaced_words(texts: Sequence[str], /) -> tuple[list[str], list[int]] | None:
    """The distinct words of texts as white space separates them, and how often each occurs; None for scripts without
    spaces."""

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

def _path_name(path: str | os.PathLike[str], /) -> str:
    """A path as reports name it: itself where it is UTF-8, else with escapes that keep it apart from all others."""

def _scripts_of(documents: Sequence[str], /) -> dict[str, int]:
    """The scripts of documents, summed. For tests and measurements."""

def _read_str(text: str) -> tuple[str, bytes] | None:
    """What the direct reader sees in ``text``: its kind and its UTF-8. For tests."""
