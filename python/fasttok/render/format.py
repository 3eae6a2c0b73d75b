"""How numbers, names and what is not there look to people: the one place that decides it. Knows no report."""

from __future__ import annotations

import math
from collections.abc import Sequence

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


def amounts(values: Sequence[float | None]) -> list[str]:
    """Amounts that stand below each other: all with as many decimals as the smallest needs for two digits, from two to
    six of them."""
    some = [abs(value) for value in values if value]
    digits = min(6, max(2, 1 - math.floor(math.log10(min(some))))) if some else 2
    least = 10.0**-digits
    return [f"<{least:.{digits}f}" if value and 0 < value < least / 2 else decimal(value, digits) for value in values]


def rates(values: Sequence[float | None]) -> list[str]:
    """Prices that stand below each other: all with the decimals that one of them needs, two at least."""
    digits = max([2, *(len(f"{value:.6f}".rstrip("0").partition(".")[2]) for value in values if value is not None)])
    return [decimal(value, digits) for value in values]


def signed(value: int | None) -> str:
    """A difference, with its sign."""
    return NONE if value is None else f"{value:+,}"


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


BAR = 18
"""How long the longest bar is, in columns."""


def bar(value: float, largest: float, width: int = BAR) -> str:
    """A bar of block characters, an eighth of a column exact."""
    eighths = round(8 * width * value / largest) if largest > 0 else 0
    full, part = divmod(max(0, eighths), 8)
    return "█" * full + ("▏▎▍▌▋▊▉"[part - 1] if part else "")
