"""The exceptions of fasttok: all are ``FasttokError``, and ``ValueError`` or ``OSError`` where that is what they are.

Attributes that do not apply are None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fasttok._escapes import escaped


class Remedy(NamedTuple):
    """What to do about an error, as data: each interface calls arguments and functions by names of its own."""

    words: str
    """What follows the message, with ``{option}`` and ``{function}`` where their names belong."""
    argument: str | None = None
    """An argument of the function that was called: ``prices``."""
    key: str | None = None
    """For an argument that is a mapping: the key to give."""
    function: str | None = None
    """A function of the package, which is also a command: ``density``."""

    def in_python(self) -> str:
        """The words, with the names of Python: ``prices=``, ``fasttok.density()``."""
        value = "" if self.key is None else f"{{{self.key!r}: …}}"
        return self.words.format(option=f"{self.argument}={value}", function=f"fasttok.{self.function}()")


class FasttokError(Exception):
    """The base of all errors of fasttok.

    Keyword arguments become attributes of the same name.
    """

    remedy: Remedy | None = None
    """What to do about it, where that is more than the message says."""

    def __init__(self, message: str = "", **attributes: object) -> None:
        super().__init__(message)
        self.__dict__.update(attributes)

    def __str__(self) -> str:
        return self.worded(Remedy.in_python)

    def worded(self, say: Callable[[Remedy], str]) -> str:
        """The message with the remedy as `say` words it."""
        message = str(self.args[0]) if self.args else ""
        if self.remedy is not None:
            message += say(self.remedy)
        # A message may quote a file name or a value, which may hold anything, and ends on a terminal.
        return escaped(message)


class UnknownEncodingError(FasttokError, ValueError):
    """There is no encoding of this name."""

    name: str | None = None
    """The name that was asked for."""
    nearest: list[str] | None = None
    """Known names, the most similar first."""


class UnknownGroupError(FasttokError, ValueError, KeyError):
    """The report has no such group."""

    name: str | None = None
    """The group that was asked for."""
    nearest: list[str] | None = None
    """Groups that there are, the most similar first."""


class UnknownFieldError(FasttokError, ValueError, KeyError):
    """A field that no record has."""

    name: str | None = None
    """The field that was asked for."""
    nearest: list[str] | None = None
    """Fields that records have, the most similar first."""
    fields: list[str] | None = None
    """Fields of the first records, those inside others with dots; empty where nothing that was read has fields."""


class CheckpointError(FasttokError, ValueError):
    """A checkpoint of another run than the one that was asked for: inputs or options are not as they were."""

    filename: str | None = None
    """The folder of the checkpoint."""


class TooManyGroupsError(FasttokError, ValueError):
    """More groups than were allowed: most often a field with a value of its own in each record."""

    by: list[str] | None = None
    """What was grouped by."""
    max_groups: int | None = None
    """How many groups were allowed."""


class TooManySkippedError(FasttokError, ValueError):
    """More rows that cannot be counted than ``max_errors`` allows."""

    max_errors: int | None = None
    """How many were allowed."""
    entries: list[Any] | None = None
    """The first of those that were met until then, in the order of files and positions: each a ``LedgerEntry``."""


class CancelledError(FasttokError):
    """The run was ended by the caller's ``cancel``."""


class UnknownModelError(FasttokError, ValueError, KeyError):
    """It is not known which encoding the model uses, or the maker of the model has not published it.

    A ``KeyError`` too, as tiktoken raises one.
    """

    name: str | None = None
    """The model that was asked for."""
    nearest: list[str] | None = None
    """Known models of the same maker, the most similar first."""
    reason: str | None = None
    """Why there is no encoding, without what to do about it."""


class SimdLevelError(FasttokError, ValueError):
    """The environment variable ``FASTTOK_SIMD`` names instructions that do not exist, or that this machine does not
    have."""

    name: str | None = None
    """What it names."""


class SpecialTokenError(FasttokError, ValueError):
    """The text holds a special token and ``special="error"`` was asked for."""

    token: str | None = None
    """The special token."""
    offset: int | None = None
    """Where it begins: in characters of a ``str``, in bytes of a ``bytes``."""
    index: int | None = None
    """Which text of a batch holds it, from 0."""


class InvalidUtf8Error(FasttokError, ValueError):
    """Bytes that are not UTF-8, or a ``str`` with a lone surrogate, and ``errors="strict"``."""

    offset: int | None = None
    """Where the first one is: in characters of a ``str``, in bytes of a ``bytes``."""
    index: int | None = None
    """Which text of a batch holds it, from 0."""


class TextLimitError(FasttokError, ValueError):
    """A text that the tokenizer itself cannot take: one of its regular expressions goes back too often in it, or
    its normalizer makes more than 64 times as much of it (and more than 64 MiB)."""

    component: str | None = None
    """The step of the tokenizer and its regular expression, where it is one."""
    index: int | None = None
    """Which text of a batch it is, from 0."""


class NoCutError(FasttokError, ValueError):
    """A long text in which no offset is known where counts add up, so that no part of it can be told by its count."""

    offset: int | None = None
    """From where on there is none, in characters."""


class CharacterTooLongError(FasttokError, ValueError):
    """A character that has more tokens than a part of a text may have."""

    offset: int | None = None
    """Where it is, in characters."""
    tokens: int | None = None
    """The tokens that it has by itself."""


class UnknownTokenError(FasttokError, ValueError):
    """An id that the encoding does not have."""

    id: int | None = None
    """The id."""


class TokenizerFileError(FasttokError, ValueError):
    """A tokenizer file that is damaged."""


class UnsupportedTokenizerError(FasttokError, ValueError):
    """A tokenizer that fasttok cannot follow exactly, and therefore refuses."""


class InputError(FasttokError, ValueError):
    """A record that cannot be counted: a missing text, a field that is not there or no text."""

    index: int | None = None
    """Which text of a batch it is, from 0."""


class TemplateError(FasttokError, ValueError):
    """A chat template that refuses a conversation (an order of roles that the model does not know), that fails, or
    that is none."""

    file: str | None = None
    """The file that it is from."""
    line: int | None = None
    """The line of the template, from 1, where that is known."""


class FileError(FasttokError, OSError):
    """A file that cannot be read or written."""


class OverwriteError(FileError, FileExistsError):
    """An output that would replace an input, of another output, or of a file that fasttok did not write."""


class NotFoundError(FileError, FileNotFoundError):
    """A path that does not exist."""


class MergeError(FasttokError, ValueError):
    """Reports that do not add up to the report of one run."""

    option: str | None = None
    """The member of the manifest that differs, or that cannot be merged."""
    files: list[str] | None = None
    """The reports that it is about."""


class NoPlotError(FasttokError, TypeError):
    """A report of which no chart can be made that says something."""


class NotParallelError(FasttokError, ValueError):
    """Input in which no parallel text was recognised: a premium is defined for nothing else."""


class MisalignedError(NotParallelError):
    """Parallel text whose units are not aligned: their numbers differ, or one is empty."""

    language: str | None = None
    """The language in which the fault is."""
    file: str | None = None
    """The file in which it is."""
    line: int | None = None
    """The line, unit or record, from 1."""


class MissingExtraError(FasttokError, ModuleNotFoundError):
    """An optional library that is not installed; the message says how to install it."""


class UnknownPriceError(FasttokError, ValueError, KeyError):
    """No price is known for the model at that date."""

    name: str | None = None
    """The model that was asked for."""
    nearest: list[str] | None = None
    """Models with a price, of the same maker, the most similar first."""
    sold_by: list[str] | None = None
    """Where several providers sell the model: each as ``provider/model``, which asks for its price."""


class PriceTableError(FasttokError, ValueError):
    """A table of prices that cannot be used: damaged, or in several currencies."""
