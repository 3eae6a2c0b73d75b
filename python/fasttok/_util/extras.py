"""Optional libraries, imported when they are needed."""

from __future__ import annotations

import importlib
from typing import Any

from fasttok.errors import MissingExtraError


def need(module: str, extra: str, purpose: str) -> Any:
    """The optional library `module`; `purpose` completes the message that says what it is for.

    Raises ``MissingExtraError`` (a ``ModuleNotFoundError``) where it, or what it imports itself, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = MissingExtraError(f"{purpose} needs {error.name}: pip install 'fasttok-engine[{extra}]'")
        missing.name = module
        raise missing from None
