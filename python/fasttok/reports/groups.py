"""Groups of a report: their order, and what is said of one that is not there. Knows no kind of report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from fasttok._util.nearest import nearest
from fasttok.errors import UnknownGroupError

Key = Mapping[str, "str | None"]


class Keyed(Protocol):
    """What has the key of a group."""

    @property
    def key(self) -> Key:
        """The values that its documents share."""


G = TypeVar("G", bound=Keyed)


def check_order(key: str, known: Sequence[str]) -> None:
    """Refuse to sort by what is not measured."""
    if key not in known:
        raise ValueError(f"groups cannot be sorted by {key!r}; choose one of {', '.join(known)}")


def in_order(
    groups: Iterable[G], key: str, value: Callable[[G], float | None], *, reverse: bool = False
) -> Sequence[G]:
    """The groups by name where `key` is ``"key"``, else by `value`, the largest first and those without one last.
    Equal ones are in the order of their names."""
    found = sorted(groups, key=_name, reverse=reverse and key == "key")
    if key != "key":
        found.sort(key=lambda group: _size(value(group)), reverse=not reverse)
    return found


def noted_top(manifest: Mapping[str, Any], most: int, groups: int) -> dict[str, Any]:
    """The manifest of a report of which the first groups alone are left, `most` of them."""
    if most < 1:
        raise ValueError(f"the first groups are at least 1, not {most}")
    if most >= groups:
        return dict(manifest)
    # They may be the first of what was the first already.
    of = (manifest.get("top") or {"of": groups})["of"]
    return {**manifest, "top": {"groups": most, "of": of}}


def named(key: Key) -> str:
    """A key as users write it: its values joined by commas."""
    return ",".join(value or "" for value in key.values())


def unknown_group(name: str, keys: Iterable[Key]) -> UnknownGroupError:
    """The error for a group that is none of these."""
    known = [named(key) for key in keys]
    near = nearest(name, known)
    if not known:
        message = f"no group {name!r}: nothing is grouped"
    elif near:
        message = f"no group {name!r}; did you mean {' or '.join(near)}?"
    else:
        more = ", …" if len(known) > 20 else ""
        message = f"no group {name!r}; there are {', '.join(known[:20])}{more}"
    return UnknownGroupError(message, name=name, nearest=near)


def _name(group: Keyed) -> tuple[tuple[bool, int, str], ...]:
    return tuple((value is None, _number(key, value), value or "") for key, value in group.key.items())


def _number(key: str, value: str | None) -> int:
    """By what turns of a conversation come first: they are numbers, and what is none comes after them."""
    if key != "turn" or value is None:
        return 0
    return len(value) if value.isascii() and value.isdigit() else _MANY


_MANY = 1 << 60


def _size(value: float | None) -> tuple[bool, float]:
    return (value is not None, value or 0)
