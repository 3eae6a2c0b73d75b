"""Names that a mistyped name may have meant. Knows nothing of what is named."""

from __future__ import annotations

from collections.abc import Sequence


def nearest(name: str, names: Sequence[str], limit: int = 3) -> list[str]:
    """The `names` closest to `name`, letter case aside, the closest first."""
    # Imported for a name that is mistyped, and not by every command.
    import difflib

    folded: dict[str, list[str]] = {}
    for candidate in names:
        folded.setdefault(candidate.casefold(), []).append(candidate)
    close = difflib.get_close_matches(name.casefold(), folded, n=limit, cutoff=0.6)
    return [candidate for key in close for candidate in folded[key]][:limit]


def either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]
