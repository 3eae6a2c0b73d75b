"""numpy, imported when the first array is returned, and a fork that waits until that is done.

A child of a fork inherits the lock of a module that another thread was importing at that moment, but not the thread
that would release it: its own import would wait for ever. So a fork waits for the import, as `logging` makes one wait
for its handlers.
"""

from __future__ import annotations

import os
from _thread import RLock
from types import ModuleType

# Reentrant: what numpy runs on its import may fork itself.
_importing = RLock()


def load() -> ModuleType:
    """The module numpy."""
    with _importing:
        import numpy

        return numpy


def load_masked() -> ModuleType:
    """The module numpy.ma, a tenth of numpy, which only missing texts need."""
    with _importing:
        import numpy.ma

        return numpy.ma


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_importing.acquire, after_in_parent=_importing.release, after_in_child=_importing.release
    )
