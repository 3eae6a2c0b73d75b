"""Which group is meant by a name, and which languages of parallel text the groups are in."""

from __future__ import annotations

from collections.abc import Sequence

from fasttok._util.languages import matching, of_language
from fasttok._util.nearest import nearest
from fasttok.errors import InputError


def find_group(base: str, name: str, groups: Sequence[str | None]) -> str:
    """The group that `base` means: of that name, or the one in the same language."""
    known = [group for group in groups if group is not None]
    found = matching(base, known)
    if len(found) == 1:
        return found[0]
    if not known:
        raise InputError(f"there is no group {base!r} to compare with: no document has a value in {name!r}")
    if found:
        raise InputError(f"{base!r} may be any of the groups {', '.join(found)}: name one of them")
    near = of_language(base, known) or nearest(base, known) or known[:8]
    raise InputError(f"there is no group {base!r} to compare with; there are {', '.join(near)}")


def languages_of_groups(groups: Sequence[tuple[str | None, ...]], languages: Sequence[str], pivot: str) -> list[str]:
    """The languages of parallel text that groups are in, varieties of the pivot aside; all where no group names one.

    A group in one variety of a language is compared with that; one of which there is no such variety, with all.
    """
    values = dict.fromkeys(value for key in groups for value in key if value is not None)
    meant = {code for value in values for code in matching(value, languages) or of_language(value, languages)}
    meant -= set(of_language(pivot, languages))
    return [language for language in languages if language in meant] or list(languages)
