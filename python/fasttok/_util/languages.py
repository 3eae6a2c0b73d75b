"""Language labels: where those of documents come from (a field, the path, a detector, in this order of trust), and
which of several codes a label means. The codes themselves are CLDR's, which the extension knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from fasttok._fasttok import _is_everyday_word, _language_parts, normalize_language
from fasttok._util.nearest import nearest


def same_language(label: str, other: str | None) -> bool:
    """Whether two labels are one language, in whatever form (`eng`, `eng_Latn`, `en`)."""
    if other is None or label == other:
        return other is not None
    return (normalize_language(label) or label) == (normalize_language(other) or other)


def find_language(label: str, codes: Sequence[str], what: str, error: Callable[[str, list[str]], Exception]) -> str:
    """The one of `codes` that `label` means. Raises what `error` makes of a message and the nearest codes.

    what: what has the codes, for the message: ``the parallel text``.
    """
    found = matching(label, codes)
    if len(found) == 1:
        return found[0]
    if found:
        raise error(f"{label!r} may be any of {', '.join(found)}: name one of them", found)
    near = of_language(label, codes) or nearest(label, codes)
    message = f"there is no language {label!r} in {what}"
    message += f"; did you mean {', '.join(near[:5])}?" if near else f"; it has {some(codes)}"
    raise error(message, near)


def some(codes: Sequence[str]) -> str:
    """The first few codes, and how many there are."""
    return ", ".join(codes[:8]) + (f", … ({len(codes):,} in all)" if len(codes) > 8 else "")


def is_language(label: str) -> bool:
    """Whether `label` has the form of a code of a language that CLDR knows, and is no everyday word such as `url`."""
    return not _is_everyday_word(label) and normalize_language(label) is not None


def matching(label: str, codes: Iterable[str]) -> list[str]:
    """The `codes` that `label` means: none where its language is not among them, several where it may be any of them.

    The code itself is meant before another spelling of it (`deu`, `de`, `ger`), and that before a variety. A script
    or a region that `label` says (`zh-TW` says Hant too) must not be another one than the code's; without a script,
    the one that the language is most likely written in is meant before others, and without a region, the code
    without one.
    """
    codes = list(codes)
    if label in codes:
        return [label]
    wanted = _parts(label)
    known = {code: _parts(code) for code in codes}
    same = [code for code in codes if known[code] == wanted]
    if same:
        return same
    languages = [wanted.language, *_MEMBERS.get(wanted.language, ())]
    languages += [name for name, members in _MEMBERS.items() if wanted.language in members]
    found: list[str] = []
    for language in languages:
        found = found or [code for code in codes if known[code].language == language]

    def narrow(is_meant: Callable[[_Parts], bool], is_bare: Callable[[_Parts], bool], *, strict: bool) -> list[str]:
        for test in (is_meant, is_bare):
            chosen = [code for code in found if test(known[code])]
            if chosen:
                return chosen
        return [] if strict else found

    script = wanted.written_in
    found = narrow(
        lambda parts: parts.written_in == script,
        lambda parts: script is None or parts.written_in is None,
        strict=wanted.script is not None or wanted.region is not None,
    )
    region, rest = wanted.region, wanted.rest
    found = narrow(lambda parts: parts.region == region, lambda parts: parts.region is None, strict=region is not None)
    return narrow(lambda parts: parts.rest == rest, lambda parts: not parts.rest, strict=bool(rest))


def same_variety(label: str, other: str) -> bool:
    """Whether two labels say the same: language, script, region and the rest, in whatever form."""
    return _parts(label) == _parts(other)


def of_language(label: str, codes: Iterable[str]) -> list[str]:
    """The `codes` of the language of `label`, in all their varieties."""
    language = _parts(label).language
    return [code for code in codes if _parts(code).language == language]


_MEMBERS = {"no": ("nb",), "ps": ("pbt",), "ff": ("fuv",), "qu": ("quy",), "kr": ("knc",)}
"""Languages that are commonly called by the code of their group, where CLDR does not say so."""

_SCRIPTS = {"latin": "Latn", "cyrillic": "Cyrl", "arabic": "Arab", "devanagari": "Deva"}
"""Scripts as POSIX locales call them, after the @."""


@dataclass(frozen=True)
class _Parts:
    language: str
    script: str | None = None
    region: str | None = None
    rest: tuple[str, ...] = ()
    written_in: str | None = None
    """The script that is said or else likely."""


@lru_cache(maxsize=4096)
def _parts(label: str) -> _Parts:
    """The parts of a label; of one that is no code, the part before the first hyphen is the language."""
    plain, _, modifier = label.strip().partition("@")
    if re.fullmatch(r"[A-Za-z]{2,3}([-_]\w+)*\.[\w-]+", plain):
        # POSIX names the character set, too: ``pt_BR.UTF-8``.
        plain = plain.partition(".")[0]
    if modifier:
        # ``sr_RS@latin``: in BCP 47 the script is before the region, and other variants after it.
        language, *others = re.split("[-_]", plain)
        script = _SCRIPTS.get(modifier.lower())
        plain = "-".join([language, script, *others] if script else [language, *others, modifier])
    parts = _language_parts(plain)
    if parts is not None:
        language, script, region, rest, likely = parts
        return _Parts(language, script, region, tuple(rest), script or likely)
    first, *others = re.split("[-_]", plain.lower())
    base = _language_parts(first)
    if base is None:
        return _Parts(first, rest=tuple(others))
    return _Parts(base[0], rest=tuple(others), written_in=base[4])
