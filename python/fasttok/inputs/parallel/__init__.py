"""Parallel text: units that say the same in every language, read from the forms in which people keep it.

One module per form; `source` finds out which form files have. Knows files and how their units are aligned, nothing of
tokens.
"""

from __future__ import annotations

from fasttok.inputs.parallel.source import Parallel, open_parallel, read_parallel
from fasttok.inputs.parallel.text import Normalization, ParallelSource, ParallelText

__all__ = ["Normalization", "Parallel", "ParallelSource", "ParallelText", "open_parallel", "read_parallel"]
