"""How numbers, names and what is not there look to people: the one place that decides it. Knows no report."""

from __future__ import annotations

from fasttok._escapes import escaped

NONE = "-"
"""Where there is no number."""


def decimal(value: float | None, digits: int) -> str:
    """A number with that many decimals."""
    return NONE if value is None else f"{value:,.{digits}f}"


def general(value: float | None) -> str:
    """A number of any size, to three digits."""
    return NONE if value is None else f"{value:.3g}"


def percent(share: float | None) -> str:
    """A share, with one decimal where it is small."""
    if share is None:
        return NONE
    return f"{100 * share:.0f} %" if share in (0, 1) or share >= 0.1 else f"{100 * share:.1f} %"


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    """An interval, with that many decimals."""
    return NONE if low is None or high is None else f"{low:.{digits}f}–{high:.{digits}f}"


def range(low: float, high: float) -> str:
    """From a number to a number of any size, to three digits each."""
    return f"{general(low)}–{general(high)}"


def confidence(share: float) -> str:
    """What a column of intervals is called."""
    return f"{100 * share:g} % interval"


def money(value: float | None) -> str:
    """An amount: cents where it is large, more digits where it is small."""
    if value is None:
        return NONE
    if value == 0:
        return "0"
    if value >= 1:
        return f"{value:,.2f}"
    if value >= 0.001:
        return f"{value:.4f}"
    from decimal import Decimal

    return f"{Decimal(f'{value:.2g}'):f}"


def size(count: int) -> str:
    """A number of bytes."""
    for unit, divisor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= divisor:
            return f"{count / divisor:.{1 if count >= 10 * divisor else 2}f} {unit}"
    return f"{count} bytes"


def thousands(count: int) -> str:
    """A round number of thousands as `200k`."""
    return f"{count // 1000}k" if count and count % 1000 == 0 else f"{count:,}"


def key(value: str | None) -> str:
    """A value that documents are grouped by, or another name from data, as a terminal may show it."""
    if value is None:
        return "(none)"
    return escaped(value) if value else "(empty)"


def times(value: float | None, factor: int) -> float | None:
    """The multiple of a number that may not be there."""
    return None if value is None else value * factor
