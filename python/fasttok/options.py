"""Every option of a run over files, once: name, type, default and help.

`count_corpus`, `density`, `cost`, `check_claims` and `verify` take their options from here, and so do the command line
(flags and help), the manifest, and the compiled part, which reads the attributes of a `CorpusOptions` by name. A new
option is a field of `CorpusOptions`, its name and type in the keywords below it, and a line of
`rust/corpus/src/job/mod.rs`.

This module knows neither click nor reports, and reads no file.
"""

from __future__ import annotations

import inspect
import os
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from typing import Any, Literal, TypedDict, TypeVar, get_args, get_origin, get_type_hints

import fasttok._fasttok as _fasttok
from fasttok._util.paths import PathLike
from fasttok._util.types import Cancel, Detector, Errors, FileFormat, OnError, OnProgress, Special, WarcRecords
from fasttok.errors import InputError

BUILT_IN_DETECTOR = "cld2"

LANGUAGE = "language"
"""The key of the label in a group."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True, eq=False, repr=False)
class Help:
    """What is said of an option, in the docstrings and on the command line."""

    text: str
    default: str | None
    """The default in words, where the value does not say it."""
    flags: tuple[str, ...] | None
    """How the command line calls the option, if not by its name; an empty tuple where it has none."""
    flag_text: str
    """What the command line says, where it turns the option round or words it otherwise."""
    metavar: str | None
    minimum: int | None
    is_recorded: bool
    """Whether the manifest has it under its own name."""
    none_means: str | None
    """What the manifest says instead of None."""


def _help(
    text: str,
    *,
    flags: Sequence[str] | None = None,
    flag_text: str | None = None,
    default: str | None = None,
    metavar: str | None = None,
    minimum: int | None = None,
    is_recorded: bool = True,
    none_means: str | None = None,
) -> Mapping[str, Help]:
    """The metadata of a field. Where no `flags` are given, its name makes one."""
    called = None if flags is None else tuple(flags)
    return {"help": Help(text, default, called, flag_text or text, metavar, minimum, is_recorded, none_means)}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CorpusOptions:
    """How files are read and counted.

    Raises ``ValueError`` and ``TypeError`` for a value that an option cannot have.
    """

    files_from: PathLike | None = field(
        default=None,
        metadata=_help(
            "A file with more paths, one per line or NUL-terminated: '-' is standard input. They are no globs; what "
            "does not exist is a row of the ledger.",
            flag_text="Read the paths in FILE too, one per line or NUL-terminated (find -print0); - is standard input.",
            default="none",
            metavar="FILE",
            is_recorded=False,
        ),
    )
    skip_missing: bool = field(
        default=False,
        metadata=_help(
            "Of several paths, one that does not exist is a row of the ledger, and no error unless none exists.",
            flags=(),
            is_recorded=False,
        ),
    )
    filesystem: Any | None = field(
        default=None,
        metadata=_help(
            "What all paths are read by, but for '-': a file system of fsspec, or a store of obstore. Without it, URLs "
            "(s3://, gs://, az://, https://, hf://, memory://, ...) say what reads them.",
            flags=(),
            default="none",
            is_recorded=False,
        ),
    )
    text_field: str | None = field(
        default=None,
        metadata=_help(
            "The field of a record, or the column of a table, that holds the text. In a.b, b is inside a, unless "
            "a field is called a.b. The texts of several (a,b) are joined by line ends.",
            default=_fasttok.TEXT_FIELD,
            metavar="NAME",
            none_means=_fasttok.TEXT_FIELD,
        ),
    )
    format: FileFormat | None = field(
        default=None,
        metadata=_help(
            "Read every file as this, whatever its name: one document per file, one per line, records of JSONL, JSON, "
            "CSV, TSV, Parquet, Arrow IPC or WARC, or the texts of conversations (messages). Of a tar archive it is "
            "the format of its members.",
            default="by extension and content",
        ),
    )
    lines: bool = field(default=False, metadata=_help("In plain text, each line is a document."))
    paragraphs: bool = field(default=False, metadata=_help("In plain text, what is between blank lines is a document."))
    separator: str | None = field(
        default=None,
        metadata=_help(
            "In plain text, what is between two of these, as <|endoftext|>, is a document, unless it is empty.",
            default="none",
            metavar="TEXT",
        ),
    )
    member: str | None = field(
        default=None,
        metadata=_help(
            "Of tar archives, read the members whose names this glob fits, whatever is in them, and no others: *.txt, "
            "or *.{txt,json}. A * fits slashes too.",
            default="as the files of a folder",
            metavar="GLOB",
        ),
    )
    warc_records: WarcRecords = field(
        default="conversion",
        metadata=_help(
            "Of WARC, count the texts of conversion records (WET), or the bodies of response records that are HTML or "
            "plain text: HTML is counted as it is, tags and all."
        ),
    )
    special: Special = field(
        default="text", metadata=_help("A special token in the text is plain text, one token, or an error.")
    )
    errors: Errors = field(
        default="strict", metadata=_help("Bytes that are not UTF-8 are an error, or are counted as U+FFFD.")
    )
    on_error: OnError = field(
        default="skip", metadata=_help("A row that cannot be counted is listed and skipped, or ends the run.")
    )
    max_errors: int | None = field(
        default=None,
        metadata=_help(
            "End with an error when more rows than this are skipped.", default="no limit", metavar="N", minimum=0
        ),
    )
    threads: int | None = field(
        default=None,
        metadata=_help(
            "Workers. They change no count.",
            default="FASTTOK_NUM_THREADS, or one per core",
            metavar="N",
            minimum=1,
            is_recorded=False,
        ),
    )
    hidden: bool = field(default=False, metadata=_help("Read hidden files and folders too."))
    ignore_files: bool = field(
        default=True,
        metadata=_help(
            "In folders, leave out what .gitignore and .ignore name.",
            flags=("--no-ignore",),
            flag_text="Read what .gitignore and .ignore leave out too.",
        ),
    )
    globs: str | Iterable[str] = field(
        default=(),
        metadata=_help(
            "In folders, read the files that one of these globs fits, as *.md, and no others; one that begins with ! "
            "leaves out, and the last that fits decides. They prevail over hidden names and .gitignore, as in ripgrep.",
            flags=("-g", "--glob"),
            flag_text="In folders, read the files that GLOB fits, as '*.md', and no others; '!*.md' leaves out. As in "
            "ripgrep: the last that fits decides, and prevails over hidden names and .gitignore.",
            default="none",
            metavar="GLOB",
        ),
    )
    exclude: str | Iterable[str] = field(
        default=(),
        metadata=_help(
            "In folders, leave out the files and folders that one of these globs fits.",
            flag_text="In folders, leave out the files and folders that GLOB fits.",
            default="none",
            metavar="GLOB",
        ),
    )
    types: str | Iterable[str] = field(
        default=(),
        metadata=_help(
            "In folders, read the files of these types, as py or rust, and no others. `fasttok count --type-list` "
            "lists them.",
            flags=("-t", "--type"),
            flag_text="In folders, read the files of these types, as py or rust, and no others (see --type-list).",
            default="none",
            metavar="TYPE",
        ),
    )
    not_types: str | Iterable[str] = field(
        default=(),
        metadata=_help(
            "In folders, leave out the files of these types.",
            flags=("-T", "--type-not"),
            default="none",
            metavar="TYPE",
        ),
    )
    decompress: bool = field(
        default=False,
        metadata=_help(
            "In folders, unpack tar archives, and compressed files (.gz, .zst, .bz2, .xz) that hold no records, too. "
            "Those that are named, or that a glob fits, are always unpacked.",
            flags=("-z", "--decompress"),
            flag_text="In folders, unpack tar archives, and compressed files (.gz, .zst, .bz2, .xz) that hold no "
            "records, too.",
        ),
    )
    max_record_bytes: int = field(
        default=_fasttok.MAX_RECORD_BYTES,
        metadata=_help(
            "Skip records that are longer.",
            default="1 GiB",
            metavar="N",
            minimum=1,
        ),
    )
    max_window_bytes: int = field(
        default=_fasttok.MAX_WINDOW_BYTES,
        metadata=_help(
            "Skip zstd and xz data that take more memory to unpack.",
            default="128 MiB",
            metavar="N",
            minimum=1,
        ),
    )
    max_groups: int = field(
        default=_fasttok.MAX_GROUPS,
        metadata=_help(
            "End with an error as soon as there are more groups.",
            default=f"{_fasttok.MAX_GROUPS:,}; density: 10,000",
            metavar="N",
            minimum=1,
        ),
    )
    language_field: str | None = field(
        default=None,
        metadata=_help(
            "Label by this field of a record: BCP 47 or FLORES codes, in any form. Trusted before the path.",
            metavar="NAME",
            is_recorded=False,
        ),
    )
    language_from_path: bool = field(
        default=False,
        metadata=_help(
            "Label by the path: a folder, or part of a file name, like eng_Latn. Trusted before the detector.",
            is_recorded=False,
        ),
    )
    detect_language: bool | Detector | None = field(
        default=None,
        metadata=_help(
            "Label by what a detector says of each document: True for CLD2, or a callable that takes a list of texts, "
            "the beginnings of up to 256 documents, and returns a list of labels or Nones, in one thread at a time.",
            flag_text="Label by what a detector says of each document.",
            default="no; density: where neither groups nor other labels are asked for",
            is_recorded=False,
        ),
    )
    detect_bytes: int = field(
        default=256,
        metadata=_help("How much of each document the detector reads.", metavar="N", minimum=1, is_recorded=False),
    )
    outputs: Iterable[PathLike] = field(
        default=(),
        metadata=_help(
            "Files that the caller will write: left out where a folder holds them, refused where they are named.",
            flags=(),
            default="none",
            is_recorded=False,
        ),
    )
    ledger_path: PathLike | None = field(
        default=None,
        metadata=_help(
            "Write every skipped row to this file, as JSONL.",
            flags=("--ledger",),
            flag_text="Write every skipped row to FILE, as JSONL.",
            default="none",
            metavar="FILE",
            is_recorded=False,
        ),
    )
    per_document: PathLike | None = field(
        default=None,
        metadata=_help(
            "Write a row for each document that was counted to this file, as Parquet: where it is, its groups, bytes, "
            "characters, and tokens by each encoding. The name ends in .parquet.",
            flag_text="Write a row for each document to FILE, as Parquet: where it is, its groups, sizes and tokens.",
            default="none",
            metavar="FILE",
            is_recorded=False,
        ),
    )
    id_field: str | None = field(
        default=None,
        metadata=_help(
            "The field of a record that is the column `id` of `per_document`.",
            flag_text="With --per-document: the field of a record that is the column id.",
            default="none",
            metavar="NAME",
            is_recorded=False,
        ),
    )
    hash_inputs: bool = field(
        default=False,
        metadata=_help(
            "Read every file once more, at the end, for the SHA-256 of its bytes as stored: the manifest has them.",
            is_recorded=False,
        ),
    )

    on_progress: OnProgress | None = field(
        default=None,
        metadata=_help(
            "Called up to 10 times a second, in the calling thread, and at the end, with how far it is: `bytes_read`, "
            "`total_bytes` (None where it is not known), `documents`, `skipped`. An exception in it ends the run.",
            flags=(),
            default="none",
            is_recorded=False,
        ),
    )
    cancel: Cancel | None = field(
        default=None,
        metadata=_help(
            "A `threading.Event`, or a callable: as soon as it is set, or says True, the run ends with a "
            "`CancelledError`. Asked 20 times a second in the calling thread.",
            flags=(),
            default="none",
            is_recorded=False,
        ),
    )
    checkpoint: PathLike | None = field(
        default=None,
        metadata=_help(
            "A folder that keeps the state of the run. The same run, begun again after it was broken off, goes on from "
            "there, and its report is that of a run without a break. It is refused where inputs or options changed.",
            flag_text="Keep the state of the run in DIR: the same command goes on from there if it was broken off.",
            default="none",
            metavar="DIR",
            is_recorded=False,
        ),
    )
    checkpoint_seconds: int = field(
        default=_fasttok.CHECKPOINT_SECONDS,
        metadata=_help("How often the state is kept.", metavar="N", minimum=0, is_recorded=False),
    )
    sample: float | None = field(
        default=None,
        metadata=_help(
            "Read and count a random sample of about this fraction of the bytes, and estimate the rest: totals have "
            "95 % intervals. 1 is all of them, exactly.",
            flag_text="Estimate from a random sample: 1% of the bytes, or 0.01.",
            default="no: all is counted",
            metavar="PART",
            is_recorded=False,
        ),
    )
    seed: int = field(
        default=0,
        metadata=_help("Which sample it is.", metavar="N", minimum=0, is_recorded=False),
    )

    def __post_init__(self) -> None:
        for option in options():
            value = getattr(self, option.name)
            if option.is_list_of_names:
                value = _listed(option.name, value)
                object.__setattr__(self, option.name, value)
            if value is not option.default:
                _check(option, value)

    @property
    def is_labelled(self) -> bool:
        """Whether documents get a language label. Without any source of them, ``language`` is a field like others."""
        return self.language_field is not None or self.language_from_path or bool(self.detect_language)

    def keys(self, by: Sequence[str]) -> list[str]:
        """The keys of groups by `by`: with the label in front if there are labels and `by` does not say where."""
        return [LANGUAGE, *by] if self.is_labelled and LANGUAGE not in by else list(by)

    def manifest(self, taken: type[FilesKeywords] | None = None) -> dict[str, Any]:
        """What a manifest says of the options: those `taken`, or all."""
        recorded = [option for option in options(taken or CorpusKeywords) if option.help.is_recorded]
        said = {option.name: option.recorded(getattr(self, option.name)) for option in recorded}
        return {**said, "languages": self._languages()} if taken in (None, CorpusKeywords) else said

    def _languages(self) -> dict[str, Any] | None:
        """Where labels come from; None where there are none."""
        if not self.is_labelled:
            return None
        detect, detector = self.detect_language, None
        if detect:
            detector = BUILT_IN_DETECTOR if detect is True else getattr(detect, "__qualname__", repr(detect))
        return {
            "field": self.language_field,
            "from_path": self.language_from_path,
            "detector": detector,
            "detect_bytes": self.detect_bytes if detect else None,
        }


class FilesKeywords(TypedDict, total=False):
    """The options by which files are read, whatever is in them."""

    filesystem: Any | None
    member: str | None
    errors: Errors
    on_error: OnError
    max_errors: int | None
    threads: int | None
    hidden: bool
    ignore_files: bool
    globs: str | Iterable[str]
    exclude: str | Iterable[str]
    types: str | Iterable[str]
    not_types: str | Iterable[str]
    decompress: bool
    max_record_bytes: int
    max_window_bytes: int
    outputs: Iterable[PathLike]
    ledger_path: PathLike | None
    on_progress: OnProgress | None
    cancel: Cancel | None


class LogKeywords(FilesKeywords, total=False):
    """The options of commands that read logs, whose formats are their own."""

    files_from: PathLike | None
    skip_missing: bool


class ReadingKeywords(FilesKeywords, total=False):
    """The options by which files of documents are read: those of all commands that read any."""

    text_field: str | None
    format: FileFormat | None
    lines: bool
    paragraphs: bool
    separator: str | None
    warc_records: WarcRecords


class PathsKeywords(ReadingKeywords, total=False):
    """The options of commands that take paths, and nothing else with them."""

    files_from: PathLike | None
    skip_missing: bool


class CorpusKeywords(PathsKeywords, total=False):
    """The options of commands that count documents, by groups and languages."""

    special: Special
    max_groups: int
    language_field: str | None
    language_from_path: bool
    detect_language: bool | Detector | None
    detect_bytes: int


class MessagesKeywords(FilesKeywords, total=False):
    """The options of a count of conversations that are in memory."""

    special: Special
    max_groups: int
    language_field: str | None
    detect_language: bool | Detector | None
    detect_bytes: int


class CountingKeywords(CorpusKeywords, total=False):
    """The options of a run that gives sums and nothing else, so that it can go on from them."""

    per_document: PathLike | None
    id_field: str | None
    hash_inputs: bool
    checkpoint: PathLike | None
    checkpoint_seconds: int


class EstimatingKeywords(CountingKeywords, total=False):
    """The options of a run whose sums may be estimated, by what has a seed of its own."""

    sample: float | None


class SamplingKeywords(EstimatingKeywords, total=False):
    """The options of a run whose sums may be estimated."""

    seed: int


@dataclass(frozen=True, eq=False, repr=False)
class Option:
    """An option, as other modules see it."""

    name: str
    type: Any
    default: Any
    help: Help

    @property
    def flags(self) -> tuple[str, ...]:
        """How the command line calls it."""
        return (f"--{self.name.replace('_', '-')}",) if self.help.flags is None else self.help.flags

    @cached_property
    def choices(self) -> tuple[str, ...]:
        """The values of an option that has a few."""
        literal = next((t for t in (self.type, *get_args(self.type)) if get_origin(t) is Literal), None)
        return get_args(literal)

    @cached_property
    def may_be_none(self) -> bool:
        """Whether None is a value of it."""
        return self.takes(type(None))

    def takes(self, kind: type) -> bool:
        """Whether its values may be of this type."""
        return kind in (self.type, *get_args(self.type))

    @cached_property
    def is_list_of_names(self) -> bool:
        """Whether its value is a name, or several."""
        return self.takes(str) and self.takes(Iterable[str])

    def recorded(self, value: Any) -> Any:
        """What a manifest says of this value."""
        return self.help.none_means if value is None else value

    @property
    def says_default(self) -> str:
        """The default, in words."""
        if self.help.default is not None:
            return self.help.default
        return "none" if self.default is None else str(self.default)


def options(keywords: type[FilesKeywords] = SamplingKeywords) -> list[Option]:
    """The options among `keywords`, in the order in which `CorpusOptions` has them."""
    return [option for option in _all() if option.name in keywords.__annotations__]


@cache
def _all() -> tuple[Option, ...]:
    types = get_type_hints(CorpusOptions)
    return tuple(
        Option(each.name, types[each.name], each.default, each.metadata["help"]) for each in fields(CorpusOptions)
    )


def given(
    caller: str, keywords: Mapping[str, Any], taken: type[FilesKeywords] = CorpusKeywords, **defaults: Any
) -> CorpusOptions:
    """The options that a function was given as `keywords`; `defaults` are its own.

    Raises ``TypeError`` for one that is not among those `taken`, with the nearest name.
    """
    for name in keywords:
        if name not in taken.__annotations__:
            from difflib import get_close_matches

            near = get_close_matches(name, taken.__annotations__, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise TypeError(f"{caller}() got an unexpected keyword argument {name!r}{hint}")
    return CorpusOptions(**{**defaults, **keywords})


def documented(keywords: type[FilesKeywords] = CorpusKeywords, **defaults: Any) -> Callable[[_Function], _Function]:
    """Put the options that a function takes as `**options` into its signature and, for a line ``{options}``, into its
    docstring: what `help()` and notebooks show. `defaults` are the function's own."""

    def document(function: _Function) -> _Function:
        taken = options(keywords)
        signature = inspect.signature(function)
        own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
        added = [
            inspect.Parameter(
                option.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=defaults.get(option.name, option.default),
                annotation=CorpusOptions.__annotations__[option.name],
            )
            for option in taken
        ]
        function.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
        # `Unpack` is imported for its type alone: what annotations say at run time is what the signature says.
        del function.__annotations__["options"]
        function.__annotations__.update({option.name: option.type for option in taken})
        lines = []
        for option in taken:
            default = str(defaults[option.name]) if option.name in defaults else option.says_default
            said = f"{option.name}: {option.help.text} [{default}]"
            lines += textwrap.wrap(said, 112, initial_indent="    ", subsequent_indent="        ")
        if function.__doc__ is not None:
            function.__doc__ = function.__doc__.replace("    {options}", "\n".join(lines))
        return function

    return document


def _listed(name: str, value: str | Iterable[str]) -> list[str]:
    """One name or several, as a list."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, bytes) or not isinstance(value, Iterable):
        raise TypeError(f"{name} is a string or several, not {type(value).__name__}")
    return list(value)


def _check_names(name: str, values: Sequence[Any]) -> None:
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{name} holds strings, not {type(value).__name__}")
    if values and name in ("types", "not_types"):
        known = [each for each, _ in _fasttok._file_types()]
        unknown = next((value for value in values if value not in (*known, "all")), None)
        if unknown is not None:
            from fasttok._util.nearest import either, nearest

            near = nearest(unknown, known)
            hint = f"did you mean {either(near)}?" if near else "'fasttok count --type-list' lists them"
            raise InputError(f"there is no type of files {unknown!r}; {hint}")


def _check(option: Option, value: Any) -> None:
    name, choices = option.name, option.choices
    if value is None and option.may_be_none:
        return
    if option.is_list_of_names:
        _check_names(name, value)
        return
    if choices:
        if value not in choices:
            raise ValueError(f"{name} must be {' or '.join(map(repr, choices))}, not {value!r}")
    elif name == "detect_language":
        if not isinstance(value, bool) and not callable(value):
            raise TypeError(f"{name} is True, False or a callable, not {type(value).__name__}")
    elif name == "on_progress":
        if not callable(value):
            raise TypeError(f"{name} is a callable, not {type(value).__name__}")
    elif name == "cancel":
        if not callable(value) and not callable(getattr(value, "is_set", None)):
            raise TypeError(f"{name} is an event or a callable, not {type(value).__name__}")
    elif name == "sample":
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"sample is a number, as 0.01 for 1 %, not {type(value).__name__}")
        if not 0 < value <= 1:
            raise ValueError(f"sample is more than 0 and at most 1, as 0.01 for 1 %, not {value}")
    elif option.type is bool:
        if not isinstance(value, bool):
            raise TypeError(f"{name} is True or False, not {type(value).__name__}")
    elif option.takes(str):
        is_path = option.takes(os.PathLike[str])
        if not isinstance(value, (str, os.PathLike) if is_path else str):
            kind = "a path" if is_path else "a name"
            raise TypeError(f"{name} is {kind}, not {type(value).__name__}")
    elif option.help.minimum is not None:
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise TypeError(f"{name} is a whole number, not {type(value).__name__}")
        if value < option.help.minimum:
            raise ValueError(f"{name} must be at least {option.help.minimum}, not {value}")
