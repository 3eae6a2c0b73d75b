"""Running the command as a user does: on a pipe, on a terminal of a given width, interrupted."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FASTTOK = [sys.executable, "-m", "fasttok"]


@dataclass
class Result:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)

    def rows(self) -> list[dict[str, str]]:
        """The rows of tab-separated output."""
        header, *lines = self.out.splitlines()
        return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]

    @property
    def last_line(self) -> str:
        return self.err.rstrip("\n").splitlines()[-1]


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")}
    return {**kept, "TERM": "xterm-256color", "PYTHONWARNINGS": "default", **more}


def fasttok(*arguments: str | Path, stdin: bytes | None = None, cwd: Path | None = None, **env: str) -> Result:
    """Run the command on pipes. Without `stdin`, standard input is /dev/null."""
    done = subprocess.run(
        [*FASTTOK, *map(str, arguments)],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        cwd=cwd,
        env=environment(**env),
        timeout=120,
    )
    result = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in result.err, result.err
    return result


def on_terminal(*arguments: str | Path, width: int = 80, cwd: Path | None = None) -> Result:
    """Run the command on a terminal. What is shown is in `out`, colours and cursor movements taken out."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    with subprocess.Popen(
        [*FASTTOK, *map(str, arguments)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=cwd,
        env=environment(),
        start_new_session=True,
    ) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:
                break
            if not data:
                break
            shown += data
        code = process.wait(60)
    os.close(master)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r\n", "\n")
    assert "Traceback" not in text, text
    return Result(code, text, "")


def write_jsonl(path: Path, records: list[Any]) -> Path:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


def without_manifest(report: dict[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in report.items() if name != "manifest"}
