"""Units that say the same, side by side: the text itself, and the source of one before its languages are chosen.

Reads no file and knows no form.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from fasttok._util.languages import find_language, some
from fasttok.errors import MisalignedError, NotParallelError
from fasttok.inputs.parallel.files import require_characters

Normalization = Literal["none", "nfc"]


@dataclass(frozen=True, repr=False)
class ParallelText:
    """Units side by side: unit i of one language says what unit i of every other says.

    Raises ``MisalignedError`` where the numbers of units differ or a unit is empty or white space alone.
    """

    units: Mapping[str, Sequence[str]]
    """The units of each language, by code, in the order in which languages were found."""
    layout: str = "memory"
    """The form it was read from."""
    inputs: Sequence[str] = ()
    """The paths it was read from."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The file of each language, where each has one."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The names of languages, where the source gives them."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Units that were left out of every language, by reason: those of a PO or TMX file that lack a translation."""
    passed_over: Sequence[str] = ()
    """Columns of a TSV or JSONL file that look like the code of a language and are taken for none: ``url``, ``src``."""

    def __post_init__(self) -> None:
        _check(self)

    def __len__(self) -> int:
        """The number of units of each language."""
        return len(next(iter(self.units.values()), ()))

    @property
    def languages(self) -> list[str]:
        """The codes of the languages."""
        return list(self.units)

    def __repr__(self) -> str:
        return f"<fasttok.ParallelText of {some(self.languages)}: {len(self):,} units each, {self.layout}>"

    def select(self, languages: Iterable[str]) -> ParallelText:
        """The same text in these languages alone, named by their codes here or as :meth:`find` finds them."""
        chosen = dict.fromkeys(self.find(language) for language in languages)
        return self._with({code: self.units[code] for code in chosen})

    def find(self, language: str) -> str:
        """The code that `language` has here, in whatever form it is named.

        ``en``, ``eng``, ``eng_Latn`` and ``EN`` find each other; ``pt-BR`` finds ``por-BR`` and, only where that is
        not there, ``por``; ``zh-CN`` and ``zh`` find ``zho_Hans``, ``zh-TW`` finds ``zho_Hant``.

        Raises ``NotParallelError`` with the nearest codes where there is none, and where several may be meant.
        """
        return find_code(language, self.languages)

    def transformed(self, change: Callable[[str], str]) -> ParallelText:
        """The same text with `change` made to each unit."""
        return self._with({code: [change(unit) for unit in units] for code, units in self.units.items()})

    def prepared(self, normalize: Normalization, strip: bool) -> ParallelText:
        """The same text with its units in the normalization form `normalize`, and without white space around them."""
        if normalize not in ("none", "nfc"):
            raise ValueError(f"normalize is 'none' or 'nfc', not {normalize!r}")
        text = self
        if normalize == "nfc":
            text = text.transformed(lambda unit: unicodedata.normalize("NFC", unit))
        if strip:
            text = text.transformed(str.strip)
        return text

    def _with(self, units: Mapping[str, Sequence[str]]) -> ParallelText:
        return replace(self, units=units)


@dataclass(frozen=True)
class ParallelSource:
    """Parallel text before its languages are chosen: which units can be used may depend on them."""

    languages: Sequence[str]
    """The codes of all languages that are there."""
    _read: Callable[[Sequence[str]], ParallelText]

    def find(self, language: str) -> str:
        """The code that `language` has here: see :meth:`ParallelText.find`."""
        return find_code(language, self.languages)

    def text(self, languages: Iterable[str] = ()) -> ParallelText:
        """The text in these languages, all by default, in this order."""
        chosen = list(dict.fromkeys(self.find(language) for language in languages))
        return self._read(chosen or list(self.languages))


def find_code(language: str, codes: Sequence[str]) -> str:
    return find_language(language, codes, "the parallel text", lambda message, _: NotParallelError(message))


def _check(text: ParallelText) -> None:
    if not text.units:
        raise NotParallelError("the parallel text has no language")
    first = next(iter(text.units))
    expected = len(text.units[first])
    # The number that most languages have is the right one: the odd one out is the one to name.
    lengths = [len(units) for units in text.units.values()]
    usual = max(set(lengths), key=lambda n: (lengths.count(n), n == expected))
    if usual == 0:
        raise NotParallelError("the parallel text has no units")
    for code, units in text.units.items():
        if len(units) != usual:
            other = next(c for c, u in text.units.items() if len(u) == usual)
            raise MisalignedError(
                f"{_place(text, code)}: {len(units):,} units, where {_place(text, other)} has {usual:,}; unit i must "
                "say the same in every language",
                language=code,
                file=text.files.get(code),
                line=min(len(units), usual) + 1,
            )
        if _is_sound(units):
            continue
        for i, unit in enumerate(units):
            if not isinstance(unit, str):
                raise TypeError(f"unit {i} of {code} is {type(unit).__name__}, not str")
            if not unit.isascii():
                require_characters(unit, code, f"unit {i + 1}")
            if not unit.strip():
                raise MisalignedError(
                    f"{_place(text, code)}: unit {i + 1} is empty, so that it cannot say what it says in other "
                    "languages; give it text, or take the unit out of every language",
                    language=code,
                    file=text.files.get(code),
                    line=i + 1,
                )


def _is_sound(units: Sequence[str]) -> bool:
    """Whether all of `units` are texts of characters and none is blank, found out without looking at each in Python."""
    try:
        "".join(units).encode()
        return all(map(str.strip, units))
    except (TypeError, UnicodeEncodeError):
        return False


def _place(text: ParallelText, code: str) -> str:
    path = text.files.get(code)
    return code if path is None or list(text.files.values()).count(path) > 1 else path
