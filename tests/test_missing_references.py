"""What is said where a reference library is not there, is another version, or cannot be reached."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from references import ROOT
from training import byte_level, trained

import fasttok
import fasttok.compat.tokenizers as compat
from fasttok._util.extras import need
from fasttok.verify.references import reference_of


class Tokenizer:
    """Of the shape that ``tokenizers.Tokenizer`` has from version 1 on: nothing that writes or reads a string."""

    __module__ = "tokenizers"

    def encode(self, text: str) -> list[int]:
        raise NotImplementedError

    def __init__(self, pickled: str = "") -> None:
        self.pickled = pickled

    def __reduce__(self) -> Any:
        return Tokenizer, (self.pickled, None, None)

    def decode(self, ids: list[int], skip_special_tokens: bool = True) -> str:
        pickled = json.loads(self.pickled)
        known = [*pickled["model"]["vocab"].values(), *(token["id"] for token in pickled["added_tokens"])]
        return "" if ids == [258] or ids[0] > max(known) else "x"

    def encode_batch(self, texts: list[str]) -> list[list[int]]:
        raise NotImplementedError

    @classmethod
    def from_file(cls, path: str) -> Tokenizer:
        return cls()


@pytest.fixture
def version_1(monkeypatch: pytest.MonkeyPatch) -> Any:
    module: Any = types.ModuleType("tokenizers")
    module.Tokenizer, module.__version__ = Tokenizer, "1.0.0-rc.3"
    monkeypatch.setitem(sys.modules, "tokenizers", module)
    return module


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("tokenizers")
    path = tmp_path_factory.mktemp("model") / "tokenizer.json"
    path.write_text(json.dumps(trained(pre_tokenizer=byte_level(use_regex=True))), "utf-8")
    return path


def pickled(**changed: Any) -> str:
    """What tokenizers 1.0 pickles a byte-level tokenizer as: of version 2.0, without a step for bytes."""
    signs = [*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324)]
    tokens = [*map(chr, signs), "hi", "\u0120hi"]
    end = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    model = {
        **dict.fromkeys(("unk_token", "continuing_subword_prefix", "end_of_word_suffix")),
        **dict.fromkeys(("fuse_unk", "byte_fallback", "ignore_merges"), False),
        "type": "BPE",
        "byte_level": True,
        "vocab": {token: i for i, token in enumerate(tokens)},
        "merges": [["h", "i"], ["\u0120", "hi"]],
    }
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    file = {
        **dict.fromkeys(("truncation", "padding", "role_to_token", "decoder")),
        "version": "2.0",
        "added_tokens": [{"id": 258, "content": "<end>", "special": True, **end}],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False},
        "post_processor": {"type": "TemplateProcessing", "single": [{"ids": [258]}, {"seq": "A"}], "pair": []},
    }
    return json.dumps({**file, "model": {**model, **changed.pop("model", {})}, **changed})


def test_an_object_of_tokenizers_1_is_loaded(version_1: Any) -> None:
    enc = fasttok.load(Tokenizer(pickled()))
    # What tokenizers 1.0.0rc3 makes of it.
    assert enc.encode("hi hi<end> \u00f6", special="token").tolist() == [256, 257, 258, 220, 127, 114]
    assert (enc.pretokenizer, enc.special_tokens, enc.n_vocab) == ("gpt2", {"<end>": 258}, 259)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"version": "2.1"}, r"JSON of version 2\.1"),
        ({"another": 1}, r"with another"),
        ({"model": {"dropout": 0.1}}, r"with dropout"),
        ({"added_tokens": [{"id": 261}]}, r"leaves out 2 of its tokens"),
    ],
)
def test_what_an_object_of_tokenizers_1_does_not_tell_is_refused(version_1: Any, changed: Any, why: str) -> None:
    with pytest.raises(
        fasttok.UnsupportedTokenizerError, match=rf"of tokenizers 1\.0\.0-rc\.3 .*{why}.*tokenizer\.json"
    ):
        fasttok.load(Tokenizer(pickled(**changed)))


def test_an_object_around_one_of_tokenizers_1_is_what_it_counts_with(version_1: Any, file: Path) -> None:
    """Also where it has a file of its own, which need not be the same."""

    class PreTrainedTokenizerFast:
        backend_tokenizer = Tokenizer(pickled())
        vocab_file = str(file)
        name_or_path = "Someone/Some-Model"

    enc = fasttok.load(PreTrainedTokenizerFast())
    assert (enc.name, enc.n_vocab) == ("Some-Model", 259)


def test_the_stand_in_has_the_interface_below_version_1(version_1: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    inner: Any = types.ModuleType("tokenizers.tokenizers")
    inner.Tokenizer = Tokenizer
    monkeypatch.setitem(sys.modules, "tokenizers.tokenizers", inner)
    with pytest.raises(fasttok.MissingExtraError, match="below version 1: pip install 'tokenizers<1'; fasttok.load"):
        compat.Tokenizer(Tokenizer(pickled()))


def test_verify_says_which_version_it_needs(version_1: Any, file: Path) -> None:
    with pytest.raises(fasttok.MissingExtraError, match=r"below version 1, not 1\.0\.0-rc\.3.*engine\[verify\]"):
        reference_of(fasttok.load(file))


def test_the_extras_stay_below_tokenizers_1() -> None:
    wanted = re.findall(r'"tokenizers([<>=!~][^"]*)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    assert len(wanted) == 3
    for versions in wanted:
        # Every upper bound is 0.something, or 1 itself.
        assert re.search(r"<(0\.\d+|1)(,|$)", versions), versions


@pytest.mark.parametrize(("library", "kind"), [("tiktoken", "embedded encoding"), ("tokenizers", "tokenizer.json")])
def test_verify_without_the_library(monkeypatch: pytest.MonkeyPatch, file: Path, library: str, kind: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    encoding = fasttok.get_encoding("gpt2") if library == "tiktoken" else fasttok.load(file)
    with pytest.raises(
        fasttok.MissingExtraError,
        match=rf"verifying an? {kind} needs {library}: pip install .*engine\[verify\]",
    ):
        reference_of(encoding)


def test_what_a_library_needs_itself_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "library_for_a_test.py").write_text("import its_own_need_for_a_test\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(fasttok.MissingExtraError, match=r"this needs its_own_need_for_a_test: pip install"):
        need("library_for_a_test", "verify", "this")
    assert importlib.util.find_spec("library_for_a_test") is not None


@pytest.mark.parametrize("json_output", [False, True])
def test_verify_without_network_names_the_reference(tmp_path: Path, json_output: bool) -> None:
    pytest.importorskip("tiktoken")
    proxy = "http://127.0.0.1:9"
    environment = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"}
    environment |= {"TIKTOKEN_CACHE_DIR": str(tmp_path), "https_proxy": proxy, "HTTPS_PROXY": proxy}
    run = subprocess.run(
        [sys.executable, "-m", "fasttok", "verify", "o200k_base", "--built-in", "10", *["--json"] * json_output],
        capture_output=True, text=True, timeout=120, env=environment, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith(
        "fasttok: no reference to verify o200k_base with: tiktoken's file of it cannot be fetched"
    )
    assert "TIKTOKEN_CACHE_DIR" in run.stderr and "write the output" not in run.stderr
    assert run.stderr.count("\n") == 1


def test_verify_of_an_encoding_that_tiktoken_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    tiktoken = pytest.importorskip("tiktoken")

    def unknown(name: str) -> None:
        raise ValueError(f"Unknown encoding {name}.")

    monkeypatch.setattr(tiktoken, "get_encoding", unknown)
    with pytest.raises(fasttok.FileError, match=r"no reference to verify o200k_harmony with: .*Unknown encoding"):
        reference_of(fasttok.get_encoding("o200k_harmony"))
