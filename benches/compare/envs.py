"""A virtual environment for each package, so that no rival's dependencies decide another's.

An environment is made once and reused while its requirements stay the same. fasttok's is renewed whenever its source
tree or wheel changed. A rival that cannot be installed is reported with its reason and left out.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .rivals import Rival

Say = Callable[[str], None]

INSTALL_TIMEOUT = 1800.0


@dataclass(frozen=True)
class FasttokSource:
    """What fasttok is installed from: a wheel if one is given, else a source tree."""

    tree: Path
    wheel: Path | None = None

    def stamp(self) -> str:
        """Changes whenever what would be installed changes."""
        if self.wheel is not None:
            return hashlib.sha256(self.wheel.read_bytes()).hexdigest()
        if not self._git("rev-parse", "HEAD"):
            return str(time.time())  # nothing tells whether this tree changed
        digest = hashlib.sha256(self.tree.resolve().as_posix().encode())
        # The tree of sources, not the commit: a commit that touches only text needs no new build.
        for source in self._sources():
            digest.update(self._git("rev-parse", f"HEAD:{source}"))
        digest.update(self._git("diff", "HEAD", "--", *self._sources()))
        for name in self._git("ls-files", "--others", "--exclude-standard", "--", *self._sources()).split(b"\n"):
            path = self.tree / name.decode()
            if name and path.is_file():
                digest.update(name + path.read_bytes())
        return digest.hexdigest()

    def describe(self) -> str:
        """For the record: the wheel's name, or the commit and whether the tree has changes."""
        if self.wheel is not None:
            return f"{self.wheel.name} sha256 {self.stamp()[:16]}"
        commit = self._git("rev-parse", "--short=12", "HEAD").decode().strip() or "no commit"
        dirty = self._git("status", "--porcelain", "--", *self._sources()).strip()
        return f"commit {commit}{' with uncommitted changes' if dirty else ''}"

    @staticmethod
    def _sources() -> tuple[str, ...]:
        return ("rust", "python", "Cargo.toml", "Cargo.lock", "pyproject.toml")

    def _git(self, *arguments: str) -> bytes:
        return subprocess.run(["git", "-C", str(self.tree), *arguments], capture_output=True, check=False).stdout


@dataclass(frozen=True)
class Environment:
    """An installed rival, or the reason why it is not there."""

    rival: Rival
    python: Path
    version: str = ""
    packages: dict[str, str] = field(default_factory=dict)
    simd: str = ""
    """The instructions that fasttok counts with."""
    problem: str = ""


def prepare(rival: Rival, folder: Path, fasttok: FasttokSource, base_python: str, say: Say) -> Environment:
    """The environment of `rival` under `folder`, made or renewed where needed."""
    home = folder / rival.distribution
    python = home / "bin" / "python"
    stamp_file = home / "stamp.json"
    targets = list(rival.requirements)
    if not targets:
        targets = [str(fasttok.wheel or fasttok.tree)]
    stamp = json.dumps([targets, base_python, "" if rival.requirements else fasttok.stamp()])
    try:
        if not (stamp_file.exists() and stamp_file.read_text() == stamp and python.exists()):
            say(f"installing {rival.name} ({', '.join(rival.requirements) or fasttok.describe()})")
            if home.exists():
                shutil.rmtree(home)
            _run([base_python, "-m", "venv", str(home)])
            _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *targets])
            stamp_file.write_text(stamp)
        packages = _packages(python)
        simd = "" if rival.requirements else _run([str(python), "-c", SIMD], FASTTOK_SIMD=rival.simd).strip()
    except InstallError as error:
        return Environment(rival, python, problem=f"not installed: {error}")
    version = packages.get(_canonical(rival.distribution), "")
    return Environment(rival, python, version=version, packages=packages, simd=simd)


def driver_python(folder: Path, base_python: str) -> Path:
    """An interpreter that has what the driver itself imports."""
    home = folder / "driver"
    python = home / "bin" / "python"
    if not (home / "stamp.json").exists():
        print("making the driver's environment", file=sys.stderr)
        _run([base_python, "-m", "venv", str(home)])
        _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "zstandard>=0.22"])
        (home / "stamp.json").write_text("{}")
    return python


class InstallError(Exception):
    """An environment could not be made; the message is the last thing that was said about it."""


SIMD = "from fasttok._fasttok import simd_level; print(simd_level())"


def _run(command: list[str], **variables: str) -> str:
    environment = {**os.environ, **variables}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT, env=environment, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallError(str(error)) from error
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if line.lower().startswith("error")]
        raise InstallError((errors or lines or [f"exit code {done.returncode}"])[-1][:300])
    return done.stdout


def _packages(python: Path) -> dict[str, str]:
    listed = json.loads(_run([str(python), "-m", "pip", "list", "--format=json", "--disable-pip-version-check"]))
    return {_canonical(entry["name"]): entry["version"] for entry in listed}


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-")
