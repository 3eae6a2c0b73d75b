"""`fasttok.load`: what it takes, what it refuses, what it remembers."""

from __future__ import annotations

import base64
import bz2
import copy
import gc
import gzip
import io
import json
import lzma
import multiprocessing
import os
import pickle
import random
import stat
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
import zstandard
from nasty import texts
from training import byte_level, trained

import fasttok
from fasttok import _fasttok
from fasttok.tokenizers import cache as cache_module
from fasttok.tokenizers import origin as origin_module

RANKS = [*(bytes([b]) for b in range(256)), b"th", b"the", b" the", "é".encode(), b"ab", b"abab"]


posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="folders have no owners and modes")


def rank_file(tokens: list[bytes] = RANKS) -> bytes:
    return b"".join(base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(tokens))


@pytest.fixture(scope="session")
def gpt2_json() -> dict[str, Any]:
    pytest.importorskip("tokenizers")
    return trained(
        pre_tokenizer=byte_level(use_regex=True),
        added_tokens=[{"content": "<|end|>", "special": True}, {"content": "<tool>"}],
    )


@pytest.fixture
def folder(tmp_path: Path, gpt2_json: dict[str, Any]) -> Path:
    folder = tmp_path / "my-model"
    folder.mkdir()
    (folder / "tokenizer.json").write_text(json.dumps(gpt2_json), "utf-8")
    return folder


def same(one: fasttok.Encoding, other: fasttok.Encoding) -> None:
    some = [*texts(5, 500), "<|end|> a <tool>"]
    for special in ("text", "token"):
        ids, offsets = one.encode_batch(some, special=special)  # type: ignore[arg-type]
        other_ids, other_offsets = other.encode_batch(some, special=special)  # type: ignore[arg-type]
        assert ids.tolist() == other_ids.tolist() and offsets.tolist() == other_offsets.tolist()
    assert one.special_tokens == other.special_tokens and one.added_tokens == other.added_tokens
    assert (one.n_vocab, one.pretokenizer, one.hash) == (other.n_vocab, other.pretokenizer, other.hash)


class TestForms:
    def test_path_bytes_folder_and_object(self, folder: Path, gpt2_json: dict[str, Any]) -> None:
        from tokenizers import Tokenizer

        file = folder / "tokenizer.json"
        by_path = fasttok.load(file)
        assert by_path.name == "my-model" and repr(by_path) == '<Encoding "my-model">'
        assert by_path.pretokenizer == "gpt2"
        assert by_path.special_tokens == {"<|end|>": by_path.n_vocab - 2}
        assert by_path.added_tokens == {"<|end|>": by_path.n_vocab - 2, "<tool>": by_path.n_vocab - 1}
        assert fasttok.load(str(file)) is by_path
        assert fasttok.load(folder) is by_path
        same(fasttok.load(file.read_bytes(), name="bytes"), by_path)
        from_object = fasttok.load(Tokenizer.from_file(str(file)))
        assert from_object.encode("the <tool>").tolist() == by_path.encode("the <tool>").tolist()
        assert fasttok.load(file, name="other").name == "other" != by_path.name

    def test_rank_file(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.tiktoken"
        file.write_bytes(rank_file())
        with pytest.raises(fasttok.InputError, match=r"mine\.tiktoken.*name a family.*cl100k"):
            fasttok.load(file)
        enc = fasttok.load(file, pattern="cl100k", special_tokens={"<|x|>": 300})
        assert enc.name == "mine" and enc.n_vocab == 301 and enc.pretokenizer == "cl100k"
        assert enc.encode("the the<|x|>", special="token").tolist() == [257, 258, 300]
        assert fasttok.load(file, pattern=r"\S+|\s+").pretokenizer == "general"
        assert fasttok.load(file, pattern=r"\S+|\s+") != fasttok.load(file, pattern="gpt2")

    def test_tiktoken_encoding(self, references: Any) -> None:
        enc = fasttok.load(references["cl100k_base"])
        assert enc == fasttok.get_encoding("cl100k_base")
        same(enc, fasttok.get_encoding("cl100k_base"))

    def test_known_rank_file(self, tmp_path: Path) -> None:
        zstandard = pytest.importorskip("zstandard")
        from references import RANKS as FOLDER

        for name in ("o200k_base", "cl100k_base", "p50k_base", "r50k_base"):
            with zstandard.open(FOLDER / f"{name}.tiktoken.zst", "rb") as packed:
                (tmp_path / f"{name}.tiktoken").write_bytes(packed.read())
            enc = fasttok.load(tmp_path / f"{name}.tiktoken")
            same(enc, fasttok.get_encoding(name))

    def test_transformers(self, folder: Path) -> None:
        transformers = pytest.importorskip("transformers")
        fast = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
        fast.name_or_path = "someone/some-model"
        enc = fasttok.load(fast)
        assert enc.name == "some-model"
        for text in texts(6, 200):
            assert enc.encode(text, special="token").tolist() == fast.encode(text, add_special_tokens=False)

    def test_tekken(self) -> None:
        mistral_common = pytest.importorskip("mistral_common")
        file = next((Path(mistral_common.__file__).parent / "data").glob("tekken_240911.json"))
        enc = fasttok.load(file)
        assert enc.pretokenizer == "tekken" and enc.n_vocab == 131_072 and len(enc.special_tokens) == 1_000

    def test_a_rank_file_has_the_special_tokens_of_the_configuration(self, tmp_path: Path) -> None:
        (tmp_path / "tiktoken.model").write_bytes(rank_file())
        config = {"added_tokens_decoder": {"300": {"content": "<|x|>", "special": True}}}
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
        enc = fasttok.load(tmp_path, pattern="gpt2")
        assert enc.special_tokens == {"<|x|>": 300}
        (tmp_path / "tokenizer_config.json").write_text('{"added_tokens_decoder": [1]}')
        with pytest.raises(fasttok.TokenizerFileError, match=r"tokenizer_config\.json"):
            fasttok.load(tmp_path, pattern="gpt2")

    def test_what_wins_in_a_folder(self, folder: Path) -> None:
        (folder / "tekken.json").write_text("{}")
        (folder / "tokenizer.model").write_bytes(b"\n")
        assert fasttok.load(folder).name == "my-model"
        (folder / "tokenizer.json").unlink()
        (folder / "tekken.json").unlink()
        (folder / "tokenizer.model").unlink()
        (folder / "a.tiktoken").write_bytes(rank_file())
        (folder / "b.tiktoken").write_bytes(rank_file())
        with pytest.raises(fasttok.InputError, match=r"a\.tiktoken, b\.tiktoken.*name the file"):
            fasttok.load(folder)

    def test_a_folder_without_a_tokenizer(self, tmp_path: Path) -> None:
        with pytest.raises(fasttok.NotFoundError, match=r"holds none of tokenizer\.json"):
            fasttok.load(tmp_path)
        (tmp_path / "vocab.json").write_text("{}")
        (tmp_path / "merges.txt").write_text("")
        with pytest.raises(fasttok.NotFoundError, match="save_pretrained"):
            fasttok.load(tmp_path)

    def test_what_is_no_tokenizer(self) -> None:
        for x in (3, None, object(), fasttok.get_encoding("gpt2")):
            with pytest.raises((fasttok.UnsupportedTokenizerError, fasttok.InputError)):
                fasttok.load(x)


class TestHub:
    """With a cache as huggingface_hub lays it out, offline."""

    @pytest.fixture
    def repository(self, tmp_path: Path, gpt2_json: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
        commit = "0123456789abcdef0123456789abcdef01234567"
        repository = tmp_path / "models--Someone--Some-Model"
        snapshot = repository / "snapshots" / commit
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text(commit)
        (repository / "blobs").mkdir()
        (repository / "blobs" / "abc").write_text(json.dumps(gpt2_json), "utf-8")
        snapshot.mkdir(parents=True)
        (snapshot / "tokenizer.json").symlink_to("../../blobs/abc")
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        constants = pytest.importorskip("huggingface_hub.constants")
        # The library reads its environment when it is imported.
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        return snapshot

    def test_from_the_cache(self, repository: Path) -> None:
        enc = fasttok.load("Someone/Some-Model")
        assert enc.name == "Someone/Some-Model"
        same(enc, fasttok.load(repository))
        assert fasttok.load(f"Someone/Some-Model@{repository.name}").hash == enc.hash
        report = fasttok.count_corpus(str(repository / "tokenizer.json"), ["gpt2", "Someone/Some-Model"])
        assert report.encodings == ["gpt2", "Someone/Some-Model"]

    def test_without_the_library(self, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import sys

        monkeypatch.setitem(sys.modules, "huggingface_hub", None)
        assert fasttok.load("Someone/Some-Model").name == "Someone/Some-Model"
        with pytest.raises(fasttok.MissingExtraError, match=r"'Other/Model'.*fasttok-engine\[hub\]"):
            fasttok.load("Other/Model")

    def test_not_in_the_cache(self, repository: Path) -> None:
        with pytest.raises(fasttok.FileError, match="Other/Model is not in the cache"):
            fasttok.load("Other/Model")

    def test_the_command_lists_it(self, repository: Path) -> None:
        (entry,) = [entry for entry in fasttok.encodings() if entry.source == "hub"]
        assert entry.name == "Someone/Some-Model" and entry.pretokenizer == "gpt2" and (entry.bytes or 0) > 1000


class TestModels:
    @pytest.mark.parametrize(
        ("model", "repository"),
        [
            ("Qwen/Qwen3-32B", "Qwen/Qwen3-8B"),
            ("qwen2.5-72b-instruct", "Qwen/Qwen2.5-7B-Instruct"),
            ("meta-llama/Llama-3.3-70B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"),
            ("deepseek-ai/DeepSeek-V3", "deepseek-ai/DeepSeek-V3"),
            ("kimi-k2-instruct", "moonshotai/Kimi-K2-Instruct"),
            ("gemma-3-27b-it", "google/gemma-3-4b-it"),
            ("phi-4", "microsoft/phi-4"),
            ("phi-4-mini-instruct", "microsoft/Phi-4-mini-instruct"),
            ("command-r-plus", "CohereLabs/c4ai-command-r-plus"),
            ("command-r-plus-08-2024", "CohereLabs/c4ai-command-r-plus"),
            ("gpt-oss-120b", "o200k_harmony"),
        ],
    )
    def test_open_families(self, model: str, repository: str) -> None:
        assert fasttok.encoding_name_for_model(model) == repository

    @pytest.mark.parametrize("model", ["qwen3-max", "deepseek-vl", "mistral-large-latest", "llama", "phi-4-vision"])
    def test_names_that_say_too_little(self, model: str) -> None:
        with pytest.raises(fasttok.UnknownModelError):
            fasttok.encoding_name_for_model(model)

    @pytest.mark.parametrize(
        ("model", "alternative"),
        [
            ("claude-sonnet-4-5", "count_tokens"),
            ("anthropic/claude-3-haiku", "count_tokens"),
            ("us.anthropic.claude-opus-4-1", "count_tokens"),
            ("models/gemini-2.5-pro", "countTokens"),
            ("grok-4", "tokenize-text"),
            ("claude-2.1", "SDK"),
        ],
    )
    def test_what_is_not_public(self, model: str, alternative: str) -> None:
        with pytest.raises(fasttok.UnknownModelError, match=alternative):
            fasttok.encoding_for_model(model)


class TestNames:
    def test_an_unknown_name_says_what_else_was_tried(self) -> None:
        with pytest.raises(fasttok.UnknownEncodingError, match="o200k_base.*no such file.*owner/name"):
            fasttok.count_corpus("README.md", "o200k_bse")

    def test_a_missing_file(self, tmp_path: Path) -> None:
        for name in ("no/such/thing/x.json", str(tmp_path / "x"), "missing.json"):
            with pytest.raises(fasttok.NotFoundError):
                fasttok.count_corpus("README.md", name)

    def test_objects_and_labels(self, folder: Path) -> None:
        text = folder / "text.txt"
        text.write_text("the tool of all")
        enc = fasttok.load(folder)
        report = fasttok.count_corpus(text, {"mine": folder, "other": enc, "gpt2": "gpt2"})
        assert report.totals.tokens["mine"] == report.totals.tokens["other"] == enc.count("the tool of all")
        first = report.manifest["encodings"][0]
        assert (first["label"], first["name"], first["hash"]) == ("mine", "my-model", enc.hash)


def count_there(encoding: fasttok.Encoding) -> tuple[str, int]:
    return encoding.name, encoding.count("the tool <tool>")


class TestIdentity:
    def test_pickle_by_file(self, folder: Path) -> None:
        enc = fasttok.load(folder)
        pickled = pickle.dumps(enc)
        assert len(pickled) < 1_000
        assert pickle.loads(pickled) is enc
        expected = count_there(enc)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.map(count_there, [enc]) == [expected]

    def test_pickle_by_content(self, folder: Path) -> None:
        enc = fasttok.load(folder)
        (folder / "tokenizer.json").write_text("{}")
        pickled = pickle.dumps(enc)
        expected = enc.encode("the <tool>").tolist()
        del enc
        gc.collect()
        again = pickle.loads(pickled)
        assert again.encode("the <tool>").tolist() == expected
        assert pickle.loads(pickle.dumps(again)) is again

    def test_pickle_of_a_file_that_changed_on_the_way(self, folder: Path) -> None:
        enc = fasttok.load(folder)
        pickled = pickle.dumps(enc)
        del enc
        gc.collect()
        (folder / "tokenizer.json").write_text("{}")
        with pytest.raises(pickle.UnpicklingError, match="is not the file"):
            pickle.loads(pickled)

    def test_pickle_of_bytes(self, gpt2_json: dict[str, Any]) -> None:
        enc = fasttok.load(json.dumps(gpt2_json).encode(), name="mine")
        again = pickle.loads(pickle.dumps(enc))
        assert again is enc and copy.deepcopy(enc) is enc

    def test_threads_get_the_same_object(self, gpt2_json: dict[str, Any]) -> None:
        data = json.dumps(gpt2_json).encode()
        found: list[fasttok.Encoding] = []
        workers = [threading.Thread(target=lambda: found.append(fasttok.load(data, name="shared"))) for _ in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len({id(enc) for enc in found}) == 1


@pytest.mark.parametrize("wrong", [None, 5, ["a"], {"a": 1}, object()])
def test_what_is_no_tokenizer_is_named(wrong: object) -> None:
    with pytest.raises(fasttok.UnsupportedTokenizerError, match=f"^a {type(wrong).__name__} cannot be loaded: a path"):
        fasttok.load(wrong)


def test_a_url_is_not_fetched() -> None:
    with pytest.raises(fasttok.NotFoundError, match=r"is not fetched: pass a downloaded file, or owner/name"):
        fasttok.load("https://huggingface.co/Someone/Some-Model")


def test_a_representation_is_short_and_one_line() -> None:
    enc = fasttok.load(rank_file(), pattern="gpt2", name="line\nline" + "字" * 1_000)
    assert repr(enc).startswith('<Encoding "line\\nline字') and repr(enc).endswith('字"…>')
    assert len(repr(enc)) < 130
    assert pickle.loads(pickle.dumps(enc)) == enc


class TestCache:
    @pytest.fixture
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("FASTTOK_CACHE_DIR", str(tmp_path / "cache"))
        monkeypatch.setattr(cache_module, "SMALLEST", 0)
        return tmp_path / "cache"

    def load(self, folder: Path) -> fasttok.Encoding:
        gc.collect()
        return fasttok.load(folder, name=f"name {random.randrange(1 << 30, 1 << 31)}")

    def test_the_second_load_is_the_same(self, cache: Path, folder: Path) -> None:
        first = self.load(folder)
        (entry,) = cache.iterdir()
        # What is loaded is the entry: without the file's own reader.
        second = self.load(folder)
        same(first, second)
        assert list(cache.iterdir()) == [entry]
        assert second.name != first.name

    def test_damaged_entries_are_made_again(self, cache: Path, folder: Path) -> None:
        first = self.load(folder)
        (entry,) = cache.iterdir()
        whole = entry.read_bytes()
        for damaged in (b"", whole[:100], whole[:-1], whole + b"x", whole[:5000] + b"\0" + whole[5001:], b"x" * 100):
            entry.write_bytes(damaged)
            same(self.load(folder), first)
            assert len(entry.read_bytes()) == len(whole)

    def test_an_entry_of_another_file_is_not_believed(self, cache: Path, folder: Path, tmp_path: Path) -> None:
        first = self.load(folder)
        (entry,) = cache.iterdir()
        entry.write_bytes(fasttok.get_encoding("gpt2")._compiled() or b"")
        same(self.load(folder), first)

    def test_turned_off_and_unwritable(self, cache: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FASTTOK_CACHE", "0")
        first = self.load(folder)
        assert not cache.exists()
        monkeypatch.delenv("FASTTOK_CACHE")
        monkeypatch.setenv("FASTTOK_CACHE_DIR", str(folder / "tokenizer.json" / "no folder"))
        same(self.load(folder), first)

    def test_it_is_bounded(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cache_module, "ENTRIES", 3)
        for i in range(6):
            fasttok.load(rank_file([*RANKS, b"%d!" % i]), pattern="gpt2")
        assert len(list(cache.iterdir())) == 3

    def test_where_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("FASTTOK_CACHE_DIR")
        monkeypatch.setenv("XDG_CACHE_HOME", "/x")
        assert cache_module.folder() == Path("/x/fasttok")

    def test_processes_that_write_at_once(self, cache: Path, folder: Path) -> None:
        with multiprocessing.get_context("spawn").Pool(4) as pool:
            counts = pool.map(count_file, [str(folder)] * 8)
        assert len(set(counts)) == 1
        assert all(not name.endswith(".tmp") for name in os.listdir(cache))

    @pytest.fixture
    def entry(self, cache: Path, folder: Path) -> Path:
        self.load(folder)
        (entry,) = cache.iterdir()
        return entry

    def refuses_to_read(self, entry: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Loads once more, and sees that the entry is not what the encoding is made from."""
        given: list[bytes] = []

        class Spy:
            """An ``Encoding`` that tells what it was made from."""

            _COMPILED_VERSION = fasttok.Encoding._COMPILED_VERSION

            @staticmethod
            def _from_file_bytes(data: bytes, *arguments: Any, **options: Any) -> fasttok.Encoding:
                given.append(data)
                return fasttok.Encoding._from_file_bytes(data, *arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(origin_module, "Encoding", Spy)
            self.load(folder)
        assert given == [(folder / "tokenizer.json").read_bytes()]

    @posix
    def test_the_folder_is_for_its_owner_alone(
        self, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        own = tmp_path / "not" / "there" / "yet"
        monkeypatch.setenv("FASTTOK_CACHE_DIR", str(own))
        monkeypatch.setattr(cache_module, "SMALLEST", 0)
        before = os.umask(0)
        try:
            self.load(folder)
        finally:
            os.umask(before)
        assert stat.S_IMODE(own.stat().st_mode) == 0o700
        assert len(list(own.iterdir())) == 1

    @posix
    @pytest.mark.parametrize("mode", [0o770, 0o702, 0o777, 0o1777])
    def test_a_folder_that_others_may_write_to_is_not_used(
        self, cache: Path, folder: Path, entry: Path, monkeypatch: pytest.MonkeyPatch, mode: int
    ) -> None:
        cache.chmod(mode)
        before = entry.stat()
        with pytest.warns(RuntimeWarning, match=f"{cache} is not used: others may write to it .*FASTTOK_CACHE_DIR"):
            self.refuses_to_read(entry, folder, monkeypatch)
        assert entry.stat() == before
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # Said once.
            self.refuses_to_read(entry, folder, monkeypatch)
        cache.chmod(0o700)
        with pytest.raises(AssertionError):
            # To see that the helper sees it.
            self.refuses_to_read(entry, folder, monkeypatch)

    @posix
    def test_a_folder_of_another_user_is_not_used(
        self, cache: Path, folder: Path, entry: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if os.geteuid() == 0:
            os.chown(cache, 12345, -1)
        else:
            monkeypatch.setattr(os, "geteuid", lambda: 12345)
        with pytest.warns(RuntimeWarning, match="is not used: it belongs to another user"):
            self.refuses_to_read(entry, folder, monkeypatch)

    @posix
    def test_the_command_says_it_in_a_line(self, cache: Path, folder: Path) -> None:
        cache.mkdir(mode=0o700)
        cache.chmod(0o777)
        file = folder / "tokenizer.json"
        # Large enough to be kept.
        file.write_text(file.read_text("utf-8") + " " * 200_000, "utf-8")
        run = subprocess.run(
            [sys.executable, "-m", "fasttok", "count", "-e", str(folder), "-"],
            input="a", capture_output=True, text=True,
        )  # fmt: skip
        assert run.returncode == 0
        assert run.stderr.startswith(f"fasttok: warning: the cache folder {cache} is not used: ")
        assert run.stderr.count("\n") == 2 and run.stderr.splitlines()[1].startswith("1 row seen")

    @posix
    def test_a_link_is_replaced_and_not_followed(
        self, folder: Path, entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        elsewhere = tmp_path / "elsewhere"
        entry.rename(elsewhere)
        content = elsewhere.read_bytes()
        for target in (elsewhere, tmp_path / "nothing"):
            entry.unlink(missing_ok=True)
            entry.symlink_to(target)
            self.refuses_to_read(entry, folder, monkeypatch)
            # All but the name is the same in every load.
            assert not entry.is_symlink() and len(entry.read_bytes()) == len(content)
        assert elsewhere.read_bytes() == content
        assert not (tmp_path / "nothing").exists()

    @posix
    def test_what_is_no_file_is_replaced(self, folder: Path, entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        content = entry.read_bytes()
        entry.unlink()
        os.mkfifo(entry)
        self.refuses_to_read(entry, folder, monkeypatch)
        assert len(entry.read_bytes()) == len(content)
        entry.unlink()
        entry.mkdir()
        self.refuses_to_read(entry, folder, monkeypatch)

    def test_the_entry_of_other_options_is_not_believed(self, cache: Path) -> None:
        """Of the same file, so that neither its hash nor the entry's own tells."""
        data = rank_file()
        text = "the 12345 thes"
        cl100k, gpt2 = (fasttok.load(data, pattern=pattern, name="a") for pattern in ("cl100k", "gpt2"))
        ids = [cl100k.encode(text).tolist(), gpt2.encode(text).tolist()]
        assert cl100k.pretokenizer != gpt2.pretokenizer
        one, other = sorted(cache.iterdir())
        del cl100k, gpt2
        gc.collect()
        contents = one.read_bytes(), other.read_bytes()
        one.write_bytes(contents[1])
        other.write_bytes(contents[0])
        for pattern, expected in zip(("cl100k", "gpt2"), ids, strict=True):
            enc = fasttok.load(data, pattern=pattern, name="b")
            assert enc.encode(text).tolist() == expected
            assert enc.pretokenizer == pattern
        assert (len(one.read_bytes()), len(other.read_bytes())) == tuple(map(len, contents))

    def test_an_entry_of_which_a_bit_is_flipped_is_not_believed(
        self, folder: Path, entry: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Wherever it is: in what it is the entry of, its own hash, its header, its tokens."""
        whole = entry.read_bytes()
        first = self.load(folder)
        rng = random.Random(3)
        for at in [*range(0, 120, 7), *(rng.randrange(len(whole)) for _ in range(30)), len(whole) - 1]:
            damaged = bytearray(whole)
            damaged[at] ^= 1 << rng.randrange(8)
            entry.write_bytes(damaged)
            enc = self.load(folder)
            assert enc.encode("the tool of all").tolist() == first.encode("the tool of all").tolist()
            assert entry.read_bytes() != damaged

    def test_save(self, tmp_path: Path, folder: Path) -> None:
        first = fasttok.load(folder)
        fasttok.save(first, tmp_path / "saved.fasttok")
        saved = fasttok.load(tmp_path / "saved.fasttok", name="my-model")
        same(saved, first)
        assert saved == first
        fasttok.save(fasttok.get_encoding("p50k_base"), tmp_path / "p50k")
        same(fasttok.load(tmp_path / "p50k"), fasttok.get_encoding("p50k_base"))


def count_file(path: str) -> int:
    cache_module.SMALLEST = 0
    return fasttok.load(path).count("the tool of all")


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0"


class TestRefused:
    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"   ",
            PNG,
            b"hello world\n",
            b"\0" * 100,
            b"{",
            b"{}",
            b"[]",
            b'"x"',
            b"{" * 100_000,
            b'{"a":' * 100_000,
            b"AA== 0\nAA== 1\n",
            b"AA== 0\nAQ== 0\n",
            b"AA== -1\n",
            b"AA== 99999999999\n",
            b"AA==\n",
            b"*** 1\n",
        ],
    )
    def test_no_tokenizer(self, data: bytes) -> None:
        with pytest.raises((fasttok.TokenizerFileError, fasttok.UnsupportedTokenizerError), match="the bytes"):
            fasttok.load(data, pattern=None if data.lstrip()[:1] in (b"{", b"") else "gpt2")

    @pytest.mark.parametrize(
        ("packed", "name"),
        [
            (gzip.compress(b"rest", mtime=0), "gzip"),
            (zstandard.ZstdCompressor().compress(b"rest"), "zstd"),
            (bz2.compress(b"rest"), "bzip2"),
            (lzma.compress(b"rest"), "xz"),
            (lzma.compress(b"rest", format=lzma.FORMAT_ALONE), "lzma"),
            (b"PK\x03\x04\x14rest", "zip"),
            (b"\x04\x22\x4d\x18rest", "LZ4"),
        ],
    )
    def test_packed(self, packed: bytes, name: str) -> None:
        """In a compression that corpora are read in, or in another."""
        with pytest.raises(fasttok.UnsupportedTokenizerError, match=f"packed \\({name}\\): unpack it first"):
            fasttok.load(packed)

    def test_too_large(self, tmp_path: Path) -> None:
        with open(tmp_path / "huge.json", "wb") as file:
            file.truncate(2 << 30)
        with pytest.raises(fasttok.TokenizerFileError, match=r"huge\.json.*2,147,483,648 bytes"):
            fasttok.load(tmp_path / "huge.json")

    def test_it_names_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "bert.json").write_text(json.dumps({"model": {"type": "WordPiece", "vocab": {}}}))
        with pytest.raises(fasttok.UnsupportedTokenizerError, match=r"bert\.json: the model WordPiece") as e:
            fasttok.load(tmp_path / "bert.json")
        assert e.value.component == "the model WordPiece"

    def change(self, made: dict[str, Any], **model: Any) -> bytes:
        return json.dumps({**made, "model": {**made["model"], **model}}).encode()

    def test_models(self, gpt2_json: dict[str, Any]) -> None:
        unsupported = [{"type": "Unigram"}, {"dropout": 0.1}, {"type": "New"}]
        for model in unsupported:
            with pytest.raises(fasttok.UnsupportedTokenizerError):
                fasttok.load(self.change(gpt2_json, **model))
        damaged: list[dict[str, Any]] = [
            {"vocab": None},
            {"vocab": []},
            {"vocab": {"a": -1}},
            {"vocab": {"a": 1 << 40}},
            {"vocab": {"a": "b"}},
            {"merges": None},
            {"merges": ["a"]},
            {"merges": ["a b c"]},
            {"merges": [["a"]]},
            {"merges": ["nothing here"]},
            {"merges": 3},
            {"unk_token": 3},
            {"fuse_unk": "yes"},
        ]
        for model in damaged:
            with pytest.raises(fasttok.TokenizerFileError):
                fasttok.load(self.change(gpt2_json, **model))

    def test_components(self, gpt2_json: dict[str, Any]) -> None:
        with pytest.raises(fasttok.UnsupportedTokenizerError, match="New"):
            fasttok.load(json.dumps({**gpt2_json, "pre_tokenizer": {"type": "New"}}).encode())
        for key, value in [
            ("pre_tokenizer", {}),
            ("pre_tokenizer", 3),
            ("normalizer", {"type": "Replace"}),
            ("normalizer", {}),
            ("added_tokens", [{}]),
            ("added_tokens", {"x": 1}),
            ("added_tokens", [{"id": 1 << 40, "content": "x"}]),
        ]:
            with pytest.raises((fasttok.TokenizerFileError, fasttok.UnsupportedTokenizerError)):
                fasttok.load(json.dumps({**gpt2_json, key: value}).encode())


def mutations(data: bytes, n: int, seed: int) -> list[bytes]:
    """`data`, damaged: bytes changed, parts cut out, doubled and swapped, numbers made huge."""
    rng = random.Random(seed)
    numbers = [b"-1", b"0", b"4294967295", b"4294967296", b"1e308", b"null", b'"x"', b"[]", b"{}", b"true"]
    found = []
    for _ in range(n):
        out = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 5))):
            at = rng.randrange(len(out) + 1)
            end = min(at + rng.choice((1, 2, 8, 60)), len(out))
            kind = rng.randrange(6)
            if kind == 0 and at < len(out):
                out[at] ^= 1 << rng.randrange(8)
            elif kind == 1:
                del out[at:end]
            elif kind == 2:
                out[at:at] = out[at:end]
            elif kind == 3:
                out[at:end] = bytes(rng.randrange(256) for _ in range(end - at))
            elif kind == 4:
                digits = [i for i in range(at, min(at + 200, len(out))) if 48 <= out[i] < 58]
                if digits:
                    out[digits[0] : digits[0] + 1] = rng.choice(numbers)
            else:
                del out[at if rng.random() < 0.1 else len(out) - 1 :]
        found.append(bytes(out))
    return found


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    pytest.importorskip("tokenizers")
    return trained(
        300,
        normalizer={"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]},
        pre_tokenizer=byte_level(use_regex=True),
        added_tokens=[{"content": "<|end|>", "special": True, "lstrip": True}, {"content": "<tool>"}],
    )


class TestDamage:
    """Whatever is in a file: an encoding that works, or a typed error."""

    def survive(self, data: bytes, pattern: str | None = None) -> bool:
        try:
            enc = _fasttok.Encoding._from_file_bytes(data, "damaged", pattern)
        except fasttok.FasttokError:
            return False
        for text in ("the tool <|end|> <tool> 世界 \n\n  x", "ababab é 123"):
            for special in ("text", "token"):
                try:
                    assert enc.count(text, special=special) == len(enc.encode(text, special=special))
                except fasttok.FasttokError:
                    continue
        compiled = enc._compiled()
        assert compiled is None or _fasttok.Encoding._from_file_bytes(compiled, "again").n_vocab == enc.n_vocab
        return True

    def test_tokenizer_json(self, small: dict[str, Any]) -> None:
        data = json.dumps(small, ensure_ascii=False).encode()
        kept = sum(self.survive(case) for case in mutations(data, 1_000, 1))
        assert 0 < kept < 1_000
        # The parts beside the vocabulary, which are a small part of the bytes.
        head = {**small, "model": {**small["model"], "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}
        data = json.dumps(head, ensure_ascii=False).encode()
        kept = sum(self.survive(case) for case in mutations(data, 2_000, 2))
        assert 0 < kept < 2_000

    def test_rank_file(self) -> None:
        kept = sum(self.survive(case, "gpt2") for case in mutations(rank_file(), 1_000, 3))
        assert 0 < kept < 1_000

    def test_tekken(self) -> None:
        made = {
            "config": {
                "pattern": r"\S+|\s+",
                "num_vocab_tokens": len(RANKS),
                "default_vocab_size": len(RANKS) + 3,
                "default_num_special_tokens": 3,
                "version": "v3",
            },
            "vocab": [
                {"rank": i, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
                for i, token in enumerate(RANKS)
            ],
            "special_tokens": [{"rank": 0, "token_str": "<|end|>", "is_control": True}],
        }
        data = json.dumps(made).encode()
        assert self.survive(data)
        kept = sum(self.survive(case) for case in mutations(data, 1_000, 4))
        assert 0 < kept < 1_000

    def test_compiled(self, small: dict[str, Any]) -> None:
        import hashlib

        data = fasttok.load(json.dumps(small).encode())._compiled()
        assert data is not None
        assert not any(self.survive(case) for case in mutations(data, 300, 5) if case != data)
        # As somebody writes it who knows the format: the hash is right.
        for case in mutations(data[44:], 1_500, 6):
            self.survive(data[:12] + hashlib.sha256(case).digest() + case)


def test_streams_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(fasttok.UnsupportedTokenizerError, match="BytesIO"):
        fasttok.load(io.BytesIO(b""))


@pytest.mark.parametrize("missing", [ord("z"), ord(" "), 0x80, 0xC3, 0xF4, 0xC0, 0xFF])
def test_ranks_that_lack_a_byte(missing: int, tmp_path: Path) -> None:
    """tiktoken panics over a text that has it. Bytes that UTF-8 never has are not missed."""
    tiktoken = pytest.importorskip("tiktoken")
    ranks = {bytes([byte]): byte for byte in range(256) if byte != missing} | {b"ab": 256, b"xz": 257}
    path = tmp_path / "x.tiktoken"
    path.write_text("".join(f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in ranks.items()))
    theirs = tiktoken.Encoding("x", pat_str=r"\S+|\s+", mergeable_ranks=ranks, special_tokens={})
    if missing in (0xC0, 0xFF):
        ours = fasttok.load(path, pattern=r"\S+|\s+")
        for text in ("ab xz é", "𠀀 z", "\U0010ffff"):
            assert ours.encode(text).tolist() == theirs.encode(text) and ours.count(text) == len(theirs.encode(text))
        return
    for load in (lambda: fasttok.load(path, pattern=r"\S+|\s+"), lambda: fasttok.load(theirs)):
        with pytest.raises(fasttok.UnsupportedTokenizerError, match=f"the byte 0x{missing:02X} .* is no token"):
            load()
