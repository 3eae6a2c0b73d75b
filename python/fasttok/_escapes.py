"""Text from data as a terminal may show it.

File names, values and messages may hold anything, also what moves the cursor, retitles the window or turns the order
of letters round. Everything that is written for people goes through here; machine formats keep the truth.
"""

from __future__ import annotations

import re
from functools import cache

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# C0, DEL and C1; what no font shows or what reorders text; halves of surrogate pairs, which is how Python holds
# bytes of a file name that are not UTF-8. U+200C and U+200D stay: words and emoji are written with them.
_HIDDEN = (
    "\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f"
)


@cache
def _any() -> re.Pattern[str]:
    # Compiled for the first text: a millisecond, that most commands do not need.
    return re.compile(f"[{_HIDDEN}]")


@cache
def _any_but_layout() -> re.Pattern[str]:
    return re.compile(f"(?![\n\t])[{_HIDDEN}]")


def escaped(text: str) -> str:
    """`text` on one line: control characters and the like are written as JSON writes them, `\\u001b`."""
    return text if text.isascii() and text.isprintable() else _any().sub(_escape, text)


def escaped_lines(text: str) -> str:
    """Lines of CSV, TSV or JSON for a terminal: `escaped` but for line ends and tabs. JSON stays the same JSON."""
    return _any_but_layout().sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    c = match.group()
    if c in _SHORT:
        return _SHORT[c]
    units = c.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
