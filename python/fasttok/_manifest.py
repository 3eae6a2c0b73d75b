"""What every result says about the run it came from."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import fasttok
from fasttok._fasttok import Encoding
from fasttok.report import UNICODE_VERSION


def run_manifest(encodings: Mapping[str, Encoding]) -> dict[str, Any]:
    """What ran, when, and with which encodings (by the labels that they have in the result)."""
    return {
        "fasttok": fasttok.__version__,
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "unicode": UNICODE_VERSION,
        "encodings": [
            {"label": label, "name": e.name, "hash": e.hash, "pretokenizer": e.pretokenizer}
            for label, e in encodings.items()
        ],
    }
