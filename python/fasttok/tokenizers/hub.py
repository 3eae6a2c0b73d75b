"""Tokenizer files of repositories on the Hugging Face hub.

Fetching is the library huggingface_hub's: its cache, its offline mode, its login. What lies in the cache already is
found without it, and without network: whether there is one is asked first, for the library itself tries six times for
every file, with waits between.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fasttok._util.extras import need
from fasttok.errors import FileError, MissingExtraError, NotFoundError

FILES = (
    "tokenizer.json",
    "tekken.json",
    "tiktoken.model",
    "qwen.tiktoken",
    "tokenizer.model",
    "spiece.model",
)
"""What is looked for in a repository, the file that wins first."""

_RANK_FILES = ("tiktoken.model", "qwen.tiktoken", "tokenizer.model")
"""Their special tokens are in the configuration."""

ANSWER_WITHIN = 1.5
"""Seconds in which the hub must answer, where HF_HUB_ETAG_TIMEOUT does not say how many."""

_PART = r"[A-Za-z0-9][\w.-]{0,95}"
_NAME = re.compile(rf"(?P<repository>{_PART}/{_PART})(@(?P<revision>[\w./-]+))?", re.ASCII)


@dataclass(frozen=True)
class HubName:
    """A repository, and a branch, tag or commit of it."""

    repository: str
    revision: str = "main"

    def __str__(self) -> str:
        return self.repository if self.revision == "main" else f"{self.repository}@{self.revision}"


def parse(name: str) -> HubName | None:
    """The repository that ``"owner/name"`` or ``"owner/name@revision"`` names; None where it is neither."""
    found = _NAME.fullmatch(name)
    return None if found is None else HubName(found["repository"], found["revision"] or "main")


def cache() -> Path:
    """The folder in which huggingface_hub keeps files."""
    home = os.environ.get("HF_HOME") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache"), "huggingface"
    )
    folder = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or os.path.join(home, "hub")
    return Path(os.path.expandvars(os.path.expanduser(folder)))


def snapshot(name: HubName) -> Path | None:
    """The folder of the cache with the files of that revision, if there is one."""
    folder = cache() / f"models--{name.repository.replace('/', '--')}"
    try:
        commit = (folder / "refs" / name.revision).read_text("ascii").strip()
    except (OSError, ValueError):
        commit = name.revision
    files = folder / "snapshots" / commit
    return files if files.is_dir() else None


def cached() -> Iterator[tuple[HubName, Path]]:
    """All repositories in the cache that have a tokenizer, and its file, by name."""
    for folder in sorted(cache().glob("models--*--*")):
        owner, _, rest = folder.name.removeprefix("models--").partition("--")
        name = HubName(f"{owner}/{rest}")
        files = snapshot(name)
        if files is None:
            # No main: a revision was asked for by its name.
            snapshots = sorted(folder.glob("snapshots/*"))
            if not snapshots:
                continue
            files = snapshots[-1]
            name = HubName(name.repository, files.name)
        found = _tokenizer_in(files)
        if found is not None:
            yield name, found


def _tokenizer_in(files: Path) -> Path | None:
    return next((files / file for file in FILES if (files / file).is_file()), None)


def find(name: HubName) -> Path:
    """The tokenizer file of a repository, fetched where it is not in the cache.

    Raises ``MissingExtraError`` without huggingface_hub, ``NotFoundError`` for a repository that is not there or
    has no tokenizer, ``FileError`` where it cannot be fetched.
    """
    files = snapshot(name)
    kept = None if files is None else _tokenizer_in(files)
    try:
        need("huggingface_hub", "hub", f"{str(name)!r} is a name on the Hugging Face hub, and fetching it")
    except MissingExtraError:
        if kept is None:
            raise
        return kept
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        silence = "HF_HUB_OFFLINE is set"
    elif error := _silence():
        silence = f"there is no network to fetch it ({error})"
    else:
        return _fetch(name)
    if kept is not None:
        return kept
    raise FileError(
        f"{name} is not in the cache of the Hugging Face hub ({cache()}), and {silence}: pass the path of its "
        "tokenizer.json or model file, or the name of an embedded encoding, such as o200k_base"
    )


def _silence() -> str | None:
    """Why the hub does not answer; None if it does, whatever it answers."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]

    limit = constants.HF_HUB_ETAG_TIMEOUT if "HF_HUB_ETAG_TIMEOUT" in os.environ else ANSWER_WITHIN
    failure: list[str | None] = []

    def ask() -> None:
        try:
            # By the library's own client, which knows proxies and certificates, but without its retries.
            get_session().head(constants.ENDPOINT, timeout=limit)
            failure.append(None)
        except Exception as error:
            failure.append(str(error) or type(error).__name__)

    # Looking up a name of the network can take longer than any limit that a client takes.
    asking = threading.Thread(target=ask, name="fasttok-hub", daemon=True)
    asking.start()
    asking.join(limit)
    return failure[0] if failure else f"no answer within {limit:g} s; HF_HUB_ETAG_TIMEOUT sets another limit"


def _fetch(name: HubName) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    def download(file: str) -> Path:
        return Path(hf_hub_download(name.repository, file, revision=name.revision))

    offline = None
    for file in FILES:
        try:
            found = download(file)
            if file in _RANK_FILES:
                with contextlib.suppress(EntryNotFoundError):
                    download("tokenizer_config.json")
            return found
        except LocalEntryNotFoundError as error:
            # The network went away, and it is not in the cache; another file may be.
            offline = error
        except EntryNotFoundError:
            continue
        except GatedRepoError:
            raise FileError(
                f"{name} is gated: accept its terms at https://huggingface.co/{name.repository} and log in with "
                "'hf auth login' or HF_TOKEN"
            ) from None
        except RevisionNotFoundError:
            raise NotFoundError(f"the repository {name.repository} has no revision {name.revision!r}") from None
        except RepositoryNotFoundError:
            raise NotFoundError(
                f"no such file, and no repository {name.repository!r} on the Hugging Face hub (or it is private: "
                "'hf auth login')"
            ) from None
        except Exception as error:
            # Of the transport: of several libraries, and not all of them OSError.
            raise FileError(f"cannot fetch {name} from the Hugging Face hub: {error}") from error
    if offline is not None:
        raise FileError(
            f"{name} is not in the cache of the Hugging Face hub ({cache()}), and the hub cannot be reached"
        ) from offline
    raise NotFoundError(f"the repository {name} has no tokenizer: none of {', '.join(FILES)}")
