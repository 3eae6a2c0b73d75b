"""Files of any form: names without suffixes, lines, JSON records, with the place in every error.

Lines are read by the reader of the compiled part; that the columns or members of one are units is known to who asks.
Knows no layout.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from fasttok._fasttok import COMPRESSED_SUFFIXES
from fasttok.errors import InvalidUtf8Error, MisalignedError, NotParallelError
from fasttok.inputs.documents import Reader
from fasttok.options import CorpusOptions


def base_name(path: str) -> str:
    """The name of a file without its folder and the suffix of its compression."""
    name = os.path.basename(path)
    for suffix in COMPRESSED_SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def suffix_of(path: str) -> str:
    return os.path.splitext(base_name(path))[1].lower()


def require_characters(text: str, place: str, part: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidUtf8Error(
                f"{place}: {part} holds half of a surrogate pair at character {error.start}, which is not a character",
                offset=error.start,
            ) from None


def lines_of(path: str) -> list[str]:
    """The lines of a file as every command reads them, without their ends, which are ``\\n`` and ``\\r\\n`` alone.

    A line that is empty is one of them: line i of one file says what line i of another does.
    """
    reader = Reader([path], options=CorpusOptions(format="lines", on_error="fail"))
    try:
        lines = [document.text for document in reader]
    except InvalidUtf8Error as error:
        # Bytes are never replaced here: what says so is left out of the message.
        line, detail = (vars(error)[name] for name in ("line", "detail"))
        raise NotParallelError(f"{path if line is None else f'{path}:{line}'}: {detail}") from None
    if lines:
        lines[0] = lines[0].removeprefix("\ufeff")
    return lines


def records_of(path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines_of(path), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, parse_constant=_refuse_constant, parse_int=_integer)
        except (ValueError, RecursionError) as error:
            raise NotParallelError(f"{path}:{number}: not JSON ({error})") from None
        if not isinstance(record, dict):
            raise NotParallelError(f"{path}:{number}: not an object")
        yield number, record


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON value")


def _integer(digits: str) -> int | float:
    # Python refuses to make numbers of more digits; none of them says anything here.
    return int(digits) if len(digits) < 4000 else float(digits)


def text_of(record: Mapping[str, Any], name: str, path: str, line: int) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        what = "is missing" if value is None else "is no string"
        raise MisalignedError(f"{path}:{line}: field {name!r} {what}", language=name, file=path, line=line)
    require_characters(value, f"{path}:{line}", f"field {name!r}")
    return value
