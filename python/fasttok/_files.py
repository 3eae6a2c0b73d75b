"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator


def write_atomically(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all.

    Lone surrogates, which is how Python holds a file name that is not UTF-8, are written as escapes.
    """
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(text.encode("utf-8", "backslashreplace"))


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[str]:
    """A name to write to; what is written there becomes `path` when the block ends without an exception.

    Whoever reads `path` finds the old content or the new, never a part. A link is followed and the mode of
    an existing file is kept. What is no regular file (a device, a pipe) is written to directly.
    """
    path = os.fspath(path)
    mode = None
    with contextlib.suppress(FileNotFoundError):
        mode = os.stat(path).st_mode
    if mode is not None and not stat.S_ISREG(mode):
        yield path
        return

    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name[:200]}.{os.urandom(6).hex()}.tmp")
    try:
        yield temporary
        descriptor = os.open(temporary, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if mode is not None:
            os.chmod(temporary, stat.S_IMODE(mode))
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
