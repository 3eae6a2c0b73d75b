"""The JSON Schemas of the reports, one file each beside this one. Knows no report."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, Literal

Name = Literal["claims", "cost", "density", "models", "premium", "report", "verification"]


def schema(name: Name = "report") -> dict[str, Any]:
    """The JSON Schema of a report: of ``count_corpus()`` unless another is named.

    name: what is between ``fasttok.`` and the version in the report's member ``schema``.
    """
    loaded: dict[str, Any] = json.loads((files(__name__) / f"{name}-1.schema.json").read_text(encoding="utf-8"))
    return loaded
