"""Who is compared: packages, pinned versions, the environment each is run in, and what a reader must know of it.

One entry here and one script in `workers/` add a rival; no other module names one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .vocab import VocabularyFiles

REFERENCE = "tiktoken"
"""The rival that every count and every ratio is taken against."""

OURS = "fasttok"

WORKERS = Path(__file__).parent / "workers"


@dataclass(frozen=True)
class Rival:
    """One tokenizer package."""

    name: str
    requirements: tuple[str, ...]
    """What pip installs; the first is the package itself. Empty for fasttok, which is built from a source tree."""
    distribution: str
    worker: str
    returns: str
    """What its fastest public call for a batch hands back: the work that it does beside counting."""
    slow: bool = False
    """Measured on shorter slices, so that a run ends in time."""
    simd: str = ""
    """The instructions that it is told to use (`FASTTOK_SIMD`); empty for the best of the machine."""

    only_ids: bool = False
    """A drop-in, which has no counts of its own and takes part where ids are made."""

    @property
    def script(self) -> Path:
        """The worker script."""
        return WORKERS / self.worker

    def environment(self, files: VocabularyFiles, threads: int) -> dict[str, str]:
        """Variables of the worker process. Pools that cannot be sized by a call are sized here."""
        level = {"FASTTOK_SIMD": self.simd} if self.simd else {}
        return {
            **level,
            "TIKTOKEN_CACHE_DIR": str(files.tiktoken_cache),
            "RAYON_NUM_THREADS": str(threads),
            "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONHASHSEED": "0",
            "HF_HUB_OFFLINE": "1",
        }


RIVALS: tuple[Rival, ...] = (
    Rival("fasttok", (), "fasttok-engine", "drive_fasttok.py", "counts"),
    Rival("fasttok-avx2", (), "fasttok-engine", "drive_fasttok.py", "counts", simd="avx2"),
    Rival("fasttok-avx2-slow-pext", (), "fasttok-engine", "drive_fasttok.py", "counts", simd="avx2-slow-pext"),
    Rival("fasttok-portable", (), "fasttok-engine", "drive_fasttok.py", "counts", simd="portable"),
    Rival("fasttok as tiktoken", (), "fasttok-engine", "drive_fasttok_tiktoken.py", "lists of ids", only_ids=True),
    Rival("tiktoken", ("tiktoken==0.14.0",), "tiktoken", "drive_tiktoken.py", "lists of ids"),
    Rival("gigatoken", ("gigatoken==0.10.0",), "gigatoken", "drive_gigatoken.py", "an array of ids"),
    Rival("snaptokens", ("snaptokens==0.2.6", "numpy>=2"), "snaptokens", "drive_snaptokens.py", "packed ids"),
    Rival("toktok-rs", ("toktok-rs==0.3.0",), "toktok-rs", "drive_toktok.py", "counts"),
    Rival("quicktok-v1", ("quicktok-v1==0.4.0", "numpy>=2"), "quicktok-v1", "drive_quicktok.py", "counts, made of ids"),
    Rival("bpe-openai", ("bpe-openai==0.1.4",), "bpe-openai", "drive_bpe_openai.py", "lists of ids"),
    Rival("tokenizers", ("tokenizers==0.23.3",), "tokenizers", "drive_tokenizers.py", "encoding objects", slow=True),
)

BY_NAME = {rival.name: rival for rival in RIVALS}
