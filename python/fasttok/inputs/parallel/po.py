"""PO: messages and their translations, several files aligned by their messages."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from fasttok._fasttok import COMPRESSED_SUFFIXES, _read_whole
from fasttok._util.extras import need
from fasttok._util.languages import is_language, matching, same_variety
from fasttok.errors import FileError, NotParallelError, Remedy
from fasttok.inputs.parallel.columns import TAG
from fasttok.inputs.parallel.files import base_name
from fasttok.inputs.parallel.text import ParallelSource, ParallelText


def po_languages(paths: Sequence[str], source_language: str) -> dict[str, str]:
    """The file of each language: as the headers say, unless the name of a file says another language.

    Headers are copied from other files more often than files are renamed.
    """
    files: dict[str, str] = {}
    for path in paths:
        stem = os.path.splitext(base_name(path))[0].rpartition(".")[2]
        header = str(_catalogue(path).metadata.get("Language") or "").strip()
        # Three letters may be the name of anything.
        is_code = bool(TAG.fullmatch(stem)) and (is_language(stem) or stem == "id")
        code = header or stem
        if header and is_code and not (matching(stem, [header]) or matching(header, [stem])):
            if len(re.split("[-_]", stem)[0]) > 2:
                raise NotParallelError(
                    f"{path}: the header says that the language is {header}, the name of the file {stem}: give the "
                    f"file as CODE={path}"
                )
            code = stem
        for taken, other in files.items():
            if same_variety(taken, code):
                raise NotParallelError(
                    f"{other} and {path} both say that their language is {code}: give each as CODE=PATH"
                )
        if same_variety(code, source_language):
            raise NotParallelError(
                f"{path} says that its language is {code}, which is that of its messages: give it as CODE={path}, or",
                remedy=Remedy(" say with {option} what the messages are in", "source_language"),
            )
        files[code] = path
    return files


def _catalogue(path: str) -> Any:
    polib = need("polib", "parallel", "reading PO files")
    try:
        if not path.endswith(COMPRESSED_SUFFIXES):
            return polib.pofile(path)
        # The character set is told by the header, which polib reads from files alone.
        with tempfile.TemporaryDirectory() as folder:
            plain = os.path.join(folder, "unpacked.po")
            with open(plain, "wb") as file:
                file.write(_read_whole(path))
            return polib.pofile(plain)
    except (OSError, ValueError, LookupError) as error:
        if isinstance(error, FileError):
            raise
        raise NotParallelError(f"{path} is not a PO file: {error}") from None


def from_po(files: Mapping[str, str], source_language: str, inputs: Sequence[str]) -> ParallelSource:
    """Messages and their translations. What is not translated in every chosen language, fuzzy or plural is left out."""
    sources: dict[tuple[str | None, str], None] = {}
    translations: dict[str, dict[tuple[str | None, str], str]] = {}
    reasons: dict[str, dict[str, int]] = {}
    for code, path in files.items():
        dropped = reasons[code] = {"untranslated": 0, "fuzzy": 0, "plural": 0}
        translated = translations[code] = {}
        for entry in _catalogue(path):
            if entry.obsolete or not entry.msgid.strip():
                continue
            key = (entry.msgctxt, entry.msgid)
            if entry.msgid_plural:
                dropped["plural"] += 1
            elif entry.fuzzy:
                dropped["fuzzy"] += 1
            elif not entry.msgstr.strip():
                dropped["untranslated"] += 1
            else:
                translated[key] = entry.msgstr
                sources[key] = None

    def read(chosen: Sequence[str]) -> ParallelText:
        spoken = [code for code in chosen if code != source_language] or list(files)
        met = [key for key in sources if any(key in translations[code] for code in spoken)]
        shared = [key for key in met if all(key in translations[code] for code in spoken)]
        if not shared:
            raise NotParallelError(
                f"no message is translated in every one of {', '.join(files[code] for code in spoken)}"
            )
        dropped = {
            reason: sum(reasons[code][reason] for code in spoken) for reason in ("untranslated", "fuzzy", "plural")
        }
        dropped["not_in_every_file"] = len(met) - len(shared)
        units = {
            code: [message for _, message in shared]
            if code == source_language
            else [translations[code][key] for key in shared]
            for code in chosen
        }
        return ParallelText(units, "po", inputs, dropped={reason: count for reason, count in dropped.items() if count})

    return ParallelSource([source_language, *files], read)
