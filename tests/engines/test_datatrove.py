"""datatrove's pipelines: the totals of its own counter, special tokens and added ones included."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.tokens.counter import TokensCounter as Reference
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import fasttok
from fasttok.datatrove import TokensCounter


@pytest.fixture(scope="module")
def tokenizer(texts: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer.json with a special token, trained on the texts."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=["<|end|>"], initial_alphabet=alphabet)
    made.train_from_iterator([text for text in texts["text"].to_pylist()[:500] if text], trainer)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made.save(str(path))
    return path


def documents(texts: pa.Table) -> list[Document]:
    kept = [text for text in texts["text"].to_pylist()[:1500] if text is not None]
    return [Document(text + "<|end|>" * (i % 3), str(i)) for i, text in enumerate(kept)]


def counted(step: Any, documents: list[Document]) -> tuple[list[int], int]:
    found = [each.metadata["token_count"] for each in step.run(iter(documents))]
    return found, step.stats["tokens"].total


@pytest.mark.parametrize("ends", [False, True])
def test_totals_are_those_of_its_own_counter(texts: pa.Table, tokenizer: Path, ends: bool) -> None:
    expected = counted(Reference(str(tokenizer), count_eos_token=ends), documents(texts))
    assert counted(TokensCounter(tokenizer, special="token", added=int(ends)), documents(texts)) == expected
    as_text = counted(TokensCounter(tokenizer), documents(texts))
    enc = fasttok.load(tokenizer)
    assert as_text[0] == enc.count_batch([each.text for each in documents(texts)]).tolist()
    assert as_text[1] > expected[1]


def test_it_travels_and_leaves_what_was_counted(texts: pa.Table) -> None:
    step = pickle.loads(pickle.dumps(TokensCounter("o200k_base", count_key="n", overwrite=False)))
    given = documents(texts)[:10]
    given[3].metadata["n"] = 7
    enc = fasttok.get_encoding("o200k_base")
    expected = [7 if i == 3 else enc.count(each.text) for i, each in enumerate(given)]
    assert [each.metadata["n"] for each in step.run(iter(given))] == expected
    assert step.stats["tokens"].total == sum(expected)
    with pytest.raises(ValueError, match="added must be"):
        TokensCounter(added=-1)


def test_in_a_pipeline_of_two_processes(texts: pa.Table, tmp_path: Path) -> None:
    import json

    from datatrove.pipeline.readers import JsonlReader

    for part in range(2):
        lines = [json.dumps({"text": each.text}) for each in documents(texts)[part * 100 : part * 100 + 100]]
        (tmp_path / f"in{part}.jsonl").write_text("\n".join(lines))
    reader = JsonlReader(str(tmp_path), glob_pattern="in*.jsonl")
    logs = tmp_path / "logs"
    step = TokensCounter("o200k_base")
    executor = LocalPipelineExecutor([reader, step], tasks=2, workers=2, logging_dir=str(logs))
    stats = {each.name: each for each in executor.run().stats}
    expected = fasttok.count_corpus(f"{tmp_path}/in*.jsonl").totals
    found = next(each for name, each in stats.items() if "fasttok" in name)
    assert found.stats["tokens"].total == expected.tokens["o200k_base"]
